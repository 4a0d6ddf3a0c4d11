//! SIGTERM ends a daemon within six seconds with status 0, whatever of its surroundings is away (dird-platform.md §13,
//! phoned.md §16.6). What is away accepts connections and never answers: the worst that a peer can do.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use e2e::broker::{Broker, Peer};
use e2e::daemon::Daemon;
use e2e::platform;
use e2e::site::{PATIENCE, Plan};
use e2e::wire::{self, Connection};
use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use serde_json::{Value, json};

/// From the signal to the end of the process, in looks: six seconds. On a machine that stalls each look takes longer.
const LOOKS: usize = 60;
const LOOK: Duration = Duration::from_millis(100);

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

/// Sends the signal and sees the daemon end well in time.
async fn ends(mut daemon: Daemon) -> Result<()> {
    daemon.signal(Signal::SIGTERM)?;
    for _ in 0..LOOKS {
        if let Ok(status) = daemon.ended(LOOK).await {
            ensure!(status.success(), "{status}:\n{}", daemon.output());
            return Ok(());
        }
    }
    bail!("it does not end:\n{}", daemon.output())
}

/// Sends a request that cannot be answered, then the signal.
async fn stop(daemon: Daemon, address: SocketAddr, request: &str) -> Result<()> {
    let mut hanging = Connection::open(address, None).await?;
    hanging.send(request.as_bytes()).await?;
    ends(daemon).await
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

/// The services behind phoned, and the bus; which of them are away is told by a bit each.
const AROUND_PHONED: [&str; 5] = ["auth", "dird", "confd", "amid", "bus"];

/// What phoned is doing when the signal comes: a search, a switch of do-not-disturb, a telephone told to hold.
const REQUESTS: [&str; 3] = [
    "GET /0.1/directories/lookup/default/cisco?xivo_user_uuid={user}&term=an HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /0.1/yealink/users/{user}/services/dnd/enable HTTP/1.1\r\nHost: x\r\n\r\n",
    "PUT /0.1/endpoints/yea/hold/start HTTP/1.1\r\nHost: x\r\nX-Auth-Token: t\r\n\r\n",
];

fn installation() -> Value {
    let line = json!({"name": "yea", "device_id": "d", "endpoint_sip": {"name": "yea"}});
    let feature = |name: &str, exten: &str| json!({"feature": name, "exten": exten});
    json!({
        "users": {USER: {"uuid": USER, "services": {}, "lines": [line]}},
        "lines": [line],
        "devices": {"d": {"vendor": "Yealink"}},
        "features": [feature("phoneprogfunckey", "_*735."), feature("enablednd", "*25")],
    })
}

async fn stop_phoned(away: u8, bus_up: Value, peer: &Peer) -> Result<()> {
    let is_away = |name: &str| {
        let at = AROUND_PHONED.iter().position(|known| *known == name);
        at.is_some_and(|at| away & (1 << at) != 0)
    };
    let servers = [
        platform::auth()?,
        platform::dird()?,
        platform::confd(installation())?,
        platform::amid()?,
    ];
    let (_held, port) = silent()?;
    let mut plan = Plan::demo()?;
    for (name, server) in AROUND_PHONED.iter().zip(&servers) {
        plan.phoned[*name]["host"] = json!("127.0.0.1");
        let up = server.address.port();
        plan.phoned[*name]["port"] = json!(if is_away(name) { port } else { up });
    }
    plan.phoned["bus"] = if is_away("bus") {
        bus(port, "/")
    } else {
        bus_up
    };
    plan.write()?;
    plan.write_key()?;
    let phones = plan.phones()?;
    let mut phoned = Daemon::start("phoned", &["-c", "phoned.yml"], plan.home(), plan.home())?;
    let status = format!("http://{phones}/0.1/status");
    let bus_status = if is_away("bus") { "fail" } else { "ok" };
    let ready = async || {
        let answer = wire::get(&status, None, &[]).await;
        let status = answer.and_then(|answer| answer.json());
        status.is_ok_and(|status| status["bus_consumer"]["status"] == bus_status)
    };
    phoned.healthy(PATIENCE, ready).await?;
    let event = json!({"user_id": 1, "user_uuid": USER, "enabled": true});
    peer.tell("users_services_dnd_updated", &event).await?;
    let mut hanging = Vec::new();
    for request in REQUESTS {
        let mut connection = Connection::open(phones, None).await?;
        let request = request.replace("{user}", USER);
        connection.send(request.as_bytes()).await?;
        hanging.push(connection);
    }
    ends(phoned).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phoned_ends_in_time_whichever_of_auth_dird_confd_amid_and_bus_are_away() -> Result<()> {
    let up = bus_that_is_up().await?;
    let vhost = up["vhost"].as_str().context("a virtual host")?;
    let peer = Peer::join(Broker::shared(), vhost).await?;
    let stopping = (0..1 << AROUND_PHONED.len()).map(|away: u8| {
        let (up, peer) = (up.clone(), &peer);
        async move {
            let stopped = stop_phoned(away, up, peer).await;
            stopped.with_context(|| format!("away: {away:05b} of {AROUND_PHONED:?}"))
        }
    });
    // More at once would be so many processes that their starts, not their ends, are measured.
    stream::iter(stopping)
        .buffer_unordered(12)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

/// A program of the configuration that is quick at the start and hangs at each reload.
const SLOW: &str =
    "if [ -e started ]; then echo > hanging; sleep 60; fi; echo > started; echo false\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phoned_ends_in_time_while_a_reload_waits_for_a_program() -> Result<()> {
    if !geteuid().is_root() {
        eprintln!("only files of root may name programs; nothing to try");
        return Ok(());
    }
    let auth = platform::auth()?;
    let mut plan = Plan::demo()?;
    plan.phoned["auth"]["port"] = json!(auth.address.port());
    plan.phoned["watch"] = json!(true);
    plan.write()?;
    plan.write_key()?;
    std::fs::write(plan.file("slow.sh"), SLOW)?;
    let extra = plan.file("phoned.d/slow.yml");
    let named = "debug: !exec\n  command: sh slow.sh\n";
    std::fs::write(&extra, named)?;
    let phones = plan.phones()?;
    let arguments = ["-c", "phoned.yml", "--allow-exec"];
    let mut phoned = Daemon::start("phoned", &arguments, plan.home(), plan.home())?;
    let status = format!("http://{phones}/0.1/status");
    let answers = async || wire::get(&status, None, &[]).await.is_ok();
    phoned.healthy(PATIENCE, answers).await?;
    // Whoever watches the files reloads.
    std::fs::write(&extra, format!("# once more\n{named}"))?;
    let hanging = plan.file("hanging");
    let waits = async || hanging.exists();
    phoned.healthy(PATIENCE, waits).await?;
    ends(phoned).await
}
