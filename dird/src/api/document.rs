//! `GET /api/api.yml`: a Swagger 2.0 document made of the route table and of the schemas that requests are read with
//! (dird-api-config.md §9), so that document and routes cannot part.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};
use serde_json::{Map, Value, json};

use super::route::{Answer, Open, Route};
use crate::error::ApiError;
use crate::router;
use crate::schema::{Absent, Field, Kind, Length, Range, Schema};

/// Statuses that any route with a caller may answer beside its own success.
const REFUSALS: [(&str, &str); 10] = [
    ("400", "What was sent is wrong"),
    ("401", "The token is not good enough"),
    ("404", "There is no such object"),
    ("406", "No representation is acceptable"),
    ("408", "The body does not come"),
    ("409", "The name is taken"),
    ("412", "The object has changed"),
    ("413", "The body is too long"),
    ("415", "The body is not declared as JSON"),
    ("503", "The database or the authority is unavailable"),
];

/// What a route that needs no token itself may answer to what it reads.
const OPEN_REFUSALS: [(&str, &str); 3] = [
    ("400", "What was sent is wrong"),
    ("405", "The method does not go with what was sent"),
    ("413", "The body is too long"),
];

/// Shows the document. Behind a front that sets `X-Script-Name` the paths start there.
pub async fn show(open: Open) -> Answer {
    let mount = open
        .parts
        .headers
        .get("x-script-name")
        .and_then(|value| value.to_str().ok());
    let document = document(&router::enabled_routes(&open.app.enabled), mount);
    let text =
        serde_saphyr::to_string(&document).map_err(|error| ApiError::Internal(error.into()))?;
    let mut response = Response::new(Body::from(text));
    let yaml = HeaderValue::from_static("application/x-yaml");
    response.headers_mut().insert(header::CONTENT_TYPE, yaml);
    Ok(response)
}

/// The document.
pub fn document(routes: &[Route], mount: Option<&str>) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let path = paths.entry(route.path.clone()).or_insert_with(|| json!({}));
        path[route.method.as_str().to_lowercase()] = operation(route);
    }
    let scheme = if mount.is_some() { "https" } else { "http" };
    json!({
        "swagger": "2.0",
        "info": {"title": "wazo-dird", "version": "0.1"},
        "basePath": format!("{}/0.1", mount.unwrap_or_default().trim_end_matches('/')),
        "schemes": [scheme],
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "securityDefinitions": {
            "wazo_auth_token": {"type": "apiKey", "name": "X-Auth-Token", "in": "header"},
        },
        "security": [{"wazo_auth_token": []}],
        "paths": paths,
        "definitions": {"Error": {"type": "object"}},
        "parameters": {"tenant": tenant_parameter()},
        "responses": {},
        "x-xivo-port": 9489,
        "x-xivo-name": "dird",
    })
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = route.parameter_names().map(path_parameter).collect();
    if !route.is_open() {
        parameters.push(json!({"$ref": "#/parameters/tenant"}));
    }
    if let Some(rules) = &route.listed {
        parameters.extend(list_parameters(rules.order));
    }
    for name in route.query {
        parameters.push(json!({"name": name, "in": "query", "type": "string", "required": false}));
    }
    if route.has_events() {
        parameters.extend(event_parameters());
    }
    if let Some(body) = &route.body {
        parameters.push(json!({
            "name": "body", "in": "body", "required": true, "schema": body_schema(body),
        }));
    }
    let mut operation = json!({
        "operationId": route.operation_id(),
        "summary": route.name.rsplit("::").next().unwrap_or_default().replace('_', " "),
        "tags": [route.tag()],
        "parameters": parameters,
        "responses": responses(route),
    });
    if let Some(beside) = route.beside {
        // What is neither events nor an export is an import.
        if route.has_events() {
            operation["produces"] = json!([beside]);
        } else if *"GET" == *route.method.as_str() {
            operation["produces"] = json!(["application/json", beside]);
        } else {
            operation["consumes"] = json!([beside]);
        }
    }
    if route.is_open() {
        operation["security"] = json!([]);
    } else {
        operation["description"] = format!("**Required ACL:** `{}`", route.access).into();
    }
    operation
}

