//! One request and its answer: what stands between hyper and the service. It sees to the rules which need a parsed request,
//! and that a panic in the service costs one answer only.

use std::any::Any;
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, Version, header};
use http_body_util::{Either, Full};
use hyper::body::Incoming;

use super::refusal::{Refusal, internal_error};
use super::wire::{Turn, Wire};
use super::{Body, Peer, target};

/// The service's answers, and our own.
pub(super) type Reply<B> = Response<Either<B, Full<Bytes>>>;

/// Why there is nothing to wait for.
enum Denied {
    Refused(Refusal),
    Panicked,
}

impl Denied {
    fn response(self) -> Response<Full<Bytes>> {
        match self {
            Self::Refused(refusal) => refusal.response(),
            Self::Panicked => internal_error(),
        }
    }
}

/// Calls the service for the requests of one connection.
pub(super) struct Exchange<S> {
    pub(super) service: S,
    pub(super) peer: Peer,
    pub(super) wire: Arc<Wire>,
    pub(super) body_timeout: Duration,
}

impl<S> Exchange<S> {
    /// Answers one request.
    pub(super) fn call<F, B>(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Reply<B>, Infallible>> + Send + use<S, F, B>
    where
        S: Fn(Request<Body>) -> F,
        F: Future<Output = Response<B>> + Send,
        B: Send,
    {
        let version = request.version();
        let turn = self.wire.next_turn();
        let under_way = self.wire.begin();
        let started = self.start(request, turn);
        async move {
            let mut reply = match started {
                Ok(future) => settle(AssertUnwindSafe(future).catch_unwind().await),
                Err(denied) => denied.response().map(Either::Right),
            };
            let last = turn.last || turn.refusal.is_some() || under_way.draining();
            mark(&mut reply, version, last);
            Ok(reply)
        }
    }

    fn start<F>(&self, request: Request<Incoming>, turn: Turn) -> Result<F, Denied>
    where
        S: Fn(Request<Body>) -> F,
    {
        let request = self.prepare(request, turn).map_err(Denied::Refused)?;
        catch_unwind(AssertUnwindSafe(|| (self.service)(request))).map_err(|panic| {
            report(panic.as_ref());
            Denied::Panicked
        })
    }

    fn prepare(&self, request: Request<Incoming>, turn: Turn) -> Result<Request<Body>, Refusal> {
        if let Some(refusal) = turn.refusal {
            return Err(refusal);
        }
        let mut request = request.map(|body| Body::new(body, self.body_timeout));
        target::normalise(&mut request)?;
        request.extensions_mut().insert(self.peer.clone());
        Ok(request)
    }
}

fn settle<B>(outcome: Result<Response<B>, Box<dyn Any + Send>>) -> Reply<B> {
    match outcome {
        Ok(response) => response.map(Either::Left),
        Err(panic) => {
            report(panic.as_ref());
            internal_error().map(Either::Right)
        }
    }
}

fn report(panic: &(dyn Any + Send)) {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    tracing::error!(panic = text, "request handler panicked");
}

/// Says `Connection: close` when the connection ends with this answer.
fn mark<B>(reply: &mut Reply<B>, version: Version, last: bool) {
    match version {
        Version::HTTP_10 => {
            // hyper would otherwise grant a keep-alive that the client asked for (phoned.md §2.1).
            *reply.version_mut() = Version::HTTP_10;
            close(reply);
        }
        Version::HTTP_11 if last => close(reply),
        _ => {}
    }
}

fn close<B>(reply: &mut Reply<B>) {
    let value = HeaderValue::from_static("close");
    reply.headers_mut().insert(header::CONNECTION, value);
}
