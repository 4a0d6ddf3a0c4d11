//! A request whose caller is known, as a handler sees it.

use std::borrow::Cow;
use std::sync::Arc;

use http::Uri;
use percent_encoding::percent_decode_str;

use crate::app::App;
use crate::backends::Asker;
use crate::identity::{Caller, UserId};

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
}

impl Call {
    /// What sources are told of the caller, acting for `user`.
    pub fn asker(&self, user: Option<UserId>) -> Asker {
        Asker {
            user,
            token: self.caller.token().clone(),
        }
    }
}

/// The parts of the path that the route leaves open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PathParams(Vec<(&'static str, String)>);

impl PathParams {
    /// Reads `path` by a route's pattern, which it is known to match. A `%2F` stays as it is but in the last segment (O-21);
    /// every other escape is decoded as UTF-8.
    pub fn read(pattern: &'static str, path: &str) -> Self {
        let wanted: Vec<&'static str> = pattern.split('/').collect();
        let last = wanted.len() - 1;
        let named = wanted.into_iter().zip(path.split('/')).enumerate();
        let params = named.filter_map(|(position, (wanted, given))| {
            let name = wanted.strip_prefix('{')?.strip_suffix('}')?;
            let given = if position == last {
                given.into()
            } else {
                keep_slashes(given)
            };
            Some((
                name,
                percent_decode_str(&given).decode_utf8_lossy().into_owned(),
            ))
        });
        Self(params.collect())
    }

    /// The parameter called `name`; empty if the route has none of that name.
    pub fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value)
    }

    /// An access pattern with its `{placeholders}` filled; a dot inside a value becomes `_` (dird-api.md §2.2).
    pub fn fill(&self, access: &str) -> String {
        let fill = |access: String, (name, value): &(&str, String)| {
            access.replace(&format!("{{{name}}}"), &value.replace('.', "_"))
        };
        self.0.iter().fold(access.to_owned(), fill)
    }
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
        let pieces = uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|piece| !piece.is_empty());
        let pair = |piece: &str| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            (decode(name), decode(value))
        };
        Self(pieces.map(pair).collect())
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
        let pattern = "/0.1/directories/{profile}/{user_uuid}";
        let params = PathParams::read(pattern, "/0.1/directories/a%2Fb%20c/d%2Fe%C3%A9");
        assert_eq!(params.get("profile"), "a%2Fb c");
        assert_eq!(params.get("user_uuid"), "d/eé");
        assert_eq!(params.get("other"), "");
    }

    #[test]
    fn dots_in_values_do_not_reach_the_access() {
        let params = PathParams::read("/{profile}/x", "/my.prof/x");
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
