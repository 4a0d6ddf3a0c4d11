//! The command line of phoned.

use std::path::PathBuf;

use clap::Parser;
use kit::observe::Level;
use serde_json::{Map, Value, json};

/// The edge in front of desk phones.
#[derive(Debug, Parser)]
#[command(name = "phoned", version)]
pub(crate) struct Flags {
    /// Main configuration file.
    #[arg(
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
