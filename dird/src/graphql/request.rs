//! What a request asks, in whatever form it came (dird-api-graphql.md §2), and which operation of it is meant.

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, VariableDefinition,
};
use async_graphql::{Pos, Positioned, ServerError};
use axum::body::Body;
use http::request::Parts;
use http::{Method, header};
use serde_json::{Map, Value};

use super::form;
use crate::api::call::{Query, read_body};
use crate::error::ApiError;

/// Longest text of a query, in bytes; what is long, like a list of numbers, belongs in its variables.
const LONGEST: usize = 256 << 10;

/// Deepest nesting of brackets in a query: the parser goes as deep.
const DEEPEST: usize = 100;

/// A request that asks nothing that could be executed, and what it is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) String);

fn refused<T>(message: &str) -> Result<T, Refused> {
    Err(Refused(message.to_owned()))
}

/// What a request asks.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) query: String,
    pub(super) variables: Map<String, Value>,
    pub(super) operation_name: Option<String>,
}

/// Reads a request. Its URL says what its body leaves out.
pub(super) async fn read(parts: &Parts, body: Body) -> Result<Result<Asked, Refused>, ApiError> {
    let sent = if parts.method == Method::POST {
        let content_type = parts.headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let body = read_body(body).await?;
        members(content_type.unwrap_or_default(), &body)
    } else {
        Ok(Map::new())
    };
    Ok(sent.and_then(|sent| asked(sent, &Query::read(&parts.uri))))
}

/// The members of a body.
fn members(content_type: &str, body: &[u8]) -> Result<Map<String, Value>, Refused> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind.to_ascii_lowercase().as_str() {
        "application/json" => from_json(body),
        "application/graphql" => {
            let query = String::from_utf8_lossy(body).into_owned();
            Ok(Map::from_iter([("query".to_owned(), query.into())]))
        }
        "application/x-www-form-urlencoded" => Ok(form::urlencoded(body)),
        "multipart/form-data" => Ok(form::multipart(content_type, body)),
        _ => Ok(Map::new()),
    }
}

fn from_json(body: &[u8]) -> Result<Map<String, Value>, Refused> {
    match serde_json::from_slice(body) {
        Err(_) => refused("POST body sent invalid JSON."),
        Ok(Value::Object(members)) => Ok(members),
        Ok(Value::Array(_)) => refused("Batch GraphQL requests are not enabled."),
        Ok(other) => {
            let shown = match &other {
                Value::Null => "None".to_owned(),
                other => other.to_string(),
            };
            refused(&format!(
                "GraphQL params should be a dict. Received {shown}."
            ))
        }
    }
}

fn asked(mut sent: Map<String, Value>, url: &Query) -> Result<Asked, Refused> {
    let mut member = |name: &str| match sent.remove(name) {
        None | Some(Value::Null) => url.get(name).map(Value::from),
        given => given,
    };
    let variables = match member("variables") {
        None => Map::new(),
        Some(Value::Object(variables)) => variables,
        Some(Value::String(text)) => variables_of(&text)?,
        Some(_) => return refused("Variables are invalid JSON."),
    };
    let name = member("operationName").and_then(|name| name.as_str().map(str::to_owned));
    let query = member("query").and_then(|query| query.as_str().map(str::to_owned));
    match query.filter(|query| !query.is_empty()) {
        None => refused("Must provide query string."),
        Some(query) => Ok(Asked {
            query,
            variables,
            operation_name: name.filter(|name| !name.is_empty()),
        }),
    }
}

/// Variables that came as a JSON text.
fn variables_of(text: &str) -> Result<Map<String, Value>, Refused> {
    if text.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(text) {
        Ok(Value::Object(variables)) => Ok(variables),
        Ok(Value::Null) => Ok(Map::new()),
        _ => refused("Variables are invalid JSON."),
    }
}

/// The operation that is meant, and the document that it is in.
pub(super) struct Operation {
    pub(super) kind: OperationType,
    pub(super) position: Pos,
    variables: Vec<Positioned<VariableDefinition>>,
    pub(super) document: ExecutableDocument,
}

impl Asked {
    /// Parses the query and finds the operation that is meant.
    pub(super) fn operation(&self) -> Result<Operation, ServerError> {
        if self.query.len() > LONGEST || nesting(&self.query) > DEEPEST {
            return Err(ServerError::new("The query is too long or too deep.", None));
        }
        let document = parse_query(&self.query)?;
        let operation = self.pick(&document.operations)?;
        Ok(Operation {
            kind: operation.node.ty,
            position: operation.pos,
            variables: operation.node.variable_definitions.clone(),
            document,
        })
    }

    fn pick<'a>(
        &self,
        operations: &'a DocumentOperations,
    ) -> Result<&'a Positioned<OperationDefinition>, ServerError> {
        let mut all = operations.iter();
        let Some(wanted) = &self.operation_name else {
            return match (all.next(), all.next()) {
                (Some((_, only)), None) => Ok(only),
                _ => Err(ServerError::new(
                    "Must provide operation name if query contains multiple operations.",
                    None,
                )),
            };
        };
        let named = all.find(|(name, _)| name.is_some_and(|name| name.as_str() == wanted));
        named
            .map(|(_, operation)| operation)
            .ok_or_else(|| ServerError::new(format!("Unknown operation named \"{wanted}\"."), None))
    }
}

impl Operation {
    /// The error for the first variable that must have a value and has none.
    pub(super) fn missing(&self, variables: &Map<String, Value>) -> Option<ServerError> {
        let absent = |name: &str| variables.get(name).is_none_or(Value::is_null);
        let missing = self.variables.iter().find(|variable| {
            let definition = &variable.node;
            !definition.var_type.node.nullable
                && definition.default_value.is_none()
                && absent(definition.name.node.as_str())
        })?;
        let (name, wanted) = (&missing.node.name.node, &missing.node.var_type.node);
        let message =
            format!("Variable \"${name}\" of required type \"{wanted}\" was not provided.");
        Some(ServerError::new(message, Some(missing.pos)))
    }
}

/// How deep brackets of any kind are nested in a text; those inside quotes count too.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
