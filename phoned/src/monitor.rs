//! What operators see of a running phoned: `GET /healthz` and `GET /metrics` on a listener of their own (phoned.md §16.4). Labels
//! name makes, steps and outcomes, never who asked or for what.

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    routing::get,
};
use http::header;
use kit::{
    metrics::{counters, gauge},
    serve::{self, Bound, Limits},
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::{config::Metrics, live::Live, tally};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The listener, unless there is none or its port is taken: that is no reason not to serve phones.
pub(crate) fn bind(settings: Metrics) -> Option<Bound> {
    let bound = Bound::bind(SocketAddr::new(settings.listen, settings.port?));
    bound
        .inspect_err(|error| tracing::warn!("no metrics: {error}"))
        .ok()
}

/// Answers operators about `live` until `stop` is cancelled.
pub(crate) async fn run(bound: Bound, live: Arc<Live>, limits: Limits, stop: CancellationToken) {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics))
        .with_state(live);
    let service = move |request: Request<serve::Body>| {
        let router = router.clone();
        async move {
            let answered: Result<_, Infallible> = router.oneshot(request.map(Body::new)).await;
            answered.unwrap_or_else(|never| match never {})
        }
    };
    serve::serve(bound, None, service, limits, stop).await;
}

async fn metrics(
    State(live): State<Arc<Live>>,
) -> ([(header::HeaderName, &'static str); 1], String) {
    let mut text = String::new();
    tally::render(&mut text);
    render(&live, &mut text);
    ([(header::CONTENT_TYPE, TEXT)], text)
}

fn render(live: &Live, text: &mut String) {
    let app = &live.current().app;
    let connected = u8::from(app.bus.is_connected());
    let help = "Configurations in force since the start.";
    gauge(text, "phoned_config_generation", help, live.generation());
    gauge(
        text,
        "phoned_bus_connected",
        "Whether events arrive.",
        connected,
    );
    let token = app.auth.current();
    let left = token.map_or(0.0, |token| token.left().as_secs_f64());
    let help = "Life that our own token has left; 0 without one.";
    gauge(text, "phoned_token_expires_seconds", help, left);
    let help = "Memory that results and pages take.";
    gauge(text, "phoned_cache_bytes", help, app.caches.bytes());
    let followed = u8::from(app.caches.outdated.followed());
    let help = "Whether dird tells what changes.";
    gauge(text, "phoned_changes_followed", help, followed);
    let up = |(_, up): &(&str, bool)| *up;
    let dirds = app.lookups.dirds();
    let help = "dirds that answered the last search they got.";
    gauge(
        text,
        "phoned_dirds_up",
        help,
        dirds.iter().filter(|dird| up(dird)).count(),
    );
    counters(
        text,
        "phoned_tls_handshake_failures_total",
        "Handshakes that failed, by reason.",
        ("reason", &live.handshake_failures()),
    );
}
