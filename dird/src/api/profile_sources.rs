//! `GET /directories/{profile}/sources` (dird-api-directories.md §10).

use http::StatusCode;
use serde::Serialize;

use super::call::Call;
use super::list::ListRules;
use super::route::Answer;
use super::{memory, profiles};
use crate::error::json_answer;
use crate::store::model::Source;

/// What the list allows.
pub const RULES: ListRules = ListRules {
    order: &["name", "backend"],
    filters: &["uuid", "backend", "name"],
};

#[derive(Serialize)]
struct Shown {
    uuid: String,
    tenant_uuid: String,
    name: String,
    backend: String,
}

/// Lists the sources of all services of a profile, each once.
pub async fn list(call: Call) -> Answer {
    let page = RULES.read(&call.query)?;
    let name = call.path.get("profile");
    let resolved = call
        .app
        .store
        .resolve_profile(&call.caller.tenant(), name)
        .await?;
    let sources = resolved.ok_or_else(|| profiles::unknown(name))?.sources;
    let total = sources.len();
    let search = page.search.as_deref().map(str::to_lowercase);
    let contains = |text: &str, wanted: &str| text.to_lowercase().contains(wanted);
    let searched = |source: &Source| {
        search.as_deref().is_none_or(|wanted| {
            contains(&source.name, wanted) || contains(&source.backend, wanted)
        })
    };
    let is = |column: &str, value: &str| {
        page.filter(column)
            .is_none_or(|wanted| wanted.is_empty() || wanted == value)
    };
    let filtered = sources.into_iter().filter(|source| {
        searched(source)
            && is("uuid", &source.uuid.0)
            && is("name", &source.name)
            && is("backend", &source.backend)
    });
    let key: fn(&Source) -> &str = match page.order {
        "backend" => |source| &source.backend,
        _ => |source| &source.name,
    };
    let listed = memory::listed(total, filtered.collect(), &page, |source| {
        key(source).to_owned()
    });
    Ok(json_answer(StatusCode::OK, &listed.map(shown)))
}

fn shown(source: Source) -> Shown {
    Shown {
        uuid: source.uuid.0,
        tenant_uuid: source.tenant.to_string(),
        name: source.name,
        backend: source.backend,
    }
}
