//! `/tenants/{tenant}/phonebooks`: the deprecated API, by the tenant's name and the phonebook's number (dird-api-contacts.md §5).

use http::StatusCode;
use serde_json::{Value, json};

use super::bulk::{self, ImportAnswer};
use super::call::Call;
use super::contact::{self, phonebook_fields};
use super::convention;
use super::phonebook_contacts::{self as contacts, Place};
use super::phonebook_import::python_list;
use super::phonebooks::{self, Body, Shown, unknown};
use super::route::Answer;
use crate::contacts::{
    Refused, SheetError, UnknownCharset, checked_for_phonebook, import_into_phonebook,
};
use crate::error::{ApiError, json_answer};
use crate::identity::{Tenant, named_tenant};
use crate::store::model::{Contact, Phonebook};
use crate::store::{Page, PhonebookKey};

/// Query parameters of the lists.
pub const QUERY: &[&str] = &["search", "order", "direction", "limit", "offset"];

/// Lists phonebooks.
pub async fn list(call: Call) -> Answer {
    let order = match call.query.get("order") {
        None | Some("name") => "name",
        Some("description") => "description",
        Some(_) => return Err(bad("order should be one of ['name', 'description']")),
    };
    let page = Page {
        order,
        ..page(&call)?
    };
    let tenant = tenant(&call).await?;
    let listed = call
        .app
        .store
        .list_phonebooks(&tenant.alone(), &page)
        .await?;
    let items: Vec<Shown<'_>> = listed.items.iter().map(Shown::from).collect();
    let body = json!({"items": items, "total": listed.filtered});
    Ok(json_answer(StatusCode::OK, &body))
}

/// Adds a phonebook.
pub async fn create(mut call: Call) -> Answer {
    let body = Body::read(&sent(&mut call).await?)?;
    phonebooks::create_in(&call, &tenant(&call).await?, &body).await
}

/// Shows a phonebook.
pub async fn show(call: Call) -> Answer {
    let (_, phonebook) = find(&call).await?;
    Ok(convention::object(&call.headers, &Shown::from(&phonebook)))
}

/// Replaces name and description of a phonebook.
pub async fn update(mut call: Call) -> Answer {
    let body = Body::read(&sent(&mut call).await?)?;
    let (tenant, phonebook) = find(&call).await?;
    phonebooks::update_to(&call, &tenant, phonebook, body).await
}

/// Removes a phonebook.
pub async fn delete(call: Call) -> Answer {
    let (tenant, phonebook) = find(&call).await?;
    phonebooks::delete_one(&call, &tenant, &phonebook).await
}

/// Lists contacts, by any field.
pub async fn list_contacts(call: Call) -> Answer {
    let page = page(&call)?;
    let place = place(&call).await?;
    let store = &call.app.store;
    let Some(order) = call.query.get("order").filter(|order| !order.is_empty()) else {
        let listed = store.list_contacts(&place.tenant, &place.list, &page).await;
        let listed = listed.map_err(|error| place.refused(error))?;
        return Ok(shown(&listed.items, listed.filtered));
    };
    let all = Page {
        search: page.search.clone(),
        ..Page::default()
    };
    let listed = store.list_contacts(&place.tenant, &place.list, &all).await;
    let listed = listed.map_err(|error| place.refused(error))?;
    let total = listed.filtered;
    let key = |contact: &Contact| {
        let value = contact.fields.get(order).and_then(Clone::clone);
        let id = || (order == "id").then(|| contact.uuid.0.clone());
        value.or_else(id).unwrap_or_default()
    };
    let sorted = super::memory::listed(0, listed.items, &page, key);
    Ok(shown(&sorted.items, total))
}

fn shown(contacts: &[Contact], total: i64) -> axum::response::Response {
    let items: Vec<contact::Shown<'_>> = contacts.iter().map(contact::Shown).collect();
    json_answer(StatusCode::OK, &json!({"items": items, "total": total}))
}

/// Adds a contact.
pub async fn create_contact(mut call: Call) -> Answer {
    let fields = phonebook_fields(sent(&mut call).await?)?;
    contacts::create_in(&call, &place(&call).await?, fields).await
}

/// Shows a contact.
pub async fn show_contact(call: Call) -> Answer {
    contacts::show_of(&call, &place(&call).await?).await
}

