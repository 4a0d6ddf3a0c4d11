//! A Consul agent of the tests' own: it keeps services, and can be told to forget them or to hang.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use kit::serve::{self, Bound, Limits};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// Method and path.
    pub(crate) line: String,
    /// `X-Consul-Token`.
    pub(crate) token: String,
    /// Its body; null without one.
    pub(crate) body: Value,
}

/// A running agent.
pub(crate) struct FakeConsul {
    pub(crate) address: SocketAddr,
    seen: watch::Sender<Vec<Seen>>,
    /// The service that is registered.
    known: watch::Sender<Option<String>>,
    open: watch::Sender<bool>,
}

impl FakeConsul {
    pub(crate) fn start() -> Arc<Self> {
        let bound = Bound::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let fake = Arc::new(Self {
            address: bound.local_addr(),
            seen: watch::Sender::new(Vec::new()),
            known: watch::Sender::new(None),
            open: watch::Sender::new(true),
        });
        let agent = Arc::clone(&fake);
        let service = move |request: http::Request<serve::Body>| {
            answer(Arc::clone(&agent), request.map(Body::new))
        };
        // Ends with the runtime of its test.
        let never = CancellationToken::new();
        tokio::spawn(serve::serve(bound, None, service, Limits::default(), never));
        fake
    }

    /// Loses what was registered, as an agent does that starts anew.
    pub(crate) fn forget(&self) {
        self.known.send_replace(None);
    }

    /// Answers nothing any more.
    pub(crate) fn hang(&self) {
        self.open.send_replace(false);
    }

    /// What was asked so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    /// Waits for the `count`th request whose path has `part`.
    pub(crate) async fn asked(&self, part: &str, count: usize) -> Seen {
        let of = |seen: &Vec<Seen>| {
            let mut fitting = seen.iter().filter(|seen| seen.line.contains(part));
            fitting.nth(count - 1).cloned()
        };
        let mut seen = self.seen.subscribe();
        let waited = tokio::time::timeout(
            Duration::from_secs(60),
            seen.wait_for(|seen| of(seen).is_some()),
        );
        drop(waited.await.expect(part).unwrap());
        of(&self.seen()).unwrap()
    }
}

async fn answer(fake: Arc<FakeConsul>, request: http::Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 65_536).await.unwrap();
    let token = parts.headers.get("X-Consul-Token");
    let seen = Seen {
        line: format!("{} {}", parts.method, parts.uri),
        token: token.map_or("", |token| token.to_str().unwrap()).to_owned(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let path = parts.uri.path().to_owned();
    let id = seen.body["ID"].as_str().map(str::to_owned);
    fake.seen.send_modify(|all| all.push(seen));
    let mut open = fake.open.subscribe();
    open.wait_for(|open| *open).await.unwrap();
    if path == "/v1/agent/service/register" {
        fake.known.send_replace(id);
        return StatusCode::OK.into_response();
    }
    let known = fake.known.borrow().clone();
    if known.is_some_and(|known| path.ends_with(&known)) {
        return StatusCode::OK.into_response();
    }
    (StatusCode::NOT_FOUND, "Unknown check ID").into_response()
}
