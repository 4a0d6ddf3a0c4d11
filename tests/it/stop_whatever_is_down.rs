//! SIGTERM ends a daemon within six seconds with status 0, whatever of its surroundings is away (dird-platform.md §13,
//! phoned.md §16.6). What is away accepts connections and never answers: the worst that a peer can do.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::broker::Broker;
use e2e::daemon::Daemon;
use e2e::site::{PATIENCE, Plan, phone_url};
use e2e::wire::{self, Connection};
use futures_util::future::try_join_all;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// From the signal to the end of the process.
const STOP: Duration = Duration::from_secs(6);

const USER: &str = "3f1f3c1e-6f5e-4c39-8a3e-6f0d1c8a0b5e";

/// A peer that never answers: connections wait in its backlog.
fn silent() -> Result<(TcpListener, u16)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// The `bus` of a configuration.
fn bus(port: u16, vhost: &str) -> Value {
    json!({"enabled": true, "host": "127.0.0.1", "port": port, "vhost": vhost})
}

async fn bus_that_is_up() -> Result<Value> {
    let up = tokio::task::spawn_blocking(|| -> Result<Value> {
        let broker = Broker::shared();
        Ok(bus(broker.port, &broker.vhost()?))
    });
    up.await?
}

/// Sends a request that cannot be answered, then the signal.
async fn stop(mut daemon: Daemon, address: SocketAddr, request: &str) -> Result<()> {
    let mut hanging = Connection::open(address, None).await?;
    hanging.send(request.as_bytes()).await?;
    daemon.signal(Signal::SIGTERM)?;
    let status = daemon.ended(STOP).await?;
    ensure!(status.success(), "{status}:\n{}", daemon.output());
    Ok(())
}

/// Which of database, auth and bus are away.
#[derive(Debug, Clone, Copy)]
struct Away {
    database: bool,
    auth: bool,
    bus: bool,
}

async fn stop_dird(away: Away, bus_up: Value) -> Result<()> {
    let (_held, port) = silent()?;
    let mut plan = Plan::demo()?;
    plan.dird["metrics"] = json!({"port": null});
    plan.dird["bus"] = if away.bus { bus(port, "/") } else { bus_up };
    if away.database {
        plan.dird["db_uri"] = json!(format!("postgresql://dird:secret@127.0.0.1:{port}/dird"));
    }
    if away.auth {
        plan.dird["auth"] = json!({
            "backend": "wazo", "host": "127.0.0.1", "port": port, "username": "dird", "password": "secret",
        });
    }
    plan.write()?;
    let rest = plan.dird["rest_api"]["port"].as_u64().context("a port")?;
    let rest = SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(rest)?));
    let document = format!("http://{rest}/0.1/api/api.yml");
    let mut dird = Daemon::start("dird", &["-c", "dird.yml"], plan.home(), plan.home())?;
    let answers = async || wire::get(&document, None, &[]).await.is_ok();
    dird.healthy(PATIENCE, answers).await?;
    let request = "GET /0.1/status HTTP/1.1\r\nHost: x\r\nX-Auth-Token: t\r\n\r\n";
    let stopped = stop(dird, rest, request).await;
    stopped.with_context(|| format!("{away:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dird_ends_in_time_whichever_of_database_auth_and_bus_are_away() -> Result<()> {
    let mut stopping = Vec::new();
    for choice in 0..8_u8 {
        let away = Away {
            database: choice & 1 != 0,
            auth: choice & 2 != 0,
            bus: choice & 4 != 0,
        };
        stopping.push(stop_dird(away, bus_that_is_up().await?));
    }
    try_join_all(stopping).await?;
    Ok(())
}

async fn stop_phoned(bus_away: bool, bus_up: Value) -> Result<()> {
    let (_held, port) = silent()?;
    let mut plan = Plan::demo()?;
    plan.phoned["bus"] = if bus_away { bus(port, "/") } else { bus_up };
    for peer in ["auth", "dird"] {
        plan.phoned[peer]["port"] = json!(port);
        plan.phoned[peer]["host"] = json!("127.0.0.1");
    }
    plan.write()?;
    std::fs::write(
        plan.file("phoned-key.yml"),
        "service_id: phoned\nservice_key: secret\n",
    )?;
    let phones = plan.phones()?;
    let status = format!("http://{phones}/0.1/status");
    let mut phoned = Daemon::start("phoned", &["-c", "phoned.yml"], plan.home(), plan.home())?;
    let answers = async || wire::get(&status, None, &[]).await.is_ok();
    phoned.healthy(PATIENCE, answers).await?;
    let url = phone_url(phones, "directories/lookup/default/cisco", USER) + "&term=an";
    let target = url
        .split_once(&phones.to_string())
        .context("an URL")?
        .1
        .to_owned();
    let request = format!("GET {target} HTTP/1.1\r\nHost: {phones}\r\n\r\n");
    let stopped = stop(phoned, phones, &request).await;
    stopped.with_context(|| format!("bus away: {bus_away}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phoned_ends_in_time_with_auth_and_dird_away_whether_or_not_the_bus_is() -> Result<()> {
    let up = bus_that_is_up().await?;
    let (one, other) = tokio::join!(stop_phoned(false, up), stop_phoned(true, Value::Null));
    one.and(other)
}
