//! The request body as the service sees it: hyper's, with a deadline that hyper lacks.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

/// What each period of `body_timeout` must at least bring, unless the body ends in it: a large import over a slow line goes
/// on, a body sent byte by byte does not.
const PROGRESS: usize = 16 * 1024;

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client sent too little in one `Limits::body_timeout`.
    #[error("request body too slow")]
    TooSlow,
    /// The connection broke, or the body's framing was wrong.
    #[error("request body broken: {0}")]
    Broken(#[source] hyper::Error),
}

/// A request body. It fails with [`BodyError::TooSlow`] when each `Limits::body_timeout` does not bring 16 KiB or the end;
/// the connection is then closed after the answer.
#[derive(Debug)]
pub struct Body {
    inner: Incoming,
    timeout: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    received: usize,
}

impl Body {
    pub(super) fn new(inner: Incoming, timeout: Duration) -> Self {
        Self {
            inner,
            timeout,
            timer: None,
            received: 0,
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.inner).poll_frame(cx) {
            if let Some(Ok(frame)) = &frame {
                this.received += frame.data_ref().map_or(0, Bytes::len);
            }
            if this.received >= PROGRESS {
                this.received = 0;
                this.timer = None;
            }
            return Poll::Ready(frame.map(|result| result.map_err(BodyError::Broken)));
        }
        let timeout = this.timeout;
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(timeout)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Err(BodyError::TooSlow))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
