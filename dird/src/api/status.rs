//! `GET /status` (dird-api-config.md §8, dird-platform.md §10).

use std::collections::BTreeMap;

use http::StatusCode;
use serde::Serialize;

use super::call::Call;
use super::route::Answer;
use crate::error::json_answer;

#[derive(Serialize)]
struct Component {
    status: &'static str,
    /// Only shown for what was switched off.
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
}

#[derive(Serialize)]
struct Status {
    rest_api: Component,
    bus_consumer: Component,
    master_tenant: Component,
    /// Only shown when it fails, so that a client of the reference sees the three keys that it knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    database: Option<Component>,
    /// Only shown when it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    service_token: Option<Component>,
    /// Only shown while a source answers from a copy that is too old.
    #[serde(skip_serializing_if = "Option::is_none")]
    sources: Option<Sources>,
}

fn component(works: bool) -> Component {
    Component {
        status: if works { "ok" } else { "fail" },
        enabled: None,
    }
}

/// Sources that answer from copies because they cannot be asked.
#[derive(Serialize)]
struct Sources {
    status: &'static str,
    /// By backend, the age in seconds of the oldest copy that was given last.
    stale: BTreeMap<String, f64>,
}

/// None while every source answers for itself.
fn stale_sources(call: &Call) -> Option<Sources> {
    let mut stale = BTreeMap::new();
    for (backend, health) in call.app.lookup.watched().health() {
        if let Some(age) = health.stale {
            let oldest: &mut f64 = stale.entry(backend).or_default();
            *oldest = oldest.max(age.as_secs_f64());
        }
    }
    (!stale.is_empty()).then_some(Sources {
        status: "fail",
        stale,
    })
}

/// How dird and what it needs are doing; 200 whatever the answer.
pub async fn show(call: Call) -> Answer {
    let bus = call.app.events.bus();
    let status = Status {
        rest_api: component(true),
        bus_consumer: Component {
            enabled: (!bus.is_enabled()).then_some(false),
            ..component(bus.is_connected())
        },
        master_tenant: component(call.app.authority.master_tenant().is_some()),
        database: call
            .app
            .store
            .ping()
            .await
            .is_err()
            .then(|| component(false)),
        service_token: (!call.app.authority.has_service_token()).then(|| component(false)),
        sources: stale_sources(&call),
    };
    Ok(json_answer(StatusCode::OK, &status))
}
