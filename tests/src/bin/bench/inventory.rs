//! A tenant with much configured: what lists of displays and profiles are made of.

use anyhow::{Context, Result, ensure};
use e2e::site::Site;
use e2e::wire;
use serde_json::{Value, json};

/// Contacts of the site that has it.
pub(crate) const SITE: u32 = 1_000;
const SOURCES: usize = 23;
const PROFILES: usize = 30;

/// Makes sources, and profiles that ask all of them, each with a display, in the master tenant, which has nothing else. Returns
/// a token for it.
pub(crate) async fn fill(site: &Site) -> Result<String> {
    let made = site.plan.dird(&["key", "create", "bench", "--acl", "#"]);
    let token = made.await?.output.trim().to_owned();
    let mut sources = Vec::with_capacity(SOURCES);
    for number in 0..SOURCES {
        let source = json!({"name": format!("source {number}"), "file": "/none.csv"});
        let uuid = create(site, &token, "/0.1/backends/csv/sources", &source).await?;
        sources.push(json!({"uuid": uuid}));
    }
    let services = json!({"lookup": {"sources": sources}, "reverse": {"sources": sources},
        "favorites": {"sources": sources}});
    for number in 0..PROFILES {
        let columns =
            json!([{"field": "name", "title": "Name"}, {"field": "phone", "type": "number"}]);
        let display = json!({"name": format!("display {number}"), "columns": columns});
        let display = create(site, &token, "/0.1/displays", &display).await?;
        let profile = json!({"name": format!("profile {number}"), "display": {"uuid": display},
            "services": services});
        create(site, &token, "/0.1/profiles", &profile).await?;
    }
    Ok(token)
}

async fn create(site: &Site, token: &str, path: &str, body: &Value) -> Result<String> {
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = wire::exchange(site.rest()?, None, request.as_bytes()).await?;
    ensure!(answer.status < 300, "{path} answers {}", answer.status);
    let uuid = answer.json()?["uuid"].as_str().map(str::to_owned);
    uuid.context("an object without uuid")
}
