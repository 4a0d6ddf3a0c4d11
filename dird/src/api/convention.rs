//! Conventions of REST that clients may rely on: content negotiation, when it is asked to be strict, and conditional requests.

use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::{ApiError, json_answer};

/// With `rest_api.strict_conventions`: 406 unless `Accept` admits JSON, 415 for a body that is not declared as JSON. Some routes
/// know another type `beside` it.
pub fn check(parts: &Parts, beside: Option<&str>) -> Result<(), ApiError> {
    let accepted = text(&parts.headers, &header::ACCEPT);
    let accepted = accepted.is_some_and(|accept| admits(accept, beside));
    if !accepted {
        let message = "The resource can be represented as application/json only.";
        return Err(ApiError::Plain(StatusCode::NOT_ACCEPTABLE, json!(message)));
    }
    let sends = [Method::POST, Method::PUT, Method::PATCH].contains(&parts.method);
    let declared = text(&parts.headers, &header::CONTENT_TYPE);
    let declared = declared.is_some_and(|declared| is_taken(declared, beside));
    if sends && has_body(&parts.headers) && !declared {
        let message = "The body must be sent as application/json.";
        return Err(ApiError::Plain(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            json!(message),
        ));
    }
    Ok(())
}

fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn has_body(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
        || text(headers, &header::CONTENT_LENGTH).is_some_and(|length| length != "0")
}

fn is_taken(content_type: &str, beside: Option<&str>) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || beside.is_some_and(|beside| essence.eq_ignore_ascii_case(beside))
}

/// True if some range of an `Accept` header covers JSON, or the type `beside` it, with a weight above zero; the most specific range counts.
fn admits(accept: &str, beside: Option<&str>) -> bool {
    let mut best = None;
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let specific = match parts
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
            .as_str()
        {
            "application/json" => 2,
            range if Some(range) == beside => 2,
            "application/*" => 1,
            "text/*" if beside.is_some() => 1,
            "*/*" => 0,
            _ => continue,
        };
        let weight = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(1.0, |weight| weight.parse::<f32>().unwrap_or(0.0));
        if best.is_none_or(|(known, _)| specific >= known) {
            best = Some((specific, weight));
        }
    }
    best.is_some_and(|(_, weight)| weight > 0.0)
}

/// The strong validator of an object: a hash of its JSON.
pub fn etag(object: &impl Serialize) -> String {
    // Our objects have text keys only and nothing that fails to serialise.
    let bytes = serde_json::to_vec(object).unwrap_or_default();
    format!("\"{}\"", hex::encode(&Sha256::digest(bytes)[..12]))
}

/// A single object with its validator; 304 if the client has it already.
pub fn object(headers: &HeaderMap, object: &impl Serialize) -> Response {
    let tag = etag(object);
    let known = text(headers, &header::IF_NONE_MATCH).is_some_and(|tags| lists(tags, &tag));
    let mut response = if known {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        json_answer(StatusCode::OK, object)
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// Refuses to change an object that is no longer what the client says it is. What is to be changed only while it is `known`,
/// because the client says anything at all.
pub fn unchanged<'a, T>(
    headers: &HeaderMap,
    known: &'a T,
    shown: &impl Serialize,
) -> Result<Option<&'a T>, ApiError> {
    match text(headers, &header::IF_MATCH) {
        None => Ok(None),
        // Whatever it is by then, it only has to be there.
        Some(tags) if tags.trim() == "*" => Ok(None),
        Some(tags) if lists(tags, &etag(shown)) => Ok(Some(known)),
        Some(_) => Err(ApiError::Changed),
    }
}

fn lists(tags: &str, tag: &str) -> bool {
    tags.split(',')
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        for (accept, admitted) in [
            ("application/json", true),
            ("text/html, */*;q=0.1", true),
            ("text/html", false),
            ("*/*, application/json;q=0", false),
            ("application/*", true),
            ("", false),
        ] {
            assert_eq!(admits(accept, None), admitted, "{accept:?}");
        }
    }

    #[test]
    fn a_validator_follows_the_object() {
        let (one, other) = (json!({"a": 1}), json!({"a": 2}));
        assert_ne!(etag(&one), etag(&other));
        let mut headers = HeaderMap::new();
        headers.insert(
            header::IF_MATCH,
            HeaderValue::from_str(&format!("\"x\", {}", etag(&one))).unwrap(),
        );
        assert_eq!(unchanged(&headers, &1, &one).unwrap(), Some(&1));
        assert!(unchanged(&headers, &1, &other).is_err());
        headers.insert(header::IF_MATCH, HeaderValue::from_static("*"));
        assert_eq!(unchanged(&headers, &1, &other).unwrap(), None);
        assert_eq!(unchanged(&HeaderMap::new(), &1, &other).unwrap(), None);
        headers.insert(
            header::IF_NONE_MATCH,
            HeaderValue::from_str(&etag(&one)).unwrap(),
        );
        assert_eq!(object(&headers, &one).status(), StatusCode::NOT_MODIFIED);
        assert_eq!(object(&headers, &other).status(), StatusCode::OK);
    }
}
