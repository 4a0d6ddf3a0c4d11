//! A line of the route table, and what every route has in common: the check of its caller comes first, and a path answers all
//! methods in one place (dird-api.md §1.1, §2).

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::json;

use super::call::{Call, PathParams, Pattern, Query};
use super::convention;
use super::list::ListRules;
use crate::app::App;
use crate::error::{ApiError, Family, Refused, Unauthorized, json_answer};
use crate::identity::{Caller, TenantId, Token, authenticate};
use crate::monitor;
use crate::schema::Schema;

/// What a handler answers.
pub type Answer = Result<Response, ApiError>;

/// The media type of events.
const EVENTS: &str = "text/event-stream";

type Answering = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// A request that needs no caller.
pub struct Open {
    /// The running dird.
    pub app: Arc<App>,
    /// Its head.
    pub parts: Parts,
    /// Its body, not read yet.
    pub body: Body,
}

#[derive(Clone)]
enum Handler {
    Granted(Arc<dyn Fn(Call) -> Answering + Send + Sync>),
    Open(Arc<dyn Fn(Open) -> Answering + Send + Sync>),
}

/// A route: the table of them is `router.rs`.
#[derive(Clone)]
pub struct Route {
    /// Method.
    pub method: Method,
    /// Path under `/0.1`, with `{parameters}`.
    pub path: String,
    /// What it speaks beside JSON, if anything.
    pub beside: Option<&'static str>,
    /// Access that the caller's token must have.
    pub access: String,
    /// Shape of its shared errors.
    pub family: Family,
    /// Name of the handling function.
    pub name: &'static str,
    /// Status of its success.
    pub success: u16,
    /// Schemas that its body is read with.
    pub body: Option<Vec<&'static Schema>>,
    /// Rules of the list that it answers.
    pub listed: Option<ListRules>,
    /// Further query parameters.
    pub query: &'static [&'static str],
    /// Further methods of the path that this route answers, to refuse them in its own words.
    also: &'static [Method],
    pattern: Pattern,
    handler: Handler,
}

impl Route {
    /// A route for callers with `access`, handled by `handler`.
    pub fn new<F, Fut>(
        method: Method,
        path: impl Into<String>,
        access: impl Into<String>,
        family: Family,
        handler: F,
    ) -> Self
    where
        F: Fn(Call) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        let name = std::any::type_name::<F>();
        let handler = Handler::Granted(Arc::new(move |call| Box::pin(handler(call))));
        Self::plain(method, &path.into(), family, name, handler).needing(access.into())
    }

    /// A route for everybody.
    pub fn open<F, Fut>(method: Method, path: &str, family: Family, handler: F) -> Self
    where
        F: Fn(Open) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Answer> + Send + 'static,
    {
        let name = std::any::type_name::<F>();
        let handler = Handler::Open(Arc::new(move |open| Box::pin(handler(open))));
        Self::plain(method, path, family, name, handler)
    }

    fn plain(
        method: Method,
        path: &str,
        family: Family,
        name: &'static str,
        handler: Handler,
    ) -> Self {
        let success = match method {
            Method::PUT | Method::DELETE => 204,
            _ => 200,
        };
        let pattern = Pattern::new(path);
        let path = path
            .replace(":uuid}", "}")
            .replace(":int}", "}")
            .replace(":path}", "}");
        let (access, body, listed, query) = (String::new(), None, None, [].as_slice());
        Self {
            method,
            path,
            beside: None,
            access,
            family,
            name,
            success,
            body,
            listed,
            query,
            also: &[],
            pattern,
            handler,
        }
    }

    fn needing(mut self, access: String) -> Self {
        self.access = access;
        self
    }

    /// The same route with a parameter that its path spells out.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.pattern = self.pattern.with(name, value);
        self
    }

    /// The same route, documented to read its body with `schemas`.
    #[must_use]
    pub fn takes(mut self, schemas: Vec<&'static Schema>) -> Self {
        self.body = Some(schemas);
        self
    }

    /// The same route, which reads or writes CSV beside JSON.
    #[must_use]
    pub fn with_csv(mut self) -> Self {
        self.beside = Some("text/csv");
        self
    }

    /// The same route, which answers events until the client goes away.
    #[must_use]
    pub fn with_events(mut self) -> Self {
        self.beside = Some(EVENTS);
        self
    }

    /// True if it answers events.
    pub fn has_events(&self) -> bool {
        self.beside == Some(EVENTS)
    }

    /// The same route, documented to answer `success`.
    #[must_use]
    pub fn answers(mut self, success: u16) -> Self {
        self.success = success;
        self
    }

    /// The same route, documented to answer a list.
    #[must_use]
    pub fn lists(mut self, rules: ListRules) -> Self {
        self.listed = Some(rules);
        self
    }

    /// The same route, documented to read query parameters.
    #[must_use]
    pub fn asks(mut self, query: &'static [&'static str]) -> Self {
        self.query = query;
        self
    }

    /// The same route, which also answers these methods.
    #[must_use]
    pub fn also(mut self, methods: &'static [Method]) -> Self {
        self.also = methods;
        self
    }

    fn takes_method(&self, method: &Method) -> bool {
        self.method == *method || self.also.contains(method)
    }

    /// True if it needs no caller.
    pub fn is_open(&self) -> bool {
        matches!(self.handler, Handler::Open(_))
    }

    /// Names of the parameters in its path.
    pub fn parameter_names(&self) -> impl Iterator<Item = &str> {
        self.pattern.names()
    }

    /// What the document files it under: the first word of its path.
    pub fn tag(&self) -> &str {
        self.path
            .trim_start_matches('/')
            .split('/')
            .next()
            .unwrap_or_default()
    }

    /// Its path for the router: what is open has no names there, which may differ between routes that begin alike; several
    /// segments can only be taken at the end.
    pub fn router_path(&self) -> String {
        let Some(head) = self.pattern.before_path(&self.path) else {
            return unnamed(&self.path);
        };
        format!("{}/{{open}}/{{*rest}}", unnamed(head))
    }

    /// A name that no other route has.
    pub fn operation_id(&self) -> String {
        let path = self.path.replace(['{', '}'], "").replace(['/', '.'], "_");
        format!("{}{path}", self.method.as_str().to_lowercase())
    }
}

