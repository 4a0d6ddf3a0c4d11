//! What the engine is asked.

use e2e::phone::encode;
use serde_json::json;

use super::names;
use super::site::EngineSite;

/// Different requests of a row.
const DIFFERENT: u32 = 500;
/// Numbers of one batch.
const BATCH: u32 = 20;

/// One kind of request.
pub(super) struct Row {
    /// As it stands in the table.
    pub name: &'static str,
    /// Numbers of kept-alive connections, one line for each.
    pub connections: &'static [usize],
    /// Whether requests are also sent at a steady rate.
    pub open: bool,
    /// The requests, sent in turn.
    pub requests: fn(&EngineSite) -> Vec<String>,
}

const fn row(name: &'static str, open: bool, requests: fn(&EngineSite) -> Vec<String>) -> Row {
    Row {
        name,
        connections: &[1, 16, 64],
        open,
        requests,
    }
}

/// Every row, in the order of the table.
pub(super) const ROWS: [Row; 7] = [
    row("engine: full name", true, full_names),
    row("engine: 3 letters, 1 in 10,000", false, |site| {
        vec![lookup(site, "xyz")]
    }),
    row("engine: 2 letters, 1 in 1,000", false, |site| {
        vec![lookup(site, "xy")]
    }),
    row("engine: 1 letter, 1 in 100", false, |site| {
        vec![lookup(site, "x")]
    }),
    row("engine: reverse, known", true, |site| {
        spread(site, |number| reverse(site, &names::phone(number)))
    }),
    row("engine: reverse, unknown", false, |site| {
        spread(site, |number| reverse(site, &format!("+1666{number:07}")))
    }),
    row("engine: 20 numbers at once", false, batches),
];

/// Requests about contacts from all over the phonebook.
fn spread(site: &EngineSite, request: impl Fn(u32) -> String) -> Vec<String> {
    let step = (site.contacts / DIFFERENT).max(1);
    let numbers = (0..DIFFERENT).map(|number| number * step % site.contacts);
    numbers.map(request).collect()
}

/// Searches for whole names.
pub(super) fn full_names(site: &EngineSite) -> Vec<String> {
    spread(site, |number| {
        lookup(
            site,
            &format!("{} {}", names::first(number), names::last(number)),
        )
    })
}

/// A search for a term.
pub(super) fn lookup(site: &EngineSite, term: &str) -> String {
    site.get(&format!("/directories/lookup/engine?term={}", encode(term)))
}

fn reverse(site: &EngineSite, number: &str) -> String {
    let user = "00000000-0000-4000-8000-000000000001";
    let number = encode(number);
    site.get(&format!(
        "/directories/reverse/engine/{user}?exten={number}"
    ))
}

fn batches(site: &EngineSite) -> Vec<String> {
    spread(site, |first| {
        let numbers = (0..BATCH).map(|next| names::phone((first + next * 7919) % site.contacts));
        let numbers: Vec<String> = numbers.collect();
        let query = format!(
            "{{ user(uuid: \"x\") {{ contacts(profile: \"engine\", extens: {}) {{ edges {{ node {{ firstname lastname }} }} }} }} }}",
            json!(numbers)
        );
        site.rest
            .request("POST", "/graphql", &json!({"query": query}).to_string())
    })
}
