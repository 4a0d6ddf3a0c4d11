//! `GET /0.1/status` (phoned.md §16.1): one entry per component, each with a `status`.

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use futures_util::future::join_all;
use http::{Method, StatusCode};
use kit::http_client::Upstream;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

use crate::{
    app::App,
    machine::Machine,
    respond::{self, Response},
};

/// Longest time to see whether a backend listens.
const KNOCK: Duration = Duration::from_millis(500);

/// Where it is.
pub const PATH: &str = "/0.1/status";

/// Adds the route to `router`.
pub fn routes(router: Router, app: &Arc<App>) -> Router {
    if !app.config.enabled("status") {
        return router;
    }
    let path = Machine::new(app, PATH).on(Method::GET, answer);
    router.route(PATH, path.close())
}

async fn answer(app: Arc<App>, request: Request) -> Response {
    let request = request.into_parts().0;
    if let Err(refusal) = app.gate.admit(&request, None) {
        return respond::json(&refusal);
    }
    let body = status(&app).await.to_string();
    respond::json_body(StatusCode::OK, body.into())
}

async fn status(app: &App) -> Value {
    let (auth, dird) = tokio::join!(
        listens(&app.config.auth.upstream),
        listens_any(app.config.dird.all())
    );
    let mut bus = json!({"status": word(app.bus.is_connected())});
    if !app.bus.is_enabled() {
        bus["enabled"] = json!(false);
    }
    json!({
        "bus_consumer": bus,
        "service_token": {"status": word(app.auth.current().is_some())},
        "auth": {"status": word(auth)},
        "dird": {"status": word(dird)},
        "config": {"status": "ok", "loaded_at": app.loaded_at, "source": app.config.config_file},
    })
}

fn word(good: bool) -> &'static str {
    if good { "ok" } else { "fail" }
}

/// Whether one of them accepts connections.
async fn listens_any(upstreams: impl Iterator<Item = &Upstream>) -> bool {
    join_all(upstreams.map(listens)).await.contains(&true)
}

/// Whether something accepts connections there.
async fn listens(upstream: &Upstream) -> bool {
    let connection = TcpStream::connect((upstream.host.as_str(), upstream.port));
    matches!(timeout(KNOCK, connection).await, Ok(Ok(_)))
}
