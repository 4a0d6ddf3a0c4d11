//! The parts of a manifest that say how a make's phones ask and what they can take beyond the plain documents.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::manifest::Step;
use crate::directory::page::PageRules;

/// Names of the lookup's parameters, and how to read them.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParameterNames {
    /// The search text.
    pub term: String,
    /// Rows wanted.
    pub limit: String,
    /// First row wanted.
    pub offset: String,
    /// What `offset` calls the first row: 0 or 1.
    pub first: usize,
    /// Characters that are taken out of the search text: wildcards of the phone.
    pub wildcards: String,
    /// Parameters whose values are the search text together, when `term` is missing or empty.
    pub term_parts: Vec<String>,
    /// The parameter with the most bytes that the phone takes.
    pub bytes: Option<String>,
    /// A value of `bytes` below this is no size of a document and is ignored.
    pub least_bytes: usize,
}

impl Default for ParameterNames {
    fn default() -> Self {
        Self {
            term: "term".to_owned(),
            limit: "limit".to_owned(),
            offset: "offset".to_owned(),
            first: 0,
            wildcards: String::new(),
            term_parts: Vec::new(),
            bytes: None,
            least_bytes: 0,
        }
    }
}

/// What a make's phones call keys that they can be told to press (phoned.md §11, §12).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Holds the call, or takes it back.
    pub hold: String,
    /// Takes the ringing call.
    pub answer: String,
    /// Switches do-not-disturb on.
    pub dnd_on: String,
    /// Switches do-not-disturb off.
    pub dnd_off: String,
}

/// Requests that ask for the name of a caller instead of searching (phoned-vendors.md §8.4).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallerSearch {
    /// Parameters that may hold the caller's number.
    pub numbers: Vec<String>,
    /// Parameters and values that mark such a request.
    pub when: BTreeMap<String, String>,
    /// The parameter that marks it alone, if there is no search text.
    pub or_alone: Option<String>,
    /// The setting that, when false, makes everybody unknown without asking.
    pub switch: String,
}

/// A parameter whose value goes back into the document.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Echo {
    /// Values that are repeated.
    pub values: Vec<String>,
    /// What is said instead of all others.
    pub default: String,
}

/// A family of models that gets something of its own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The templates see `models.<name>`.
    pub name: String,
    /// What their `User-Agent` contains, in small letters.
    pub agents: Vec<String>,
    /// Rows of a `rich` page.
    #[serde(default)]
    pub rich_size: Option<usize>,
}

/// A step that answers all entries as one file to download (phoned-vendors.md §6.5).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// The step that answers it.
    pub step: Step,
    /// The setting that asks for it: true always, `"auto"` for `model`, false never.
    pub setting: String,
    /// The family of models that `"auto"` means.
    pub model: String,
    /// Most entries.
    pub cap: usize,
    /// Most characters of a name, and of a number; 0 = no bound.
    pub name: usize,
    /// Most characters of a number; longer ones are left out.
    pub number: usize,
}

/// What the `rich` documents of a make have beside their templates, which are named `rich-*` (phoned-vendors.md §1.1).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rich {
    /// Pages, if other than those of the plain documents.
    pub page: Option<PageRules>,
    /// One line per person with all numbers, instead of one per number.
    pub people: bool,
    /// Results are past their date at once, so that leaving them does not show an old page.
    pub expires: bool,
    /// Results have an `ETag`, for phones that refresh them.
    pub etag: bool,
    /// A request header with the size of the screen in pixels, width first.
    pub screen_header: Option<String>,
    /// Pixels of one character.
    pub pixels: usize,
    /// The setting that, when true, makes page links short enough for these phones.
    pub short_links: Option<String>,
}
