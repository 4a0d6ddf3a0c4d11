//! The command line (phoned.md §16.6).

use std::path::PathBuf;

use clap::Parser;
use serde_json::{Map, Value, json};

/// Serves the directory to desk phones.
#[derive(Debug, Parser)]
#[command(name = "phoned", version)]
pub(crate) struct Flags {
    /// Main configuration file.
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value = "/etc/wazo-phoned/config.yml"
    )]
    pub(crate) config_file: PathBuf,

    /// Log everything.
    #[arg(short, long)]
    debug: bool,

    /// Least level that is logged: critical, error, warning, info or debug.
    #[arg(short, long, value_name = "LEVEL", value_parser = level)]
    log_level: Option<String>,

    /// Run as this user once the ports are open.
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,

    /// Print the configuration as it would be used, say whether phoned would start, and end.
    #[arg(long)]
    pub(crate) check_config: bool,

    /// Let configuration files that only root can write run programs by `!exec`.
    #[arg(long)]
    pub(crate) allow_exec: bool,
}

impl Flags {
    /// What the command line sets, as the configuration has it.
    pub(crate) fn tree(&self) -> Value {
        let mut tree = Map::new();
        tree.insert("config_file".to_owned(), json!(self.config_file));
        if self.debug {
            tree.insert("debug".to_owned(), json!(true));
        }
        if let Some(level) = &self.log_level {
            tree.insert("log_level".to_owned(), json!(level));
        }
        if let Some(user) = &self.user {
            tree.insert("user".to_owned(), json!(user));
        }
        Value::Object(tree)
    }
}

fn level(text: &str) -> Result<String, String> {
    let level = text.to_lowercase();
    let known = ["critical", "error", "warning", "info", "debug"];
    if known.contains(&level.as_str()) {
        Ok(level)
    } else {
        Err(format!("use one of {}", known.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_become_the_strongest_layer() {
        let flags = Flags::try_parse_from(["phoned", "-d", "-l", "WARNING", "-u", "phones", "-c", "/a.yml"]);
        let tree = flags.expect("good flags").tree();
        let expected = json!({"config_file": "/a.yml", "debug": true, "log_level": "warning", "user": "phones"});
        assert_eq!(tree, expected);
    }

    #[test]
    fn an_unknown_level_is_refused() {
        assert!(Flags::try_parse_from(["phoned", "-l", "loud"]).is_err());
    }
}
