//! Answers: documents with the headers phones need (phoned-vendors.md §1.4), errors as JSON or as a page of the phone
//! (phoned.md §8).

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use kit::problem::Problem;

use crate::{
    app::App,
    cache::Document,
    config::ErrorMode,
    directory::asked::{self, Asked},
    error::PhoneError,
    tally,
    vendor::{
        registry::{Agents, Vendor},
        render::Charset,
    },
};

/// An answer of ours; its body is always whole, so that it never goes out in chunks.
pub type Response = http::Response<Body>;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-store");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const REVALIDATE: HeaderValue = HeaderValue::from_static("private, no-cache");
const LONG_AGO: HeaderValue = HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT");
const STALE: HeaderValue = HeaderValue::from_static("110 - \"Response is Stale\"");
const STATUS: HeaderName = HeaderName::from_static("x-phoned-status");
const ERROR: HeaderName = HeaderName::from_static("x-phoned-error");

/// `Vary` of a make's documents.
pub fn vary(vendor: &Vendor) -> HeaderValue {
    HeaderValue::from_static(if vendor.manifest.latin1 {
        "Accept-Language, Accept-Charset"
    } else {
        "Accept-Language"
    })
}

/// A document for the request with `request` headers, or that the phone has it already; `stale` ones carry a warning.
pub fn document(document: &Document, stale: bool, request: &HeaderMap) -> Response {
    let known = request.get(header::IF_NONE_MATCH);
    let is_known = known.is_some() && known == document.etag.as_ref();
    let mut response = if is_known {
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        http::Response::new(Body::from(document.body.clone()))
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, document.content_type.clone());
    headers.insert(header::CACHE_CONTROL, PRIVATE);
    headers.insert(header::VARY, document.vary.clone());
    if let Some(etag) = &document.etag {
        headers.insert(header::ETAG, etag.clone());
        // The phone may keep the page, if it asks each time whether it still holds.
        headers.insert(header::CACHE_CONTROL, REVALIDATE);
    }
    if document.expired {
        headers.insert(header::EXPIRES, LONG_AGO);
    }
    if stale {
        headers.insert(header::WARNING, STALE);
    }
    response
}

/// A name for exactly these bytes.
pub fn etag(body: &[u8]) -> Option<HeaderValue> {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    HeaderValue::try_from(format!("\"{:x}-{:016x}\"", body.len(), hasher.finish())).ok()
}

/// An error as programs read it.
pub fn json(error: &PhoneError) -> Response {
    let mut response = private_json(error.problem().status, error.body().into());
    retry_after(error, response.headers_mut());
    response
}

/// What a program did wrong, or why it is not served.
pub fn problem(problem: &Problem) -> Response {
    private_json(problem.status, problem.body().into())
}

/// When a phone that has to wait may come back (phoned.md §15).
fn retry_after(error: &PhoneError, headers: &mut HeaderMap) {
    let seconds = match error {
        PhoneError::Overloaded => 2,
        PhoneError::TooManyRequests { wait } => *wait,
        _ => return,
    };
    headers.insert(header::RETRY_AFTER, seconds.into());
}

/// A JSON answer that nobody keeps.
pub fn private_json(status: StatusCode, body: Bytes) -> Response {
    let mut response = json_body(status, body);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, NO_STORE);
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
        ErrorMode::Auto => is_phone(headers, &app.registry.agents),
    };
    if !wants_screen || !error.can_be_a_screen() || asked.keeps_answers() {
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
    tally::screen(&page.vendor.name, problem.error_id);
    headers.insert(
        header::CONTENT_TYPE,
        match page.charset {
            Charset::Utf8 => page.vendor.utf8.clone(),
            Charset::Latin1 => page.vendor.latin1.clone(),
        },
    );
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    if page.rich && page.vendor.manifest.rich.expires {
        headers.insert(header::EXPIRES, LONG_AGO);
    }
    headers.insert(header::VARY, vary(page.vendor));
    headers.insert(STATUS, HeaderValue::from(problem.status.as_u16()));
    headers.insert(ERROR, HeaderValue::from_static(problem.error_id));
    retry_after(error, headers);
    // The one error that is no page with status 200 but has one (phoned.md §8).
    if let PhoneError::TooManyRequests { .. } = error {
        *response.status_mut() = problem.status;
    }
    response
}

/// Whether a request comes from a phone (phoned.md §8). It decides how errors look, never who may ask.
fn is_phone(headers: &HeaderMap, agents: &Agents) -> bool {
    let accept = asked::text(headers, &header::ACCEPT).unwrap_or("");
    if accept.to_ascii_lowercase().contains("application/json") {
        return false;
    }
    let agent = asked::text(headers, &header::USER_AGENT)
        .unwrap_or("")
        .to_ascii_lowercase();
    let named = |name: &str| agents.headers.iter().any(|start| name.starts_with(start));
    agents.words.iter().any(|word| agent.contains(word))
        || headers.keys().any(|name| named(name.as_str()))
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
        let agents = Agents {
            words: vec!["snom".to_owned(), "yealink".to_owned()],
            headers: vec!["x-ciscoipphone".to_owned()],
        };
        for (name, value, expected) in [
            (
                "user-agent",
                "Mozilla/4.0 (compatible; Snom710-SIP 8.7)",
                true,
            ),
            ("x-ciscoipphonemodelname", "CP-7961G", true),
            ("user-agent", "curl/8.5", false),
        ] {
            assert_eq!(
                is_phone(&headers(&[(name, value)]), &agents),
                expected,
                "{value}"
            );
        }
        let program = [
            ("user-agent", "Yealink SIP-T46G"),
            ("accept", "application/json"),
        ];
        assert!(!is_phone(&headers(&program), &agents));
        assert!(!is_phone(&HeaderMap::new(), &agents));
    }
}
