//! `/api/…`: from a request to its answer.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use futures_util::StreamExt;
use http::request::Parts;
use serde_json::Value;
use tokio::time::Instant;

use super::answer::Answered;
use super::document::{self, Document};
use super::function::Function;
use super::gate::Granted;
use super::query::query;
use super::reply::{Refusal, success};
use super::{Intercom, create, delete, get, system, template, update};
use crate::monitor::Matched;

/// Bytes of a body that are taken before a request is sent back to prove itself: a client that is still sending would not
/// hear the challenge.
const HEARD_OUT: usize = 1 << 20;

/// Everything below `/api`.
pub fn router<S: Clone + Send + Sync + 'static>(intercom: &Arc<Intercom>) -> Router<S> {
    let answer = any(answer).with_state(Arc::clone(intercom));
    Router::new()
        .route("/api/", answer.clone())
        .route("/api/{*path}", answer)
}

async fn answer(State(intercom): State<Arc<Intercom>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().strip_prefix("/api/").unwrap_or_default();
    let (function, answered) = match Function::find(path, &parts.method) {
        Ok(function) => (Some(function), intercom.serve(function, &parts, body).await),
        Err(refusal) => (None, Err(refusal)),
    };
    let mut response = answered.unwrap_or_else(Refusal::into_response);
    let route = function.map_or("/api/", Function::route);
    response.extensions_mut().insert(Matched(route.into()));
    response
}

impl Intercom {
    async fn serve(
        self: &Arc<Self>,
        function: Function,
        parts: &Parts,
        body: Body,
    ) -> Result<Response, Refusal> {
        let started = Instant::now();
        let granted = match self.admit(function, parts).await {
            Ok(granted) => granted,
            Err(refusal @ (Refusal::Unauthorized(_) | Refusal::AuthMethod(_))) => {
                hear_out(body).await;
                return Err(refusal);
            }
            Err(refusal) => return Err(refusal),
        };
        let document = match function {
            Function::Template | Function::Info | Function::Status => Document::default(),
            _ => {
                let bounds = (&self.room, &self.lane);
                document::read(parts, body, function, bounds).await?
            }
        };
        let done = self.call(function, &granted, &document).await?;
        let micros = started.elapsed().as_micros();
        let (client, function) = (&granted.client, function.route());
        let (users, first, last) = (done.users, done.first, done.last);
        tracing::info!(client, function, users, first, last, micros, "directory");
        Ok(done.response)
    }

    async fn call(
        self: &Arc<Self>,
        function: Function,
        granted: &Granted,
        document: &Document,
    ) -> Result<Done, Refusal> {
        let result = match function {
            Function::Template => template::template(self, granted),
            Function::Info => system::info(granted),
            Function::Status => system::status(self),
            Function::Create => create::create(self, granted, document).await?,
            Function::Update => update::update(self, granted, document).await?,
            Function::Delete => delete::delete(self, granted, document).await?,
            Function::Get => return Ok(get::get(self, granted, document).await?.into()),
            Function::Query => return Ok(query(self, granted, document).await?.into()),
        };
        Ok(Done::of(&result))
    }
}

/// An answer, and what the log has of it: counts and timestamps, never what it says.
struct Done {
    response: Response,
    users: Option<usize>,
    first: Option<i64>,
    last: Option<i64>,
}

impl Done {
    fn of(result: &Value) -> Self {
        let users = result.get("users").and_then(Value::as_array);
        let stamps = || {
            let users = users.into_iter().flatten();
            users.filter_map(|user| user.get("timestamp").and_then(Value::as_i64))
        };
        Self {
            response: success(result),
            users: users.map(Vec::len),
            first: stamps().min(),
            last: stamps().max(),
        }
    }
}

impl From<Answered> for Done {
    fn from(answered: Answered) -> Self {
        Self {
            response: answered.response,
            users: Some(answered.users),
            first: answered.first,
            last: answered.last,
        }
    }
}

async fn hear_out(body: Body) {
    let mut heard = 0;
    let mut pieces = body.into_data_stream();
    while let Some(Ok(piece)) = pieces.next().await {
        heard += piece.len();
        if heard > HEARD_OUT {
            return;
        }
    }
}
