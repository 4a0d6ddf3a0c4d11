//! `PUT /endpoints/{endpoint_name}/hold/start|stop` and `…/answer` (phoned.md §11): programs have a telephone hold or answer. A token
//! is asked for, the allowlist is not.

use std::sync::Arc;

use axum::{Router, extract::Request};
use bytes::Bytes;
use http::{Method, StatusCode};
use tokio::time::Instant;

use crate::{
    app::App,
    endpoint::Key,
    machine::Machine,
    query::segment,
    respond::{self, Response},
    token,
};

/// What a program can have a telephone do.
#[derive(Debug, Clone, Copy)]
pub struct Action {
    /// Its path.
    pub path: &'static str,
    /// What the caller must be granted, behind the name of the endpoint.
    access: &'static str,
    key: Key,
}

/// All of them. Start and stop are one key, which the telephone itself gives its meaning.
pub const ACTIONS: [Action; 3] = [
    Action {
        path: "/0.1/endpoints/{endpoint_name}/hold/start",
        access: "hold.start",
        key: Key::Hold,
    },
    Action {
        path: "/0.1/endpoints/{endpoint_name}/hold/stop",
        access: "hold.stop",
        key: Key::Hold,
    },
    Action {
        path: "/0.1/endpoints/{endpoint_name}/answer",
        access: "answer",
        key: Key::Answer,
    },
];

impl Action {
    /// What the caller must be granted for the endpoint called `name`.
    pub fn access(&self, name: &str) -> String {
        format!(
            "phoned.endpoints.{}.{}",
            name.replace('.', "_"),
            self.access
        )
    }
}

/// Adds the routes to `router`.
pub fn routes(mut router: Router, app: &Arc<App>) -> Router {
    if !app.config.enabled("endpoint") {
        return router;
    }
    for action in ACTIONS {
        let answer = move |app, request| answer(app, action, request);
        let path = Machine::new(app, action.path).on(Method::PUT, answer);
        router = router.route(action.path, path.close());
    }
    router
}

async fn answer(app: Arc<App>, action: Action, request: Request) -> Response {
    let name = segment(request.uri().path(), 3);
    let access = action.access(&name);
    if let Err(problem) = token::granted(&app, request.headers(), &access).await {
        return respond::problem(&problem);
    }
    let by = Instant::now() + app.config.lookup.deadline;
    let makes = &app.registry.vendors;
    match app.endpoints.press(makes, &name, action.key, by).await {
        Ok(()) => respond::private_json(StatusCode::NO_CONTENT, Bytes::new()),
        Err(error) => respond::json(&error),
    }
}
