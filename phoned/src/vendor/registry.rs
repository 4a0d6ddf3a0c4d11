//! All makes and languages, loaded and checked as one: either everything is sound or nothing is used (phoned.md §16.3).

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use http::HeaderValue;
use minijinja::{Environment, UndefinedBehavior, Value, syntax::SyntaxConfig};
use serde::Deserialize;
use serde_json::Map;

use super::{
    files::{self, Files},
    lines,
    manifest::{Manifest, Step},
    proof, trace, xml,
};
use crate::{
    directory::link::encoded,
    lang::{Branding, Catalogue, Locale},
};

/// What the configuration says about makes.
#[derive(Debug, Default, PartialEq)]
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
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct VendorSettings {
    /// Rows of a page instead of the make's own; 0 = all.
    pub page_size: Option<usize>,
    /// `lookup.allow_missing_term` for this make alone.
    pub allow_missing_term: Option<bool>,
    /// Which documents the make's phones get.
    #[serde(default)]
    pub documents: Documents,
    /// Settings that the make's `vendor.toml` names.
    #[serde(flatten)]
    pub settings: Map<String, serde_json::Value>,
}

/// The two flavours of documents (phoned-vendors.md §1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Documents {
    /// The bytes of older servers.
    #[default]
    Compat,
    /// What the phones can do beyond them.
    Rich,
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
    /// `vendors.<name>.documents`.
    pub documents: Documents,
    /// Its settings as templates see them.
    pub settings: Value,
    /// `Content-Type` of its documents in UTF-8.
    pub utf8: HeaderValue,
    /// `Content-Type` of its documents in ISO-8859-1.
    pub latin1: HeaderValue,
    templates: BTreeMap<String, String>,
}

impl Vendor {
    /// Whether the plugin `name` switches this make.
    fn belongs_to(&self, name: &str) -> bool {
        self.manifest.plugin.as_deref().unwrap_or(&self.name) == name
    }

    /// Name of the template for `document`: one of [`DOCUMENTS`], or that with `rich-` in front.
    pub fn template(&self, document: &str) -> Option<&str> {
        self.templates.get(document).map(String::as_str)
    }
}

/// The documents a make may have a template for.
pub const DOCUMENTS: [&str; 6] = ["menu", "input", "results", "message", "caller", "download"];

/// All makes, their templates and the languages.
#[derive(Debug)]
pub struct Registry {
    /// Makes in the order of their names.
    pub vendors: Vec<Arc<Vendor>>,
    /// The languages.
    pub catalogue: Catalogue,
    /// The compiled templates.
    pub environment: Environment<'static>,
    /// Names of all makes that there are, those that are switched off too.
    pub makes: Vec<String>,
    /// Settings that no make knows, for a warning.
    pub unknown_settings: Vec<String>,
    /// By what the phones of all makes are known.
    pub agents: Agents,
}

/// By what requests of phones are told from those of programs (phoned.md §8).
#[derive(Debug, Default)]
pub struct Agents {
    /// Words in `User-Agent`, in small letters.
    pub words: Vec<String>,
    /// Beginnings of the names of headers, in small letters.
    pub headers: Vec<String>,
}

impl Registry {
    /// Loads everything, fills in every template with difficult data and reads the result strictly.
    pub fn load(choices: &Choices) -> Result<Self, RegistryError> {
        let files = files::read(choices.folder.as_deref())?;
        let mut registry = Self::compile(&files, choices)?;
        let marked = || Self::compile(&trace::marked(&files), choices).ok();
        let flaws = proof::prove(&registry, proof::Depth::Start, marked);
        if let Some(flaw) = flaws.into_iter().next() {
            return Err(flaw);
        }
        registry.keep_enabled(choices);
        Ok(registry)
    }

    /// Everything that is wrong with the templates of `choices`, tried with far more data than at a start.
    pub fn examine(choices: &Choices) -> Vec<RegistryError> {
        let files = match files::read(choices.folder.as_deref()) {
            Ok(files) => files,
            Err(error) => return vec![error.into()],
        };
        match Self::compile(&files, choices) {
            Ok(registry) => {
                let marked = || Self::compile(&trace::marked(&files), choices).ok();
                proof::prove(&registry, proof::Depth::Whole, marked)
            }
            Err(error) => vec![error],
        }
    }

