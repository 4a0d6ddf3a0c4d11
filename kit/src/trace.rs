//! Which request a line of the log is about: the identifiers of W3C Trace Context, taken from `traceparent` or made up
//! (dird-platform.md §11, phoned.md §16.5).

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use http::{HeaderMap, HeaderValue};
use tracing::{Span, field};

/// The header that carries it from service to service.
pub const HEADER: &str = "traceparent";

/// One request's place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    id: u128,
    parent: Option<u64>,
    span: u64,
    sampled: bool,
}

impl Trace {
    /// The place of a request with these headers. Without a valid `traceparent` it starts a trace of its own.
    pub fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
        let (id, parent, sampled) = match given.and_then(parse) {
            Some((id, parent, sampled)) => (id, Some(parent), sampled),
            None => (
                u128::from(random()) << 64 | u128::from(random()),
                None,
                false,
            ),
        };
        Self {
            id,
            parent,
            span: random(),
            sampled,
        }
    }

    /// A span that puts the identifiers on every line of the log that is written within it, and a `url` if one is recorded.
    pub fn span(&self) -> Span {
        let (span_id, trace_id) = (SpanId(self.span), TraceId(self.id));
        let parent_id = self.parent.map(|parent| field::display(SpanId(parent)));
        let url = field::Empty;
        tracing::info_span!("request", %span_id, parent_id, %trace_id, url)
    }

    /// Whether the request came with a trace of its own.
    pub fn continues(&self) -> bool {
        self.parent.is_some()
    }

    /// What a call that is made for this request carries.
    pub fn header(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.to_string()).ok()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sampled = u8::from(self.sampled);
        let (id, span) = (TraceId(self.id), SpanId(self.span));
        write!(formatter, "00-{id}-{span}-{sampled:02x}")
    }
}

/// A whole trace, as headers and logs name it.
struct TraceId(u128);

impl fmt::Display for TraceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// One call of a trace, as headers and logs name it.
struct SpanId(u64);

impl fmt::Display for SpanId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

/// Trace, parent and whether it is sampled. A later version may append fields; the first one may not.
fn parse(text: &str) -> Option<(u128, u64, bool)> {
    let mut parts = text.trim().splitn(5, '-');
    let mut next = |length: usize| {
        let part = parts.next()?;
        let fits = part.len() == length
            && part
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        fits.then_some(part)
    };
    let (version, trace, parent, flags) = (next(2)?, next(32)?, next(16)?, next(2)?);
    if version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let trace = u128::from_str_radix(trace, 16).ok()?;
    let parent = u64::from_str_radix(parent, 16).ok()?;
    let flags = u8::from_str_radix(flags, 16).ok()?;
    (trace != 0 && parent != 0).then_some((trace, parent, flags & 1 == 1))
}

/// Any number but zero; each state of the hasher has keys of its own.
fn random() -> u64 {
    RandomState::new().hash_one(0_u8) | 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &'static str) -> Trace {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_static(text));
        Trace::of(&headers)
    }

    #[test]
    fn a_valid_header_is_gone_on_with_under_a_new_span() {
        let trace = of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        assert_eq!(trace.id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(trace.parent, Some(0x00f0_67aa_0ba9_02b7));
        let onward = trace.to_string();
        assert!(
            onward.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"),
            "{onward}"
        );
        assert!(
            onward.ends_with("-01") && !onward.contains("00f067aa0ba902b7"),
            "{onward}"
        );
    }

    #[test]
    fn a_later_version_may_say_more() {
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00-more";
        assert!(of(later).parent.is_some());
    }

    #[test]
    fn anything_else_starts_a_trace_of_its_own() {
        for invalid in [
            "",
            "hello",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
        ] {
            assert_eq!(of(invalid).parent, None, "{invalid}");
        }
        assert_ne!(of("").id, of("").id);
    }
}
