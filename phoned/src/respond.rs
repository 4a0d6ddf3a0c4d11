//! Answers: documents with the headers phones need (phoned-vendors.md §1.4), errors as JSON or as a page of the phone
//! (phoned.md §8).

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::{
    app::App,
    cache::Document,
    config::ErrorMode,
    directory::asked::{self, Asked},
    error::PhoneError,
    vendor::{registry::Vendor, render::Charset},
};

/// An answer of ours; its body is always whole, so that it never goes out in chunks.
pub type Response = http::Response<Body>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const STALE: HeaderValue = HeaderValue::from_static("110 - \"Response is Stale\"");
const STATUS: HeaderName = HeaderName::from_static("x-phoned-status");
const ERROR: HeaderName = HeaderName::from_static("x-phoned-error");

/// What directory clients of phones call themselves, in small letters.
const PHONES: [&str; 14] = [
    "aastra",
    "mitel",
    "cisco",
    "allegro",
    "polycom",
    "poly",
    "snom",
    "thomson",
    "technicolor",
    "yealink",
    "gigaset",
    "fanvil",
    "htek",
    "alcatel",
];

/// `Vary` of a make's documents.
pub fn vary(vendor: &Vendor) -> HeaderValue {
    HeaderValue::from_static(if vendor.manifest.latin1 {
        "Accept-Language, Accept-Charset"
    } else {
        "Accept-Language"
    })
}

/// A document; `stale` ones carry a warning.
pub fn document(document: &Document, stale: bool) -> Response {
    let mut response = http::Response::new(Body::from(document.body.clone()));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, document.content_type.clone());
    headers.insert(header::CACHE_CONTROL, PRIVATE);
    headers.insert(header::VARY, document.vary.clone());
    if stale {
        headers.insert(header::WARNING, STALE);
    }
    response
}

/// An error as programs read it.
pub fn json(error: &PhoneError) -> Response {
    let mut response = json_body(error.problem().status, error.body().into());
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, NO_STORE);
    if *error == PhoneError::Overloaded {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}

/// A JSON answer.
pub fn json_body(status: StatusCode, body: Bytes) -> Response {
    let mut response = http::Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// An error as whoever asked can show it.
pub fn phone_error(
    app: &App,
    asked: &Asked<'_>,
    headers: &HeaderMap,
    error: &PhoneError,
) -> Response {
    let wants_screen = match app.config.phone_errors.mode {
        ErrorMode::Json => false,
        ErrorMode::Screen => true,
        ErrorMode::Auto => is_phone(headers),
    };
    if !wants_screen || !error.can_be_a_screen() {
        return json(error);
    }
    let page = asked.page();
    let text = asked.label(error.label());
    let Ok(body) = app.registry.message(&page, asked.route.step, text) else {
        return json(error);
    };
    let mut response = http::Response::new(Body::from(body));
    let headers = response.headers_mut();
    let problem = error.problem();
    headers.insert(
        header::CONTENT_TYPE,
        match page.charset {
            Charset::Utf8 => page.vendor.utf8.clone(),
            Charset::Latin1 => page.vendor.latin1.clone(),
        },
    );
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::VARY, vary(page.vendor));
    headers.insert(STATUS, HeaderValue::from(problem.status.as_u16()));
    headers.insert(ERROR, HeaderValue::from_static(problem.error_id));
    response
}

/// Whether a request comes from a phone (phoned.md §8). It decides how errors look, never who may ask.
fn is_phone(headers: &HeaderMap) -> bool {
    let accept = asked::text(headers, &header::ACCEPT).unwrap_or("");
    if accept.to_ascii_lowercase().contains("application/json") {
        return false;
    }
    let agent = asked::text(headers, &header::USER_AGENT)
        .unwrap_or("")
        .to_ascii_lowercase();
    PHONES.iter().any(|phone| agent.contains(phone))
        || headers
            .keys()
            .any(|name| name.as_str().starts_with("x-ciscoipphone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |&(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn phones_are_told_from_programs() {
        assert!(is_phone(&headers(&[(
            "user-agent",
            "Mozilla/4.0 (compatible; snom710-SIP 8.7)"
        )])));
        assert!(is_phone(&headers(&[(
            "x-ciscoipphonemodelname",
            "CP-7961G"
        )])));
        assert!(!is_phone(&headers(&[("user-agent", "curl/8.5")])));
        assert!(!is_phone(&headers(&[
            ("user-agent", "Yealink SIP-T46G"),
            ("accept", "application/json")
        ])));
        assert!(!is_phone(&HeaderMap::new()));
    }
}
