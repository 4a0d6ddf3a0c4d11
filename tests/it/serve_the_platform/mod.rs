//! Both daemons on a platform with bus, auth, confd and amid: every route of dird-api.md §6 and phoned.md §3 is asked as its users
//! ask it, and every part of both statuses is well. The rows are in `dird_rows` and `phoned_rows`; a route that the daemons'
//! own documents name and no row asks fails the test, and so does a row that they do not name.

mod dird_rows;
mod phoned_rows;
mod row;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use e2e::broker::Broker;
use e2e::daemon::Daemon;
use e2e::platform::{self, Call, Server, TENANT, TOKEN};
use e2e::site::{PATIENCE, Plan};
use e2e::wire;
use serde_json::{Value, json};

use row::{Story, line};

/// The person whose token and telephone ask.
pub(super) const USER: &str = "3f1f3c1e-6f5e-4c39-8a3e-6f0d1c8a0b5e";

/// The name of the only tenant.
pub(super) const TENANT_NAME: &str = "one";

/// An auth that knows [`USER`], who has linked an account at Microsoft and none at Google, and what [`TENANT`] is called.
fn auth() -> Result<Server> {
    let user = json!({"uuid": USER, "tenant_uuid": TENANT, "pbx_user_uuid": USER});
    let tenant =
        json!({"uuid": TENANT, "parent_uuid": TENANT, "name": TENANT_NAME, "slug": TENANT_NAME});
    let token = json!({"data": {"token": TOKEN, "auth_id": USER, "metadata": user, "acl": ["#"]}});
    Server::start(
        move |call: &Call| match (call.method.as_str(), call.path.as_str()) {
            ("HEAD", _) => (204, Value::Null),
            (_, "/0.1/tenants") => (200, json!({"items": [tenant], "total": 1, "filtered": 1})),
            (_, path) if path.ends_with("/external/microsoft") => (
                200,
                json!({"access_token": "theirs", "scope": "Contacts.Read"}),
            ),
            (_, path) if path.contains("/external/") => (404, json!({"message": "no such link"})),
            (_, path) if path.starts_with("/0.1/users/") => (200, user.clone()),
            _ => (200, token.clone()),
        },
    )
}

/// A confd with one telephone, which is [`USER`]'s, and one conference.
fn confd() -> Result<Server> {
    let line = json!({"name": "yea", "device_id": "d", "endpoint_sip": {"name": "yea"}});
    let feature = |name: &str, exten: &str| json!({"feature": name, "exten": exten});
    platform::confd(json!({
        "users": {USER: {"uuid": USER, "services": {}, "lines": [line]}},
        "lines": [line],
        "devices": {"d": {"vendor": "Yealink"}},
        "features": [feature("phoneprogfunckey", "_*735."), feature("enablednd", "*25")],
    }))
}

/// A confd with people and conferences, and contacts of an account at Microsoft, for sources.
fn people() -> Result<Server> {
    Server::start(|call: &Call| {
        if call.path.ends_with("/me/contacts") {
            return (
                200,
                json!({"value": [{"id": "1", "givenName": "Gil", "displayName": "Gil"}]}),
            );
        }
        let items = match call.path.rsplit('/').next() {
            Some("users") => {
                json!([{"id": 1, "uuid": USER, "firstname": "Fay", "lastname": "", "lines": []}])
            }
            Some("conferences") => {
                json!([{"id": 1, "name": "Fair", "extensions": [], "incalls": []}])
            }
            _ => json!([]),
        };
        (200, json!({"items": items, "total": 1}))
    })
}

/// Everything that runs.
struct Platform {
    auth: Server,
    confd: Server,
    people: Server,
    amid: Server,
    dird: Daemon,
    phoned: Daemon,
    plan: Plan,
}

