//! Each figure that operators are promised counts what it says, once each time (phoned.md §16.4). The daemon is a process of its
//! own here, so that the counts can be exact.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::binaries::repository;
use e2e::ports;
use e2e::site::{PATIENCE, Plan, Site, phone_url};
use e2e::wire;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Phones, by the entry of the list that they are in.
const OFFICE: &str = "127.0.0.1";
const SNOMS: &str = "127.0.0.5";
const DENIED: &str = "127.0.0.6";
const SLOW: &str = "127.0.0.7";
const PROXY: &str = "127.0.0.8";
const CROWD: &str = "127.0.0.10";
const STRANGER: &str = "127.0.0.9";

fn subnets() -> Value {
    json!([
        {"subnet": OFFICE, "label": "office"},
        {"subnet": PROXY, "label": "proxy"},
        {"subnet": SNOMS, "label": "snoms", "vendors": ["snom"]},
        {"subnet": DENIED, "label": "shut", "action": "deny"},
        {"subnet": SLOW, "label": "slow", "rate_limit": {"per_phone": "0.01/m", "burst": 1, "subnet": "100/s"}},
        {"subnet": CROWD, "label": "crowd", "rate_limit": {"per_phone": "100/s", "burst": 100, "subnet": "0.01/m"}},
    ])
}

/// A site with these subnets, one of them on trial, and a listener for TLS.
async fn site() -> Result<(Site, SocketAddr)> {
    let mut plan = Plan::demo()?;
    let [metrics, secure] = ports::free()?;
    plan.phoned["metrics"] = json!({"port": metrics});
    plan.phoned["lookup"]["max_rows"] = json!(2);
    plan.phoned["vendors"] = json!({"thomson": {"documents": "rich", "short_links": true}});
    let certificate = |name: &str| json!(repository().join("kit/tests/data").join(name));
    let rest_api = &mut plan.phoned["rest_api"];
    rest_api["authorized_subnets"] = subnets();
    rest_api["authorized_subnets_candidate"] = json!([SNOMS]);
    rest_api["trusted_proxies"] = json!([PROXY]);
    rest_api["https"] = json!({"enabled": true, "listen": "127.0.0.1", "port": secure,
        "certificate": certificate("first.crt"), "private_key": certificate("first.key")});
    Ok((plan.start().await?, ([127, 0, 0, 1], secure).into()))
}

/// Requests that each raise a figure by one.
struct Counted<'a> {
    site: &'a Site,
    user: String,
}

impl Counted<'_> {
    /// Asks `path` from `phone`, and sees `status` and each of `series` raised by one.
    async fn one(
        &self,
        (phone, path, header): (&str, &str, Option<(&str, &str)>),
        status: u16,
        series: &[&str],
    ) -> Result<()> {
        let mut before = Vec::new();
        for series in series {
            before.push(self.site.figure(series).await?);
        }
        let url = phone_url(self.site.phones()?, path, &self.user);
        let from: IpAddr = phone.parse()?;
        let headers: Vec<_> = header.into_iter().collect();
        let answer = wire::get(&format!("{url}&term=e"), Some(from), &headers).await?;
        ensure!(answer.status == status, "{phone} {path}: {}", answer.status);
        for (series, before) in series.iter().zip(before) {
            let after = self.site.figure(series).await?;
            ensure!(after == before + 1, "{series}: {before}, then {after}");
        }
        Ok(())
    }
}

const SNOM: &str = "directories/lookup/default/snom";
const CISCO: &str = "directories/lookup/default/cisco";
const FORM: &str = "directories/input/default/cisco";

#[tokio::test]
async fn every_decision_of_the_list_is_counted_by_its_reason() -> Result<()> {
    let (site, _) = site().await?;
    let counted = Counted {
        user: site.user(0)?,
        site: &site,
    };
    let allowed =
        |label: &str| format!("phoned_access_total{{decision=\"allow\",label=\"{label}\"}}");
    let rejected = |reason: &str| format!("phoned_access_rejected_total{{reason=\"{reason}\"}}");
    let denied =
        |label: &str| format!("phoned_access_total{{decision=\"deny\",label=\"{label}\"}}");
    let on_trial = |word: &str| format!("phoned_access_candidate_total{{decision=\"{word}\"}}");
    for (request, status, series) in [
        (
            (OFFICE, FORM, None),
            200,
            vec![allowed("office"), on_trial("deny")],
        ),
        (
            (SNOMS, SNOM, None),
            200,
            vec![allowed("snoms"), on_trial("allow")],
        ),
        (
            (SNOMS, CISCO, None),
            403,
            vec![rejected("vendor"), denied("snoms")],
        ),
        (
            (DENIED, CISCO, None),
            403,
            vec![rejected("denied"), denied("shut")],
        ),
        (
            (STRANGER, CISCO, None),
            403,
            vec![rejected("not_listed"), denied("-")],
        ),
        (
            (PROXY, FORM, Some(("X-Forwarded-For", "nobody"))),
            403,
            vec![rejected("bad_forwarded"), denied("-")],
        ),
    ] {
        let series: Vec<&str> = series.iter().map(String::as_str).collect();
        counted.one(request, status, &series).await?;
    }
    for (phone, scope) in [(SLOW, "phone"), (CROWD, "subnet")] {
        counted.one((phone, FORM, None), 200, &[]).await?;
        let series = format!("phoned_rate_limited_total{{scope=\"{scope}\"}}");
        counted.one((phone, FORM, None), 429, &[&series]).await?;
    }
    site.stop().await
}

