//! A line of the route table, and what every route has in common: the check of its caller comes first, and a path answers all
//! methods in one place (dird-api.md §1.1, §2).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::json;

use super::call::{Call, PathParams, Query};
use crate::app::App;
use crate::error::{ApiError, Family, Refused, Unauthorized, json_answer};
use crate::identity::{Caller, TenantId, Token, authenticate};

/// What a handler answers.
pub type Answer = Result<Response, ApiError>;

type Handler = Arc<dyn Fn(Call) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// A route: the table of them is `router.rs`.
#[derive(Clone)]
pub struct Route {
    /// Method.
    pub method: Method,
    /// Path under `/0.1`, with `{parameters}`.
    pub path: &'static str,
    /// Access that the caller's token must have.
    pub access: &'static str,
    /// Shape of its shared errors.
    pub family: Family,
    /// Name of the handling function.
    pub name: &'static str,
    handler: Handler,
}

impl Route {
    /// A route handled by `handler`.
    pub fn new<F, Fut>(
        method: Method,
        path: &'static str,
        access: &'static str,
        family: Family,
        handler: F,
    ) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        let name = std::any::type_name::<F>();
        let handler: Handler = Arc::new(move |call| Box::pin(handler(call)));
        Self {
            method,
            path,
            access,
            family,
            name,
            handler,
        }
    }
}

/// Every route of one path.
#[derive(Clone)]
pub struct PathRoutes(pub Vec<Route>);

impl PathRoutes {
    /// Answers a request to the path.
    pub async fn answer(&self, app: Arc<App>, parts: Parts, _body: Body) -> Response {
        if parts.method == Method::OPTIONS {
            return self.allowed(Response::new(Body::empty()));
        }
        let method = if parts.method == Method::HEAD {
            &Method::GET
        } else {
            &parts.method
        };
        let Some(route) = self.0.iter().find(|route| route.method == *method) else {
            let message = json!({"message": "The method is not allowed for the requested URL."});
            return self.allowed(json_answer(StatusCode::METHOD_NOT_ALLOWED, &message));
        };
        let answered = run(route, app, &parts).await;
        answered.unwrap_or_else(|error| error.into_response(route.family))
    }

    fn allowed(&self, mut response: Response) -> Response {
        let mut methods: Vec<&str> = self.0.iter().map(|route| route.method.as_str()).collect();
        if methods.contains(&"GET") {
            methods.push("HEAD");
        }
        methods.push("OPTIONS");
        methods.sort_unstable();
        if let Ok(allow) = HeaderValue::from_str(&methods.join(", ")) {
            response.headers_mut().insert(header::ALLOW, allow);
        }
        response
    }
}

async fn run(route: &Route, app: Arc<App>, parts: &Parts) -> Answer {
    let path = PathParams::read(route.path, parts.uri.path().trim_start_matches("/0.1"));
    let access = path.fill(route.access);
    let caller = caller(&app, &parts.headers, access).await?;
    let query = Query::read(&parts.uri);
    (route.handler)(Call {
        app,
        caller,
        path,
        query,
    })
    .await
}

/// Checks the token of a request, and the tenant it names.
async fn caller(app: &App, headers: &HeaderMap, access: String) -> Result<Caller, ApiError> {
    let token = Token::new(text(headers, "x-auth-token").unwrap_or_default());
    let asked = match text(headers, "wazo-tenant") {
        None | Some("") => None,
        Some(named) => match TenantId::new(named) {
            Some(tenant) => Some(tenant),
            None => return Err(no_such_tenant(token, access)),
        },
    };
    let authority = app.authority.as_ref();
    let checked = authenticate(authority, token.clone(), &access, asked.clone()).await;
    checked
        .map_err(|refusal| ApiError::refusal(refusal, &token, access, asked, authority.address()))
}

/// A name that no tenant can have is refused as an unknown tenant is.
fn no_such_tenant(token: Token, access: String) -> ApiError {
    ApiError::Unauthorized(Unauthorized {
        token,
        access,
        refusal: Refused::Forbidden(None),
    })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