impl Platform {
    async fn start() -> Result<Self> {
        let (auth, confd, people, amid) = (auth()?, confd()?, people()?, platform::amid()?);
        let bus = tokio::task::spawn_blocking(|| -> Result<Value> {
            let broker = Broker::shared();
            Ok(
                json!({"enabled": true, "host": "127.0.0.1", "port": broker.port, "vhost": broker.vhost()?}),
            )
        });
        let bus = bus.await??;
        let mut plan = Plan::demo()?;
        plan.dird["bus"] = bus.clone();
        plan.phoned["bus"] = bus;
        plan.phoned["confd"] = confd.upstream();
        plan.phoned["amid"] = amid.upstream();
        plan.ask_auth(&auth.upstream())?;
        plan.write()?;
        std::fs::write(plan.file("people.csv"), "id,fn,num\n1,Ada,555\n")?;
        let mut dird = Daemon::start("dird", &["-c", "dird.yml"], plan.home(), plan.home())?;
        let mut phoned = Daemon::start("phoned", &["-c", "phoned.yml"], plan.home(), plan.home())?;
        let (rest, phones) = (address(&plan.dird)?, plan.phones()?);
        dird.healthy(PATIENCE, async || is_well(rest).await).await?;
        phoned
            .healthy(PATIENCE, async || is_well(phones).await)
            .await?;
        Ok(Self {
            auth,
            confd,
            people,
            amid,
            dird,
            phoned,
            plan,
        })
    }
}

fn address(config: &Value) -> Result<SocketAddr> {
    let port = config["rest_api"]["port"].as_u64().context("a port")?;
    Ok(([127, 0, 0, 1], u16::try_from(port)?).into())
}

/// The parts of a status.
async fn status(at: SocketAddr) -> Result<Value> {
    let url = format!("http://{at}/0.1/status");
    wire::get(&url, None, &[("X-Auth-Token", TOKEN)])
        .await?
        .json()
}

async fn is_well(at: SocketAddr) -> bool {
    let status = status(at).await;
    let parts = status.ok().and_then(|status| status.as_object().cloned());
    let parts = parts.unwrap_or_default();
    let well = |part: &Value| part.get("status").is_none_or(|status| status == "ok");
    !parts.is_empty() && parts.values().all(well)
}

/// Every method and path that a daemon's own document names.
async fn documented(at: SocketAddr) -> Result<BTreeSet<String>> {
    let document = wire::get(&format!("http://{at}/0.1/api/api.yml"), None, &[]).await?;
    let document: Value = serde_saphyr::from_str(document.text()?)?;
    let paths = document["paths"].as_object().context("no paths")?;
    let methods = ["get", "put", "post", "patch", "delete"];
    let lines = paths.iter().flat_map(|(path, item)| {
        let methods = methods.iter().filter(|&&method| item.get(method).is_some());
        methods.map(move |method| line(method, path))
    });
    Ok(lines.collect())
}

fn compare(asked: &BTreeSet<String>, documented: &BTreeSet<String>) -> Result<()> {
    let unasked: Vec<_> = documented.difference(asked).collect();
    let unknown: Vec<_> = asked.difference(documented).collect();
    ensure!(unasked.is_empty(), "nobody asks {unasked:#?}");
    ensure!(
        unknown.is_empty(),
        "the document does not name {unknown:#?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_of_both_answers_and_every_part_of_both_is_well() -> Result<()> {
    let platform = Platform::start().await?;
    let (rest, phones) = (address(&platform.plan.dird)?, platform.plan.phones()?);
    let mut dird = Story::at(rest);
    dird.knows("user_uuid", USER);
    dird.knows("tenant", TENANT_NAME);
    dird.knows("profile", "default");
    dird.knows("directory", "people");
    dird.knows("contact", "1");
    dird.tell(dird_rows::first(
        &platform.plan,
        platform.people.address,
        platform.auth.address,
    ))
    .await?;

    let mut phoned = Story::at(phones);
    phoned.knows("user_uuid", USER);
    phoned.knows("profile", "default");
    phoned.knows("endpoint_name", "yea");
    let named = documented(phones).await?;
    phoned.tell(phoned_rows::all(&named)).await?;
    compare(&phoned.asked, &named)?;
    phoned_rows::check_calls(&named, &platform.confd, &platform.amid)?;

    dird.tell(dird_rows::last()).await?;
    compare(&dird.asked, &documented(rest).await?)?;

    for (at, parts) in [(rest, dird_rows::PARTS), (phones, phoned_rows::PARTS)] {
        let status = status(at).await?;
        for part in parts {
            ensure!(status[part]["status"] == "ok", "{part}: {status:#}");
        }
        let shown = status.as_object().context("no parts")?;
        let more = shown
            .iter()
            .filter(|(name, part)| part.get("status").is_some() && !parts.contains(&name.as_str()));
        ensure!(more.count() == 0, "another part than {parts:?}: {status:#}");
    }
    for daemon in [platform.phoned, platform.dird] {
        let ended = daemon.stop(PATIENCE).await?;
        ensure!(ended.success(), "{ended}");
    }
    Ok(())
}
