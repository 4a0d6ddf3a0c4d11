//! The routes of operators (phoned.md §3.3, §16.2, §16.3): configuration, reload, the allowlist explained, the cache emptied. Each needs a token of the
//! master tenant; none looks at the allowlist, so that a list that shuts everybody out can be mended.

mod access;
mod config;
mod reload;

use std::sync::{Arc, Weak};

use axum::{Router, body::Body, extract::Request};
use bytes::Bytes;
use http::{Method, StatusCode, request::Parts};
use http_body_util::{BodyExt, Collected, Limited};
use kit::problem::Problem;
use serde_json::{Value, json};

use crate::{
    app::App,
    error::PhoneError,
    live::Live,
    machine::Machine,
    query::Query,
    respond::{self, Response},
    token,
};

/// Longest body, in bytes: a candidate list of a hundred thousand entries.
const LARGEST_BODY: usize = 8 * 1024 * 1024;
const READ: &str = "phoned.access.read";
const UPDATE: &str = "phoned.config.update";
const CONFIG: &str = "/0.1/config";

/// A request that may be answered.
struct Call {
    app: Arc<App>,
    live: Weak<Live>,
    head: Parts,
    body: Bytes,
}

impl Call {
    /// What serves, unless it is stopping.
    fn live(&self) -> Result<Arc<Live>, Box<Problem>> {
        self.live.upgrade().ok_or_else(|| {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            Box::new(Problem::new(status, "stopping", "The service is stopping"))
        })
    }

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
pub enum Action {
    /// Shows the configuration.
    Show,
    /// Switches debugging on or off.
    Change,
    /// Reads the configuration again.
    Reload,
    /// Shows the allowlist.
    Subnets,
    /// Says what a list makes of addresses.
    Check,
    /// Shows who was refused.
    Rejected,
    /// Forgets results.
    EmptyCache,
}

impl Action {
    /// All of them; those of one path stand together.
    pub const ALL: [Self; 7] = [
        Self::Show,
        Self::Change,
        Self::Reload,
        Self::Subnets,
        Self::Check,
        Self::Rejected,
        Self::EmptyCache,
    ];

    /// Method, path and the access that the caller must have.
    pub fn route(self) -> (Method, &'static str, &'static str) {
        match self {
            Self::Show => (Method::GET, CONFIG, "phoned.config.read"),
            Self::Change => (Method::PATCH, CONFIG, UPDATE),
            Self::Reload => (Method::POST, "/0.1/config/reload", UPDATE),
            Self::Subnets => (Method::GET, "/0.1/access/subnets", READ),
            Self::Check => (Method::POST, "/0.1/access/check", READ),
            Self::Rejected => (Method::GET, "/0.1/access/rejected", READ),
            Self::EmptyCache => (Method::DELETE, "/0.1/cache", "phoned.cache.delete"),
        }
    }

    /// What it does, in few words.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Show => "Show the configuration in force",
            Self::Change => "Switch debugging on or off until the next start or reload",
            Self::Reload => "Read the configuration again",
            Self::Subnets => "Show the allowlist and how often each entry decided",
            Self::Check => "Say what the allowlist, or another list, makes of addresses",
            Self::Rejected => "Show the last refused addresses",
            Self::EmptyCache => "Forget what searches brought",
        }
    }

    async fn run(self, call: Call) -> Result<Response, Box<Problem>> {
        match self {
            Self::Show => config::show(&call),
            Self::Change => config::change(&call).await,
            Self::Reload => reload::reload(&call).await,
            Self::Subnets => apart(call, |call| Ok(access::subnets(call))).await,
            Self::Check => apart(call, access::check).await,
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
    let together = |one: &Action, other: &Action| one.route().1 == other.route().1;
    for actions in Action::ALL.chunk_by(together) {
        let (_, path, _) = actions[0].route();
        let mut machine = Machine::new(app, path);
        for &action in actions {
            let live = live.clone();
            let answer = move |app, request| answer(action, app, live.clone(), request);
            machine = machine.on(action.route().0, answer);
        }
        router = router.route(path, machine.close());
    }
    router
}

async fn answer(action: Action, app: Arc<App>, live: Weak<Live>, request: Request) -> Response {
    let (_, _, access) = action.route();
    let (head, body) = request.into_parts();
    let result = async {
        token::granted_to_master(&app, &head.headers, access).await?;
        let body = read(body).await?;
        let call = Call {
            app,
            live,
            head,
            body,
        };
        action.run(call).await
    };
    let result = result.await;
    result.unwrap_or_else(|problem| respond::problem(&problem))
}

/// Runs what takes long with long lists where it holds up no phone.
async fn apart(
    call: Call,
    run: fn(&Call) -> Result<Response, Box<Problem>>,
) -> Result<Response, Box<Problem>> {
    let running = tokio::task::spawn_blocking(move || run(&call));
    running.await.unwrap_or_else(|error| {
        tracing::error!(%error, "an operator was not answered");
        Err(Box::new(PhoneError::Internal.problem()))
    })
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
