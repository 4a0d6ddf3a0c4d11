//! What phoned does besides serving: `check-templates`, `check-config`, `check-access`, `sign-url` and `preview`.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use kit::config::{Loaded, origin_of};
use phoned::{
    app::{self, AppError},
    config::Config,
    directory::signed,
    gate::{Gate, GateFault, entry::Action, examine, rules::Place, signature::Signer},
    preview::{self, PreviewError, Shown},
    vendor::{
        files::{self, Unreadable},
        registry::{Registry, RegistryError},
    },
};

use crate::flags::{CheckAccess, Command, Preview, SignUrl};

/// Why a command ends with a status that is not 0.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// Templates that phones could not read.
    #[error("{}", list(.0))]
    Templates(Vec<RegistryError>),
    /// Templates that cannot be used at all.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The template folder.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The allowlist.
    #[error(transparent)]
    Gate(#[from] GateFault),
    /// The configuration.
    #[error(transparent)]
    App(#[from] AppError),
    /// Nothing to draw.
    #[error(transparent)]
    Preview(#[from] PreviewError),
    /// An address that no phone asks for.
    #[error("{0}: this is no address of a phone that names a user")]
    Address(String),
    /// A make that there is not.
    #[error("there is no make {0}")]
    Make(String),
    /// A page that cannot be written.
    #[error("{0}: {1}")]
    Write(String, io::Error),
}

fn list(flaws: &[RegistryError]) -> String {
    let flaws: Vec<String> = flaws.iter().map(ToString::to_string).collect();
    flaws.join("\nphoned: ")
}

impl Command {
    /// Does it with the templates and settings of `loaded`.
    pub(crate) fn run(&self, loaded: &Loaded<Config>) -> Result<Verdict, CommandError> {
        let config = &loaded.config;
        match self {
            Self::CheckTemplates { folder } => check_templates(folder.as_deref(), config)?,
            Self::CheckConfig => check_config(loaded)?,
            Self::CheckAccess(options) => return check_access(options, config),
            Self::SignUrl(options) => sign(options, config)?,
            Self::Preview(options) => draw(options, config)?,
        }
        Ok(Verdict::Yes)
    }
}

/// What a command that asks something found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is well.
    Yes,
    /// The answer is no.
    No,
}

/// Says on standard error what deserves a warning, and fails where only the start would: templates and listeners.
pub(crate) fn examine(loaded: &Loaded<Config>) -> Result<(), AppError> {
    for note in &loaded.notes {
        eprintln!("phoned: {note}");
    }
    for setting in app::App::check(&loaded.config)? {
        eprintln!("phoned: {setting}: unknown key");
    }
    Ok(())
}

fn check_config(loaded: &Loaded<Config>) -> Result<(), CommandError> {
    examine(loaded)?;
    let config = &loaded.config;
    let gate = Gate::new(&config.rest_api)?;
    for rule in gate.rules.all() {
        let origin = match (rule.place, &config.rest_api.authorized_subnets_file) {
            (Place::Line(line), Some(file)) => format!("{}:{line}", file.display()),
            (place, _) => origin_of(&loaded.origins, &place.to_string()).to_string(),
        };
        let action = match rule.action() {
            Action::Allow => "allow",
            Action::Deny => "deny",
        };
        print(&format!(
            "{action} {} {}  # {origin}",
            rule.net,
            rule.label()
        ));
    }
    for oddity in examine::oddities(&gate.rules) {
        print(&format!("note: {oddity}"));
    }
    Ok(())
}

fn check_access(options: &CheckAccess, config: &Config) -> Result<Verdict, CommandError> {
    let gate = Gate::new(&config.rest_api)?;
    if let Some(vendor) = &options.vendor {
        let registry = Registry::load(&app::choices(config))?;
        if !registry.makes.contains(vendor) {
            return Err(CommandError::Make(vendor.clone()));
        }
    }
    let forwarded = options.forwarded.as_deref();
    let client = match gate.client(options.address, forwarded) {
        Ok(client) => client,
        Err(reason) => {
            print(&format!("refused: {} ({})", options.address, reason.word()));
            return Ok(Verdict::No);
        }
    };
    let entry = gate.rules.find(client);
    let place = entry.map(|rule| format!(" is in {} ({})", rule.net, rule.place));
    let place = place.unwrap_or_default();
    let verdict = match gate.decide(client, options.vendor.as_deref()) {
        Ok(_) => {
            print(&format!("allowed: {client}{place}"));
            Verdict::Yes
        }
        Err(reason) => {
            print(&format!("refused: {client}{place} ({})", reason.word()));
            Verdict::No
        }
    };
    if let Some(settings) = entry.and_then(|rule| rule.settings.as_deref()) {
        settings.lines().iter().for_each(|line| print(line));
    }
    Ok(verdict)
}

fn sign(options: &SignUrl, config: &Config) -> Result<(), CommandError> {
    let signer = Signer::read(&config.rest_api.signed_links)?;
    let address = &options.address;
    let signed = signed::sign(&signer, address, options.subnet);
    print(&signed.ok_or_else(|| CommandError::Address(address.clone()))?);
    Ok(())
}

fn check_templates(folder: Option<&Path>, config: &Config) -> Result<(), CommandError> {
    let mut choices = app::choices(config);
    if let Some(folder) = folder {
        choices.folder = Some(folder.to_owned());
    }
    let flaws = Registry::examine(&choices);
    if flaws.is_empty() {
        print("all templates are sound");
        Ok(())
    } else {
        Err(CommandError::Templates(flaws))
    }
}

fn draw(options: &Preview, config: &Config) -> Result<(), CommandError> {
    let choices = app::choices(config);
    let registry = Registry::load(&choices)?;
    let people = preview::people(&files::read(choices.folder.as_deref())?)?;
    let shown = Shown {
        term: options.term.as_deref(),
        offset: options.offset,
        language: options.lang.as_deref(),
        rich: options.rich,
        model: options.model.as_deref(),
    };
    let makes: Vec<&str> = match &options.vendor {
        Some(vendor) => vec![vendor],
        None => registry
            .vendors
            .iter()
            .map(|vendor| vendor.name.as_str())
            .collect(),
    };
    let screens = makes
        .into_iter()
        .map(|make| preview::screen(&registry, &people, make, shown))
        .collect::<Result<Vec<_>, _>>()?;
    let Some(file) = &options.html else {
        for screen in &screens {
            print(&screen.phone);
            print(&preview::draw(screen).join("\n"));
        }
        return Ok(());
    };
    let is_picture = file.extension().is_some_and(|extension| extension == "svg");
    let text = if is_picture {
        preview::picture(&screens)
    } else {
        preview::page(&screens)
    };
    fs::write(file, text).map_err(|error| CommandError::Write(file.display().to_string(), error))
}

fn print(text: &str) {
    // A reader that went away has seen enough.
    let _written = writeln!(io::stdout(), "{text}");
}
