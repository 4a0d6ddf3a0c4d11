//! The route table (phoned.md §3): made from the makes that are loaded, plus the routes of machines. Also the answers outside
//! any route, and the one line that each request leaves in the log.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::Arc,
    time::Instant,
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    routing::{MethodRouter, get},
};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use tower::ServiceExt;

use crate::{
    app::App,
    cors,
    directory::{self, PhoneRoute},
    error::PhoneError,
    respond::{self, Response},
    status,
    vendor::{
        manifest::{Form, Step, UserPlace},
        registry::Vendor,
    },
};

const NOT_ALLOWED: &[u8] = b"{\"message\": \"The method is not allowed for the requested URL.\"}\n";

/// All routes of `app`.
pub fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for (path, route) in phone_routes(&app.registry.vendors) {
        router = router.route(&path.clone(), phone(app, path, route));
    }
    if app.config.enabled("status") {
        router = router.route("/0.1/status", machine(app, "/0.1/status"));
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(|| ready(not_allowed()))
}

/// Answers one request. The routes cannot fail, they answer errors.
pub async fn serve<B>(router: Router, request: http::Request<B>) -> Response
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let answered: Result<Response, Infallible> = router.oneshot(request.map(Body::new)).await;
    answered.unwrap_or_else(|never| match never {})
}

/// Path and meaning of every route of every make.
fn phone_routes(vendors: &[Arc<Vendor>]) -> Vec<(String, PhoneRoute)> {
    let mut routes = Vec::new();
    for vendor in vendors {
        for &step in &vendor.manifest.steps {
            for &form in &vendor.manifest.forms {
                let vendor = Arc::clone(vendor);
                routes.push((path(&vendor, step, form), PhoneRoute { vendor, step, form }));
            }
        }
    }
    routes
}

fn path(vendor: &Vendor, step: Step, form: Form) -> String {
    let name = &vendor.name;
    let path = match form {
        Form::Old => format!("/0.1/directories/{step}/{{profile}}/{name}"),
        Form::New => format!("/0.1/{name}/directories/{step}/{{profile}}"),
    };
    match vendor.manifest.user {
        UserPlace::Query => path,
        UserPlace::Path => path + "/{user_uuid}",
    }
}

fn phone(app: &Arc<App>, template: String, route: PhoneRoute) -> MethodRouter {
    let shared = Arc::new((template, route));
    let app = Arc::clone(app);
    let answer = move |request: Request| {
        let (app, shared) = (Arc::clone(&app), Arc::clone(&shared));
        async move {
            let started = Instant::now();
            let (template, route) = &*shared;
            let request = request.into_parts().0;
            let mut response = directory::answer(&app, route, &request).await;
            if app.config.rest_api.cors.phone_routes {
                cors::add(
                    &app.config.rest_api.cors,
                    &request.method,
                    &request.headers,
                    &mut response,
                );
            }
            log(template, &response, started);
            response
        }
    };
    get(answer).options(|| ready(options()))
}

fn machine(app: &Arc<App>, template: &'static str) -> MethodRouter {
    let app_of_get = Arc::clone(app);
    let answer = move |request: Request| {
        let app = Arc::clone(&app_of_get);
        async move {
            let started = Instant::now();
            let request = request.into_parts().0;
            let mut response = status::answer(&app, &request).await;
            cors::add(
                &app.config.rest_api.cors,
                &request.method,
                &request.headers,
                &mut response,
            );
            log(template, &response, started);
            response
        }
    };
    get(answer)
        .options(with_cors(app, options))
        .fallback(with_cors(app, not_allowed))
}

/// An answer that does not depend on the request, with what browsers are told.
fn with_cors(
    app: &Arc<App>,
    answer: fn() -> Response,
) -> impl Fn(Request) -> Ready<Response> + Clone + Send + Sync + use<> {
    let app = Arc::clone(app);
    move |request: Request| {
        let settings = &app.config.rest_api.cors;
        let mut response = answer();
        cors::add(settings, request.method(), request.headers(), &mut response);
        ready(response)
    }
}

fn options() -> Response {
    let mut response = http::Response::new(Body::empty());
    let allow = HeaderValue::from_static("GET, HEAD, OPTIONS");
    response.headers_mut().insert(header::ALLOW, allow);
    response
}

async fn not_found() -> Response {
    let started = Instant::now();
    let response = respond::json(&PhoneError::NotFound);
    log("-", &response, started);
    response
}

fn not_allowed() -> Response {
    let started = Instant::now();
    let response = respond::json_body(
        StatusCode::METHOD_NOT_ALLOWED,
        Bytes::from_static(NOT_ALLOWED),
    );
    log("-", &response, started);
    response
}

/// Names the route, never what was asked: searches, numbers and users are nobody's business.
fn log(route: &str, response: &Response, started: Instant) {
    let (status, micros) = (response.status().as_u16(), started.elapsed().as_micros());
    tracing::info!(route, status, micros, "answered");
}
