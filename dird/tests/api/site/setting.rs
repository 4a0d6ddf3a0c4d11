//! What a dird of the tests stands on.

use std::path::Path;

use e2e::postgres::Cluster;
use serde_json::{Value, json};

use crate::fake_auth::{FakeAuth, MASTER};

/// Where a dird keeps what it must not lose.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Engine {
    #[default]
    Sqlite,
    Postgres,
}

impl Engine {
    /// Address of a new database.
    pub(crate) async fn database(self, folder: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite:{}", folder.join("dird.db").display()),
            Self::Postgres => {
                let made = tokio::task::spawn_blocking(|| Cluster::shared().database());
                made.await.unwrap().unwrap()
            }
        }
    }
}

/// Whose tokens a dird accepts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Tokens {
    #[default]
    Builtin,
    Wazo,
}

/// Engine and authority.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Setting {
    pub(crate) engine: Engine,
    pub(crate) tokens: Tokens,
}

/// A configuration on the database at `uri`; with the platform's auth service if there is one.
pub(super) fn config(uri: &str, auth: Option<&FakeAuth>) -> Value {
    let auth = match auth {
        None => json!({"backend": "builtin", "port": 0}),
        Some(fake) => json!({
            "backend": "wazo", "host": "127.0.0.1", "port": fake.address.port(),
            "username": "dird", "password": "secret", "master_tenant_uuid": MASTER,
        }),
    };
    json!({
        "db_uri": uri, "user": null, "log_filename": null, "extra_config_files": "",
        "auth": auth, "rest_api": {"port": 0}, "bus": {"enabled": false}, "metrics": {"port": null},
    })
}
