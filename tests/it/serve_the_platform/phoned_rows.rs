//! The routes of phoned (phoned.md §3). Those of telephones come from phoned's own document, because each make has the same few;
//! those of programs and operators are listed here.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use e2e::platform::Server;
use serde_json::{Value, json};

use super::USER;
use super::row::{Row, line};

/// The parts of phoned's status (phoned.md §16.1).
pub(super) const PARTS: &[&str] = &["auth", "bus_consumer", "config", "dird", "service_token"];

/// The routes of telephones that the reference has (phoned.md §3.1, §3.2), and what their answers are; each must be among those
/// of the document.
const OF_THE_REFERENCE: [(&str, &str); 21] = [
    ("/directories/menu/{profile}/cisco", "text/xml"),
    ("/directories/input/{profile}/cisco", "text/xml"),
    ("/directories/lookup/{profile}/cisco", "text/xml"),
    ("/directories/input/{profile}/aastra", "text/xml"),
    ("/directories/lookup/{profile}/aastra", "text/xml"),
    ("/directories/input/{profile}/polycom", "text/html"),
    ("/directories/lookup/{profile}/polycom", "text/html"),
    ("/directories/input/{profile}/snom", "text/xml"),
    ("/directories/lookup/{profile}/snom", "text/xml"),
    ("/directories/lookup/{profile}/thomson", "text/xml"),
    ("/directories/lookup/{profile}/yealink", "text/xml"),
    ("/yealink/directories/lookup/{profile}", "text/xml"),
    ("/directories/lookup/{profile}/htek", "text/xml"),
    ("/directories/input/{profile}/fanvil", "text/xml"),
    ("/directories/lookup/{profile}/fanvil", "text/xml"),
    ("/directories/lookup/{profile}/fanvil-v2", "text/xml"),
    (
        "/directories/lookup/{profile}/gigaset/{user_uuid}",
        "text/xml",
    ),
    (
        "/yealink/users/{user_uuid}/services/dnd/enable",
        "application/json",
    ),
    (
        "/yealink/users/{user_uuid}/services/dnd/disable",
        "application/json",
    ),
    (
        "/fanvil/users/{user_uuid}/services/dnd/enable",
        "application/json",
    ),
    (
        "/fanvil/users/{user_uuid}/services/dnd/disable",
        "application/json",
    ),
];

/// What a make's route is asked, and what its answer has.
fn of_telephones(path: &str) -> Option<Row> {
    let known = OF_THE_REFERENCE.iter().find(|(known, _)| *known == path);
    let row = Row::new("GET", path, 200).comes_as(known.map_or("", |(_, kind)| kind));
    if path.contains("/services/dnd/") {
        return Some(row.says("\"\""));
    }
    let step = path
        .split('/')
        .skip_while(|&word| word != "directories")
        .nth(1)?;
    let user = "xivo_user_uuid={user_uuid}";
    match step {
        "menu" => Some(row.asks(user).says("/input/")),
        "input" => Some(row.asks(user).says("/lookup/")),
        "lookup" => Some(row.asks(&format!("{user}&term=ada")).says("Ada")),
        _ => None,
    }
}

fn of_programs() -> Vec<Row> {
    let put = |path: &str| Row::new("PUT", path, 204);
    let get = |path: &str| Row::new("GET", path, 200);
    vec![
        put("/endpoints/{endpoint_name}/hold/start"),
        put("/endpoints/{endpoint_name}/hold/stop"),
        put("/endpoints/{endpoint_name}/answer"),
        get("/status").says("service_token"),
        get("/config").says("authorized_subnets"),
        Row::new("PATCH", "/config", 200)
            .sends(&json!([{"op": "replace", "path": "/debug", "value": false}])),
        get("/api/api.yml").says("swagger"),
        Row::new("POST", "/config/reload", 200).says("\"applied\":true"),
        get("/access/subnets").says("127.0.0.0/8"),
        get("/access/rejected").says("items"),
        Row::new("POST", "/access/check", 200)
            .sends(&json!({"addresses": ["10.20.3.4"]}))
            .says("10.20.3.4"),
        Row::new("DELETE", "/cache", 204),
    ]
}

/// A row for everything that the document names.
pub(super) fn all(named: &BTreeSet<String>) -> Vec<Row> {
    let gets = named.iter().filter_map(|line| line.strip_prefix("GET "));
    let mut rows: Vec<Row> = gets.filter_map(of_telephones).collect();
    rows.extend(of_programs());
    rows
}

/// Every route of the reference is there, and what telephones and programs switched arrived.
pub(super) fn check_calls(named: &BTreeSet<String>, confd: &Server, amid: &Server) -> Result<()> {
    for (path, _) in OF_THE_REFERENCE {
        ensure!(named.contains(&line("GET", path)), "no route {path}");
    }
    let switch = format!("PUT /1.1/users/{USER}/services/dnd");
    // Telephones that are told of a switch report it again, so that not each press arrives (phoned.md §12.1).
    let switched = confd.calls().iter().any(|call| call.line() == switch);
    ensure!(switched, "no switch of do-not-disturb arrived");
    let calls = amid.calls().into_iter();
    let notified = calls.filter(|call| call.line() == "POST /1.0/action/PJSIPNotify");
    let notified: Vec<Value> = notified.map(|call| call.body).collect();
    let pressed = |key: &str| {
        json!({"Endpoint": "yea", "Variable": [
            "Content-Type=message/sipfrag", "Event=ACTION-URI", format!("Content=key={key}"),
        ]})
    };
    let wanted = ["F_HOLD", "F_HOLD", "ANSWER"].map(pressed);
    ensure!(
        notified == wanted,
        "the telephone was told {notified:#?}, not {wanted:#?}"
    );
    Ok(())
}
