//! The dird that somebody moves into: the real command that copies, and a dird that serves what was copied.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use dird::api::config::RunningConfig;
use dird::identity::builtin::{TokenRecord, secret};
use dird::identity::{TenantId, UserId};
use dird::store::Store;
use dird::store::model::random_id;
use e2e::postgres::Cluster;
use e2e::quiet;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};
use tempfile::TempDir;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// Where to move.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// A configured dird that does not serve yet.
pub(crate) struct Home {
    folder: TempDir,
    uri: String,
}

impl Home {
    pub(crate) async fn new(engine: Engine) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let uri = match engine {
            Engine::Sqlite => format!("sqlite:{}", folder.path().join("dird.db").display()),
            Engine::Postgres => {
                let made = tokio::task::spawn_blocking(|| Cluster::shared().database());
                made.await.unwrap().unwrap()
            }
        };
        Self::in_folder(folder, uri)
    }

    /// One whose database is at `uri`.
    pub(crate) fn at(uri: String) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), uri)
    }

    fn in_folder(folder: TempDir, uri: String) -> Self {
        let home = Self { folder, uri };
        let config = json!({
            "db_uri": home.uri, "user": null, "log_filename": null, "extra_config_files": "",
            "auth": {"backend": "builtin", "port": 0}, "rest_api": {"port": 0},
            "bus": {"enabled": false}, "metrics": {"port": null},
        });
        std::fs::write(home.config(), config.to_string()).unwrap();
        home
    }

    /// Address of the database.
    pub(crate) fn uri(&self) -> &str {
        &self.uri
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("dird.yml")
    }

    /// Whether nothing was ever written: no file, no table.
    pub(crate) async fn is_empty(&self) -> bool {
        !self.folder.path().join("dird.db").exists()
            && !dird::store::is_there(&self.uri).await.unwrap()
    }

    /// Has a statement executed by the database, behind dird's back.
    pub(crate) async fn alter(&self, statement: &str) {
        let statement = AssertSqlSafe(statement.to_owned());
        if let Some(path) = self.uri.strip_prefix("sqlite:") {
            let file = SqliteConnectOptions::new().filename(path);
            let mut connection = file.connect().await.unwrap();
            connection.execute(statement).await.unwrap();
        } else {
            let mut connection = PgConnection::connect(&self.uri).await.unwrap();
            connection.execute(statement).await.unwrap();
        }
    }

    pub(crate) async fn store(&self) -> Store {
        let store = dird::store::open(&self.uri).await.unwrap();
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        store
    }

    /// `dird import wazo`.
    pub(crate) fn import(&self, from: &str, further: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dird"));
        command.arg("-c").arg(self.config());
        command
            .args(["import", "wazo", "--from", from])
            .args(further);
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// The report of an import that succeeds.
    pub(crate) async fn imported(&self, from: &str, further: &[&str]) -> String {
        let output = self.import(from, further).output().await.unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Serves.
    pub(crate) async fn open(&self) -> Site {
        kit::tls::install_provider();
        let loaded = dird::config::load(&self.config(), Value::Null, false).unwrap();
        let shown = RunningConfig::new(loaded.redacted(), false, quiet::log());
        let stop = CancellationToken::new();
        let running = dird::run(&loaded.config, shown, stop.clone());
        let running = running.await.unwrap();
        let base = format!("http://{}/0.1", running.rest);
        tokio::spawn(running.until_stopped());
        Site {
            store: self.store().await,
            base,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            _stop: stop.drop_guard(),
        }
    }
}

/// A serving dird.
pub(crate) struct Site {
    pub(crate) store: Store,
    base: String,
    client: reqwest::Client,
    _stop: tokio_util::sync::DropGuard,
}

impl Site {
    /// A token of a user that may do everything in his tenant.
    pub(crate) async fn token(&self, tenant: &str, user: &str) -> String {
        let secret = secret::random().unwrap();
        let record = TokenRecord {
            hash: secret::hash(secret.expose()),
            auth_id: user.to_owned(),
            user: UserId::new(user),
            tenant: TenantId::new(tenant).unwrap(),
            acl: vec!["#".into()],
            session: random_id(),
            issued_at: 0,
            expires_at: 4_000_000_000,
        };
        self.store.add_token(&record).await.unwrap();
        secret.expose().to_owned()
    }

    /// What a route answers.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Value {
        let request = self.client.get(format!("{}{path}", self.base));
        let answer = request.header("X-Auth-Token", token).send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}
