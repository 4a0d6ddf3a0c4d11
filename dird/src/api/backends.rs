//! `GET /backends` (dird-api-config.md §6).

use http::StatusCode;
use serde_json::json;

use super::call::Call;
use super::list::ListRules;
use super::memory;
use super::route::Answer;
use crate::error::json_answer;

/// What the list allows.
pub const RULES: ListRules = ListRules {
    order: &["name"],
    filters: &["name"],
};

/// Lists the backends that are switched on.
pub async fn list(call: Call) -> Answer {
    let page = RULES.read(&call.query)?;
    let enabled = call.app.enabled.backends();
    let wanted = |name: &&str| page.filter("name").is_none_or(|wanted| wanted == *name);
    let searched = |name: &&str| {
        page.search
            .as_deref()
            .is_none_or(|text| name.contains(text))
    };
    let filtered: Vec<&str> = enabled
        .iter()
        .copied()
        .filter(wanted)
        .filter(searched)
        .collect();
    let listed = memory::listed(enabled.len(), filtered, &page, |name| (*name).to_owned());
    Ok(json_answer(
        StatusCode::OK,
        &listed.map(|name| json!({"name": name})),
    ))
}
