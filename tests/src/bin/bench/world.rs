//! The site under measurement, and the yardstick beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::daemon::Daemon;
use e2e::site::{Plan, Site, phoned_is_healthy};
use e2e::{ports, wire};
use serde_json::json;
use tokio::net::TcpStream;

use crate::imports::{self, Book};
use crate::inventory;
use crate::rows::Target;

const PATIENCE: Duration = Duration::from_secs(20);

/// A running site with what its rows need.
pub(crate) struct World {
    /// Contacts generated into the phonebook.
    pub contacts: u32,
    /// Both daemons.
    pub site: Site,
    /// phoned's service token, for asking dird directly.
    pub token: String,
    /// Many different texts to search, all of them surnames in the site.
    pub terms: Vec<String>,
    /// A text that finds about 10 rows.
    pub few: String,
    /// A text that finds about 200 rows.
    pub many: String,
    /// Resident kibibytes of dird and phoned before anybody asked anything.
    pub idle_kib: [u64; 2],
    uncached: (Daemon, SocketAddr),
    administrator: Option<String>,
    book: Option<Book>,
}

impl World {
    /// Seeds and starts a site with so many contacts.
    pub(crate) async fn start(contacts: u32) -> Result<Self> {
        let mut plan = Plan::demo()?;
        plan.contacts = Some(contacts);
        let site = plan.start().await?;
        let idle_kib = [site.dird.resident_kib()?, site.phoned.resident_kib()?];
        let token = site.service_token().await?;
        let uncached = start_uncached(&site).await?;
        let names = names(&site, &token).await?;
        let terms = surnames(&names)?;
        let administrator = match contacts {
            inventory::SITE => Some(inventory::fill(&site).await?),
            _ => None,
        };
        let book = match contacts {
            imports::SITE => Some(imports::measure(&site).await?),
            _ => None,
        };
        Ok(Self {
            contacts,
            site,
            token,
            terms,
            few: common(&names, 10)?,
            many: common(&names, 200)?,
            idle_kib,
            uncached,
            administrator,
            book,
        })
    }

    /// A token with every access to a tenant that has the [`inventory`].
    pub(crate) fn administrator(&self) -> Result<&str> {
        let administrator = self.administrator.as_deref();
        administrator.context("this site has no inventory")
    }

    /// The phonebook that was filled from a file.
    pub(crate) fn book(&self) -> Option<&Book> {
        self.book.as_ref()
    }

    /// The user whose phone asks.
    pub(crate) fn user(&self) -> Result<String> {
        self.site.user(0)
    }

    /// That user's tenant.
    pub(crate) fn tenant(&self) -> Result<String> {
        Ok(self.site.demo.people.first().context("no user")?.0.clone())
    }

    /// Where a row's requests go.
    pub(crate) fn address(&self, target: Target) -> Result<SocketAddr> {
        match target {
            Target::Phoned => self.site.phones(),
            Target::PhonedUncached => Ok(self.uncached.1),
            Target::Dird => self.site.rest(),
        }
    }

    /// A folder for files of this run.
    pub(crate) fn folder(&self) -> &Path {
        self.site.plan.home()
    }

    /// Stops everything.
    pub(crate) async fn stop(self) -> Result<()> {
        self.uncached.0.stop(PATIENCE).await?;
        self.site.stop().await
    }
}

/// A second phoned of the same site that remembers no results.
async fn start_uncached(site: &Site) -> Result<(Daemon, SocketAddr)> {
    let [port] = ports::free()?;
    let mut config = site.plan.phoned.clone();
    config["rest_api"]["http"]["port"] = json!(port);
    config["log_filename"] = json!("phoned-uncached.log");
    config["cache"] = json!({"lookup_ttl": 0, "empty_ttl": 0, "stale_if_error": 0});
    std::fs::write(site.plan.file("phoned-uncached.yml"), config.to_string())?;
    let output = site.plan.file("uncached");
    std::fs::create_dir(&output)?;
    let mut daemon = Daemon::start(
        "phoned",
        &["-c", "phoned-uncached.yml"],
        site.plan.home(),
        &output,
    )?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    daemon
        .healthy(PATIENCE, async || phoned_is_healthy(address).await)
        .await?;
    Ok((daemon, address))
}

/// The name of everybody that dird has.
async fn names(site: &Site, token: &str) -> Result<Vec<String>> {
    let (tenant, user) = site.demo.people.first().context("no user")?;
    let rest = site.rest()?;
    let url = format!("http://{rest}/0.1/directories/lookup/default/{user}?term=");
    let answer = wire::get(
        &url,
        None,
        &[("X-Auth-Token", token), ("Wazo-Tenant", tenant)],
    )
    .await?;
    ensure!(
        answer.status == 200,
        "dird answers {} to an empty search",
        answer.status
    );
    let table = answer.json()?;
    let rows = table["results"].as_array().context("no results")?;
    let names = rows
        .iter()
        .filter_map(|row| row["column_values"][0].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// Every surname, accents and all.
fn surnames(names: &[String]) -> Result<Vec<String>> {
    let surnames: BTreeSet<&str> = names
        .iter()
        .filter_map(|name| name.rsplit(' ').next())
        .collect();
    ensure!(!surnames.is_empty(), "dird knows nobody");
    Ok(surnames.into_iter().map(str::to_owned).collect())
}

/// The two or three letters that are in the names of about `wanted` people.
fn common(names: &[String], wanted: usize) -> Result<String> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        let letters: Vec<char> = name.to_lowercase().chars().collect();
        let pieces: BTreeSet<String> = [2, 3]
            .into_iter()
            .flat_map(|length| letters.windows(length))
            .filter(|piece| piece.iter().all(char::is_ascii_lowercase))
            .map(|piece| piece.iter().collect())
            .collect();
        for piece in pieces {
            *counts.entry(piece).or_default() += 1;
        }
    }
    let nearest = counts
        .into_iter()
        .min_by_key(|(_, count)| count.abs_diff(wanted));
    Ok(nearest.context("no name has two letters")?.0)
}

/// A bare hyper server that answers the bytes of one real answer.
pub(crate) struct Bare {
    /// Where it listens.
    pub address: SocketAddr,
    daemon: Daemon,
}

impl Bare {
    /// Asks `of` once with `request` and starts a server that repeats its answer.
    pub(crate) async fn start(of: SocketAddr, request: &str, folder: &Path) -> Result<Self> {
        let answer = wire::exchange(of, None, request.as_bytes()).await?;
        ensure!(
            answer.status == 200,
            "status {} for {request}",
            answer.status
        );
        let kind = answer.header("content-type").unwrap_or("text/plain");
        Self::serving(kind, &answer.body, folder).await
    }

    /// Starts a server that answers `body`, of that type, to everything.
    pub(crate) async fn serving(kind: &str, body: &[u8], folder: &Path) -> Result<Self> {
        std::fs::write(folder.join("bare.body"), body)?;
        let [port] = ports::free()?;
        let mut daemon = Daemon::start(
            "bare",
            &[&port.to_string(), kind, "bare.body"],
            folder,
            folder,
        )?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        daemon
            .healthy(PATIENCE, async || TcpStream::connect(address).await.is_ok())
            .await?;
        Ok(Self { address, daemon })
    }

    /// Stops it.
    pub(crate) async fn stop(self) -> Result<()> {
        self.daemon.stop(PATIENCE).await.map(|_| ())
    }
}
