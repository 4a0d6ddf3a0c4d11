//! `/personal`: what users keep for themselves (dird-api-contacts.md §1). The owner is the token's user.

use std::cmp::Ordering;

use axum::body::Body;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::call::Call;
use super::contact::{Shown, refuse_nul, refused, unknown};
use super::convention;
use super::route::{Answer, no_content};
use crate::contacts::{LONGEST_ID, csv_of};
use crate::error::{ApiError, json_answer};
use crate::identity::Tenant;
use crate::store::model::{Contact, ContactId, Fields, ListId, random_id};

/// Query parameters of the list.
pub const QUERY: &[&str] = &["order", "direction", "limit", "offset", "format", "safe"];

/// Lists the user's contacts, as JSON or as CSV.
pub async fn list(call: Call) -> Answer {
    let user = call.user()?;
    let view = View::read(&call)?;
    let home = call.caller.home();
    let contacts = match call.app.store.personal_list(&home, &user).await? {
        Some(list) => call.app.store.contents(&home, &list).await?.contacts,
        None => Vec::new(),
    };
    let contacts: Vec<Contact> = contacts.into_iter().map(|placed| placed.contact).collect();
    let contacts = view.apply(contacts)?;
    if !wants_csv(&call) {
        let items: Vec<Shown<'_>> = contacts.iter().map(Shown).collect();
        return Ok(json_answer(StatusCode::OK, &json!({"items": items})));
    }
    if contacts.is_empty() {
        return Ok(no_content());
    }
    let safe = call.query.get("safe") == Some("true");
    let csv = csv_of(&contacts, safe).map_err(|error| ApiError::Internal(error.into()))?;
    let mut response = axum::response::Response::new(Body::from(csv));
    let kind = HeaderValue::from_static("text/csv; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// An explicit `format` wins, otherwise the Content-Type of the request decides (O-61).
fn wants_csv(call: &Call) -> bool {
    let declared = call.headers.get(header::CONTENT_TYPE);
    let declared = declared.and_then(|value| value.to_str().ok());
    let asked = call.query.get("format").or(declared).unwrap_or_default();
    let essence = asked.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("text/csv")
}

/// Order and bounds of the list, with errors of their own (O-40).
struct View {
    order: Option<String>,
    descending: bool,
    limit: usize,
    offset: usize,
}

impl View {
    fn read(call: &Call) -> Result<Self, ApiError> {
        let query = &call.query;
        let descending = match query.get("direction") {
            None | Some("asc") => false,
            Some("desc") => true,
            Some(_) => return Err(refused_view("direction must be asc or desc")),
        };
        let limit = query.get("limit").map(whole_number).transpose()?;
        if limit.is_some_and(|limit| limit <= 0) {
            return Err(refused_view("limit must be a positive number"));
        }
        let offset = query.get("offset").map(whole_number).transpose()?;
        if offset.is_some_and(|offset| offset < 0) {
            return Err(refused_view("offset must be positive number"));
        }
        let count = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
        Ok(Self {
            order: query
                .get("order")
                .filter(|order| !order.is_empty())
                .map(str::to_owned),
            descending,
            limit: limit.map_or(usize::MAX, count),
            offset: offset.map_or(0, count),
        })
    }

    fn apply(&self, mut contacts: Vec<Contact>) -> Result<Vec<Contact>, ApiError> {
        if let Some(order) = &self.order {
            let known = |contact: &Contact| order == "id" || contact.fields.contains_key(order);
            if !contacts.is_empty() && !contacts.iter().any(known) {
                return Err(refused_view(&format!(
                    "order: column '{order}' was not found"
                )));
            }
            contacts.sort_by_cached_key(|contact| sort_key(contact, order));
            if self.descending {
                contacts = reversed_by(contacts, |one, other| {
                    sort_key(one, order).cmp(&sort_key(other, order))
                });
            }
        }
        Ok(contacts
            .into_iter()
            .skip(self.offset)
            .take(self.limit)
            .collect())
    }
}

/// What is empty comes after everything.
fn sort_key(contact: &Contact, order: &str) -> (bool, String) {
    let text = if order == "id" {
        Some(contact.uuid.0.as_str())
    } else {
        contact.fields.get(order).and_then(|value| value.as_deref())
    };
    let text = text.unwrap_or_default();
    (text.is_empty(), kit::fold::fold(text))
}

/// A sorted list from its other end; equal contacts keep their order (dird-api-semantics.md §5).
fn reversed_by(
    sorted: Vec<Contact>,
    compare: impl Fn(&Contact, &Contact) -> Ordering,
) -> Vec<Contact> {
    let mut groups: Vec<Vec<Contact>> = Vec::new();
    for contact in sorted {
        match groups.last_mut() {
            Some(group) if compare(&group[0], &contact) == Ordering::Equal => group.push(contact),
            _ => groups.push(vec![contact]),
        }
    }
    groups.into_iter().rev().flatten().collect()
}

fn whole_number(text: &str) -> Result<i64, ApiError> {
    let digits = text.trim();
    let (sign, bare) = match digits.strip_prefix('-') {
        Some(bare) => (-1, bare),
        None => (1, digits.strip_prefix('+').unwrap_or(digits)),
    };
    if bare.is_empty() || !bare.bytes().all(|byte| byte.is_ascii_digit()) {
        let reason = format!("invalid literal for int() with base 10: '{text}'");
        return Err(refused_view(&reason));
    }
    Ok(sign * bare.parse().unwrap_or(i64::MAX))
}

fn refused_view(reason: &str) -> ApiError {
    ApiError::Reasons(StatusCode::BAD_REQUEST, reason.into())
}

/// Adds a contact.
pub async fn create(mut call: Call) -> Answer {
    let user = call.user()?;
    let (id, fields) = body(&mut call).await?;
    if id
        .as_ref()
        .is_some_and(|id| id.chars().count() > LONGEST_ID)
    {
        let reason = format!("an id has at most {LONGEST_ID} characters");
        return Err(ApiError::Legacy(StatusCode::BAD_REQUEST, reason));
    }
    let home = call.caller.home();
    let list = call.app.store.open_personal_list(&home, &user).await?;
    let contact = Contact {
        uuid: ContactId(id.unwrap_or_else(random_id)),
        fields,
    };
    let created = call.app.store.create_contact(&home, &list, &contact).await;
    created.map_err(|error| refused(error, "Addind this contact would create a duplicate"))?;
    Ok(json_answer(StatusCode::CREATED, &Shown(&contact)))
}

/// Removes every contact of the user.
pub async fn purge(call: Call) -> Answer {
    let user = call.user()?;
    let home = call.caller.home();
    if let Some(list) = call.app.store.personal_list(&home, &user).await? {
        call.app.store.clear_contacts(&home, &list).await?;
    }
    Ok(no_content())
}

/// Shows a contact.
pub async fn show(call: Call) -> Answer {
    let (_, _, contact) = find(&call).await?;
    Ok(convention::object(&call.headers, &Shown(&contact)))
}

/// Replaces the fields of a contact; its identifier never changes.
pub async fn update(mut call: Call) -> Answer {
    call.user()?;
    let (_, fields) = body(&mut call).await?;
    let (home, list, found) = find(&call).await?;
    let known = convention::unchanged(&call.headers, &found, &Shown(&found))?;
    let contact = Contact {
        uuid: found.uuid.clone(),
        fields,
    };
    let store = &call.app.store;
    let updated = store.update_contact(&home, &list, &contact, known).await;
    updated.map_err(|error| refused(error, "Modifying this contact would create a duplicate"))?;
    Ok(json_answer(StatusCode::OK, &Shown(&contact)))
}

/// Removes a contact.
pub async fn delete(call: Call) -> Answer {
    let (home, list, found) = find(&call).await?;
    let known = convention::unchanged(&call.headers, &found, &Shown(&found))?;
    let deleted = call
        .app
        .store
        .delete_contact(&home, &list, &found.uuid, known)
        .await;
    deleted.map_err(|error| refused(error, ""))?;
    Ok(no_content())
}

/// The contact of the path, among the user's own.
async fn find(call: &Call) -> Result<(Tenant, ListId, Contact), ApiError> {
    let user = call.user()?;
    let (home, id) = (call.caller.home(), call.path.get("contact_id"));
    let not_found = || unknown(id);
    let list = call.app.store.personal_list(&home, &user).await?;
    let list = list.ok_or_else(not_found)?;
    let contact = ContactId(id.to_owned());
    let found = call.app.store.contact(&home, &list, &contact).await?;
    Ok((home, list, found.ok_or_else(not_found)?))
}

/// A contact from the body, and the identifier that it asks for.
async fn body(call: &mut Call) -> Result<(Option<String>, Fields), ApiError> {
    let members = match call.json().await? {
        Value::Null => return Err(ApiError::Early(StatusCode::BAD_REQUEST, "invalid data")),
        Value::Object(members) => members,
        _ => {
            return Err(ApiError::Reasons(
                StatusCode::BAD_REQUEST,
                json!([NOT_TEXTS]),
            ));
        }
    };
    let mut reasons = Vec::new();
    if !members.values().all(Value::is_string) {
        reasons.push(NOT_TEXTS);
    }
    if members.contains_key("") {
        reasons.push("\"\" is a forbidden in keys");
    }
    if !reasons.is_empty() {
        return Err(ApiError::Reasons(StatusCode::BAD_REQUEST, json!(reasons)));
    }
    let mut fields: Fields = members
        .into_iter()
        .map(|(name, value)| (name, value.as_str().map(str::to_owned)))
        .collect();
    refuse_nul(&fields)?;
    let id = fields.shift_remove("id").flatten();
    Ok((id.filter(|id| !id.is_empty()), fields))
}

const NOT_TEXTS: &str = "all values must be strings";
