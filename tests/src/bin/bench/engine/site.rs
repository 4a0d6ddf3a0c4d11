//! A dird with one large phonebook, its profile `engine`, and nothing else to ask.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use e2e::daemon::{self, Daemon};
use e2e::ports;
use e2e::rest::Rest;
use e2e::site::Plan;
use nix::sys::signal::Signal;
use serde_json::json;

use super::names;

const PATIENCE: Duration = Duration::from_secs(20);
/// How long an import may take.
const LONG: Duration = Duration::from_mins(10);

/// The site.
pub(crate) struct EngineSite {
    /// Contacts in the phonebook.
    pub contacts: u32,
    /// The server.
    pub dird: Daemon,
    /// Its REST API, with every access.
    pub rest: Rest,
    /// Its metrics.
    pub metrics: SocketAddr,
    /// How long it took to read the contacts from a file.
    pub imported: Duration,
    plan: Plan,
}

impl EngineSite {
    /// Fills the phonebook and starts dird.
    pub(crate) async fn start(contacts: u32) -> Result<Self> {
        let mut plan = Plan::demo()?;
        let [metrics] = ports::free()?;
        plan.dird["metrics"] = json!({"listen": "127.0.0.1", "port": metrics});
        let (dird, rest) = plan.start_administered().await?;
        let mut site = Self {
            contacts,
            dird,
            rest,
            metrics: SocketAddr::from(([127, 0, 0, 1], metrics)),
            imported: Duration::ZERO,
            plan,
        };
        site.configure().await?;
        site.fill().await?;
        Ok(site)
    }

    async fn configure(&self) -> Result<()> {
        let book = json!({"name": "engine"});
        let book = self.rest.create("/phonebooks", &book).await?;
        let columns =
            json!({"name": "{firstname} {lastname}", "reverse": "{firstname} {lastname}"});
        let source = json!({"name": "engine", "phonebook_uuid": book,
            "searched_columns": ["firstname", "lastname"], "first_matched_columns": ["number"],
            "format_columns": columns});
        let source = self
            .rest
            .create("/backends/phonebook/sources", &source)
            .await?;
        let columns =
            json!([{"field": "name", "title": "Name"}, {"field": "number", "type": "number"}]);
        let display = json!({"name": "engine", "columns": columns});
        let display = self.rest.create("/displays", &display).await?;
        let service = json!({"sources": [{"uuid": source}]});
        let profile = json!({"name": "engine", "display": {"uuid": display},
            "services": {"lookup": service, "reverse": service}});
        self.rest.create("/profiles", &profile).await.map(|_| ())
    }

    async fn fill(&mut self) -> Result<()> {
        let mut file = String::from("firstname,lastname,number,email,company\n");
        for number in 0..self.contacts {
            let (first, last, phone) = (
                names::first(number),
                names::last(number),
                names::phone(number),
            );
            writeln!(
                file,
                "{first},{last},{phone},p{number}@example.org,Works {}",
                number % 997
            )?;
        }
        std::fs::write(self.plan.file("engine.csv"), file)?;
        let arguments = [
            "-c",
            "dird.yml",
            "import",
            "csv",
            "--phonebook",
            "engine",
            "engine.csv",
        ];
        let started = Instant::now();
        let done = daemon::run("dird", &arguments, self.plan.home(), LONG).await?;
        ensure!(
            done.status == Some(0),
            "the import failed:\n{}",
            done.output
        );
        self.imported = started.elapsed();
        Ok(())
    }

    /// Ends dird and starts it again.
    pub(super) async fn restart(&mut self) -> Result<()> {
        self.dird.signal(Signal::SIGTERM)?;
        self.dird.ended(PATIENCE).await?;
        self.dird = self.plan.start_dird().await?;
        Ok(())
    }

    /// A request for a path below the API's version.
    pub(super) fn get(&self, path: &str) -> String {
        let token = format!("X-Auth-Token: {}\r\n", self.rest.token);
        crate::rows::get(&format!("/0.1{path}"), &token)
    }

    /// A folder for files of this run.
    pub(crate) fn folder(&self) -> &Path {
        self.plan.home()
    }

    /// Stops it.
    pub(crate) async fn stop(self) -> Result<()> {
        let status = self.dird.stop(PATIENCE).await?;
        ensure!(status.success(), "dird ended with {status}");
        Ok(())
    }
}
