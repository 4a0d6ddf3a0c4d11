//! The routes of phoned (phoned.md §3). Those of telephones come from phoned's own document, because each make has the same few;
//! those of programs and operators are listed here.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use e2e::platform::Server;
use serde_json::json;

use super::USER;
use super::row::Row;

/// The parts of phoned's status (phoned.md §16.1).
pub(super) const PARTS: &[&str] = &["auth", "bus_consumer", "config", "dird", "service_token"];

/// Makes that must have routes.
const MAKES: [&str; 11] = [
    "aastra",
    "cisco",
    "fanvil",
    "fanvil-v2",
    "gigaset",
    "grandstream",
    "htek",
    "polycom",
    "snom",
    "thomson",
    "yealink",
];

/// What a make's route is asked, and what its answer has.
fn of_telephones(path: &str) -> Option<Row> {
    let row = Row::new("GET", path, 200);
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

/// Every make has routes, and what telephones and programs switched arrived.
pub(super) fn check_calls(named: &BTreeSet<String>, confd: &Server, amid: &Server) -> Result<()> {
    for make in MAKES {
        let segment = format!("/{make}");
        let has =
            |line: &&String| line.split('/').any(|word| word == make) && line.contains(&segment);
        ensure!(named.iter().any(|line| has(&line)), "no route of {make}");
    }
    let switch = format!("PUT /1.1/users/{USER}/services/dnd");
    // Telephones that are told of a switch report it again, so that not each press arrives (phoned.md §12.1).
    let switched = confd.calls().iter().any(|call| call.line() == switch);
    ensure!(switched, "no switch of do-not-disturb arrived");
    let notified = amid.calls();
    let notified = notified
        .iter()
        .filter(|call| call.line() == "POST /1.0/action/PJSIPNotify");
    ensure!(
        notified.count() >= 3,
        "the telephone was not told to hold or answer: {:#?}",
        amid.calls()
    );
    Ok(())
}
