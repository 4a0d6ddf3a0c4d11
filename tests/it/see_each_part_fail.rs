//! Each part of both statuses says it when what it stands for is away, nothing else says it then, and it is well again once that
//! is back (dird-platform.md §10, phoned.md §16.1). Both daemons stand on a platform: bus, auth, and `PostgreSQL` below dird.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::broker::Broker;
use e2e::daemon::Daemon;
use e2e::platform::{Call, Server, TENANT, TOKEN};
use e2e::postgres::Cluster;
use e2e::site::{PATIENCE, Plan};
use e2e::{ports, wire};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

/// Between two looks at a status.
const PAUSE: Duration = Duration::from_millis(50);

/// An auth at `address` that makes tokens of three seconds while it `grants`.
fn auth(address: SocketAddr, grants: &Arc<AtomicBool>) -> Result<Server> {
    let grants = Arc::clone(grants);
    let token = json!({"data": {
        "token": TOKEN, "metadata": {"tenant_uuid": TENANT}, "acl": ["#"],
        "utc_issued_at": "2026-01-01T00:00:00", "utc_expires_at": "2026-01-01T00:00:03",
    }});
    Server::at(address, move |call: &Call| {
        let grants = grants.load(Ordering::Relaxed);
        match (call.method.as_str(), call.path.as_str()) {
            ("HEAD", _) => (204, Value::Null),
            ("POST", _) if !grants => (500, json!({})),
            (_, "/0.1/tenants") => {
                let only = json!({"uuid": TENANT, "parent_uuid": TENANT, "name": "one"});
                (200, json!({"items": [only], "total": 1, "filtered": 1}))
            }
            _ => (200, token.clone()),
        }
    })
}

/// A daemon that shows its parts.
struct Seen {
    name: &'static str,
    at: SocketAddr,
    /// The parts that it shows while all is well.
    parts: &'static [&'static str],
}

impl Seen {
    /// The parts that are not well; an error while the status cannot be seen.
    async fn failing(&self) -> Result<BTreeSet<String>> {
        let url = format!("http://{}/0.1/status", self.at);
        let status: Value = wire::get(&url, None, &[("X-Auth-Token", TOKEN)])
            .await?
            .json()?;
        for part in self.parts {
            ensure!(status[part]["status"].is_string(), "no {part}: {status}");
        }
        let shown = status.as_object().context("no object")?.iter();
        let failing = shown.filter(|(_, part)| part["status"] != "ok");
        Ok(failing.map(|(name, _)| name.clone()).collect())
    }

    /// Waits until `parts` fail and no others.
    async fn fails(&self, parts: &[&str]) -> Result<()> {
        let wanted: BTreeSet<String> = parts.iter().map(|&part| part.to_owned()).collect();
        let reached = async {
            while self.failing().await.ok().as_ref() != Some(&wanted) {
                sleep(PAUSE).await;
            }
        };
        let reached = timeout(PATIENCE, reached).await;
        let seen = self.failing().await;
        reached.with_context(|| format!("{}: {parts:?} should fail, not {seen:?}", self.name))
    }
}

/// The daemons, and what they stand on.
struct Platform {
    broker: Arc<Broker>,
    cluster: Arc<Cluster>,
    grants: Arc<AtomicBool>,
    auth_at: SocketAddr,
    plan: Plan,
}

impl Platform {
    /// Everything but auth.
    async fn start() -> Result<Self> {
        let servers = tokio::task::spawn_blocking(|| -> Result<_> {
            let (broker, cluster) = (Broker::start()?, Cluster::start()?);
            let database = cluster.database()?;
            Ok((broker, cluster, database))
        });
        let (broker, cluster, database) = servers.await??;
        let [port] = ports::free()?;
        let mut plan = Plan::demo()?;
        let bus = json!({"enabled": true, "host": "127.0.0.1", "port": broker.port});
        let upstream = json!({"host": "127.0.0.1", "port": port, "prefix": null, "https": false});
        plan.dird["db_uri"] = json!(database);
        plan.dird["bus"] = bus.clone();
        plan.phoned["bus"] = bus;
        plan.ask_auth(&upstream)?;
        plan.write()?;
        Ok(Self {
            broker: Arc::new(broker),
            cluster: Arc::new(cluster),
            grants: Arc::default(),
            auth_at: ([127, 0, 0, 1], port).into(),
            plan,
        })
    }

    fn daemon(&self, name: &'static str, config: &str) -> Result<Daemon> {
        let home = self.plan.home();
        Daemon::start(name, &["-c", config], home, home)
    }

    fn seen(&self) -> Result<(Seen, Seen)> {
        let rest = self.plan.dird["rest_api"]["port"].as_u64();
        let rest = u16::try_from(rest.context("a port")?)?;
        let dird = Seen {
            name: "dird",
            at: ([127, 0, 0, 1], rest).into(),
            parts: &["bus_consumer", "master_tenant", "rest_api"],
        };
        let phoned = Seen {
            name: "phoned",
            at: self.plan.phones()?,
            parts: &["auth", "bus_consumer", "config", "dird", "service_token"],
        };
        Ok((dird, phoned))
    }

    async fn broker(&self, action: fn(&Broker) -> Result<()>) -> Result<()> {
        let broker = Arc::clone(&self.broker);
        tokio::task::spawn_blocking(move || action(&broker)).await?
    }

    async fn database(&self, action: &'static [&'static str]) -> Result<()> {
        let cluster = Arc::clone(&self.cluster);
        tokio::task::spawn_blocking(move || cluster.control(action)).await?
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_part_fails_with_what_it_stands_for_and_is_well_again_with_it() -> Result<()> {
    let platform = Platform::start().await?;
    let (rest, phones) = platform.seen()?;
    let auth_at = platform.auth_at;
    let first_auth = auth(auth_at, &platform.grants)?;
    let dird = platform.daemon("dird", "dird.yml")?;
    let phoned = platform.daemon("phoned", "phoned.yml")?;

    rest.fails(&["master_tenant", "service_token"]).await?;
    phones.fails(&["service_token"]).await?;
    platform.grants.store(true, Ordering::Relaxed);
    rest.fails(&[]).await?;
    phones.fails(&[]).await?;

    platform.broker(Broker::kill).await?;
    rest.fails(&["bus_consumer"]).await?;
    phones.fails(&["bus_consumer"]).await?;
    platform.broker(Broker::restart).await?;
    rest.fails(&[]).await?;
    phones.fails(&[]).await?;

    platform.database(&["stop", "-m", "fast"]).await?;
    rest.fails(&["database"]).await?;
    phones.fails(&[]).await?;
    platform.database(&["start"]).await?;
    rest.fails(&[]).await?;

    let ended = dird.stop(PATIENCE).await?;
    ensure!(ended.success(), "{ended}");
    phones.fails(&["dird"]).await?;
    let dird = platform.daemon("dird", "dird.yml")?;
    phones.fails(&[]).await?;
    rest.fails(&[]).await?;

    // Who asks dird for its status cannot be known while auth is away.
    drop(first_auth);
    phones.fails(&["auth", "service_token"]).await?;
    ensure!(rest.failing().await.is_err(), "dird knows who asks");
    let _auth = auth(auth_at, &platform.grants)?;
    phones.fails(&[]).await?;
    rest.fails(&[]).await?;

    for daemon in [phoned, dird] {
        let ended = daemon.stop(PATIENCE).await?;
        ensure!(ended.success(), "{ended}");
    }
    Ok(())
}
