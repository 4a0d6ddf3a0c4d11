//! A request whose caller is known, as a handler sees it.

use std::borrow::Cow;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::app::App;
use crate::backends::Asker;
use crate::contacts::{Spool, SpoolError};
use crate::error::ApiError;
use crate::identity::{Caller, Tenants, UserId, visible_tenants};
use crate::store::Page;

/// Longest body that is read into memory, in bytes (dird-platform.md §9).
const LONGEST_BODY: usize = 10 << 20;

/// A granted request.
pub struct Call {
    /// The running dird.
    pub app: Arc<App>,
    /// Who asks.
    pub caller: Caller,
    /// Path parameters by name.
    pub path: PathParams,
    /// Query parameters.
    pub query: Query,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, not read yet. Never locked: the mutex makes a call shareable between threads, which a body is not.
    pub body: Mutex<Body>,
}

impl Call {
    /// What sources are told of the caller.
    pub fn asker(&self) -> Asker {
        Asker {
            user: self.caller.user().cloned(),
            home: self.caller.home(),
            token: self.caller.token().clone(),
        }
    }

    /// What sources are told of the caller, who acts for `user`: somebody of the request's tenant.
    pub fn asker_for(&self, user: Option<UserId>) -> Asker {
        Asker {
            user,
            home: self.caller.tenant(),
            token: self.caller.token().clone(),
        }
    }

    /// The request's tenant and all below it that the caller may see.
    pub async fn visible_tenants(&self) -> Result<Tenants, ApiError> {
        let authority = self.app.authority.as_ref();
        let visible = visible_tenants(authority, &self.caller).await;
        visible.map_err(|refusal| {
            let (token, address) = (self.caller.token(), authority.address());
            ApiError::refusal(refusal, token, String::new(), None, address)
        })
    }

    /// The tenants that a list looks into.
    pub async fn listed_tenants(&self, page: &Page) -> Result<Tenants, ApiError> {
        if page.recurse {
            self.visible_tenants().await
        } else {
            Ok(self.caller.tenant().alone())
        }
    }

    /// The user behind the token, who has things of his own; a token without one is refused.
    pub fn user(&self) -> Result<UserId, ApiError> {
        let reason = "This token has no user UUID";
        let user = self.caller.user().cloned();
        user.ok_or(ApiError::Early(StatusCode::UNAUTHORIZED, reason))
    }

    /// Takes a body of up to `longest` bytes that is too long for memory.
    pub async fn spool(&mut self, longest: u64) -> Result<Spool, ApiError> {
        let body = self.body.get_mut().map(std::mem::take).unwrap_or_default();
        let spooled = Spool::receive(body, longest).await;
        spooled.map_err(|error| match error {
            SpoolError::TooLong => too_long(),
            SpoolError::Broken => too_slow(),
            SpoolError::Io(error) => ApiError::Internal(error.into()),
        })
    }

    /// Reads the JSON body. Its Content-Type does not matter; what is no JSON is refused, and so is a text with a NUL.
    pub async fn json(&mut self) -> Result<Value, ApiError> {
        let body = self.body.get_mut().map(std::mem::take).unwrap_or_default();
        let bytes = read_body(body).await?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        serde_json::from_slice(bytes).map_err(|_| malformed())
    }
}

/// A whole body, if it is short enough for memory.
pub async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    match axum::body::to_bytes(body, LONGEST_BODY).await {
        Ok(bytes) => Ok(bytes),
        Err(error) if is_too_long(&error) => Err(too_long()),
        Err(_) => Err(too_slow()),
    }
}

fn too_long() -> ApiError {
    let message = json!("The data value transmitted exceeds the capacity limit.");
    ApiError::Plain(StatusCode::PAYLOAD_TOO_LARGE, message)
}

fn too_slow() -> ApiError {
    let message = json!("The server timed out waiting for the body of the request.");
    ApiError::Plain(StatusCode::REQUEST_TIMEOUT, message)
}

/// True if a body was longer than what was asked for.
pub(crate) fn is_too_long(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The answer to a body that is no JSON (dird-api.md §1.1).
fn malformed() -> ApiError {
    let message = "The browser (or proxy) sent a request that this server could not understand.";
    ApiError::Plain(StatusCode::BAD_REQUEST, json!(message))
}

/// The parts of the path that the route leaves open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathParams(Vec<(Arc<str>, String)>);

/// What an open segment must look like for its route to be meant at all (dird-api.md §1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Any,
    /// A hyphenated UUID in any case, read in lower case.
    Uuid,
    /// A whole number.
    Number,
    /// One segment or several: a name that may hold slashes (O-21).
    Path,
}

/// A route's path, read once: which segments it leaves open.
#[derive(Debug, Clone)]
pub struct Pattern {
    open: Vec<(usize, Arc<str>, Form)>,
    last: usize,
    fixed: PathParams,
}

impl Pattern {
    /// Reads a path with `{parameters}`, some of them `{parameter:uuid}`, `{parameter:int}` or
    /// `{parameter:path}`, of which there is one at most.
    pub fn new(path: &str) -> Self {
        let named = path
            .split('/')
            .enumerate()
            .filter_map(|(position, segment)| {
                let name = segment.strip_prefix('{')?.strip_suffix('}')?;
                let (name, form) = match name.split_once(':') {
                    Some((name, "uuid")) => (name, Form::Uuid),
                    Some((name, "path")) => (name, Form::Path),
                    Some((name, _)) => (name, Form::Number),
                    None => (name, Form::Any),
                };
                Some((position, Arc::from(name), form))
            });
        Self {
            open: named.collect(),
            last: path.split('/').count() - 1,
            fixed: PathParams::default(),
        }
    }

