//! `dird import wazo`: everything that a wazo-dird keeps in its database, copied into ours.

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use kit::secret::Secret;

use super::key;
use crate::config::{AuthBackend, Config};
use crate::identity::builtin::TenantRecord;
use crate::import_wazo::{import, rehearse};
use crate::store::wazo_schema::OldDatabase;
use crate::store::{self, Store};

/// How often the progress bar moves.
const TICK: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct Wazo {
    /// Address of wazo-dird's database, in the form of `db_uri`. Its password may be in PGPASSWORD instead.
    #[arg(long, value_parser = address)]
    from: Secret,
    /// Say what would be done, write nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[expect(clippy::unnecessary_wraps, reason = "what the parser of flags takes")]
fn address(text: &str) -> Result<Secret, String> {
    Ok(Secret::new(text))
}

impl Wazo {
    /// Copies everything into `store`.
    pub(super) async fn execute(self, config: &Config, store: &Store) -> anyhow::Result<()> {
        let (mut old, bar) = self.begin().await?;
        let report = import(&mut old, store, &mut |read| bar.set_position(read)).await;
        bar.finish_and_clear();
        let report =
            report.context("the import ended early; what was written stays, run it again")?;
        old.close().await?;
        if config.auth.backend == AuthBackend::Builtin {
            adopt(config, store).await?;
        }
        print!("{report}");
        Ok(())
    }

    /// Says what would be copied, into a database that need not be there yet.
    pub(super) async fn rehearse(self, config: &Config) -> anyhow::Result<()> {
        let there = store::is_there(config.db_uri.expose()).await;
        let store = if there.context("db_uri")? {
            Some(super::open_store(config).await?)
        } else {
            None
        };
        let (mut old, bar) = self.begin().await?;
        let moved = &mut |read| bar.set_position(read);
        let report = rehearse(&mut old, store.as_ref(), moved).await;
        bar.finish_and_clear();
        print!("{}\nnothing was written\n", report?);
        Ok(old.close().await?)
    }

    async fn begin(&self) -> anyhow::Result<(OldDatabase, ProgressBar)> {
        let mut old = OldDatabase::open(self.from.expose()).await?;
        let bar = progress_bar(old.count().await?);
        Ok((old, bar))
    }
}

/// Puts tenants of which the built-in authority knows nothing but the identifier below the master tenant, under that as a name.
async fn adopt(config: &Config, store: &Store) -> anyhow::Result<()> {
    let master = key::master_tenant(config, store).await?;
    for tenant in store.tenants().await? {
        if tenant.uuid != master && tenant.parent.is_none() && tenant.name.is_empty() {
            let adopted = TenantRecord {
                parent: Some(master.clone()),
                name: tenant.uuid.to_string(),
                uuid: tenant.uuid,
            };
            store.put_tenant(&adopted).await?;
        }
    }
    Ok(())
}

fn progress_bar(rows: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(rows);
    // A template of our own, without placeholders that could be wrong.
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} rows, {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    bar
}
