//! Whole configurations, loaded from a directory of their own.

mod executed;
mod layered;
mod reported;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;

use super::{BrokenExtra, ConfigError, Layering, Loaded, MissingKeyFile, load};

const DEFAULTS: &str = "
debug: false
db_uri: sqlite:///x.db
extra_config_files: ''
auth: {host: localhost, port: 9497, key_file: '', username: null, password: null}
rest_api:
  listen: 127.0.0.1
  port: 9489
  authorized_subnets: ['127.0.0.1/24']
  mode: auto
services: {}
vendors: {snom: {page_size: 10}}
";

#[derive(Debug, Clone, Deserialize)]
struct Site {
    debug: bool,
    auth: Auth,
    rest_api: RestApi,
    services: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, Deserialize)]
struct Auth {
    username: Option<String>,
    password: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct RestApi {
    listen: String,
    port: u16,
    authorized_subnets: Vec<String>,
    mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Auto,
    Screen,
}

/// A directory with a main file `main.yml`, and how it is loaded.
struct Setup {
    directory: TempDir,
    broken_extra: BrokenExtra,
    missing_key_file: MissingKeyFile,
    flags: Value,
    allow_exec: bool,
    open_keys: &'static [&'static str],
}

impl Setup {
    fn new(main: &str) -> Self {
        let setup = Self::without_main();
        setup.write("main.yml", main);
        setup
    }

    fn without_main() -> Self {
        Self {
            directory: TempDir::new().expect("a temporary directory"),
            broken_extra: BrokenExtra::Fail,
            missing_key_file: MissingKeyFile::Fail,
            flags: Value::Null,
            allow_exec: false,
            open_keys: &[],
        }
    }

    /// A main file that names `conf.d`, with `rest` below it.
    fn with_extras(rest: &str) -> Self {
        let setup = Self::without_main();
        fs::create_dir(setup.path("conf.d")).expect("a directory");
        let extras = setup.path("conf.d");
        let main = format!("extra_config_files: {}\n{rest}", extras.display());
        setup.write("main.yml", &main);
        setup
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a written file");
    }

    fn load(&self) -> Result<Loaded<Site>, ConfigError> {
        load(&Layering {
            defaults: DEFAULTS,
            main: &self.path("main.yml"),
            broken_extra: self.broken_extra,
            missing_key_file: self.missing_key_file,
            flags: self.flags.clone(),
            allow_exec: self.allow_exec,
            open_keys: self.open_keys,
        })
    }

    /// The loaded configuration, which must be good.
    fn good(&self) -> Loaded<Site> {
        self.load().expect("a good configuration")
    }

    /// The message of the error, which must come, with the directory's path cut off.
    fn error(&self) -> String {
        let error = self.load().expect_err("a faulty configuration");
        self.shorten(&error.to_string())
    }

    /// The notes, with the directory's path cut off.
    fn notes(&self) -> Vec<String> {
        let notes = self.good().notes;
        notes.iter().map(|note| self.shorten(note)).collect()
    }

    fn shorten(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.directory.path().display()), "")
    }
}
