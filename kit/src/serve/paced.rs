//! The lowest layer of a connection: the socket or TLS stream, with a limit on how long a peer may leave our bytes unread, and on
//! how many go out before other connections have their turn.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::wire::Wire;

/// Bytes of one write at most. A socket takes megabytes at once from whoever reads quickly, and the worker does nothing else
/// meanwhile.
const PIECE: usize = 64 * 1024;

/// Bytes after which a connection lets the others of its worker have a turn.
const TURN: usize = PIECE;

/// Fails a write that makes no progress for `stall`, and writes so much at a time; hyper has no such limits.
pub(super) struct Paced<T> {
    inner: T,
    stall: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    /// Written since others had their turn.
    written: usize,
    wire: Arc<Wire>,
}

impl<T> Paced<T> {
    /// Wraps a stream.
    pub(super) fn new(inner: T, stall: Duration, wire: Arc<Wire>) -> Self {
        Self {
            inner,
            stall,
            timer: None,
            written: 0,
            wire,
        }
    }

    /// True if it is the turn of others; this connection is polled again after them.
    fn gives_way(&mut self, cx: &Context<'_>) -> bool {
        if self.written < TURN {
            return false;
        }
        self.written = 0;
        cx.waker().wake_by_ref();
        true
    }

    /// What a write came to.
    fn wrote(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(count)) = &result {
            self.written += count;
        }
        self.watch(cx, result)
    }

    fn watch<R>(
        &mut self,
        cx: &mut Context<'_>,
        result: Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        if result.is_ready() {
            self.timer = None;
            return result;
        }
        let stall = self.stall;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(stall)));
        if timer.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Poll::Pending
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Paced<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_read(cx, buf)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.gives_way(cx) {
            return Poll::Pending;
        }
        this.wire.mark_write();
        let piece = &buf[..buf.len().min(PIECE)];
        let result = Pin::new(&mut this.inner).poll_write(cx, piece);
        this.wrote(cx, result)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // Large buffers go piece by piece; a few small ones, such as a head and a short body, go together.
        if let Some(first) = bufs.iter().find(|buf| !buf.is_empty())
            && bufs.iter().map(|buf| buf.len()).sum::<usize>() > PIECE
        {
            return self.poll_write(cx, first);
        }
        let this = self.get_mut();
        if this.gives_way(cx) {
            return Poll::Pending;
        }
        this.wire.mark_write();
        let result = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.wrote(cx, result)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_flush(cx);
        this.watch(cx, result)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let result = Pin::new(&mut this.inner).poll_shutdown(cx);
        this.watch(cx, result)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    fn paced(room: usize) -> (Paced<tokio::io::DuplexStream>, tokio::io::DuplexStream) {
        let (near, far) = duplex(room);
        let paced = Paced::new(near, Duration::from_secs(60), Arc::new(Wire::new(1)));
        (paced, far)
    }

    #[tokio::test]
    async fn a_long_answer_lets_others_have_their_turn() {
        let (mut paced, _far) = paced(4 * TURN);
        let bytes = vec![7; 4 * TURN];
        let mut writes = Vec::new();
        let mut pauses = 0;
        while writes.iter().sum::<usize>() < 2 * TURN {
            let write = poll_fn(|cx| Poll::Ready(Pin::new(&mut paced).poll_write(cx, &bytes)));
            match write.await {
                Poll::Ready(count) => writes.push(count.expect("room")),
                Poll::Pending => pauses += 1,
            }
        }
        assert!(writes.iter().all(|count| *count == PIECE), "{writes:?}");
        assert_eq!(pauses, 1);
    }

    #[tokio::test]
    async fn everything_arrives_however_it_is_cut() {
        let (mut paced, mut far) = paced(10_000);
        let bytes: Vec<u8> = (0..=250).cycle().take(3 * TURN + 17).collect();
        let sent = bytes.clone();
        let writing = tokio::spawn(async move {
            paced.write_all(&sent).await.expect("a reader");
            let (head, body) = (IoSlice::new(b"head"), vec![1; PIECE]);
            let all = [head, IoSlice::new(&body)];
            paced.write_vectored(&all).await.expect("a reader")
        });
        let mut read = vec![0; bytes.len()];
        far.read_exact(&mut read).await.expect("a writer");
        assert!(read == bytes);
        assert_eq!(writing.await.expect("no panic"), 4, "the large body waits");
    }
}
