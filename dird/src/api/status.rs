//! `GET /status` (dird-api-config.md §8, dird-platform.md §10).

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
}

fn component(works: bool) -> Component {
    Component {
        status: if works { "ok" } else { "fail" },
        enabled: None,
    }
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
    };
    Ok(json_answer(StatusCode::OK, &status))
}
