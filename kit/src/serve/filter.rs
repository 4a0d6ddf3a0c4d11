//! Sits between the socket (or TLS stream) and hyper's HTTP/1 parser, and holds each request head to the rules of phoned.md
//! §2.1 before the parser sees it. It also owns the read side's deadlines.
//!
//! In the ordinary case the bytes are read straight into hyper's buffer, looked at there and left alone. A head that is not
//! complete is held back, so that a head with a fault can still be replaced as a whole: hyper then reads a stand-in, which the
//! exchange answers with the refusal. So hyper itself puts the refusal after the answers that are due before it.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::Limits;
use super::framer::{Framer, Next};
use super::head::Head;
use super::quiet::{Quiet, Stage};
use super::wire::Wire;

/// What hyper reads in place of a refused head.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n";
/// While stopping: how long a connection that was just accepted may take to send its first byte.
const FIRST_GRACE: Duration = Duration::from_millis(500);
/// While stopping: a request that lies in the socket must have had the time to be noticed.
const IDLE_GRACE: Duration = Duration::from_millis(20);
/// How long and how far a closing connection is read: closing a socket with unread input would destroy the last answer.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;
/// Buffers of the slow path larger than this are given back.
const KEPT_BUFFER: usize = 16 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Open,
    /// The stand-in was handed over: nothing more is read, hyper closes after the answer.
    Refused,
    /// End of input, the peer's or ours.
    Ended,
}

#[derive(Debug)]
enum Closing {
    No,
    Lingering { left: usize, timer: Pin<Box<Sleep>> },
    Done,
}

/// The filter of one connection.
pub(super) struct Filter<T> {
    inner: T,
    framer: Framer,
    /// An incomplete head.
    held: Vec<u8>,
    /// Cleared bytes that did not pass through hyper's buffer, of which `sent` were handed over.
    cleared: Vec<u8>,
    sent: usize,
    flow: Flow,
    closing: Closing,
    quiet: Quiet,
    header_timeout: Duration,
    idle_timeout: Duration,
    wire: Arc<Wire>,
}

impl<T> Filter<T> {
    /// Wraps a stream of which nothing was read.
    pub(super) fn new(inner: T, limits: &Limits, wire: Arc<Wire>) -> Self {
        Self {
            inner,
            framer: Framer::new(limits.head()),
            held: Vec::new(),
            cleared: Vec::new(),
            sent: 0,
            flow: Flow::Open,
            closing: Closing::No,
            quiet: Quiet::new(),
            header_timeout: limits.header_timeout,
            idle_timeout: limits.idle_timeout,
            wire,
        }
    }

    /// Takes in what was read into `buf` from `before` on. True when `buf` holds something for hyper.
    fn take_in(&mut self, buf: &mut ReadBuf<'_>, before: usize) -> bool {
        if !self.held.is_empty() {
            self.held.extend_from_slice(&buf.filled()[before..]);
            buf.set_filled(before);
            let next = self.walk_held();
            self.settle(next);
            return false;
        }
        let (cleared, next) = self.framer.walk(&buf.filled()[before..]);
        if next == Next::Clear {
            return true;
        }
        self.held
            .extend_from_slice(&buf.filled()[before + cleared..]);
        buf.set_filled(before + cleared);
        self.settle(next);
        cleared > 0
    }

    /// Moves what the framer clears from `held` to `cleared`.
    fn walk_held(&mut self) -> Next {
        let (cleared, next) = self.framer.walk(&self.held);
        self.cleared.extend(self.held.drain(..cleared));
        next
    }

    fn settle(&mut self, mut next: Next) {
        loop {
            match next {
                Next::Clear | Next::Partial => return,
                Next::Rewrite(head) => self.rewrite(&head),
                Next::Refuse(refusal) => {
                    tracing::debug!(?refusal, "request refused before parsing");
                    self.wire.refuse(self.framer.heads(), refusal);
                    self.cleared.extend_from_slice(STAND_IN);
                    self.held.clear();
                    self.flow = Flow::Refused;
                    return;
                }
                Next::Broken => {
                    self.held.clear();
                    self.flow = Flow::Ended;
                    return;
                }
            }
            next = self.walk_held();
        }
    }

