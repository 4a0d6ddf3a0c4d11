//! `vendor.toml`: what a make of phone needs and can take, as data (phoned-vendors.md, one section per make).

use std::{collections::BTreeMap, fmt};

use serde::Deserialize;
use serde_json::{Map, Value};

pub use super::{
    appearance::{PreviewLine, PreviewRules, ScreenModel},
    habits::{CallerSearch, Download, Echo, Keys, Model, ParameterNames, Rich},
};
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

/// Whether a lookup needs a search text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TermRule {
    /// It does.
    #[default]
    Required,
    /// Phones of the make browse without one, if `lookup.allow_missing_term` lets them.
    Browses,
    /// It never does.
    Optional,
}

/// How an error looks on the phone (phoned-vendors.md §1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorLook {
    /// The `message` template.
    Message,
    /// The `results` template with one row: the text as name, no number.
    Row,
    /// No document but the status: the phone keeps the file that it has.
    Status,
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
    /// A name that the phone puts behind every address, as the last segment of the path.
    #[serde(default)]
    pub file: Option<String>,
    /// What directory clients of the make call themselves, in small letters: they get errors as a page.
    #[serde(default)]
    pub agents: Vec<String>,
    /// Beginnings of header names that only this make sends, in small letters.
    #[serde(default)]
    pub agent_headers: Vec<String>,
    /// Whether the search text may be left out.
    #[serde(default)]
    pub term: TermRule,
    /// One line per person with all numbers, in all documents.
    #[serde(default)]
    pub people: bool,
    /// How errors look.
    pub errors: ErrorLook,
    /// Names of the lookup's parameters.
    #[serde(default)]
    pub parameters: ParameterNames,
    /// Pages.
    #[serde(default)]
    pub page: PageRules,
    /// Requests for the name of a caller.
    #[serde(default)]
    pub caller: Option<CallerSearch>,
    /// Parameters that come back, by name.
    #[serde(default)]
    pub echo: BTreeMap<String, Echo>,
    /// Families of models.
    #[serde(default)]
    pub models: Vec<Model>,
    /// A step that answers a file.
    #[serde(default)]
    pub download: Option<Download>,
    /// Keys that the phones can be told to press; with them the make has the routes of do-not-disturb.
    #[serde(default)]
    pub keys: Option<Keys>,
    /// The richer documents.
    #[serde(default)]
    pub rich: Rich,
    /// How the phones look.
    #[serde(default)]
    pub preview: Option<PreviewRules>,
    /// A setting that, when true, makes documents of older servers that are no XML: they are not read strictly then.
    #[serde(default)]
    pub not_xml_if: Option<String>,
    /// Settings of the make with their defaults; `vendors.<name>.<setting>` of the configuration replaces them, templates read
    /// them as `settings`.
    #[serde(default)]
    pub settings: Map<String, Value>,
}

impl Manifest {
    /// Whether everything that the manifest names exists in it; the error says what does not.
    pub fn check(&self) -> Result<(), String> {
        let mut settings = Vec::new();
        settings.extend(self.not_xml_if.as_ref());
        settings.extend(self.rich.short_links.as_ref());
        settings.extend(self.caller.as_ref().map(|caller| &caller.switch));
        settings.extend(self.download.as_ref().map(|download| &download.setting));
        if let Some(missing) = settings
            .iter()
            .find(|name| !self.settings.contains_key(**name))
        {
            return Err(format!("there is no setting {missing}"));
        }
        let Some(download) = &self.download else {
            return Ok(());
        };
        if !self.models.iter().any(|model| model.name == download.model) {
            return Err(format!("there is no model {}", download.model));
        }
        if !self.steps.contains(&download.step) {
            return Err(format!("there is no step {}", download.step));
        }
        Ok(())
    }

    /// The file that `step` answers to a phone of these `families` instead of its document.
    pub fn downloaded(&self, step: Step, families: &[String]) -> Option<&Download> {
        let download = self
            .download
            .as_ref()
            .filter(|download| download.step == step)?;
        let asked = match self.settings.get(&download.setting) {
            Some(Value::Bool(on)) => *on,
            Some(Value::String(word)) => word == "auto" && families.contains(&download.model),
            _ => false,
        };
        asked.then_some(download)
    }

    /// Whether the configuration asks for documents that are no XML.
    pub fn is_loose(&self) -> bool {
        let setting = self.not_xml_if.as_ref();
        setting.is_some_and(|name| self.is_on(name))
    }

    /// Whether page links of `rich` documents are to be short.
    pub fn short_links(&self) -> bool {
        self.rich
            .short_links
            .as_ref()
            .is_some_and(|name| self.is_on(name))
    }

    /// Whether the setting `name` is true.
    pub fn is_on(&self, name: &str) -> bool {
        self.settings.get(name) == Some(&Value::Bool(true))
    }

    /// Lets every page have `size` rows, whatever the document and the model; 0 = all.
    pub fn set_page_size(&mut self, size: usize) {
        self.page.size = size;
        if let Some(rich) = &mut self.rich.page {
            rich.size = size;
        }
        for model in &mut self.models {
            model.rich_size = None;
        }
    }

    /// The rows and bytes of a page; `families` are the models that ask.
    pub fn rules(&self, rich: bool, families: &[&str]) -> PageRules {
        if !rich {
            return self.page.clone();
        }
        let mut rules = self.rich.page.clone().unwrap_or_else(|| self.page.clone());
        let asks = |model: &&Model| families.contains(&model.name.as_str());
        if let Some(size) = self
            .models
            .iter()
            .filter(asks)
            .find_map(|model| model.rich_size)
        {
            rules.size = size;
        }
        rules
    }
}

fn both_forms() -> Vec<Form> {
    vec![Form::Old, Form::New]
}
