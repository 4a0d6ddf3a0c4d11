//! `dird source test`: asks a source as a lookup would and says what came back, or in one sentence what is wrong.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow, bail};
use clap::Subcommand;
use tokio_util::sync::CancellationToken;

use super::tenant;
use crate::backends::{self, Asker, Entry, Outside, Surroundings};
use crate::config::Config;
use crate::identity::{SystemAuthority, TenantId, Token};
use crate::index::{Lists, People};
use crate::lookup::template::Formatter;
use crate::slow_lane::SlowLane;
use crate::store::model::Source as Configured;
use crate::store::{Page, Store};

/// Contacts that are shown.
const SHOWN: usize = 3;

#[derive(Debug, Subcommand)]
pub(super) enum Source {
    /// Ask a source for contacts and show the first ones as their templates make them.
    Test {
        /// Name of the source.
        name: String,
        /// Name or identifier of its tenant; every tenant is looked into when left out.
        #[arg(long)]
        tenant: Option<String>,
        /// What to search; everything when left out.
        #[arg(long, default_value = "")]
        term: String,
    },
}

impl Source {
    pub(super) async fn execute(self, config: &Config, store: &Store) -> anyhow::Result<()> {
        let Self::Test { name, tenant, term } = self;
        let source = find(store, &name, tenant.as_deref()).await?;
        let report = test(config, store, &source, &term).await?;
        print!("{report}");
        Ok(())
    }
}

async fn find(store: &Store, name: &str, tenant: Option<&str>) -> anyhow::Result<Configured> {
    let tenants = match tenant {
        None => store
            .tenants()
            .await?
            .into_iter()
            .map(|tenant| tenant.uuid)
            .collect(),
        // With the platform's authority the store knows no tenants, but their identifiers do.
        Some(asked) => match tenant::known(store.as_ref(), asked).await {
            Ok(known) => vec![known.uuid],
            Err(error) => vec![
                TenantId::new(asked)
                    .filter(|_| is_uuid(asked))
                    .ok_or(error)?,
            ],
        },
    };
    let page = Page {
        order: "name",
        filters: vec![("name", name.to_owned())],
        ..Page::default()
    };
    let mut found = Vec::new();
    for tenant in tenants {
        let proof = SystemAuthority::new("command line").tenant(tenant);
        found.extend(store.list_sources(&proof.alone(), None, &page).await?.items);
    }
    if found.len() > 1 {
        bail!("several tenants have a source called {name}; name one with --tenant");
    }
    found
        .pop()
        .with_context(|| format!("no such source: {name}"))
}

fn is_uuid(text: &str) -> bool {
    uuid::Uuid::parse_str(text).is_ok()
}

async fn test(
    config: &Config,
    store: &Store,
    source: &Configured,
    term: &str,
) -> anyhow::Result<String> {
    let (name, backend) = (&source.name, &source.backend);
    if matches!(backend.as_str(), "google" | "office365" | "personal") {
        bail!(
            "{name} ({backend}) shows everybody their own contacts; it can only be asked with a user's token"
        );
    }
    let kind = backends::kind(backend).ok_or_else(|| anyhow!("no such backend: {backend}"))?;
    let around = Surroundings {
        lists: Lists::new(
            Arc::clone(store),
            config.index.max_bytes,
            SlowLane::default(),
            CancellationToken::new(),
        ),
        people: Arc::new(People::new(Arc::clone(store))),
        store: Arc::clone(store),
        outside: Outside::new(CancellationToken::new()),
    };
    let wrong = |error: &dyn std::fmt::Display| anyhow!("{name} ({backend}): {error}");
    // The remote itself is to be tested, not what is kept of it.
    let mut live = source.clone();
    live.extra.remove("cache");
    live.extra.remove("sync");
    let opened = kind
        .open(&live, &around)
        .await
        .map_err(|error| wrong(&error))?;
    let nobody = Asker {
        user: None,
        home: SystemAuthority::new("command line").tenant(source.tenant.clone()),
        token: Token::default(),
    };
    let started = Instant::now();
    let found = opened
        .search(term, &nobody)
        .await
        .map_err(|error| wrong(&error))?;
    let head = format!(
        "{name} ({backend}) answers: {} contacts in {} ms\n",
        found.len(),
        started.elapsed().as_millis()
    );
    Ok(report(head, source, found.entries()))
}

/// The head, the first contacts, and what none of the contacts has although the source looks into it.
fn report(mut text: String, source: &Configured, mut found: Vec<Entry>) -> String {
    let formatter = Formatter::new(&source.format_columns);
    let columns = source
        .searched_columns
        .iter()
        .chain(&source.first_matched_columns);
    let absent: Vec<&str> = columns
        .filter(|column| found.iter().all(|entry| entry.get(column).is_none()))
        .map(String::as_str)
        .collect();
    if !found.is_empty() && !absent.is_empty() {
        let absent = absent.join(", ");
        line(
            &mut text,
            &format!("no contact has a column called: {absent}"),
        );
    }
    for entry in found.iter_mut().take(SHOWN) {
        formatter.apply(entry);
        line(&mut text, "");
        for (name, value) in entry.fields() {
            line(
                &mut text,
                &format!("  {name}: {}", value.to_text().unwrap_or_default()),
            );
        }
    }
    text
}

fn line(text: &mut String, line: &str) {
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{line}");
}
