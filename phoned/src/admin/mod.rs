//! The routes of operators (phoned.md §3.3, §16.3): reload, the allowlist explained, the cache emptied. Each needs a token of the
//! master tenant; none looks at the allowlist, so that a list that shuts everybody out can be mended.

mod access;
mod reload;
mod token;

use std::{
    sync::{Arc, Weak},
    time::Instant,
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    routing::{MethodFilter, on},
};
use bytes::Bytes;
use http::{StatusCode, request::Parts};
use http_body_util::{BodyExt, Collected, Limited};
use kit::problem::Problem;
use serde_json::{Value, json};

use crate::{
    app::App,
    cors,
    live::Live,
    query::Query,
    respond::{self, Response},
    router,
};

/// Longest body, in bytes: a candidate list of a hundred thousand entries.
const LARGEST_BODY: usize = 8 * 1024 * 1024;
const READ: &str = "phoned.access.read";

/// A request that may be answered.
struct Call {
    app: Arc<App>,
    live: Weak<Live>,
    head: Parts,
    body: Bytes,
}

impl Call {
    fn query(&self) -> Query<'_> {
        Query::parse(self.head.uri.query().unwrap_or(""))
    }

    /// The body as JSON.
    fn json(&self) -> Result<Value, Box<Problem>> {
        serde_json::from_slice(&self.body)
            .map_err(|error| invalid(json!({"body": error.to_string()})))
    }
}

/// What operators can do.
#[derive(Debug, Clone, Copy)]
enum Action {
    Reload,
    Subnets,
    Check,
    Rejected,
    EmptyCache,
}

impl Action {
    const ALL: [Self; 5] = [
        Self::Reload,
        Self::Subnets,
        Self::Check,
        Self::Rejected,
        Self::EmptyCache,
    ];

    /// Method, path and the access that the caller must have.
    fn route(self) -> (MethodFilter, &'static str, &'static str) {
        match self {
            Self::Reload => (
                MethodFilter::POST,
                "/0.1/config/reload",
                "phoned.config.update",
            ),
            Self::Subnets => (MethodFilter::GET, "/0.1/access/subnets", READ),
            Self::Check => (MethodFilter::POST, "/0.1/access/check", READ),
            Self::Rejected => (MethodFilter::GET, "/0.1/access/rejected", READ),
            Self::EmptyCache => (MethodFilter::DELETE, "/0.1/cache", "phoned.cache.delete"),
        }
    }

    async fn run(self, call: Call) -> Result<Response, Box<Problem>> {
        match self {
            Self::Reload => reload::reload(&call).await,
            Self::Subnets => Ok(access::subnets(&call)),
            Self::Check => access::check(&call),
            Self::Rejected => access::rejected(&call),
            Self::EmptyCache => Ok(reload::empty_cache(&call)),
        }
    }
}

/// Adds the routes to `router`.
pub fn routes(mut router: Router, app: &Arc<App>, live: &Weak<Live>) -> Router {
    if !app.config.enabled("config") {
        return router;
    }
    for action in Action::ALL {
        let (method, path, _) = action.route();
        let (app, live) = (Arc::clone(app), live.clone());
        let answer = move |request| answer(action, Arc::clone(&app), live.clone(), request);
        router = router.route(path, on(method, answer));
    }
    router
}

async fn answer(action: Action, app: Arc<App>, live: Weak<Live>, request: Request) -> Response {
    let started = Instant::now();
    let (_, path, access) = action.route();
    let (head, body) = request.into_parts();
    let (method, headers) = (head.method.clone(), head.headers.clone());
    let shared = Arc::clone(&app);
    let result = async {
        token::authorize(&app, &headers, access).await?;
        let body = read(body).await?;
        let call = Call {
            app,
            live,
            head,
            body,
        };
        action.run(call).await
    };
    let mut response = result
        .await
        .unwrap_or_else(|problem| respond::private_json(problem.status, problem.body().into()));
    cors::add(
        &shared.config.rest_api.cors,
        &method,
        &headers,
        &mut response,
    );
    router::log(path, &response, started);
    response
}

async fn read(body: Body) -> Result<Bytes, Box<Problem>> {
    let collected = Limited::new(body, LARGEST_BODY).collect().await;
    collected.map(Collected::to_bytes).map_err(|_| {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        Box::new(Problem::new(
            status,
            "body-too-large",
            "The body is too large or was cut off",
        ))
    })
}

fn ok(body: &Value) -> Response {
    respond::private_json(StatusCode::OK, body.to_string().into())
}

/// A request that says something impossible; `details` name it.
fn invalid(details: Value) -> Box<Problem> {
    let problem = Problem::new(
        StatusCode::BAD_REQUEST,
        "invalid-data",
        "Sent data is invalid",
    );
    Box::new(problem.with_details(details))
}
