//! Counts for operators (phoned.md §16.4), shown by the metrics listener. No address, user, search text or number is in a label.

use std::time::Duration;

use kit::metrics::{Counts, Times};

static TRUNCATED: Counts = Counts::new(
    "phoned_truncated_total",
    "Documents and results that leave rows out for good.",
    &["vendor", "reason"],
);
static ACCESS: Counts = Counts::new(
    "phoned_access_total",
    "Decisions of the allowlist, by the label of the entry that decided.",
    &["decision", "label"],
);
static REJECTED: Counts = Counts::new(
    "phoned_access_rejected_total",
    "Refused requests by reason.",
    &["reason"],
);
static CANDIDATE: Counts = Counts::new(
    "phoned_access_candidate_total",
    "What authorized_subnets_candidate would have decided.",
    &["decision"],
);
static LIMITED: Counts = Counts::new(
    "phoned_rate_limited_total",
    "Requests beyond the rate limit of their entry.",
    &["scope"],
);

static SIGNATURES: Counts = Counts::new(
    "phoned_signed_links_total",
    "Links of phones where signatures are looked at; result: good, missing, wrong or elsewhere (good in another subnet).",
    &["result"],
);
static RELOADS: Counts = Counts::new(
    "phoned_config_reload_total",
    "Configurations read while serving; outcome: applied or refused.",
    &["outcome"],
);

static REQUESTS: Counts = Counts::new(
    "phoned_requests_total",
    "Requests of phones answered.",
    &["vendor", "step", "status"],
);
static REQUEST_TIMES: Times = Times::new(
    "phoned_request_seconds",
    "Time to an answer.",
    &["vendor", "step"],
);
static BACKENDS: Times = Times::new(
    "phoned_backend_seconds",
    "Time that backends took; outcome: answered or failed.",
    &["backend", "outcome"],
);
static CACHES: Counts = Counts::new(
    "phoned_cache_total",
    "What memory had to say; result: hit, negative, miss, coalesced (asked already by somebody else) or stale.",
    &["cache", "result"],
);
static EVENTS: Counts = Counts::new(
    "phoned_bus_events_total",
    "Events of the bus; outcome: done, failed, dropped (too many waited) or ignored.",
    &["name", "outcome"],
);
static ACTIONS: Counts = Counts::new(
    "phoned_amid_actions_total",
    "Actions that amid was asked for; outcome: done or failed.",
    &["action", "outcome"],
);
static CHANGES: Counts = Counts::new(
    "phoned_changes_total",
    "Changes that dird told of; kind: contacts, configuration, favorites or reload.",
    &["kind"],
);
static SCREENS: Counts = Counts::new(
    "phoned_screens_total",
    "Errors that were shown as a page.",
    &["vendor", "error_id"],
);

/// Counts a request for `step` of `vendor`.
pub fn answered(vendor: &str, step: &str, status: &str, time: Duration) {
    REQUESTS.add(&[vendor, step, status]);
    REQUEST_TIMES.add(&[vendor, step], time);
}

/// Counts a call to a backend.
pub fn asked(backend: &'static str, answered: bool, time: Duration) {
    BACKENDS.add(
        &[backend, if answered { "answered" } else { "failed" }],
        time,
    );
}

/// Counts a question to the memory called `cache`.
pub fn remembered(cache: &'static str, result: &'static str) {
    CACHES.add(&[cache, result]);
}

/// Counts an event of the bus.
pub fn heard(name: &str, outcome: &'static str) {
    EVENTS.add(&[name, outcome]);
}

/// Counts an action that amid was asked for.
pub fn acted(action: &'static str, outcome: &'static str) {
    ACTIONS.add(&[action, outcome]);
}

/// Counts a change that dird told of.
pub fn changed(kind: &'static str) {
    CHANGES.add(&[kind]);
}

/// Counts an error that a phone of `vendor` shows.
pub fn screen(vendor: &str, error_id: &'static str) {
    SCREENS.add(&[vendor, error_id]);
}

/// Counts one document of `vendor` (or one result of any, `-`) that leaves `rows` out for good, and says so in the log:
/// `reason` is `rows` (the make takes no more, and its pages have no links), `bytes` (likewise), `name` (a name was cut to fit) or
/// `result` (more rows than `lookup.max_rows`).
pub fn left_out(vendor: &str, reason: &'static str, rows: usize) {
    TRUNCATED.add(&[vendor, reason]);
    tracing::info!(vendor, reason, rows, "part of a result is not shown");
}

/// Counts a request that the entry called `label` let in.
pub fn admitted(label: &str) {
    ACCESS.add(&["allow", label]);
}

/// Counts a request that was refused, in the subnet of the entry called `label` if it is in one.
pub fn refused(label: &str, reason: &'static str) {
    ACCESS.add(&["deny", label]);
    REJECTED.add(&[reason]);
}

/// Counts what the list on trial would have decided.
pub fn candidate(allows: bool) {
    CANDIDATE.add(&[if allows { "allow" } else { "deny" }]);
}

/// Counts a request of a phone, or a subnet, that asks too often.
pub fn limited(scope: &'static str) {
    LIMITED.add(&[scope]);
}

/// Counts a link whose signature was looked at.
pub fn signed(result: &'static str) {
    SIGNATURES.add(&[result]);
}

/// Counts a configuration that was read while serving.
pub fn reloaded(outcome: &'static str) {
    RELOADS.add(&[outcome]);
}

/// All counts in the text format that Prometheus reads.
pub fn render(text: &mut String) {
    for counts in [
        &REQUESTS,
        &ACCESS,
        &REJECTED,
        &CANDIDATE,
        &LIMITED,
        &CACHES,
        &SCREENS,
        &TRUNCATED,
        &RELOADS,
        &CHANGES,
        &EVENTS,
        &ACTIONS,
        &SIGNATURES,
    ] {
        counts.render(text);
    }
    for times in [&REQUEST_TIMES, &BACKENDS] {
        times.render(text);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_left_out_is_counted_by_make_and_reason() {
        super::left_out("m", "rows", 10);
        super::left_out("m", "rows", 1);
        let mut text = String::new();
        super::render(&mut text);
        let line = "phoned_truncated_total{vendor=\"m\",reason=\"rows\"} 2";
        assert!(text.lines().any(|shown| shown == line), "{text}");
    }
}
