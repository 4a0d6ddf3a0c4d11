//! `dird import csv|vcard` and `dird export csv|vcard`: phonebooks from files and into files.

use std::fmt::{self, Write as _};
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use super::{import_wazo, key, tenant};
use crate::config::Config;
use crate::contacts::vcard::{self, Version};
use crate::contacts::{Charset, FileForm, Loaded, Spool, csv_of, load_into_phonebook};
use crate::identity::{SystemAuthority, Tenant};
use crate::store::Store;
use crate::store::model::{Contact, Phonebook};

/// How often the progress bar moves.
const TICK: Duration = Duration::from_millis(100);

/// Which phonebook.
#[derive(Debug, Args)]
pub(super) struct Place {
    /// Name of the phonebook.
    #[arg(long)]
    phonebook: String,
    /// Name or identifier of its tenant; may be left out if only one tenant has such a phonebook.
    #[arg(long)]
    tenant: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// Fill a phonebook with the rows of a CSV file; the first row names the fields.
    Csv(Load),
    /// Fill a phonebook with the cards of a vCard file, 3.0 or 4.0.
    Vcard(Load),
    /// Copy what a wazo-dird keeps in its database, with all identifiers. What is here already stays as it is, so that it may be
    /// run again.
    Wazo(import_wazo::Wazo),
}

/// Fills a phonebook, which is made if the tenant has none of that name.
#[derive(Debug, Args)]
pub(super) struct Load {
    #[command(flatten)]
    place: Place,
    /// Charset of the file.
    #[arg(long, default_value = "utf-8")]
    charset: String,
    /// The file; `-` reads standard input.
    file: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(super) enum Export {
    /// Write a phonebook as CSV.
    Csv {
        #[command(flatten)]
        place: Place,
        /// Put a quote before cells that a spreadsheet would run as formulas.
        #[arg(long)]
        safe: bool,
        /// Where to; standard output when left out.
        file: Option<PathBuf>,
    },
    /// Write a phonebook as vCards.
    Vcard {
        #[command(flatten)]
        place: Place,
        /// Version of the cards.
        #[arg(long = "card-version", value_enum, default_value = "4.0")]
        version: CardVersion,
        /// Where to; standard output when left out.
        file: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum CardVersion {
    /// RFC 2426.
    #[value(name = "3.0")]
    V3,
    /// RFC 6350.
    #[value(name = "4.0")]
    V4,
}

impl Import {
    pub(super) async fn execute(self, config: &Config, store: &Store) -> anyhow::Result<()> {
        let (load, form) = match self {
            Self::Csv(load) => (load, FileForm::Csv),
            Self::Vcard(load) => (load, FileForm::Vcard),
            Self::Wazo(wazo) => return wazo.execute(config, store).await,
        };
        let charset = Charset::named(&load.charset)?;
        let file = spooled(&load.file).with_context(|| load.file.display().to_string())?;
        let found = load.place.find(store).await?;
        let made = found.is_none();
        let (tenant, phonebook) = match found {
            Some(found) => found,
            None => load.place.make(config, store).await?,
        };
        let bar = progress_bar();
        let list = (&phonebook.uuid).into();
        let loaded = load_into_phonebook(store, &tenant, &list, (file, charset, form), |loaded| {
            bar.set_position(loaded.read);
        });
        let loaded = loaded.await;
        bar.finish_and_clear();
        if loaded.is_err() && made {
            store
                .delete_phonebook(&tenant, &phonebook.uuid, None)
                .await?;
        }
        let loaded = loaded.with_context(|| "nothing was imported")?;
        print!("{}", summary(&loaded, &phonebook.name)?);
        if loaded.read == 0 {
            bail!("there is nothing in {}", load.file.display());
        }
        Ok(())
    }
}

impl Export {
    pub(super) async fn execute(self, store: &Store) -> anyhow::Result<()> {
        match self {
            Self::Csv { place, safe, file } => {
                let contacts = place.contacts(store).await?;
                write_out(file.as_deref(), &csv_of(&contacts, safe)?)
            }
            Self::Vcard {
                place,
                version,
                file,
            } => {
                let contacts = place.contacts(store).await?;
                let version = match version {
                    CardVersion::V3 => Version::V3,
                    CardVersion::V4 => Version::V4,
                };
                write_out(file.as_deref(), vcard::write(&contacts, version).as_bytes())
            }
        }
    }
}

impl Place {
    /// The phonebook, in the tenant that is named or in the only one that has it.
    async fn find(&self, store: &Store) -> anyhow::Result<Option<(Tenant, Phonebook)>> {
        let tenants = match &self.tenant {
            Some(asked) => vec![tenant::known(store.as_ref(), asked).await?],
            None => store.tenants().await?,
        };
        let mut found = Vec::new();
        for tenant in tenants {
            let proof = SystemAuthority::new("command line").tenant(tenant.uuid);
            if let Some(phonebook) = store.phonebook_named(&proof, &self.phonebook).await? {
                found.push((proof, phonebook));
            }
        }
        if found.len() > 1 {
            bail!(
                "several tenants have a phonebook \"{}\"; name one with --tenant",
                self.phonebook
            );
        }
        Ok(found.pop())
    }

    /// A new phonebook, in the tenant that is named or in the master tenant.
    async fn make(&self, config: &Config, store: &Store) -> anyhow::Result<(Tenant, Phonebook)> {
        let tenant = match &self.tenant {
            Some(asked) => tenant::known(store.as_ref(), asked).await?.uuid,
            None => key::master_tenant(config, store).await?,
        };
        let proof = SystemAuthority::new("command line").tenant(tenant);
        let made = store
            .create_phonebook(&proof, &self.phonebook, None)
            .await?;
        Ok((proof, made))
    }

    async fn contacts(&self, store: &Store) -> anyhow::Result<Vec<Contact>> {
        let found = self.find(store).await?;
        let (tenant, phonebook) =
            found.with_context(|| format!("no such phonebook: {}", self.phonebook))?;
        let contents = store.contents(&tenant, &(&phonebook.uuid).into()).await?;
        Ok(contents
            .contacts
            .into_iter()
            .map(|placed| placed.contact)
            .collect())
    }
}

fn spooled(path: &Path) -> anyhow::Result<Spool> {
    let mut source: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path)?)
    };
    let mut spool = Spool::default();
    std::io::copy(&mut source, &mut spool)?;
    Ok(spool)
}

fn progress_bar() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    // A template of our own, without placeholders that could be wrong.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} read, {per_sec}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}

fn summary(loaded: &Loaded, phonebook: &str) -> Result<String, fmt::Error> {
    let mut text = format!(
        "{phonebook}: {} read, {} added, {} there already, {} skipped\n",
        loaded.read, loaded.created, loaded.known, loaded.bad
    );
    for (line, reason) in &loaded.named {
        writeln!(text, "  line {line}: {reason}")?;
    }
    let unnamed = loaded.bad - u64::try_from(loaded.named.len()).unwrap_or(loaded.bad);
    if unnamed > 0 {
        writeln!(text, "  and {unnamed} more")?;
    }
    for (property, times) in &loaded.left_out {
        writeln!(text, "  {property} left out of {times} cards")?;
    }
    Ok(text)
}

fn write_out(path: Option<&Path>, bytes: &[u8]) -> anyhow::Result<()> {
    match path {
        Some(path) => std::fs::write(path, bytes).with_context(|| path.display().to_string()),
        None => Ok(std::io::stdout().write_all(bytes)?),
    }
}
