//! Which addresses may ask (phoned.md §6).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Result, ensure};
use e2e::binaries::repository;
use e2e::daemon::{Daemon, logged};
use e2e::phone::{Cisco, Handset};
use e2e::site::{PATIENCE, Plan, phone_url};
use e2e::{ports, wire};
use serde_json::json;

const PHONE_ROOM: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 9, 1, 2));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 8, 1, 2));

/// A site whose phones are in 127.9.0.0/16; the harness itself asks from 127.0.0.1.
fn plan() -> Result<Plan> {
    let mut plan = Plan::demo()?;
    plan.phoned["rest_api"]["authorized_subnets"] = json!(["127.9.0.0/16", "127.0.0.1"]);
    Ok(plan)
}

#[tokio::test]
async fn a_phone_inside_the_subnets_is_served() -> Result<()> {
    let site = plan()?.start().await?;
    let phone = Cisco::new(Handset::cisco().at(PHONE_ROOM));
    let page = phone.search(&site.cisco_menu(0)?, "celik").await?;
    assert!(
        page.entries.iter().any(|(name, _)| name == "Élodie Çelik"),
        "{:?}",
        page.entries
    );
    site.stop().await
}

#[tokio::test]
async fn a_phone_outside_the_subnets_gets_403_on_every_step_whatever_it_claims() -> Result<()> {
    let site = plan()?.start().await?;
    let (phones, user) = (site.phones()?, site.user(0)?);
    for path in [
        "directories/menu/default/cisco",
        "directories/input/default/cisco",
        "directories/lookup/default/cisco",
        "cisco/directories/lookup/default",
        "yealink/directories/lookup/default",
        "status",
    ] {
        let url = format!("{}&term=celik", phone_url(phones, path, &user));
        let headers = [
            ("X-Forwarded-For", "127.9.1.2"),
            ("User-Agent", "Cisco/CP7960"),
        ];
        let answer = wire::get(&url, Some(STRANGER), &headers).await?;
        assert_eq!(answer.status, 403, "{path}");
        assert_eq!(answer.json()?["error_id"], "forbidden-address", "{path}");
        let text = answer.text()?;
        assert!(
            !text.contains("127.") && !text.contains("elik"),
            "{path} tells too much: {text}"
        );
    }
    site.stop().await
}

#[tokio::test]
async fn a_v4_phone_on_a_dual_stack_listener_is_matched_by_v4_subnets() -> Result<()> {
    let mut plan = plan()?;
    plan.phoned["rest_api"]["http"]["listen"] = json!("::");
    let site = plan.start().await?;
    let url = format!(
        "{}&term=celik",
        phone_url(
            site.phones()?,
            "directories/lookup/default/cisco",
            &site.user(0)?
        )
    );
    assert_eq!(wire::get(&url, Some(PHONE_ROOM), &[]).await?.status, 200);
    assert_eq!(wire::get(&url, Some(STRANGER), &[]).await?.status, 403);

    let over_v6 = SocketAddr::new("::1".parse()?, site.phones()?.port());
    let request = b"GET /0.1/status HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_eq!(
        wire::exchange(over_v6, None, request).await?.status,
        403,
        "::1 is not in the list"
    );
    site.stop().await
}

#[tokio::test]
async fn a_list_that_a_proxy_beside_phoned_would_open_to_everybody_is_warned_of() -> Result<()> {
    let certificate = |name: &str| json!(repository().join("kit/tests/data").join(name));
    let files = json!({"enabled": true, "certificate": certificate("first.crt"),
        "private_key": certificate("first.key")});
    for (http, https, subnets, proxies, expected) in [
        ("::", None, "127.0.0.0/8", None, true),
        ("127.0.0.1", Some("::"), "127.0.0.0/8", None, true),
        ("127.0.0.1", Some("127.0.0.1"), "127.0.0.0/8", None, false),
        ("::", None, "127.0.0.0/8", Some("10.0.0.1"), false),
    ] {
        let mut plan = Plan::demo()?;
        let [secure] = ports::free()?;
        let rest_api = &mut plan.phoned["rest_api"];
        rest_api["http"]["listen"] = json!(http);
        rest_api["authorized_subnets"] = json!([subnets]);
        rest_api["trusted_proxies"] = json!(proxies.into_iter().collect::<Vec<_>>());
        if let Some(listen) = https {
            rest_api["https"] = files.clone();
            rest_api["https"]["listen"] = json!(listen);
            rest_api["https"]["port"] = json!(secure);
        }
        let site = plan.start().await?;
        let log = logged(&site.plan.file("phoned.log"), "listening").await?;
        let warned = log.contains("a proxy on this machine would open the directory");
        ensure!(warned == expected, "{http} {https:?} {proxies:?}: {log}");
        site.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn an_empty_list_lets_nobody_in() -> Result<()> {
    let mut plan = Plan::demo()?;
    let demo = plan.load().await?;
    plan.phoned["rest_api"]["authorized_subnets"] = json!([]);
    plan.write()?;
    let dird = plan.start_dird().await?;
    let mut phoned = Daemon::start("phoned", &["-c", "phoned.yml"], plan.home(), plan.home())?;
    let url = phone_url(
        plan.phones()?,
        "directories/input/default/cisco",
        &demo.people[0].1,
    );
    phoned
        .healthy(PATIENCE, async || wire::get(&url, None, &[]).await.is_ok())
        .await?;
    assert_eq!(wire::get(&url, None, &[]).await?.status, 403);
    phoned.stop(PATIENCE).await?;
    dird.stop(PATIENCE).await?;
    Ok(())
}
