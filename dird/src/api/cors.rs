//! Cross-origin headers, on every answer (dird-api.md §1.2).

use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, header};
use serde::Deserialize;

/// `rest_api.cors`.
#[derive(Debug, Clone, Deserialize)]
pub struct Cors {
    /// False: no such header at all.
    pub enabled: bool,
    /// Request headers that a preflight may ask for.
    pub allow_headers: Vec<String>,
}

const METHODS: HeaderValue =
    HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");

impl Cors {
    /// Adds the headers that a request with `method` and `asked` headers is due.
    pub fn apply(&self, method: &Method, asked: &HeaderMap, response: &mut Response) {
        if !self.enabled {
            return;
        }
        let headers = response.headers_mut();
        let any = HeaderValue::from_static("*");
        let origin = asked.get(header::ORIGIN);
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_ORIGIN,
            origin.cloned().unwrap_or(any),
        );
        if origin.is_some() {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        let preflight = asked.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if *method != Method::OPTIONS || !preflight {
            return;
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        if let Some(allowed) = self.allowed(asked) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
    }

    /// The requested header names that are allowed, as the client spelled them, sorted.
    fn allowed(&self, asked: &HeaderMap) -> Option<HeaderValue> {
        let requested = asked
            .get(header::ACCESS_CONTROL_REQUEST_HEADERS)?
            .to_str()
            .ok()?;
        let known = |name: &&str| {
            self.allow_headers
                .iter()
                .any(|allowed| allowed.eq_ignore_ascii_case(name))
        };
        let mut names: Vec<&str> = requested.split(',').map(str::trim).filter(known).collect();
        names.sort_unstable();
        if names.is_empty() {
            return None;
        }
        HeaderValue::from_str(&names.join(", ")).ok()
    }
}