/// What a route answers, by status.
fn responses(route: &Route) -> Map<String, Value> {
    let mut responses = Map::new();
    responses.insert(route.success.to_string(), json!({"description": "Done"}));
    if !route.is_open() {
        if *"GET" == *route.method.as_str() {
            responses.insert(
                "304".into(),
                json!({"description": "The client has it already"}),
            );
        }
        for (status, text) in REFUSALS {
            let refusal = json!({"description": text, "schema": {"$ref": "#/definitions/Error"}});
            responses.insert(status.into(), refusal);
        }
    } else if !route.query.is_empty() {
        for (status, text) in OPEN_REFUSALS {
            let refusal = json!({"description": text, "schema": {"$ref": "#/definitions/Error"}});
            responses.insert(status.into(), refusal);
        }
    }
    responses
}

fn tenant_parameter() -> Value {
    json!({
        "name": "Wazo-Tenant", "in": "header", "type": "string", "required": false,
        "description": "The tenant to act in; the token's own when left out",
    })
}

fn path_parameter(name: &str) -> Value {
    json!({"name": name, "in": "path", "type": "string", "required": true})
}

fn list_parameters(order: &[&str]) -> Vec<Value> {
    let count = |name: &str| json!({"name": name, "in": "query", "type": "integer", "minimum": 0, "required": false});
    vec![
        json!({"name": "order", "in": "query", "type": "string", "enum": order, "required": false}),
        json!({
            "name": "direction", "in": "query", "type": "string", "enum": ["asc", "desc"],
            "required": false,
        }),
        count("limit"),
        count("offset"),
        json!({"name": "search", "in": "query", "type": "string", "required": false}),
        json!({"name": "recurse", "in": "query", "type": "boolean", "required": false}),
    ]
}

/// What a stream of events reads.
fn event_parameters() -> [Value; 3] {
    let switch = |name: &str, about: &str| {
        json!({
            "name": name, "in": "query", "type": "boolean", "required": false, "description": about,
        })
    };
    [
        switch("recurse", "Also what changes in the tenants below"),
        switch("follow", "False: only what has changed up to now"),
        json!({
            "name": "Last-Event-ID", "in": "header", "type": "string", "required": false,
            "description": "The last event that is known; what has changed since is told, or `reload` if that is forgotten",
        }),
    ]
}

/// Several schemas that one body is read with are one object in the document.
fn body_schema(schemas: &[&'static Schema]) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in schemas.iter().flat_map(|schema| schema.fields) {
        properties.insert(field.name.into(), field_schema(field));
        if matches!(field.absent, Absent::Refused) {
            required.push(field.name);
        }
    }
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn field_schema(field: &Field) -> Value {
    let mut schema = kind_schema(field.kind);
    schema["description"] = field.about.into();
    if field.nullable {
        schema["x-nullable"] = true.into();
    }
    schema
}

fn kind_schema(kind: Kind) -> Value {
    match kind {
        Kind::Text(length) => text_schema(length),
        Kind::Texts(length) => json!({"type": "array", "items": text_schema(length)}),
        Kind::TextMap { value, .. } => json!({
            "type": "object", "additionalProperties": {"type": "string", "maxLength": value},
        }),
        Kind::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Number(Range::NotNegative) => json!({"type": "number", "minimum": 0}),
        Kind::Number(Range::Positive) => {
            json!({"type": "number", "minimum": 0, "exclusiveMinimum": true})
        }
        Kind::Number(Range::UpTo(max)) => json!({"type": "number", "minimum": 0, "maximum": max}),
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Uuid => json!({"type": "string", "format": "uuid"}),
        Kind::Url => json!({"type": "string", "format": "uri"}),
        Kind::Choice(choices) => json!({"type": "string", "enum": choices}),
        Kind::Certificate => json!({}),
        Kind::Object(schema) => body_schema(&[schema]),
        Kind::Objects { schema, min } => {
            json!({"type": "array", "minItems": min, "items": body_schema(&[schema])})
        }
    }
}

fn text_schema(length: Length) -> Value {
    let mut schema = json!({"type": "string"});
    if length.min > 0 {
        schema["minLength"] = length.min.into();
    }
    if let Some(max) = length.max {
        schema["maxLength"] = max.into();
    }
    schema
}