#[tokio::test]
async fn requests_pages_handshakes_and_reloads_are_counted() -> Result<()> {
    let (site, secure) = site().await?;
    let counted = Counted {
        user: site.user(0)?,
        site: &site,
    };
    let asked = "phoned_requests_total{vendor=\"snom\",step=\"lookup\",status=\"200\"}";
    let timed = "phoned_request_seconds_count{vendor=\"snom\",step=\"lookup\"}";
    let missed = "phoned_cache_total{cache=\"lookup\",result=\"miss\"}";
    let cut = "phoned_truncated_total{vendor=\"-\",reason=\"result\"}";
    let first = [asked, timed, missed, cut];
    counted.one((OFFICE, SNOM, None), 200, &first).await?;
    let known = "phoned_cache_total{cache=\"document\",result=\"hit\"}";
    counted
        .one((OFFICE, SNOM, None), 200, &[asked, timed, known])
        .await?;
    let missing = "phoned_cache_total{cache=\"user\",result=\"miss\"}";
    ensure!(site.figure(missing).await? == 1, "one user was asked for");
    let shown = "phoned_screens_total{vendor=\"cisco\",error_id=\"unknown-profile\"}";
    let nowhere = "directories/lookup/nowhere/cisco";
    let phone = Some(("User-Agent", "Cisco/CP7960"));
    counted.one((OFFICE, nowhere, phone), 200, &[shown]).await?;
    let negative = "phoned_cache_total{cache=\"profile\",result=\"negative\"}";
    let hit = "phoned_cache_total{cache=\"user\",result=\"hit\"}";
    counted
        .one((OFFICE, nowhere, phone), 200, &[negative, hit])
        .await?;
    follow_a_short_link(&site).await?;

    let mut plain = TcpStream::connect(secure).await?;
    plain
        .write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        .await?;
    let failed = "phoned_tls_handshake_failures_total{reason=\"not TLS\"}";
    let noted = async {
        while site.figure(failed).await? == 0 {
            sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, noted).await.context(failed)??;

    let generation = site.figure("phoned_config_generation").await?;
    for (mask, outcome, expected) in [
        (24, "applied", generation + 1),
        (99, "refused", generation + 1),
    ] {
        let further =
            json!({"rest_api": {"authorized_subnets_candidate": [format!("10.0.0.0/{mask}")]}});
        let written = site.plan.file("phoned.d/further.yml");
        std::fs::write(written, further.to_string())?;
        reload(&site).await?;
        let series = format!("phoned_config_reload_total{{outcome=\"{outcome}\"}}");
        ensure!(site.figure(&series).await? == 1, "{series}");
        let generation = site.figure("phoned_config_generation").await?;
        ensure!(generation == expected, "generation {generation}");
    }
    site.stop().await
}

/// A page that is asked for by a short link is one of its make.
async fn follow_a_short_link(site: &Site) -> Result<()> {
    let path = "directories/lookup/default/thomson";
    let url = format!(
        "{}&term=e&limit=1",
        phone_url(site.phones()?, path, &site.user(0)?)
    );
    let page = wire::get(&url, None, &[]).await?;
    let (_, rest) = page.text()?.split_once("/0.1/l/").context("no link")?;
    let (token, _) = rest.split_once('<').context("no end")?;
    let status = |vendor: &str, status: u16| {
        format!("phoned_requests_total{{vendor=\"{vendor}\",step=\"lookup\",status=\"{status}\"}}")
    };
    for (token, series, seen) in [
        (token, status("thomson", 200), 2),
        ("nowhere", status("-", 404), 1),
    ] {
        let link = format!("http://{}/0.1/l/{token}", site.phones()?);
        wire::get(&link, None, &[]).await?;
        ensure!(site.figure(&series).await? == seen, "{series}");
    }
    Ok(())
}

/// Has phoned read its files, and returns when it has.
async fn reload(site: &Site) -> Result<()> {
    let key = site.plan.dird(&[
        "key",
        "create",
        "operator",
        "--acl",
        "#",
        "--key-file",
        "operator.yml",
    ]);
    let made = key.await?;
    let token = site.token_of("operator.yml").await.context(made.output)?;
    let request = format!(
        "POST /0.1/config/reload HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\nContent-Length: 0\r\n\r\n"
    );
    let asked = "phoned_backend_seconds_count{backend=\"auth\",outcome=\"answered\"}";
    let before = site.figure(asked).await?;
    let answer = wire::exchange(site.phones()?, None, request.as_bytes()).await?;
    ensure!([200, 400].contains(&answer.status), "{}", answer.status);
    // Whether the token may, and whose it is.
    ensure!(site.figure(asked).await? == before + 2, "{asked}");
    Ok(())
}
