//! The command line of phoned.

use std::{net::IpAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use kit::observe::Level;
use serde_json::{Map, Value, json};

/// The edge in front of desk phones.
#[derive(Debug, Parser)]
#[command(name = "phoned", version)]
pub(crate) struct Flags {
    /// Main configuration file.
    #[arg(
        global = true,
        short = 'c',
        long = "config-file",
        default_value = "/etc/wazo-phoned/config.yml"
    )]
    pub(crate) config_file: PathBuf,
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
    pub(crate) check_config: bool,
    /// Let configuration files run programs with `!exec`.
    #[arg(long)]
    pub(crate) allow_exec: bool,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What phoned does besides serving.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fill in every template with difficult data and say file and line of what is wrong.
    CheckTemplates {
        /// A template folder; without it that of the configuration, or the one compiled in.
        folder: Option<PathBuf>,
    },
    /// Show the allowlist with the file of each entry, and what is odd about it.
    CheckConfig,
    /// Say whether a phone may ask: status 0 if it may, 1 if not.
    CheckAccess(CheckAccess),
    /// Sign the address of a phone, for `rest_api.signed_links`.
    SignUrl(SignUrl),
    /// Draw what a phone shows of invented people.
    Preview(Preview),
}

/// The options of `check-access`.
#[derive(Debug, Args)]
pub(crate) struct CheckAccess {
    /// The other end of the connection.
    pub(crate) address: IpAddr,
    /// Make of phone whose route is asked.
    #[arg(long)]
    pub(crate) vendor: Option<String>,
    /// What the proxy at that address writes into the configured header.
    #[arg(long)]
    pub(crate) forwarded: Option<String>,
}

/// The options of `sign-url`.
#[derive(Debug, Args)]
pub(crate) struct SignUrl {
    /// The address as it is provisioned, of a directory or of do-not-disturb; `#SEARCH` and the like may stand at its end.
    pub(crate) address: String,
    /// Good only for phones in this subnet.
    #[arg(long)]
    pub(crate) subnet: Option<IpNet>,
}

/// The options of `preview`.
#[derive(Debug, Args)]
pub(crate) struct Preview {
    /// Make of phone, by the name of its template folder; every make without it.
    #[arg(long)]
    pub(crate) vendor: Option<String>,
    /// Model of that make.
    #[arg(long, requires = "vendor")]
    pub(crate) model: Option<String>,
    /// Search text; without it the form, if the make has one.
    #[arg(long)]
    pub(crate) term: Option<String>,
    /// First row, from 0.
    #[arg(long, default_value_t = 0)]
    pub(crate) offset: usize,
    /// Language, as in Accept-Language.
    #[arg(long)]
    pub(crate) lang: Option<String>,
    /// The richer documents.
    #[arg(long)]
    pub(crate) rich: bool,
    /// Write a page with the phones side by side instead; the picture alone if the name ends in .svg.
    #[arg(long)]
    pub(crate) html: Option<PathBuf>,
}

fn level_name(name: &str) -> Result<String, String> {
    name.parse::<Level>()
        .map(|_| name.to_lowercase())
        .map_err(|error| error.to_string())
}

impl Flags {
    /// What the command line sets, as a layer of configuration.
    pub(crate) fn as_tree(&self) -> Value {
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
