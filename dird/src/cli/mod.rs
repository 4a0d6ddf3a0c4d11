//! The command line (dird-platform.md §1): without a command dird serves; the commands work on the same configuration and
//! database, whether or not a dird is serving them.

mod demo;
mod echo;
mod explain;
mod import_wazo;
mod intercom;
mod key;
mod people;
mod serve;
mod source;
mod tenant;
mod transfer;
mod user;

use std::future::Future;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, Subcommand};
use kit::config::Loaded;
use kit::observe::Level;
use serde_json::{Map, Value, json};

use crate::config::{self, Config};
use crate::store::{self, Store};

/// The directory server for desk phones.
#[derive(Debug, Parser)]
#[command(name = "dird", version)]
pub struct Flags {
    /// Main configuration file.
    #[arg(
        short = 'c',
        long = "config-file",
        default_value = "/etc/wazo-dird/config.yml"
    )]
    config_file: PathBuf,
    /// Debug logs, whatever the log level.
    #[arg(short = 'd', long)]
    debug: bool,
    /// critical, error, warning, info or debug.
    #[arg(short = 'l', long, value_parser = level_name)]
    log_level: Option<String>,
    /// System user to become once the ports are open.
    #[arg(short = 'u', long)]
    user: Option<String>,
    /// Check the configuration, print it with the origin of every key, and end.
    #[arg(long)]
    check_config: bool,
    /// Let configuration files run programs with `!exec`.
    #[arg(long)]
    allow_exec: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load the demo site into the database.
    Demo(demo::Demo),
    /// Say why a lookup finds what it finds, and why it does not find somebody.
    Explain(explain::Explain),
    /// Fill a phonebook from a file, or move in from a wazo-dird.
    #[command(subcommand)]
    Import(transfer::Import),
    /// Write a phonebook to a file.
    #[command(subcommand)]
    Export(transfer::Export),
    /// Publish phonebooks as directories of an intercom.
    #[command(subcommand)]
    Intercom(intercom::Intercom),
    /// Manage the keys by which programs get tokens.
    #[command(subcommand)]
    Key(key::Key),
    /// Try sources.
    #[command(subcommand)]
    Source(source::Source),
    /// Manage tenants.
    #[command(subcommand)]
    Tenant(tenant::Tenant),
    /// Manage the people who may log in.
    #[command(subcommand)]
    User(user::User),
}

fn level_name(name: &str) -> Result<String, String> {
    match name.parse::<Level>() {
        Ok(_) => Ok(name.to_lowercase()),
        Err(error) => Err(error.to_string()),
    }
}

impl Flags {
    /// Does what the flags ask for.
    pub fn execute(self) -> anyhow::Result<()> {
        let loaded = config::load(&self.config_file, self.as_tree(), self.allow_exec)?;
        if self.check_config {
            for note in &loaded.notes {
                eprintln!("dird: {note}");
            }
            // A reader that went away has seen enough.
            let _written = writeln!(std::io::stdout(), "{}", loaded.render_check());
            return Ok(());
        }
        match self.command {
            None => serve::serve(&loaded),
            Some(command) => command.execute(&loaded),
        }
    }

    /// What the command line sets, as a layer of configuration.
    fn as_tree(&self) -> Value {
        let mut tree = Map::new();
        tree.insert("config_file".into(), json!(self.config_file));
        if self.debug {
            tree.insert("debug".into(), json!(true));
        }
        if let Some(level) = &self.log_level {
            tree.insert("log_level".into(), json!(level));
        }
        if let Some(user) = &self.user {
            tree.insert("user".into(), json!(user));
        }
        Value::Object(tree)
    }
}

impl Command {
    fn execute(self, loaded: &Loaded<Config>) -> anyhow::Result<()> {
        for note in &loaded.notes {
            eprintln!("dird: {note}");
        }
        let config = &loaded.config;
        let command = match self {
            // It must not make a database of ours.
            Self::Import(transfer::Import::Wazo(wazo)) if wazo.dry_run => {
                return block_on(wazo.rehearse(config));
            }
            other => other,
        };
        block_on(async {
            let store = open_store(config).await?;
            match command {
                Self::Demo(demo) => demo.execute(config, &store).await,
                Self::Explain(explain) => explain.execute(config, &store).await,
                Self::Import(import) => import.execute(config, &store).await,
                Self::Export(export) => export.execute(&store).await,
                Self::Intercom(intercom) => intercom.execute(&store).await,
                Self::Key(key) => key.execute(config, &store).await,
                Self::Source(source) => source.execute(config, &store).await,
                Self::Tenant(tenant) => tenant.execute(config, &store).await,
                Self::User(user) => user.execute(&store).await,
            }
        })
    }
}

async fn open_store(config: &Config) -> anyhow::Result<Store> {
    store::open(config.db_uri.expose()).await.context("db_uri")
}

/// Runs a command that needs no more than one thread.
fn block_on<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(command)
}