    /// Names of the open segments.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.open.iter().map(|(_, name, _)| &**name)
    }

    /// The part of `path`, whose pattern this is, before the parameter that may take several segments.
    pub fn before_path<'a>(&self, path: &'a str) -> Option<&'a str> {
        let (_, name, _) = self.open.iter().find(|(_, _, form)| *form == Form::Path)?;
        let (head, _) = path.split_once(&format!("/{{{name}}}"))?;
        Some(head)
    }

    /// True if the open segments of `path`, which matches otherwise, have the form that the pattern asks for.
    pub fn fits(&self, path: &str) -> bool {
        !path.ends_with('/')
            && self.open.iter().all(|(position, _, form)| {
                let segment = path.split('/').nth(*position).unwrap_or_default();
                match form {
                    Form::Any | Form::Path => true,
                    Form::Uuid => is_hyphenated_uuid(segment),
                    Form::Number => segment.bytes().all(|byte| byte.is_ascii_digit()),
                }
            })
    }

    /// The same pattern with a parameter that the path itself spells out.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fixed.0.push((name.into(), value.to_owned()));
        self
    }
}

impl PathParams {
    /// Reads `path` by a route's pattern, which it is known to match. A `%2F` stays as it is but in the last segment (O-21);
    /// every other escape is decoded as UTF-8.
    pub fn read(pattern: &Pattern, path: &str) -> Self {
        let segments: Vec<&str> = path.split('/').collect();
        let mut params = pattern.fixed.clone();
        // Segments that a name with slashes takes beyond its own.
        let more = segments.len().saturating_sub(pattern.last + 1);
        let mut start = 0;
        for (position, name, form) in &pattern.open {
            let taken = if *form == Form::Path { more } else { 0 };
            let (first, after) = (start + position, start + position + taken + 1);
            let given = segments.get(first..after).unwrap_or_default().join("/");
            start += taken;
            let last = *position == pattern.last;
            let given = if last {
                given.into()
            } else {
                keep_slashes(&given)
            };
            let value = percent_decode_str(&given).decode_utf8_lossy().into_owned();
            let value = if *form == Form::Uuid {
                value.to_lowercase()
            } else {
                value
            };
            params.0.push((Arc::clone(name), value));
        }
        params
    }

    /// The parameter called `name`; empty if the route has none of that name.
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| **known == *name);
        found.map_or("", |(_, value)| value)
    }

    /// An access pattern with its `{placeholders}` filled; a dot inside a value becomes `_` (dird-api.md §2.2).
    pub fn fill(&self, access: &str) -> String {
        let fill = |access: String, (name, value): &(Arc<str>, String)| {
            access.replace(&format!("{{{name}}}"), &value.replace('.', "_"))
        };
        self.0.iter().fold(access.to_owned(), fill)
    }
}

fn is_hyphenated_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok()
}

/// Protects encoded slashes from decoding by encoding their percent sign.
fn keep_slashes(segment: &str) -> Cow<'_, str> {
    if segment.contains("%2F") || segment.contains("%2f") {
        return segment
            .replace("%2F", "%252F")
            .replace("%2f", "%252f")
            .into();
    }
    segment.into()
}

/// The query string, decoded; invalid UTF-8 becomes U+FFFD.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of a request.
    pub fn read(uri: &Uri) -> Self {
        Self::of_text(uri.query().unwrap_or_default())
    }

    /// Reads pairs in the form of a query, which is also that of a form.
    pub fn of_text(text: &str) -> Self {
        let pieces = text.split('&').filter(|piece| !piece.is_empty());
        let pair = |piece: &str| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            (decode(name), decode(value))
        };
        Self(pieces.map(pair).collect())
    }

    /// Names with their values, in order.
    pub fn into_pairs(self) -> impl Iterator<Item = (String, String)> {
        self.0.into_iter()
    }

    /// First value of the parameter called `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_parameters_are_decoded_by_their_place() {
        let pattern = Pattern::new("/0.1/directories/{profile}/{user_uuid}").with("backend", "csv");
        let params = PathParams::read(&pattern, "/0.1/directories/a%2Fb%20c/d%2Fe%C3%A9");
        assert_eq!(params.get("profile"), "a%2Fb c");
        assert_eq!(params.get("user_uuid"), "d/eé");
        assert_eq!(params.get("backend"), "csv");
        assert_eq!(params.get("other"), "");
    }

    #[test]
    fn dots_in_values_do_not_reach_the_access() {
        let params = PathParams::read(&Pattern::new("/{profile}/x"), "/my.prof/x");
        assert_eq!(params.fill("dird.{profile}.read"), "dird.my_prof.read");
    }

    #[test]
    fn the_first_of_repeated_query_parameters_counts() {
        let uri = Uri::from_static("/x?term=a+b%C3%A9&term=c&&flag&bad=%E9");
        let query = Query::read(&uri);
        assert_eq!(query.get("term"), Some("a bé"));
        assert_eq!(query.get("flag"), Some(""));
        assert_eq!(query.get("bad"), Some("\u{fffd}"));
        assert_eq!(query.get("none"), None);
    }
}
