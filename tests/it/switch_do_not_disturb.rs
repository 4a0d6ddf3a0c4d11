//! Somebody presses the do-not-disturb key, the platform says so on the bus, and every telephone and lamp of that user follows; a
//! program has a telephone hold a call (phoned.md §11 to §13). The real phoned and a real broker; auth, confd and amid are played.

use anyhow::{Context, Result, ensure};
use e2e::broker::{Broker, Peer};
use e2e::daemon::Daemon;
use e2e::platform::{self, Call, Server, TENANT, TOKEN};
use e2e::site::{PATIENCE, Plan};
use e2e::wire;
use serde_json::{Value, json};

const USER: &str = "3f1f3c1e-6f5e-4c39-8a3e-6f0d1c8a0b5e";

/// A user with a desk telephone and one in the workshop.
fn installation() -> Value {
    let line = |name: &str, device: &str| json!({"name": name, "device_id": device, "endpoint_sip": {"name": name}});
    let lines = [line("desk", "d1"), line("workshop", "d2")];
    let feature = |name: &str, exten: &str| json!({"feature": name, "exten": exten});
    json!({
        "users": {USER: {"uuid": USER, "id": 8, "tenant_uuid": TENANT, "services": {}, "lines": lines}},
        "lines": lines,
        "devices": {"d1": {"vendor": "Yealink"}, "d2": {"vendor": "Fanvil"}},
        "features": [feature("phoneprogfunckey", "_*735."), feature("enablednd", "*25")],
    })
}

fn pressed(endpoint: &str, key: &str) -> Value {
    let key = format!("Content=key={key}");
    json!({"Endpoint": endpoint, "Variable": ["Content-Type=message/sipfrag", "Event=ACTION-URI", key]})
}

fn bodies(calls: Vec<Call>) -> Vec<Value> {
    calls.into_iter().map(|call| call.body).collect()
}

/// Waits until phoned has its token and its place on the bus.
async fn until_ready(phoned: &mut Daemon, status: &str) -> Result<()> {
    let ready = async || {
        let answer = wire::get(status, None, &[]).await;
        let status = answer.and_then(|answer| answer.json()).unwrap_or_default();
        ["bus_consumer", "service_token"].map(|part| status[part]["status"].clone()) == ["ok", "ok"]
    };
    phoned.healthy(PATIENCE, ready).await
}

async fn start(plan: &mut Plan, servers: [(&str, &Server); 4], vhost: &str) -> Result<Daemon> {
    for (name, server) in servers {
        plan.phoned[name]["host"] = json!("127.0.0.1");
        plan.phoned[name]["port"] = json!(server.address.port());
    }
    let port = Broker::shared().port;
    plan.phoned["bus"] = json!({"host": "127.0.0.1", "port": port, "vhost": vhost});
    plan.write()?;
    plan.write_key()?;
    let mut phoned = Daemon::start("phoned", &["-c", "phoned.yml"], plan.home(), plan.home())?;
    let status = format!("http://{}/0.1/status", plan.phones()?);
    until_ready(&mut phoned, &status).await?;
    Ok(phoned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_on_one_telephone_reaches_all_of_them_once() -> Result<()> {
    let vhost = tokio::task::spawn_blocking(|| Broker::shared().vhost()).await??;
    let peer = Peer::join(Broker::shared(), &vhost).await?;
    let (auth, dird) = (platform::auth()?, platform::dird()?);
    let (confd, amid) = (platform::confd(installation())?, platform::amid()?);
    let mut plan = Plan::demo()?;
    let servers = [
        ("auth", &auth),
        ("dird", &dird),
        ("confd", &confd),
        ("amid", &amid),
    ];
    let phoned = start(&mut plan, servers, &vhost).await?;
    let phones = plan.phones()?;

    let key = format!("http://{phones}/0.1/yealink/users/{USER}/services/dnd/enable");
    let answer = wire::get(&key, None, &[]).await?;
    ensure!((answer.status, answer.text()?) == (200, "\"\"\n"));
    let switched = |call: &Call| call.line() == format!("PUT /1.1/users/{USER}/services/dnd");
    let switched = confd
        .calls()
        .into_iter()
        .find(switched)
        .context("no change in confd")?;
    ensure!(switched.body == json!({"enabled": true}), "{switched:?}");
    ensure!(switched.token.as_deref() == Some(TOKEN), "{switched:?}");

    let event = json!({"user_id": 8, "user_uuid": USER, "enabled": true});
    peer.tell("users_services_dnd_updated", &event).await?;
    let lamp = json!({"command": "devstate change Custom:*7358***225 INUSE"});
    let told = bodies(amid.until(|call| call.body == lamp).await?);
    let pressed_on = ["desk", "workshop"].map(|endpoint| pressed(endpoint, "DNDOn"));
    ensure!(
        told[..2] == pressed_on && told[2..] == [lamp],
        "telephones first: {told:?}"
    );

    let hold = format!(
        "PUT /0.1/endpoints/desk/hold/start HTTP/1.1\r\nHost: {phones}\r\nX-Auth-Token: t\r\nContent-Length: 0\r\n\r\n"
    );
    let answer = wire::exchange(phones, None, hold.as_bytes()).await?;
    ensure!(answer.status == 204, "{answer:?}");
    let told = bodies(amid.calls());
    ensure!(told[3..] == [pressed("desk", "F_HOLD")], "{told:?}");
    let status = phoned.stop(PATIENCE).await?;
    ensure!(status.success(), "{status}");
    Ok(())
}
