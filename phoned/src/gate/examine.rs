//! What is odd about an allowlist that is not wrong: entries that others cover, entries that let in half the world (phoned.md §16.3).

use ipnet::IpNet;

use super::{
    entry::Action,
    rules::{Rule, Rules},
};

/// Sentences about the entries of `rules`, in the order of their addresses.
pub fn oddities(rules: &Rules) -> Vec<String> {
    let mut sorted: Vec<&Rule> = rules.all().iter().collect();
    sorted.sort_by_key(|rule| (rule.net.network(), rule.net.prefix_len()));
    let mut around: Vec<&Rule> = Vec::new();
    let mut notes = Vec::new();
    for rule in sorted {
        if is_wide(rule.net) && rule.action() == Action::Allow {
            notes.push(format!("{} ({}) is very wide", rule.net, rule.place));
        }
        while around
            .last()
            .is_some_and(|outer| !outer.net.contains(&rule.net))
        {
            around.pop();
        }
        if let Some(outer) = around.last() {
            notes.push(nested(outer, rule));
        }
        around.push(rule);
    }
    notes
}

fn nested(outer: &Rule, inner: &Rule) -> String {
    let (place, other) = (inner.place, outer.place);
    if outer.net == inner.net {
        return format!("{} is there twice: {other} and {place}", inner.net);
    }
    let relation = if inner.settings == outer.settings {
        "changes nothing, it lies in"
    } else {
        "overrides"
    };
    format!("{} ({place}) {relation} {} ({other})", inner.net, outer.net)
}

fn is_wide(net: IpNet) -> bool {
    match net {
        IpNet::V4(net) => net.prefix_len() < 8,
        IpNet::V6(net) => net.prefix_len() == 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::gate::{entry::Entry, rules::Place};

    #[test]
    fn covered_repeated_and_wide_entries_are_told() {
        let entries: Vec<Entry> = serde_json::from_value(json!([
            "10.0.0.0/8",
            "10.1.0.0/16",
            {"subnet": "10.2.0.0/16", "action": "deny"},
            "10.2.3.0/24",
            "192.168.0.0/16",
            "192.168.0.0/16",
            "0.0.0.0/1",
            "2001:db8::/32",
        ]))
        .expect("entries");
        let placed = entries
            .iter()
            .enumerate()
            .map(|(at, entry)| (Place::Item(at), entry));
        let notes = oddities(&Rules::new(placed).expect("good entries"));
        let at = |index: usize| format!("(rest_api.authorized_subnets.{index})");
        assert_eq!(
            notes,
            [
                format!("0.0.0.0/1 {} is very wide", at(6)),
                format!("10.0.0.0/8 {} changes nothing, it lies in 0.0.0.0/1 {}", at(0), at(6)),
                format!("10.1.0.0/16 {} changes nothing, it lies in 10.0.0.0/8 {}", at(1), at(0)),
                format!("10.2.0.0/16 {} overrides 10.0.0.0/8 {}", at(2), at(0)),
                format!("10.2.3.0/24 {} overrides 10.2.0.0/16 {}", at(3), at(2)),
                "192.168.0.0/16 is there twice: rest_api.authorized_subnets.4 and rest_api.authorized_subnets.5".to_owned(),
            ]
        );
    }
}
