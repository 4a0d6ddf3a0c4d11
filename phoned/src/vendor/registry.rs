//! All makes and languages, loaded and checked as one: either everything is sound or nothing is used (phoned.md §16.3).

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use http::HeaderValue;
use minijinja::{Environment, UndefinedBehavior, Value, syntax::SyntaxConfig};
use serde::Deserialize;
use serde_json::Map;

use super::{
    files::{self, Files},
    manifest::{Manifest, Step},
    proof, xml,
};
use crate::lang::{Branding, Catalogue, Locale};

/// What the configuration says about makes.
#[derive(Debug, Default)]
pub struct Choices {
    /// Folder of the templates; `None` = those compiled in.
    pub folder: Option<PathBuf>,
    /// `vendors.<name>`.
    pub vendors: BTreeMap<String, VendorSettings>,
    /// Makes switched off by `enabled_plugins`.
    pub disabled: Vec<String>,
    /// `i18n.default_locale`.
    pub default_locale: String,
    /// `branding`.
    pub branding: Branding,
}

/// `vendors.<name>` of the configuration.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct VendorSettings {
    /// Rows of a page instead of the make's own; 0 = all.
    pub page_size: Option<usize>,
    /// `lookup.allow_missing_term` for this make alone.
    pub allow_missing_term: Option<bool>,
    /// Settings that the make's `vendor.toml` names.
    #[serde(flatten)]
    pub settings: Map<String, serde_json::Value>,
}

/// Why the templates cannot be used. The message names the file and, where it is known, the line.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The folder or a file in it cannot be read.
    #[error(transparent)]
    Unreadable(#[from] files::Unreadable),
    /// A file does not say what it should.
    #[error("{file}: {what}")]
    File {
        /// Path inside the template folder.
        file: String,
        /// What is wrong, with the line if there is one.
        what: String,
    },
    /// The configuration asks for what is not there.
    #[error("{0}")]
    Choice(String),
}

impl RegistryError {
    pub(super) fn file(file: impl Into<String>, what: impl std::fmt::Display) -> Self {
        Self::File {
            file: file.into(),
            what: what.to_string(),
        }
    }
}

/// One make, ready to serve.
#[derive(Debug)]
pub struct Vendor {
    /// Name of its folder and word in addresses.
    pub name: String,
    /// Its `vendor.toml`, with the configuration's page size laid over.
    pub manifest: Manifest,
    /// `vendors.<name>.allow_missing_term`.
    pub allow_missing_term: Option<bool>,
    /// Its settings as templates see them.
    pub settings: Value,
    /// `Content-Type` of its documents in UTF-8.
    pub utf8: HeaderValue,
    /// `Content-Type` of its documents in ISO-8859-1.
    pub latin1: HeaderValue,
    templates: BTreeMap<&'static str, String>,
}

impl Vendor {
    /// Whether the plugin `name` switches this make.
    fn belongs_to(&self, name: &str) -> bool {
        self.manifest.plugin.as_deref().unwrap_or(&self.name) == name
    }

    /// Name of the template for `document`: `menu`, `input`, `results` or `message`.
    pub fn template(&self, document: &str) -> Option<&str> {
        self.templates.get(document).map(String::as_str)
    }
}

/// The documents a make may have a template for.
const DOCUMENTS: [&str; 4] = ["menu", "input", "results", "message"];

/// All makes, their templates and the languages.
#[derive(Debug)]
pub struct Registry {
    /// Makes in the order of their names.
    pub vendors: Vec<Arc<Vendor>>,
    /// The languages.
    pub catalogue: Catalogue,
    /// The compiled templates.
    pub environment: Environment<'static>,
    /// Settings that no make knows, for a warning.
    pub unknown_settings: Vec<String>,
}

impl Registry {
    /// Loads everything, fills in every template with difficult data and reads the result strictly.
    pub fn load(choices: &Choices) -> Result<Self, RegistryError> {
        let files = files::read(choices.folder.as_deref())?;
        let mut registry = Self {
            vendors: Vec::new(),
            catalogue: catalogue(&files, choices)?,
            environment: environment(&files)?,
            unknown_settings: Vec::new(),
        };
        for (file, text) in files
            .iter()
            .filter(|(file, _)| file.ends_with("/vendor.toml"))
        {
            let vendor = Self::vendor(file, text, &files, choices)?;
            registry.vendors.push(Arc::new(vendor));
        }
        registry.check_choices(choices);
        proof::prove(&registry)?;
        registry
            .vendors
            .retain(|vendor| !choices.disabled.iter().any(|off| vendor.belongs_to(off)));
        Ok(registry)
    }

