//! The route table (phoned.md §3): made from the makes that are loaded, plus the routes of machines. Also the answers outside
//! any route, and the one line that each request leaves in the log.

use std::{
    convert::Infallible,
    future::ready,
    sync::{Arc, Weak},
    time::Instant,
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    routing::{MethodRouter, get},
};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use kit::trace::Trace;
use tower::ServiceExt;
use tracing::{Instrument, field};

use crate::{
    admin,
    app::App,
    control, cors,
    directory::{self, PhoneRoute},
    document,
    error::PhoneError,
    live::{Live, Snapshot},
    respond::{self, Response},
    services, status, tally,
    turn::ListenerTurns,
    vendor::{
        manifest::{Form, Step, UserPlace},
        registry::Vendor,
    },
};

const SHORT_LINK: &str = "/0.1/l/{token}";
const NOT_ALLOWED: &[u8] = b"{\"message\": \"The method is not allowed for the requested URL.\"}\n";

/// All routes of `app`; `live` exchanges it.
pub fn router(app: &Arc<App>, live: &Weak<Live>) -> Router {
    let mut router = Router::new();
    let routes = phone_routes(&app.registry.vendors);
    let all: Arc<[PhoneRoute]> = routes.iter().map(|(_, route)| route.clone()).collect();
    for (path, route) in routes {
        router = router.route(&path.clone(), phone(app, path, route));
    }
    if all.iter().any(|route| route.vendor.manifest.short_links()) {
        router = router.route(SHORT_LINK, short_link(app, all));
    }
    router = services::routes(router, app);
    router = control::routes(router, app);
    router = status::routes(router, app);
    router = document::routes(router, app);
    admin::routes(router, app, live)
        .fallback(not_found)
        .method_not_allowed_fallback(|method: Method| async move { not_allowed(&method) })
}

/// Answers one request of the listener with these turns. The routes cannot fail, they answer errors.
/// With `log.privacy` only logs of the level debug have URLs.
pub async fn serve<B>(
    snapshot: Arc<Snapshot>,
    turns: ListenerTurns,
    mut request: http::Request<B>,
) -> Response
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    turns.attach(request.extensions_mut());
    let trace = Trace::of(request.headers());
    let span = trace.span();
    request.extensions_mut().insert(trace);
    let shown = !snapshot.app.config.log.privacy || tracing::enabled!(tracing::Level::DEBUG);
    if shown {
        span.record("url", field::display(request.uri()));
    }
    let request = request.map(|body| {
        if body.is_end_stream() {
            Body::empty()
        } else {
            Body::new(body)
        }
    });
    let answering = snapshot.router.clone().oneshot(request);
    let answered: Result<Response, Infallible> = answering.instrument(span).await;
    answered.unwrap_or_else(|never| match never {})
}

/// Path and meaning of every directory route of `vendors`.
pub fn phone_routes(vendors: &[Arc<Vendor>]) -> Vec<(String, PhoneRoute)> {
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
    let user = match vendor.manifest.user {
        UserPlace::Query => "",
        UserPlace::Path => "/{user_uuid}",
    };
    match &vendor.manifest.file {
        Some(file) => format!("{path}{user}/{file}"),
        None => format!("{path}{user}"),
    }
}

fn phone(app: &Arc<App>, template: String, route: PhoneRoute) -> MethodRouter {
    let path = template.clone();
    let shared = Arc::new((template, route));
    let app = Arc::clone(app);
    let answer = move |request: Request| {
        let (app, shared) = (Arc::clone(&app), Arc::clone(&shared));
        async move {
            let started = Instant::now();
            let (template, route) = &*shared;
            let request = request.into_parts().0;
            let mut response = directory::answer(&app, route, &request).await;
            cors::add_for_phones(&app.config.rest_api.cors, &request, &mut response);
            let status = response.status();
            let (vendor, step) = (&route.vendor.name, route.step.word());
            tally::answered(vendor, step, status.as_str(), started.elapsed());
            log(&request.method, template, &response, started);
            response
        }
    };
    get(answer).options(move || ready(options(&path)))
}

/// The address that all short page links have (phoned-vendors.md §7.4).
fn short_link(app: &Arc<App>, routes: Arc<[PhoneRoute]>) -> MethodRouter {
    let app = Arc::clone(app);
    let answer = move |request: Request| {
        let (app, routes) = (Arc::clone(&app), Arc::clone(&routes));
        async move {
            let started = Instant::now();
            let request = request.into_parts().0;
            let (route, response) = directory::follow(&app, &routes, &request).await;
            let vendor = route.map_or("-", |route| &route.vendor.name);
            let (step, status) = (Step::Lookup.word(), response.status());
            tally::answered(vendor, step, status.as_str(), started.elapsed());
            log(&request.method, SHORT_LINK, &response, started);
            response
        }
    };
    get(answer).options(|| ready(options(SHORT_LINK)))
}

/// The answer to OPTIONS on the route of phones with this template.
pub fn options(template: &str) -> Response {
    let started = Instant::now();
    let mut response = http::Response::new(Body::empty());
    let allow = HeaderValue::from_static("GET, HEAD, OPTIONS");
    response.headers_mut().insert(header::ALLOW, allow);
    log(&Method::OPTIONS, template, &response, started);
    response
}

async fn not_found(method: Method) -> Response {
    let started = Instant::now();
    let response = respond::json(&PhoneError::NotFound);
    log(&method, "-", &response, started);
    response
}

/// The answer to a method that a path does not have.
pub fn not_allowed(method: &Method) -> Response {
    let started = Instant::now();
    let response = respond::json_body(
        StatusCode::METHOD_NOT_ALLOWED,
        Bytes::from_static(NOT_ALLOWED),
    );
    log(method, "-", &response, started);
    response
}

/// Names the route, never what was asked: searches, numbers and users are nobody's business.
pub fn log(method: &Method, route: &str, response: &Response, started: Instant) {
    let status = response.status().as_u16();
    let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    let method = method.as_str();
    tracing::info!(method, route, status, micros, "answered");
}
