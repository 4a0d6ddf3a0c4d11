//! `GET /api/api.yml`: a Swagger 2.0 document made of the routes that this phoned has, so that document and routes cannot part
//! (phoned.md §3, §6.4).

use std::sync::Arc;

use axum::{Router, body::Body, extract::Request};
use http::{HeaderValue, Method, header};
use serde_json::{Map, Value, json};

use crate::{
    admin,
    app::App,
    control,
    directory::PhoneRoute,
    error::PhoneError,
    machine::Machine,
    respond::{self, Response},
    router, services, status,
    vendor::manifest::{Step, TermRule, UserPlace},
};

/// Where it is.
const PATH: &str = "/0.1/api/api.yml";

/// Adds the route to `router`.
pub fn routes(router: Router, app: &Arc<App>) -> Router {
    if !app.config.enabled("api") {
        return router;
    }
    let path = Machine::new(app, PATH).on(Method::GET, answer);
    router.route(PATH, path.close())
}

async fn answer(app: Arc<App>, request: Request) -> Response {
    let request = request.into_parts().0;
    let caller = match app.gate.admit(&request, None) {
        Ok(caller) => caller,
        Err(refusal) => return respond::json(&refusal),
    };
    let prefix = caller.front.as_ref().map_or("", |front| front.prefix);
    let text = match serde_saphyr::to_string(&document(&app, prefix)) {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(%error, "the document cannot be written");
            return respond::json(&PhoneError::Internal);
        }
    };
    let mut response = http::Response::new(Body::from(text));
    let yaml = HeaderValue::from_static("application/x-yaml");
    response.headers_mut().insert(header::CONTENT_TYPE, yaml);
    response
}

/// What a route is to its callers.
struct Operation {
    method: Method,
    path: String,
    summary: String,
    /// What a token must grant; `None`: the allowlist decides.
    access: Option<String>,
    query: Vec<Value>,
    produces: String,
    status: &'static str,
}

impl Operation {
    fn json(method: Method, path: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            summary: summary.into(),
            access: None,
            query: Vec::new(),
            produces: "application/json".to_owned(),
            status: "200",
        }
    }

    fn value(&self) -> Value {
        let names = self.path.split('/');
        let names = names.filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let place = |name| json!({"name": name, "in": "path", "type": "string", "required": true});
        let parameters: Vec<Value> = names.map(place).chain(self.query.iter().cloned()).collect();
        let mut value = json!({
            "summary": self.summary,
            "produces": [self.produces],
            "parameters": parameters,
            "responses": {
                self.status: {"description": "Done"},
                "default": {"description": "An error", "schema": {"$ref": "#/definitions/Error"}},
            },
        });
        match &self.access {
            Some(access) => value["description"] = format!("**Required ACL:** `{access}`").into(),
            None => value["security"] = json!([]),
        }
        value
    }
}

/// The document; behind a proxy that says so, paths begin with `prefix`.
fn document(app: &App, prefix: &str) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations(app) {
        let path = operation.path.trim_start_matches("/0.1").to_owned();
        let path = paths.entry(path).or_insert_with(|| json!({}));
        path[operation.method.as_str().to_lowercase()] = operation.value();
    }
    let scheme = if prefix.is_empty() { "http" } else { "https" };
    json!({
        "swagger": "2.0",
        "info": {"title": "wazo-phoned", "version": "0.1"},
        "basePath": format!("{prefix}/0.1"),
        "schemes": [scheme],
        "securityDefinitions": {
            "wazo_auth_token": {"type": "apiKey", "name": "X-Auth-Token", "in": "header"},
        },
        "security": [{"wazo_auth_token": []}],
        "paths": paths,
        "definitions": {"Error": {"type": "object"}},
    })
}

fn operations(app: &App) -> Vec<Operation> {
    let makes = &app.registry.vendors;
    let directories = router::phone_routes(makes);
    let mut all: Vec<Operation> = directories.iter().map(directory).collect();
    all.extend(services::paths(makes).into_iter().map(|(path, make, on)| {
        let word = if on { "on" } else { "off" };
        let summary = format!("{}: do-not-disturb was switched {word}", make.name);
        Operation::json(Method::GET, path, summary)
    }));
    if app.config.enabled("endpoint") {
        all.extend(control::ACTIONS.iter().map(|action| Operation {
            access: Some(action.access("{endpoint_name}")),
            status: "204",
            ..Operation::json(Method::PUT, action.path, "Have a telephone press a key")
        }));
    }
    if app.config.enabled("status") {
        all.push(Operation::json(
            Method::GET,
            status::PATH,
            "Health by component",
        ));
    }
    if app.config.enabled("config") {
        all.extend(admin::Action::ALL.map(|action| {
            let (method, path, access) = action.route();
            Operation {
                access: Some(access.to_owned()),
                status: if method == Method::DELETE {
                    "204"
                } else {
                    "200"
                },
                ..Operation::json(method, path, action.summary())
            }
        }));
    }
    all.push(Operation {
        produces: "application/x-yaml".to_owned(),
        ..Operation::json(Method::GET, PATH, "This document")
    });
    all
}

fn directory((path, route): &(String, PhoneRoute)) -> Operation {
    let manifest = &route.vendor.manifest;
    let parameter = |name: &str, kind: &str, required: bool| json!({"name": name, "in": "query", "type": kind, "required": required});
    let mut query = Vec::new();
    if manifest.user == UserPlace::Query {
        query.push(parameter("xivo_user_uuid", "string", true));
    }
    if route.step == Step::Lookup {
        let names = &manifest.parameters;
        let needed = manifest.term != TermRule::Optional;
        query.push(parameter(&names.term, "string", needed));
        query.push(parameter(&names.limit, "integer", false));
        query.push(parameter(&names.offset, "integer", false));
    }
    query.push(parameter("lang", "string", false));
    let name = &route.vendor.name;
    Operation {
        query,
        produces: manifest.content_type.clone(),
        ..Operation::json(Method::GET, path, format!("{name}: {} page", route.step))
    }
}
