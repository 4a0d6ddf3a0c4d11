//! A tenant with much configured: what lists of displays and profiles are made of.

use anyhow::Result;
use e2e::rest::Rest;
use e2e::site::Site;
use serde_json::json;

/// Contacts of the site that has it.
pub(crate) const SITE: u32 = 1_000;
const SOURCES: usize = 23;
const PROFILES: usize = 30;

/// Makes sources, and profiles that ask all of them, each with a display, in the master tenant, which has nothing else. Returns
/// a token for it.
pub(crate) async fn fill(site: &Site) -> Result<String> {
    let made = site.plan.dird(&["key", "create", "bench", "--acl", "#"]);
    let rest = Rest {
        address: site.rest()?,
        token: made.await?.output.trim().to_owned(),
    };
    let mut sources = Vec::with_capacity(SOURCES);
    for number in 0..SOURCES {
        let source = json!({"name": format!("source {number}"), "file": "/none.csv"});
        let uuid = rest.create("/backends/csv/sources", &source).await?;
        sources.push(json!({"uuid": uuid}));
    }
    let services = json!({"lookup": {"sources": sources}, "reverse": {"sources": sources},
        "favorites": {"sources": sources}});
    for number in 0..PROFILES {
        let columns =
            json!([{"field": "name", "title": "Name"}, {"field": "phone", "type": "number"}]);
        let display = json!({"name": format!("display {number}"), "columns": columns});
        let display = rest.create("/displays", &display).await?;
        let profile = json!({"name": format!("profile {number}"), "display": {"uuid": display},
            "services": services});
        rest.create("/profiles", &profile).await?;
    }
    Ok(rest.token)
}
