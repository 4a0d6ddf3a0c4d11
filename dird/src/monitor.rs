//! What operators see of a running dird: `GET /healthz` and `GET /metrics` on a listener of their own, and one line in the log
//! for each request (dird-platform.md §11, §14). Labels and lines name routes and backends, never who asked or for what.

mod sources;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::get;
use http::{Method, header};
use kit::bus::Bus;
use kit::metrics::{Counts, Times, counter, gauge};
use kit::trace::Trace;
use tracing::Instrument;

use crate::app::App;
use crate::backends::Outside;
use crate::identity::{Authority, Refusal};
use crate::index::Lists;
use crate::intercom::cursors_ahead;
use crate::lookup::Watched;
use crate::store::Store;

static REQUESTS: Counts = Counts::new(
    "dird_requests_total",
    "Requests answered.",
    &["method", "route", "status"],
);
static REQUEST_TIMES: Times = Times::new(
    "dird_request_seconds",
    "Time to an answer.",
    &["method", "route"],
);
static SOURCE_TIMES: Times = Times::new(
    "dird_source_seconds",
    "Time that sources took; outcome: answered, failed, or late when nobody waited any more.",
    &["backend", "outcome"],
);
static CHECKS: Counts = Counts::new(
    "dird_auth_checks_total",
    "Tokens checked; outcome: granted, unknown, forbidden, unreachable.",
    &["outcome"],
);

/// The route of a request, noted on its answer.
#[derive(Debug, Clone)]
pub struct Matched(pub Arc<str>);

/// Logs and counts a request; with `privacy` the log has its route only, without the search terms and numbers in its URL.
pub async fn observe(State(privacy): State<bool>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let span = Trace::of(request.headers()).span();
    let method = name_of(request.method());
    let url =
        (!privacy || tracing::enabled!(tracing::Level::DEBUG)).then(|| request.uri().to_string());
    let response = next.run(request).instrument(span.clone()).await;
    let elapsed = started.elapsed();
    let matched = response.extensions().get::<Matched>();
    let route = matched.map_or("-", |Matched(route)| route);
    let status = response.status();
    REQUESTS.add(&[method, route, status.as_str()]);
    REQUEST_TIMES.add(&[method, route], elapsed);
    let (status, micros) = (status.as_u16(), elapsed.as_micros());
    span.in_scope(|| tracing::info!(method, route, status, micros, url, "answered"));
    response
}

/// Clients may make up methods; they count as one.
fn name_of(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// Counts the check of a token.
pub fn checked<T>(outcome: &Result<T, Refusal>) {
    let outcome = match outcome {
        Ok(_) => "granted",
        Err(Refusal::UnknownToken) => "unknown",
        Err(Refusal::Forbidden) => "forbidden",
        Err(Refusal::Unreachable(_) | Refusal::Failed(_)) => "unreachable",
    };
    CHECKS.add(&[outcome]);
}

/// A question to a source. Dropped before it is answered, it counts as late.
#[derive(Debug)]
pub struct Asked<'a> {
    backend: &'a str,
    since: Instant,
    outcome: &'static str,
}

impl<'a> Asked<'a> {
    /// Begins now.
    pub fn of(backend: &'a str) -> Self {
        Self {
            backend,
            since: Instant::now(),
            outcome: "late",
        }
    }

    /// Ends now.
    pub fn ended<T, E>(mut self, result: &Result<T, E>) {
        self.outcome = if result.is_ok() { "answered" } else { "failed" };
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        SOURCE_TIMES.add(&[self.backend, self.outcome], self.since.elapsed());
    }
}

/// What the metrics look at when they are asked for.
#[derive(Clone)]
pub(crate) struct Monitored {
    store: Store,
    authority: Arc<dyn Authority>,
    bus: Bus,
    lists: Arc<Lists>,
    sources: Watched,
    outside: Outside,
}

/// The routes of the operators' listener.
pub(crate) fn router(monitored: Monitored) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .with_state(monitored)
}

async fn metrics(
    State(monitored): State<Monitored>,
) -> ([(header::HeaderName, &'static str); 1], String) {
    let mut text = String::new();
    REQUESTS.render(&mut text);
    REQUEST_TIMES.render(&mut text);
    SOURCE_TIMES.render(&mut text);
    CHECKS.render(&mut text);
    monitored.render(&mut text).await;
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], text)
}

impl Monitored {
    /// The parts of `app` that are looked at.
    pub(crate) fn of(app: &App, lists: Arc<Lists>, outside: Outside) -> Self {
        Self {
            store: Arc::clone(&app.store),
            authority: Arc::clone(&app.authority),
            bus: app.events.bus().clone(),
            lists,
            sources: app.lookup.watched(),
            outside,
        }
    }

    async fn render(&self, text: &mut String) {
        let (count, bytes) = self.lists.held();
        gauge(
            text,
            "dird_index_lists",
            "Lists of contacts held in memory.",
            count,
        );
        gauge(text, "dird_index_bytes", "Memory that they take.", bytes);
        let token = u8::from(self.authority.has_service_token());
        let help = "Whether dird has the token of its own that it should have.";
        gauge(text, "dird_auth_service_token", help, token);
        let started = Instant::now();
        let up = u8::from(self.store.ping().await.is_ok());
        let took = started.elapsed().as_secs_f64();
        gauge(text, "dird_store_up", "Whether the database answers.", up);
        gauge(
            text,
            "dird_store_ping_seconds",
            "Time of that answer.",
            took,
        );
        let (name, help) = (
            "intercom_cursor_ahead_total",
            "Queries of clients that were ahead of their directory.",
        );
        counter(text, name, help, cursors_ahead());
        self.render_bus(text);
        sources::render(&self.sources.health(), &self.outside, text);
    }

    fn render_bus(&self, text: &mut String) {
        let connected = u8::from(self.bus.is_connected());
        gauge(
            text,
            "dird_bus_connected",
            "Whether events arrive.",
            connected,
        );
        let figures = self.bus.figures();
        let waiting = figures.waiting;
        gauge(text, "dird_bus_waiting", "Messages not sent yet.", waiting);
        for (name, help, value) in [
            ("connections", "Connections made.", figures.connections),
            ("received", "Events received.", figures.received),
            (
                "malformed",
                "Messages that were no events.",
                figures.malformed,
            ),
            (
                "published",
                "Messages that the broker has.",
                figures.published,
            ),
            ("dropped", "Messages given up.", figures.dropped),
        ] {
            counter(text, &format!("dird_bus_{name}_total"), help, value);
        }
    }
}