fn unnamed(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            "{open}"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Every route of one path.
#[derive(Clone)]
pub struct PathRoutes(pub Vec<Route>);

impl PathRoutes {
    /// Answers a request to the path.
    pub async fn answer(&self, app: Arc<App>, parts: Parts, body: Body) -> Response {
        let path = parts.uri.path().trim_start_matches("/0.1");
        if !self.0.iter().all(|route| route.pattern.fits(path)) {
            return unknown_path();
        }
        if parts.method == Method::OPTIONS {
            return self.allowed(Response::new(Body::empty()));
        }
        let method = if parts.method == Method::HEAD {
            Method::GET
        } else {
            parts.method.clone()
        };
        let Some(route) = self.0.iter().find(|route| route.takes_method(&method)) else {
            let message = json!({"message": "The method is not allowed for the requested URL."});
            return self.allowed(json_answer(StatusCode::METHOD_NOT_ALLOWED, &message));
        };
        let serving = Arc::clone(&app);
        let answered = match serving.turns.take().await {
            Some(_turn) => run(route, app, parts, body).await,
            None => Err(ApiError::Busy),
        };
        answered.unwrap_or_else(|error| error.into_response(route.family))
    }

    fn allowed(&self, mut response: Response) -> Response {
        let also = self.0.iter().flat_map(|route| route.also);
        let methods = self.0.iter().map(|route| &route.method).chain(also);
        let mut methods: Vec<&str> = methods.map(Method::as_str).collect();
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

/// The answer for a path that no route has.
pub fn unknown_path() -> Response {
    let message = "The requested URL was not found on the server.";
    json_answer(StatusCode::NOT_FOUND, &json!({"message": message}))
}

async fn run(route: &Route, app: Arc<App>, parts: Parts, body: Body) -> Answer {
    let handler = match &route.handler {
        Handler::Granted(handler) => handler,
        Handler::Open(handler) => return handler(Open { app, parts, body }).await,
    };
    let path = PathParams::read(&route.pattern, parts.uri.path().trim_start_matches("/0.1"));
    let access = path.fill(&route.access);
    let caller = caller(&app, &parts.headers, access).await?;
    if app.strict_conventions {
        convention::check(&parts, route.beside)?;
    }
    let query = Query::read(&parts.uri);
    let (headers, body) = (parts.headers, Mutex::new(body));
    handler(Call {
        app,
        caller,
        path,
        query,
        headers,
        body,
    })
    .await
}

/// The answer of a change that has nothing to show.
pub fn no_content() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Who a request says it comes from; nothing of it is checked.
pub struct Claim {
    /// Its token; empty when it has none.
    pub token: Token,
    /// The tenant that it names.
    pub tenant: Result<Option<TenantId>, NoSuchTenant>,
}

/// A name that no tenant can have.
#[derive(Debug, Clone, Copy)]
pub struct NoSuchTenant;

impl Claim {
    /// What the headers of a request claim (dird-api.md §2).
    pub fn of(headers: &HeaderMap) -> Self {
        let tenant = match text(headers, "wazo-tenant") {
            None | Some("") => Ok(None),
            Some(named) => TenantId::new(named).map(Some).ok_or(NoSuchTenant),
        };
        Self {
            token: Token::new(text(headers, "x-auth-token").unwrap_or_default()),
            tenant,
        }
    }
}

/// Checks the token of a request, and the tenant it names.
async fn caller(app: &App, headers: &HeaderMap, access: String) -> Result<Caller, ApiError> {
    let Claim { token, tenant } = Claim::of(headers);
    let Ok(asked) = tenant else {
        return Err(no_such_tenant(token, access));
    };
    let authority = app.authority.as_ref();
    let checked = authenticate(authority, token.clone(), &access, asked.clone()).await;
    monitor::checked(&checked);
    checked
        .map_err(|refusal| ApiError::refusal(refusal, &token, access, asked, authority.address()))
}

/// A name that no tenant can have is refused as an unknown tenant is.
fn no_such_tenant(token: Token, access: String) -> ApiError {
    ApiError::Unauthorized(Box::new(Unauthorized {
        token,
        access,
        refusal: Refused::Forbidden(None),
    }))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
