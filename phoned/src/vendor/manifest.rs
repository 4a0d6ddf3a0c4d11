//! `vendor.toml`: what a make of phone needs and can take, as data (phoned-vendors.md, one section per make).

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::directory::page::PageRules;

/// The requests that a phone makes, by the word in the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The phone's own menu gets a line for the directory.
    Menu,
    /// The form for the search text.
    Input,
    /// The results.
    Lookup,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Menu, Self::Input, Self::Lookup];

    /// The word in addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Menu => "menu",
            Self::Input => "input",
            Self::Lookup => "lookup",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

/// The two shapes of an address (phoned.md §3.1, D5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// `/0.1/directories/{step}/{profile}/{vendor}`.
    Old,
    /// `/0.1/{vendor}/directories/{step}/{profile}`.
    New,
}

/// Where an address names the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserPlace {
    /// The parameter `xivo_user_uuid`.
    #[default]
    Query,
    /// The last segment of the path.
    Path,
}

/// How an error looks on the phone (phoned-vendors.md §1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorLook {
    /// The `message` template.
    Message,
    /// The `results` template with one row: the text as name, no number.
    Row,
}

/// Names of the lookup's parameters.
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
}

impl Default for ParameterNames {
    fn default() -> Self {
        Self {
            term: "term".to_owned(),
            limit: "limit".to_owned(),
            offset: "offset".to_owned(),
            first: 0,
        }
    }
}

/// A `vendor.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Media type of the documents, without the charset.
    pub content_type: String,
    /// Whether ISO-8859-1 is sent to phones that prefer it (phoned-vendors.md §3.6).
    #[serde(default)]
    pub latin1: bool,
    /// Key of `enabled_plugins` that switches the make; its own name when absent.
    #[serde(default)]
    pub plugin: Option<String>,
    /// The steps that exist.
    pub steps: Vec<Step>,
    /// The address forms that exist.
    #[serde(default = "both_forms")]
    pub forms: Vec<Form>,
    /// Where the address names the user.
    #[serde(default)]
    pub user: UserPlace,
    /// Whether phones of the make browse without a search text, if `lookup.allow_missing_term` lets them.
    #[serde(default)]
    pub browses: bool,
    /// Whether a lookup without a search text is right in any case.
    #[serde(default)]
    pub term_optional: bool,
    /// How errors look.
    pub errors: ErrorLook,
    /// Names of the lookup's parameters.
    #[serde(default)]
    pub parameters: ParameterNames,
    /// Pages.
    #[serde(default)]
    pub page: PageRules,
    /// A setting that, when true, makes documents of older servers that are no XML: they are not read strictly then.
    #[serde(default)]
    pub not_xml_if: Option<String>,
    /// Settings of the make with their defaults; `vendors.<name>.<setting>` of the configuration replaces them, templates read
    /// them as `settings`.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

impl Manifest {
    /// Whether the configuration asks for documents that are no XML.
    pub fn is_loose(&self) -> bool {
        let setting = self.not_xml_if.as_ref();
        setting.and_then(|name| self.settings.get(name)) == Some(&Value::Bool(true))
    }
}

fn both_forms() -> Vec<Form> {
    vec![Form::Old, Form::New]
}
