//! The route table (dird-api.md §6) and the router made of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::any;
use http::{Method, StatusCode};
use serde_json::json;

use crate::api::route::{PathRoutes, Route};
use crate::api::{lookup, status};
use crate::app::App;
use crate::error::Family::{Legacy, New};
use crate::error::json_answer;

/// Prefix of every path.
const VERSION: &str = "/0.1";

/// Every route.
pub fn table() -> Vec<Route> {
    const GET: Method = Method::GET;
    vec![
        Route::new(GET, "/status", "dird.status.read", New, status::show),
        Route::new(
            GET,
            "/directories/lookup/{profile}",
            "dird.directories.lookup.{profile}.read",
            Legacy,
            lookup::own,
        ),
        Route::new(
            GET,
            "/directories/lookup/{profile}/{user_uuid}",
            "dird.directories.lookup.{profile}.{user_uuid}.read",
            New,
            lookup::of_user,
        ),
    ]
}

/// The router of the REST interface.
pub fn router(app: Arc<App>) -> Router {
    let mut paths: BTreeMap<&'static str, Vec<Route>> = BTreeMap::new();
    for route in table() {
        paths.entry(route.path).or_default().push(route);
    }
    let mut router = Router::new();
    for (path, routes) in paths {
        let routes = PathRoutes(routes);
        let answer = move |State(app): State<Arc<App>>, request: Request| async move {
            let (parts, body) = request.into_parts();
            routes.answer(app, parts, body).await
        };
        router = router.route(&format!("{VERSION}{path}"), any(answer));
    }
    router
        .fallback(unknown_path)
        .layer(middleware::from_fn_with_state(Arc::clone(&app), add_cors))
        .with_state(app)
}

async fn unknown_path() -> Response {
    let message = "The requested URL was not found on the server.";
    json_answer(StatusCode::NOT_FOUND, &json!({"message": message}))
}

async fn add_cors(State(app): State<Arc<App>>, request: Request<Body>, next: Next) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let mut response = next.run(request).await;
    app.cors.apply(&method, &headers, &mut response);
    response
}
