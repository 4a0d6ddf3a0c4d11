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
use crate::import_wazo::{Report, import};
use crate::store::Store;
use crate::store::wazo_schema::OldDatabase;

/// How often the progress bar moves.
const TICK: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct Wazo {
    /// Address of wazo-dird's database, in the form of `db_uri`. Its password may be in PGPASSWORD instead.
    #[arg(long, value_parser = address)]
    from: Secret,
    /// Read and judge everything, write nothing; this dird's database is not looked at.
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
        let report = self.read_into(Some(store)).await?;
        if config.auth.backend == AuthBackend::Builtin {
            adopt(config, store).await?;
        }
        print!("{report}");
        Ok(())
    }

    /// Says what would be copied.
    pub(super) async fn rehearse(self) -> anyhow::Result<()> {
        let report = self.read_into(None).await?;
        print!("{report}\nnothing was written\n");
        Ok(())
    }

    async fn read_into(&self, store: Option<&Store>) -> anyhow::Result<Report> {
        let mut old = OldDatabase::open(self.from.expose()).await?;
        let bar = progress_bar(old.count().await?);
        let moved = bar.clone();
        let report = import(&mut old, store, &mut |read| moved.set_position(read)).await;
        bar.finish_and_clear();
        let report =
            report.context("the import ended early; what was written stays, run it again")?;
        old.close().await?;
        Ok(report)
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
