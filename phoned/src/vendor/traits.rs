//! What a request tells about the phone that sent it, as far as the make's manifest cares: its family of models, the width of
//! its screen, parameters that come back in the document. None of it opens or closes anything (phoned.md §18).

use std::collections::BTreeMap;

use http::{HeaderMap, header};

use super::manifest::Manifest;
use crate::query::Query;

/// Narrower and wider screens do not exist.
const COLUMNS: std::ops::RangeInclusive<usize> = 12..=200;

/// The phone behind a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traits {
    /// Families of models that it belongs to.
    pub families: Vec<String>,
    /// Characters that fit into a line of its screen, if it says so.
    pub columns: Option<usize>,
    /// Parameters that come back, by name.
    pub echo: BTreeMap<String, String>,
}

impl Traits {
    /// Reads them from a request to a make with that `manifest`; the screen matters to `rich` documents only.
    pub fn read(manifest: &Manifest, rich: bool, headers: &HeaderMap, query: &Query<'_>) -> Self {
        let echo = manifest.echo.iter().map(|(name, echo)| {
            let sent = query.get(name).unwrap_or("");
            let known = echo.values.iter().find(|value| *value == sent);
            (name.clone(), known.unwrap_or(&echo.default).clone())
        });
        Self {
            families: families(manifest, headers),
            columns: rich.then(|| columns(manifest, headers)).flatten(),
            echo: echo.collect(),
        }
    }

    /// What of it is not in the address of a request, as text: documents that differ in it are different documents.
    pub fn key(&self) -> String {
        match (self.families.as_slice(), self.columns) {
            ([], None) => String::new(),
            (families, columns) => format!("{}/{}", families.join(","), columns.unwrap_or(0)),
        }
    }

    /// The families as templates and rules compare them.
    pub fn family_names(&self) -> Vec<&str> {
        self.families.iter().map(String::as_str).collect()
    }
}

fn families(manifest: &Manifest, headers: &HeaderMap) -> Vec<String> {
    if manifest.models.is_empty() {
        return Vec::new();
    }
    let agent = headers.get(header::USER_AGENT);
    let agent = agent
        .map(|agent| String::from_utf8_lossy(agent.as_bytes()).to_lowercase())
        .unwrap_or_default();
    let belongs = |words: &[String]| words.iter().any(|word| agent.contains(word.as_str()));
    let models = manifest.models.iter();
    models
        .filter(|model| belongs(&model.agents))
        .map(|model| model.name.clone())
        .collect()
}

/// Characters of a line: `298,168,1,C` is a screen of 298 pixels by 168.
fn columns(manifest: &Manifest, headers: &HeaderMap) -> Option<usize> {
    let size = headers.get(manifest.rich.screen_header.as_ref()?)?;
    let width: usize = size.to_str().ok()?.split(',').next()?.trim().parse().ok()?;
    let columns = width.checked_div(manifest.rich.pixels)?;
    Some(columns.clamp(*COLUMNS.start(), *COLUMNS.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        toml::from_str(
            r#"
            content_type = "text/xml"
            steps = ["lookup"]
            errors = "row"
            [[models]]
            name = "wide"
            agents = ["w90", "w91"]
            [echo.type]
            values = ["a", "b"]
            default = "b"
            [rich]
            screen_header = "x-screen"
            pixels = 6
            "#,
        )
        .expect("a manifest")
    }

    fn read(headers: &[(&'static str, &'static str)], query: &str) -> Traits {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                let name = http::HeaderName::from_static(name);
                (name, http::HeaderValue::from_static(value))
            })
            .collect();
        Traits::read(&manifest(), true, &headers, &Query::parse(query))
    }

    #[test]
    fn models_are_known_by_their_agent_and_screens_by_their_header() {
        let traits = read(
            &[("user-agent", "Maker W91 1.2"), ("x-screen", "133,65,1,G")],
            "",
        );
        assert_eq!(traits.families, ["wide"]);
        assert_eq!(traits.columns, Some(22));
        assert_ne!(traits.key(), read(&[], "").key());
        for odd in ["", "x", "-3", "99999999999999999999999"] {
            assert_eq!(read(&[("x-screen", odd)], "").columns, None, "{odd}");
        }
        assert_eq!(read(&[("x-screen", "1")], "").columns, Some(12));
    }

    #[test]
    fn only_listed_values_come_back() {
        for (query, expected) in [("type=a", "a"), ("type=<x>", "b"), ("", "b")] {
            assert_eq!(read(&[], query).echo["type"], expected, "{query}");
        }
    }
}
