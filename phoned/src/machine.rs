//! The shape that all routes of machines share (phoned.md §3.3, §4): what browsers are told, the answers to OPTIONS and to methods
//! that a path does not have, the line in the log.

use std::{
    future::{Ready, ready},
    sync::Arc,
    time::Instant,
};

use axum::{
    body::Body,
    extract::Request,
    routing::{MethodFilter, MethodRouter, on},
};
use http::{HeaderValue, Method, header};

use crate::{app::App, cors, respond::Response, router};

/// A path of machines, `template` in the log, with the methods that [`Machine::on`] adds.
pub struct Machine {
    app: Arc<App>,
    template: &'static str,
    allow: Vec<Method>,
    methods: MethodRouter,
}

impl Machine {
    /// A path without a method.
    pub fn new(app: &Arc<App>, template: &'static str) -> Self {
        Self {
            app: Arc::clone(app),
            template,
            allow: Vec::new(),
            methods: MethodRouter::new(),
        }
    }

    /// Adds `method`, which `answer` answers; with GET comes HEAD.
    #[must_use]
    pub fn on<A, F>(mut self, method: Method, answer: A) -> Self
    where
        A: Fn(Arc<App>, Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let (app, template) = (Arc::clone(&self.app), self.template);
        let logged = move |request: Request| {
            let (app, answer) = (Arc::clone(&app), answer.clone());
            async move {
                let started = Instant::now();
                let (method, headers) = (request.method().clone(), request.headers().clone());
                let mut response = answer(Arc::clone(&app), request).await;
                cors::add(&app.config.rest_api.cors, &method, &headers, &mut response);
                router::log(&method, template, &response, started);
                response
            }
        };
        // The routes are made of methods that have a filter.
        if let Ok(filter) = MethodFilter::try_from(method.clone()) {
            self.methods = self.methods.merge(on(filter, logged));
            let with_get = (method == Method::GET).then_some(Method::HEAD);
            self.allow.push(method);
            self.allow.extend(with_get);
        }
        self
    }

    /// The path, closed to all other methods.
    pub fn close(self) -> MethodRouter {
        let names = self.allow.iter().chain([&Method::OPTIONS]);
        let names: Vec<&str> = names.map(Method::as_str).collect();
        let allow = HeaderValue::try_from(names.join(", "));
        // Names of methods are tokens, which a header can hold.
        let allow = allow.unwrap_or(HeaderValue::from_static("OPTIONS"));
        let template = self.template;
        let options = move |method: &Method| {
            let started = Instant::now();
            let mut response = http::Response::new(Body::empty());
            response.headers_mut().insert(header::ALLOW, allow.clone());
            router::log(method, template, &response, started);
            response
        };
        self.methods
            .options(with_cors(&self.app, options))
            .fallback(with_cors(&self.app, router::not_allowed))
    }
}

/// An answer that depends on the method alone, with what browsers are told.
fn with_cors(
    app: &Arc<App>,
    answer: impl Fn(&Method) -> Response + Clone + Send + Sync + 'static,
) -> impl Fn(Request) -> Ready<Response> + Clone + Send + Sync + 'static {
    let app = Arc::clone(app);
    move |request: Request| {
        let settings = &app.config.rest_api.cors;
        let mut response = answer(request.method());
        cors::add(settings, request.method(), request.headers(), &mut response);
        ready(response)
    }
}
