//! What browsers are told on the routes of machines (phoned.md §4). Routes of phones say nothing unless configured (D7).

use http::{HeaderMap, HeaderName, HeaderValue, Method, header, request::Parts};

use crate::{config::Cors, respond::Response};

const ANY: HeaderValue = HeaderValue::from_static("*");

/// Adds the headers to `response`, the answer to a request with `method` and `request` headers.
pub fn add(settings: &Cors, method: &Method, request: &HeaderMap, response: &mut Response) {
    if !settings.enabled {
        return;
    }
    let headers = response.headers_mut();
    match request.get(header::ORIGIN) {
        None if settings.is_open() => {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        }
        None => {}
        Some(origin) => {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
            if !settings.accepts(origin.as_bytes()) {
                return;
            }
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
    }
    let preflight =
        *method == Method::OPTIONS && request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if !preflight {
        return;
    }
    if let Ok(methods) = HeaderValue::try_from(settings.methods.join(", ")) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    if let Some(seconds) = settings.max_age {
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, seconds.into());
    }
    if let Some(allowed) = allowed_headers(settings, request) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
    }
}

/// As [`add`] for the answer to a phone, if browsers may have those.
pub fn add_for_phones(settings: &Cors, request: &Parts, response: &mut Response) {
    if settings.phone_routes {
        add(settings, &request.method, &request.headers, response);
    }
}

/// The requested headers that are allowed; `None` when none is.
fn allowed_headers(settings: &Cors, request: &HeaderMap) -> Option<HeaderValue> {
    let requested = request
        .get(&header::ACCESS_CONTROL_REQUEST_HEADERS)?
        .to_str()
        .ok()?;
    let allowed = |name: &&str| {
        settings
            .allow_headers
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(name))
    };
    let valid = |name: &&str| HeaderName::try_from(*name).is_ok();
    let names: Vec<&str> = requested
        .split(',')
        .map(str::trim)
        .filter(valid)
        .filter(allowed)
        .collect();
    if names.is_empty() {
        None
    } else {
        HeaderValue::try_from(names.join(", ")).ok()
    }
}