    fn compile(files: &Files, choices: &Choices) -> Result<Self, RegistryError> {
        let mut registry = Self {
            vendors: Vec::new(),
            catalogue: catalogue(files, choices)?,
            environment: environment(files)?,
            makes: Vec::new(),
            unknown_settings: Vec::new(),
            agents: Agents::default(),
        };
        for (file, text) in files
            .iter()
            .filter(|(file, _)| file.ends_with("/vendor.toml"))
        {
            let vendor = Self::vendor(file, text, files, choices)?;
            let agents = &mut registry.agents;
            agents.words.extend_from_slice(&vendor.manifest.agents);
            agents
                .headers
                .extend_from_slice(&vendor.manifest.agent_headers);
            registry.makes.push(vendor.name.clone());
            registry.vendors.push(Arc::new(vendor));
        }
        registry.check_choices(choices);
        Ok(registry)
    }

    fn keep_enabled(&mut self, choices: &Choices) {
        self.vendors
            .retain(|vendor| !choices.disabled.iter().any(|off| vendor.belongs_to(off)));
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
            manifest.set_page_size(size);
        }
        for (setting, value) in chosen.settings {
            if let Some(known) = manifest.settings.get_mut(&setting) {
                *known = value;
            }
        }
        manifest
            .check()
            .map_err(|what| RegistryError::file(file, what))?;
        let charset = |charset: &str| {
            HeaderValue::try_from(format!("{}; charset={charset}", manifest.content_type))
                .map_err(|error| RegistryError::file(file, format!("content_type: {error}")))
        };
        Ok(Vendor {
            allow_missing_term: chosen.allow_missing_term,
            documents: chosen.documents,
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

pub(super) fn environment(files: &Files) -> Result<Environment<'static>, RegistryError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_formatter(xml::format);
    environment.add_filter("escape_hash", |text: String| text.replace('#', "%23"));
    environment.add_filter("urlvalue", |text: String| encoded(&text).to_string());
    environment.add_filter("first_word", |text: String| words(&text).0.to_owned());
    environment.add_filter("other_words", |text: String| words(&text).1.to_owned());
    environment.add_filter("cut", |text: String, most: usize| {
        lines::shortened(&text, text.len(), most).into_owned()
    });
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

/// The first word of a name and all the others, blanks between them kept.
fn words(name: &str) -> (&str, &str) {
    let name = name.trim_start();
    let (first, others) = name.split_once(char::is_whitespace).unwrap_or((name, ""));
    (first, others.trim_start())
}

pub(super) fn is_template(file: &str) -> bool {
    stem(file).is_some_and(|stem| DOCUMENTS.contains(&stem.strip_prefix("rich-").unwrap_or(stem)))
}

/// `results` of `snom/results.xml`.
fn stem(file: &str) -> Option<&str> {
    file.rsplit('/').next()?.split('.').next()
}

fn templates(
    name: &str,
    manifest: &Manifest,
    files: &Files,
) -> Result<BTreeMap<String, String>, RegistryError> {
    let folder = format!("{name}/");
    let mut templates: BTreeMap<String, String> = BTreeMap::new();
    for file in files
        .keys()
        .filter(|file| file.starts_with(&folder) && is_template(file))
    {
        let document = stem(file).unwrap_or_default().to_owned();
        if let Some(twin) = templates.insert(document, file.clone()) {
            return Err(RegistryError::file(
                file,
                format!("{twin} is a template of the same document"),
            ));
        }
    }
    match needed(manifest)
        .into_iter()
        .find(|document| !templates.contains_key(*document))
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
    let caller = manifest.caller.as_ref().map(|_| "caller");
    let download = manifest.download.as_ref().map(|_| "download");
    steps.chain(message).chain(caller).chain(download).collect()
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