    /// Percent-encodes the target's bytes from 0x80 on (phoned.md §2.1, D3).
    fn rewrite(&mut self, head: &Head) {
        let target = head.raw_target.clone().unwrap_or_default();
        for (at, byte) in self.held.drain(..head.len).enumerate() {
            if byte.is_ascii() || !target.contains(&at) {
                self.cleared.push(byte);
            } else {
                let encoded = percent_encoding::percent_encode_byte(byte);
                self.cleared.extend_from_slice(encoded.as_bytes());
            }
        }
    }

    /// Hands over cleared bytes; false when there are none.
    fn deliver(&mut self, buf: &mut ReadBuf<'_>) -> bool {
        let waiting = &self.cleared[self.sent..];
        if waiting.is_empty() {
            return false;
        }
        let taken = waiting.len().min(buf.remaining());
        buf.put_slice(&waiting[..taken]);
        self.sent += taken;
        if self.sent == self.cleared.len() {
            self.sent = 0;
            self.cleared.clear();
            self.cleared.shrink_to(KEPT_BUFFER);
            self.held.shrink_to(KEPT_BUFFER);
        }
        true
    }

    /// Nothing to read now: ends the connection's input when it has been quiet for too long. A body has a deadline of its
    /// own, in `body`.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.framer.in_head() {
            return Poll::Pending;
        }
        let (stage, span) = match (
            self.held.is_empty(),
            self.framer.heads(),
            self.wire.draining(),
        ) {
            (false, _, _) => (Stage::Head, self.header_timeout),
            (true, 0, false) => (Stage::First, self.header_timeout),
            (true, 0, true) => (Stage::FirstDraining, FIRST_GRACE),
            (true, _, false) => (Stage::Idle, self.idle_timeout),
            (true, _, true) => (Stage::IdleDraining, IDLE_GRACE),
        };
        ready!(self.quiet.poll(cx, (stage, self.framer.heads()), span));
        tracing::debug!(?stage, "connection closed, quiet for too long");
        self.flow = Flow::Ended;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + Unpin> Filter<T> {
    /// Reads and drops what the peer still sends, within bounds, once the write side is closed.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Closing::No = self.closing {
            if self.flow == Flow::Ended && self.held.is_empty() && self.framer.in_head() {
                self.closing = Closing::Done;
            } else {
                self.closing = Closing::Lingering {
                    left: LINGER_BYTES,
                    timer: Box::pin(sleep(LINGER)),
                };
            }
        }
        let Closing::Lingering { left, timer } = &mut self.closing else {
            return Poll::Ready(());
        };
        let mut scratch = [0; 4096];
        while *left > 0 && timer.as_mut().poll(cx).is_pending() {
            let mut sink = ReadBuf::new(&mut scratch);
            let result = ready!(Pin::new(&mut self.inner).poll_read(cx, &mut sink));
            if result.is_err() || sink.filled().is_empty() {
                break;
            }
            *left = left.saturating_sub(sink.filled().len());
        }
        self.closing = Closing::Done;
        Poll::Ready(())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Filter<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.deliver(buf) {
                return Poll::Ready(Ok(()));
            }
            match this.flow {
                Flow::Open => {}
                Flow::Refused => return Poll::Pending,
                Flow::Ended => return Poll::Ready(Ok(())),
            }
            let before = buf.filled().len();
            match Pin::new(&mut this.inner).poll_read(cx, buf) {
                Poll::Pending => return this.wait(cx),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) => {}
            }
            if buf.filled().len() == before {
                this.flow = Flow::Ended;
                return Poll::Ready(Ok(()));
            }
            if this.take_in(buf, before) {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Filter<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Closing::No = this.closing {
            ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
        }
        ready!(this.linger(cx));
        Poll::Ready(Ok(()))
    }
}