/// Replaces the fields of a contact.
pub async fn update_contact(mut call: Call) -> Answer {
    let fields = phonebook_fields(sent(&mut call).await?)?;
    contacts::update_in(&call, &place(&call).await?, fields).await
}

/// Removes a contact.
pub async fn delete_contact(call: Call) -> Answer {
    contacts::delete_in(&call, &place(&call).await?).await
}

/// Imports a file; a bad row means that nothing was created, and is no error.
pub async fn import(mut call: Call) -> Answer {
    let (file, charset) =
        bulk::file(&mut call, |error: UnknownCharset| bad(&error.to_string())).await?;
    let checked = checked_for_phonebook(file, charset).await;
    let place = place(&call).await?;
    let answer = ImportAnswer::new();
    let file = match checked {
        Ok(file) => file,
        Err(Refused::Empty) => return answer.finish(StatusCode::OK, &json!([])).await,
        Err(Refused::BadRows(rows)) => return answer.finish(StatusCode::OK, &rows).await,
        Err(other) => return Err(refused(other, &place)),
    };
    let (mut answer, store) = (answer, &call.app.store);
    let file = (file, charset);
    let imported =
        import_into_phonebook(store, &place.tenant, &place.list, file, &mut answer).await;
    imported.map_err(|error| refused(error, &place))?;
    answer.finish(StatusCode::OK, &json!([])).await
}

fn refused(error: Refused, place: &Place) -> ApiError {
    match error {
        Refused::RepeatedColumns(columns) => {
            bad(&format!("duplicate columns: {}", python_list(&columns)))
        }
        Refused::Store(error) => place.refused(error),
        Refused::Io(error) | Refused::Sheet(SheetError::Io(error)) => {
            ApiError::Internal(error.into())
        }
        other => bad(&other.to_string()),
    }
}

/// The tenant that the path names, among the request's and those below it.
async fn tenant(call: &Call) -> Result<Tenant, ApiError> {
    let name = call.path.get("tenant");
    let authority = call.app.authority.as_ref();
    let found = named_tenant(authority, &call.caller, name).await;
    let found = found.map_err(|refusal| {
        let (token, address) = (call.caller.token(), authority.address());
        ApiError::refusal(refusal, token, String::new(), None, address)
    })?;
    found.ok_or_else(|| ApiError::Legacy(StatusCode::NOT_FOUND, format!("No such tenant: {name}")))
}

fn key(call: &Call) -> PhonebookKey {
    // More digits than fit are the number of no phonebook.
    let number = call.path.get("phonebook_id").parse();
    PhonebookKey::Number(number.unwrap_or(i64::MAX))
}

async fn find(call: &Call) -> Result<(Tenant, Phonebook), ApiError> {
    let (tenant, key) = (tenant(call).await?, key(call));
    let found = call.app.store.phonebook(&tenant, &key).await?;
    Ok((tenant, found.ok_or_else(|| unknown(&key))?))
}

async fn place(call: &Call) -> Result<Place, ApiError> {
    Place::find(call, tenant(call).await?, key(call)).await
}

/// The body, which may not be null.
async fn sent(call: &mut Call) -> Result<Value, ApiError> {
    match call.json().await? {
        Value::Null => Err(ApiError::Early(StatusCode::BAD_REQUEST, "invalid data")),
        sent => Ok(sent),
    }
}

/// Search, direction and bounds of a list; `limit=0` is no limit (O-43).
fn page(call: &Call) -> Result<Page, ApiError> {
    let descending = match call.query.get("direction") {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err(bad("direction should be one of ['asc', 'desc', None]")),
    };
    let count = |name: &str| match call.query.get(name).map(str::trim) {
        None => Ok(None),
        Some(text) => {
            let digits = text.strip_prefix('+').unwrap_or(text);
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(bad(&format!("{name} should be a positive integer")));
            }
            Ok(Some(digits.parse().unwrap_or(i64::MAX)))
        }
    };
    Ok(Page {
        descending,
        limit: count("limit")?.filter(|&limit| limit > 0),
        offset: count("offset")?.unwrap_or(0),
        search: call.query.get("search").map(str::to_owned),
        ..Page::default()
    })
}

fn bad(reason: &str) -> ApiError {
    ApiError::Legacy(StatusCode::BAD_REQUEST, reason.to_owned())
}
