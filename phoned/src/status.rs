//! `GET /0.1/status` (phoned.md §16.1): one entry per component, each with a `status`.

use std::time::Duration;

use http::{StatusCode, request::Parts};
use kit::{http_client::Upstream, serve::Peer};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

use crate::{
    app::App,
    error::PhoneError,
    respond::{self, Response},
};

/// Longest time to see whether a backend listens.
const KNOCK: Duration = Duration::from_millis(500);

/// Answers the status.
pub async fn answer(app: &App, request: &Parts) -> Response {
    let Some(peer) = request.extensions.get::<Peer>() else {
        return respond::json(&PhoneError::Internal);
    };
    if let Err(refusal) = app.gate.admit(peer.remote.ip()) {
        return respond::json(&refusal);
    }
    let body = status(app).await.to_string();
    respond::json_body(StatusCode::OK, body.into())
}

async fn status(app: &App) -> Value {
    let (auth, dird) = tokio::join!(
        listens(&app.config.auth.upstream),
        listens(&app.config.dird)
    );
    json!({
        // No event is consumed yet, which is what a monitor has to know.
        "bus_consumer": {"status": "fail"},
        "service_token": {"status": word(app.auth.current().is_some())},
        "auth": {"status": word(auth)},
        "dird": {"status": word(dird)},
        "config": {"status": "ok", "loaded_at": app.loaded_at, "source": app.config.config_file},
    })
}

fn word(good: bool) -> &'static str {
    if good { "ok" } else { "fail" }
}

/// Whether something accepts connections there.
async fn listens(upstream: &Upstream) -> bool {
    let connection = TcpStream::connect((upstream.host.as_str(), upstream.port));
    matches!(timeout(KNOCK, connection).await, Ok(Ok(_)))
}
