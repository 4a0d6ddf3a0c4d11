//! `GET /backends/phonebook/sources/{source_uuid}/contacts` (dird-api-config.md §5.3).

use http::StatusCode;
use serde_json::json;

use super::call::Call;
use super::contact::Shown;
use super::list::ListRules;
use super::route::Answer;
use super::sources;
use crate::error::json_answer;
use crate::store::PhonebookKey;
use crate::store::model::SourceId;

/// What the list allows; without an order contacts come as they were added.
pub const RULES: ListRules = ListRules {
    order: &["firstname", "lastname", "number"],
    filters: &[],
};

const RESOURCE: &str = "phonebook-source-contacts";

/// Lists the contacts of a phonebook source of exactly the request's tenant.
pub async fn list(call: Call) -> Answer {
    let mut page = RULES.read(&call.query)?;
    if call.query.get("order").is_none() {
        page.order = "position";
    }
    page.limit = page.limit.filter(|&limit| limit > 0);
    let (tenant, id) = (call.caller.tenant(), call.path.get("source_uuid"));
    let tenants = tenant.alone();
    let source = SourceId(id.to_owned());
    let source = call
        .app
        .store
        .source(&tenants, "phonebook", &source)
        .await?;
    let source = source.ok_or_else(|| sources::unknown(StatusCode::NOT_FOUND, id))?;
    // A phonebook takes its sources with it, so this one has gone since.
    let phonebook = source.phonebook;
    let phonebook = phonebook.ok_or_else(|| sources::unknown(StatusCode::NOT_FOUND, id))?;
    let key = PhonebookKey::Uuid(phonebook.clone());
    if call.app.store.phonebook(&tenant, &key).await?.is_none() {
        return Err(sources::unknown_phonebook(&phonebook.0, &tenants, RESOURCE));
    }
    let list = (&phonebook).into();
    let listed = call.app.store.list_contacts(&tenant, &list, &page).await?;
    let items: Vec<Shown<'_>> = listed.items.iter().map(Shown).collect();
    let body = json!({"total": listed.total, "filtered": listed.filtered, "items": items});
    Ok(json_answer(StatusCode::OK, &body))
}
