//! `/access/*`: the allowlist in force, what it and another list say about addresses, whom it refused (phoned.md §16.3).

use std::net::IpAddr;

use kit::problem::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, invalid, ok};
use crate::{
    gate::{
        Gate,
        entry::{Action, Entry},
        refused::Reason,
        rules::{Rule, Rules},
    },
    respond::Response,
};

/// Addresses that one question may name.
const MOST_ADDRESSES: usize = 1000;
/// Refused addresses of one answer.
const MOST_REJECTED: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    #[serde(default)]
    addresses: Vec<IpAddr>,
    #[serde(default)]
    authorized_subnets: Option<Vec<Entry>>,
}

/// Every entry in force and how often it decided since the start.
pub(super) fn subnets(call: &Call) -> Response {
    let rules = call.app.gate.rules.all();
    let items: Vec<Value> = rules.iter().map(entry).collect();
    ok(&json!({"items": items, "total": items.len()}))
}

/// What the list in force says about addresses, and what a list of the caller's would say.
pub(super) fn check(call: &Call) -> Result<Response, Box<Problem>> {
    let body = call.json()?;
    let wrong = |what: String| invalid(json!({"body": what}));
    if !body.is_object() {
        return Err(wrong("Invalid input type.".to_owned()));
    }
    let question: Question =
        serde_json::from_value(body).map_err(|error| wrong(error.to_string()))?;
    if question.addresses.len() > MOST_ADDRESSES {
        let problem = format!("more than {MOST_ADDRESSES}");
        return Err(invalid(json!({"addresses": problem})));
    }
    let gate = &call.app.gate;
    let candidate = question.authorized_subnets.as_deref().map(Gate::candidate);
    let candidate = candidate
        .transpose()
        .map_err(|fault| invalid(json!({"authorized_subnets": fault.problem})))?;
    if let Some(candidate) = &candidate
        && let Some((_, make)) = candidate.unknown_make(&call.app.registry.makes)
    {
        let problem = format!("there is no make {make}");
        return Err(invalid(json!({"authorized_subnets": problem})));
    }
    let about = |address: &IpAddr| {
        let address = address.to_canonical();
        let mut item =
            json!({"address": address.to_string(), "current": decision(&gate.rules, address)});
        if let Some(candidate) = &candidate {
            item["candidate"] = decision(candidate, address);
        }
        item
    };
    let items: Vec<Value> = question.addresses.iter().map(about).collect();
    let mut answer = json!({"items": items});
    if let Some(candidate) = &candidate {
        let seen = gate.seen();
        let shut_out = seen
            .iter()
            .filter(|address| gate.rules.allows(**address) && !candidate.allows(**address));
        answer["recently_seen"] = json!({"total": seen.len(), "newly_refused": shut_out.count()});
    }
    Ok(ok(&answer))
}

/// The last refused addresses, the latest first.
pub(super) fn rejected(call: &Call) -> Result<Response, Box<Problem>> {
    let limit = match call.query().get("limit") {
        None => MOST_REJECTED,
        Some(text) => text
            .parse()
            .map_err(|_| invalid(json!({"limit": "Not a valid integer."})))?,
    };
    let gate = &call.app.gate;
    let latest = gate.refused().latest(limit.min(MOST_REJECTED));
    let item = |(address, refused): &(IpAddr, crate::gate::refused::Refused)| {
        json!({
            "address": address.to_string(),
            "first": refused.first,
            "last": refused.last,
            "count": refused.count,
            "reason": refused.reason.word(),
            "route": if refused.vendor.is_some() { "phone" } else { "machine" },
            "vendor": refused.vendor,
            "nearest_entry": gate.rules.nearest(*address).map(|rule| rule.net.to_string()),
        })
    };
    let items: Vec<Value> = latest.iter().map(item).collect();
    Ok(ok(&json!({"items": items, "total": items.len()})))
}

fn entry(rule: &Rule) -> Value {
    let hits = rule.hits.read();
    json!({
        "subnet": rule.net.to_string(),
        "place": rule.place.to_string(),
        "label": rule.settings.as_ref().and_then(|settings| settings.label.clone()),
        "action": rule.action(),
        "hits": hits.map_or(0, |(count, _)| count),
        "last_hit": hits.map(|(_, last)| last),
        "never_hit": hits.is_none(),
    })
}

fn decision(rules: &Rules, address: IpAddr) -> Value {
    let rule = rules.find(address);
    let (decision, reason) = match rule.map(Rule::action) {
        Some(Action::Allow) => ("allowed", None),
        Some(Action::Deny) => ("refused", Some(Reason::Denied.word())),
        None => ("refused", Some(Reason::NotListed.word())),
    };
    json!({
        "decision": decision,
        "reason": reason,
        "entry": rule.map(|rule| rule.net.to_string()),
        "label": rule.and_then(|rule| rule.settings.as_ref()?.label.clone()),
    })
}
