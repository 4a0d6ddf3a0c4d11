//! Answers that `serve` gives by itself, without asking the service: requests it cannot frame, and a service that panicked.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

/// Why a request is turned away before the service sees it (phoned.md §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Broken line ends, framing or target: 400.
    Malformed,
    /// The request line is over its limit: 414.
    RequestLineTooLong,
    /// One header, all headers together or their count is over its limit: 431.
    FieldsTooLarge,
}

impl Refusal {
    /// The answer, ready to send.
    pub(super) fn response(self) -> Response<Full<Bytes>> {
        match self {
            Self::Malformed => message(
                StatusCode::BAD_REQUEST,
                "The browser (or proxy) sent a request that this server could not understand.",
            ),
            Self::RequestLineTooLong => message(
                StatusCode::URI_TOO_LONG,
                "The length of the requested URL exceeds the capacity limit for this server. The request cannot be processed.",
            ),
            Self::FieldsTooLarge => message(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "One or more header fields exceeds the maximum size.",
            ),
        }
    }
}

/// The answer to a request whose handler panicked (dird-platform.md §9).
pub(super) fn internal_error() -> Response<Full<Bytes>> {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

fn message(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let body = format!("{{\"message\": \"{text}\"}}\n");
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