    fn vendor(
        file: &str,
        text: &str,
        files: &Files,
        choices: &Choices,
    ) -> Result<Vendor, RegistryError> {
        let mut manifest: Manifest =
            toml::from_str(text).map_err(|error| RegistryError::file(file, error))?;
        let name = file.trim_end_matches("/vendor.toml").to_owned();
        let chosen = choices.vendors.get(&name).cloned().unwrap_or_default();
        if let Some(size) = chosen.page_size {
            manifest.page.size = size;
        }
        for (setting, value) in chosen.settings {
            if let Some(known) = manifest.settings.get_mut(&setting) {
                *known = value;
            }
        }
        let charset = |charset: &str| {
            HeaderValue::try_from(format!("{}; charset={charset}", manifest.content_type))
                .map_err(|error| RegistryError::file(file, format!("content_type: {error}")))
        };
        Ok(Vendor {
            allow_missing_term: chosen.allow_missing_term,
            settings: Value::from(minijinja::value::Serde(&manifest.settings)),
            utf8: charset("utf-8")?,
            latin1: charset("iso-8859-1")?,
            templates: templates(&name, &manifest, files)?,
            manifest,
            name,
        })
    }

    /// Notes settings of makes or of names that do not exist.
    fn check_choices(&mut self, choices: &Choices) {
        for (name, chosen) in &choices.vendors {
            let Some(vendor) = self.vendors.iter().find(|vendor| &vendor.name == name) else {
                self.unknown_settings.push(format!("vendors.{name}"));
                continue;
            };
            let unknown = chosen
                .settings
                .keys()
                .filter(|setting| !vendor.manifest.settings.contains_key(*setting));
            self.unknown_settings
                .extend(unknown.map(|setting| format!("vendors.{name}.{setting}")));
        }
    }
}

fn catalogue(files: &Files, choices: &Choices) -> Result<Catalogue, RegistryError> {
    let mut locales = Vec::new();
    for (file, text) in files {
        let tag = file
            .strip_prefix("lang/")
            .and_then(|name| name.strip_suffix(".toml"));
        if let Some(tag) = tag {
            let locale = Locale::read(tag, text, &choices.branding);
            locales.push(locale.map_err(|what| RegistryError::file(file, what))?);
        }
    }
    Catalogue::new(locales, &choices.default_locale).map_err(RegistryError::Choice)
}

fn environment(files: &Files) -> Result<Environment<'static>, RegistryError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(xml::format);
    environment.add_filter("escape_hash", |text: String| text.replace('#', "%23"));
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build();
    environment.set_syntax(syntax.map_err(|error| RegistryError::Choice(error.to_string()))?);
    for (file, text) in files.iter().filter(|(file, _)| is_template(file)) {
        environment
            .add_template_owned(file.clone(), text.clone())
            .map_err(|error| RegistryError::file(file, render_error(&error)))?;
    }
    Ok(environment)
}

fn is_template(file: &str) -> bool {
    stem(file).is_some_and(|stem| DOCUMENTS.contains(&stem))
}

/// `results` of `snom/results.xml`.
fn stem(file: &str) -> Option<&str> {
    file.rsplit('/').next()?.split('.').next()
}

fn templates(
    name: &str,
    manifest: &Manifest,
    files: &Files,
) -> Result<BTreeMap<&'static str, String>, RegistryError> {
    let folder = format!("{name}/");
    let mut templates = BTreeMap::new();
    for file in files
        .keys()
        .filter(|file| file.starts_with(&folder) && is_template(file))
    {
        let document = DOCUMENTS
            .into_iter()
            .find(|document| stem(file) == Some(document));
        if let Some(twin) = document.and_then(|document| templates.insert(document, file.clone())) {
            return Err(RegistryError::file(
                file,
                format!("{twin} is a template of the same document"),
            ));
        }
    }
    match needed(manifest)
        .into_iter()
        .find(|document| !templates.contains_key(document))
    {
        Some(missing) => Err(RegistryError::file(
            format!("{name}/vendor.toml"),
            format!("there is no {missing} template"),
        )),
        None => Ok(templates),
    }
}

fn needed(manifest: &Manifest) -> Vec<&'static str> {
    use super::manifest::ErrorLook;
    let steps = manifest.steps.iter().map(|step| document(*step));
    let message = (manifest.errors == ErrorLook::Message).then_some("message");
    steps.chain(message).collect()
}

/// The document of a step.
pub fn document(step: Step) -> &'static str {
    match step {
        Step::Menu => "menu",
        Step::Input => "input",
        Step::Lookup => "results",
    }
}

/// The template engine's words with the line.
pub(super) fn render_error(error: &minijinja::Error) -> String {
    let detail = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("line {line}: {detail}"),
        None => detail,
    }
}
