//! `/graphql` (dird-api-graphql.md): the contacts behind many numbers in one question. [`request`] reads what came in any of the
//! forms that clients send, [`schema`] says what can be asked and resolves it through `lookup`, [`refusal`] shapes what goes
//! wrong. The route itself is open: every root field checks the caller's token by itself.

mod connection;
mod contact;
mod form;
mod refusal;
mod request;
mod schema;

use std::sync::{Arc, LazyLock};

use async_graphql::parser::types::OperationType;
use async_graphql::{EmptyMutation, EmptySubscription, Schema, ServerError, Value, Variables};
use axum::response::Response;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::json;

use crate::api::route::{Answer, Claim, Open};
use crate::app::App;
use crate::error::json_answer;
use request::{Asked, Operation, Refused};

/// Deepest nesting of fields. What tools ask of the schema itself is some fifteen deep.
const DEEPEST: usize = 32;

/// Fields that one request may ask for. Looking numbers up counts as [`schema::LOOKUP_COST`] fields.
const MOST_FIELDS: usize = 2_000;

/// Directives on one field.
const MOST_DIRECTIVES: usize = 16;

type Api = Schema<schema::Query, EmptyMutation, EmptySubscription>;

static SCHEMA: LazyLock<Api> = LazyLock::new(|| {
    Schema::build(schema::Query, EmptyMutation, EmptySubscription)
        .limit_depth(DEEPEST)
        .limit_complexity(MOST_FIELDS)
        .limit_directives(MOST_DIRECTIVES)
        .finish()
});

/// What resolvers know of the request.
struct Asking {
    app: Arc<App>,
    claim: Claim,
}

/// Answers a request in any form.
pub async fn answer(open: Open) -> Answer {
    let (method, claim) = (open.parts.method.clone(), Claim::of(&open.parts.headers));
    if method != Method::GET && method != Method::POST {
        let message = "GraphQL only supports GET and POST requests.";
        return Ok(not_allowed("GET, POST", message));
    }
    let asked = match request::read(&open.parts, open.body).await? {
        Ok(asked) => asked,
        Err(refused) => return Ok(bad(&[refused.into()])),
    };
    let asking = Asking {
        app: open.app,
        claim,
    };
    Ok(match asked.operation() {
        Ok(operation) => execute(asking, &method, asked, operation).await,
        Err(refused) => bad(&[refused]),
    })
}

async fn execute(asking: Asking, method: &Method, asked: Asked, operation: Operation) -> Response {
    if operation.kind == OperationType::Mutation && *method == Method::GET {
        let message = "Can only perform a mutation operation from a POST request.";
        return not_allowed("POST", message);
    }
    if operation.kind != OperationType::Query {
        let message = format!(
            "Schema is not configured to execute {} operation.",
            operation.kind
        );
        return bad(&[ServerError::new(message, Some(operation.position))]);
    }
    if let Some(missing) = operation.missing(&asked.variables) {
        return bad(&[missing]);
    }
    let mut request = async_graphql::Request::new(asked.query)
        .variables(Variables::from_json(asked.variables.into()))
        .data(asking);
    request.operation_name = asked.operation_name;
    request.set_parsed_query(operation.document);
    let mut answered = SCHEMA.execute(request).await;
    // Fields are resolved together; what they report must not depend on who was first.
    answered.errors.sort_by_key(|error| {
        let first = error.locations.first();
        first.map(|position| (position.line, position.column))
    });
    // Every root field may be null by itself; there is no data only when nothing was executed.
    if answered.data == Value::Null {
        return bad(&answered.errors);
    }
    let body = if answered.errors.is_empty() {
        json!({"data": answered.data})
    } else {
        json!({"errors": answered.errors, "data": answered.data})
    };
    json_answer(StatusCode::OK, &body)
}

/// A request that was not executed.
fn bad(errors: &[ServerError]) -> Response {
    json_answer(StatusCode::BAD_REQUEST, &json!({"errors": errors}))
}

fn not_allowed(allowed: &'static str, message: &str) -> Response {
    let errors = json!({"errors": [{"message": message}]});
    let mut response = json_answer(StatusCode::METHOD_NOT_ALLOWED, &errors);
    let allowed = HeaderValue::from_static(allowed);
    response.headers_mut().insert(header::ALLOW, allowed);
    response
}

impl From<Refused> for ServerError {
    fn from(refused: Refused) -> Self {
        Self::new(refused.0, None)
    }
}
