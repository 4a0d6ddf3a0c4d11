//! `dird key create|list|revoke`: credentials of programs at the built-in authority.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Subcommand;
use kit::clock;
use kit::secret::Secret;

use super::tenant;
use crate::config::Config;
use crate::identity::builtin::{Accounts, KeyRecord, secret};
use crate::identity::{Authority, TenantId};
use crate::server;
use crate::store::{Store, model::random_id};

#[derive(Debug, Subcommand)]
pub(super) enum Key {
    /// Make a key; it is printed once.
    Create {
        /// Name of the key, the `service_id` of key files.
        name: String,
        /// Access pattern to grant; may be repeated.
        #[arg(long = "acl", required = true)]
        acl: Vec<String>,
        /// Tenant of the key; the master tenant when left out.
        #[arg(long)]
        tenant: Option<String>,
        /// Write a key file for other services here instead of printing the key.
        #[arg(long)]
        key_file: Option<PathBuf>,
    },
    /// List the keys, without their secrets.
    List,
    /// Remove a key and every token given out for it.
    Revoke {
        /// Name of the key.
        name: String,
    },
}

impl Key {
    pub(super) async fn execute(self, config: &Config, store: &Store) -> anyhow::Result<()> {
        match self {
            Self::Create {
                name,
                acl,
                tenant,
                key_file,
            } => {
                let tenant = match tenant {
                    Some(tenant) => tenant::known(store.as_ref(), &tenant).await?.uuid,
                    None => master_tenant(config, store).await?,
                };
                let key = create(store.as_ref(), &name, tenant, acl).await?;
                match key_file {
                    Some(path) => write_key_file(&path, &name, &key)?,
                    None => println!("{}", key.expose()),
                }
            }
            Self::List => {
                for key in store.keys().await? {
                    println!("{}\t{}\t{}", key.name, key.tenant, key.acl.join(" "));
                }
            }
            Self::Revoke { name } => {
                if !store.revoke_key(&name).await? {
                    bail!("no such key: {name}");
                }
            }
        }
        Ok(())
    }
}

/// The master tenant, made when there is none yet.
pub(super) async fn master_tenant(config: &Config, store: &Store) -> anyhow::Result<TenantId> {
    let authority = server::open_authority(&config.auth, store).await?;
    authority
        .master_tenant()
        .context("there is no master tenant")
}

/// Makes a key and returns its secret.
pub(super) async fn create(
    accounts: &dyn Accounts,
    name: &str,
    tenant: TenantId,
    acl: Vec<String>,
) -> anyhow::Result<Secret> {
    let key = secret::random()?;
    let record = KeyRecord {
        uuid: random_id(),
        name: name.to_owned(),
        hash: secret::hash(key.expose()),
        tenant,
        acl,
        created_at: clock::unix_now(),
    };
    accounts.add_key(&record).await?;
    Ok(key)
}

/// Writes the file by which a service knows its key; only the present user may read it.
pub(super) fn write_key_file(path: &Path, name: &str, key: &Secret) -> anyhow::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt;

    let mut text = String::new();
    writeln!(text, "service_id: {name}\nservice_key: {}", key.expose())?;
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    let file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    let mut file = file.with_context(|| path.display().to_string())?;
    file.write_all(text.as_bytes())
        .with_context(|| path.display().to_string())
}
