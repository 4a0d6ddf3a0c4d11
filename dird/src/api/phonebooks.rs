//! `/phonebooks` (dird-api-contacts.md §2). List parameters fail in the new shape, everything else in the old one.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::call::Call;
use super::convention;
use super::list::{ListRules, invalid_body};
use super::route::{Answer, no_content};
use crate::error::{ApiError, json_answer};
use crate::identity::Tenant;
use crate::schema::{Field, Kind, Length, Schema};
use crate::store::model::{Phonebook, PhonebookId};
use crate::store::{PhonebookKey, StoreError};

/// Name and description of a phonebook, for the document; errors are told in their own way.
pub static SCHEMA: Schema = Schema::new(&[
    Field::required(
        "name",
        Kind::Text(Length::between(1, 255)),
        "name, unique in the tenant",
    ),
    Field::optional("description", Kind::Text(Length::ANY), "text for people").or_null(),
]);

/// What the list allows.
pub const RULES: ListRules = ListRules {
    order: &["name", "description"],
    filters: &[],
};

/// Members that are answered and may come back with a body (O-12).
const ECHOED: [&str; 3] = ["id", "uuid", "tenant_uuid"];

/// A phonebook as answers have it.
#[derive(Serialize)]
pub struct Shown<'a> {
    id: i64,
    uuid: &'a str,
    name: &'a str,
    description: Option<&'a str>,
    tenant_uuid: &'a str,
}

impl<'a> From<&'a Phonebook> for Shown<'a> {
    fn from(phonebook: &'a Phonebook) -> Self {
        Self {
            id: phonebook.id,
            uuid: &phonebook.uuid.0,
            name: &phonebook.name,
            description: phonebook.description.as_deref(),
            tenant_uuid: phonebook.tenant.as_str(),
        }
    }
}

/// Lists phonebooks; `total` counts what the search finds, before paging (O-44).
pub async fn list(call: Call) -> Answer {
    let page = RULES.read(&call.query).map_err(plain_recurse)?;
    let tenants = call.listed_tenants(&page).await?;
    let listed = call.app.store.list_phonebooks(&tenants, &page).await?;
    let items: Vec<Shown<'_>> = listed.items.iter().map(Shown::from).collect();
    let body = json!({"items": items, "total": listed.filtered});
    Ok(json_answer(StatusCode::OK, &body))
}

/// The lists of phonebooks and their contacts tell a bad `recurse` in plain words.
pub fn plain_recurse(error: ApiError) -> ApiError {
    match error {
        ApiError::Problem(mut problem) => {
            if let Some(recurse) = problem.details.get_mut("recurse") {
                *recurse = json!(["Not a valid boolean."]);
            }
            ApiError::Problem(problem)
        }
        other => other,
    }
}

/// Adds a phonebook.
pub async fn create(mut call: Call) -> Answer {
    let body = read_body(&mut call).await?;
    create_in(&call, &call.caller.tenant(), &body).await
}

/// Shows a phonebook.
pub async fn show(call: Call) -> Answer {
    let (_, phonebook) = find(&call).await?;
    Ok(convention::object(&call.headers, &Shown::from(&phonebook)))
}

/// Replaces the name, and the description if one is sent.
pub async fn update(mut call: Call) -> Answer {
    let body = read_body(&mut call).await?;
    let (tenant, phonebook) = find(&call).await?;
    update_to(&call, &tenant, phonebook, body).await
}

/// Removes a phonebook with its contacts and sources.
pub async fn delete(call: Call) -> Answer {
    let (tenant, phonebook) = find(&call).await?;
    delete_one(&call, &tenant, &phonebook).await
}

async fn read_body(call: &mut Call) -> Result<Body, ApiError> {
    let sent = call.json().await?;
    if sent.is_null() {
        return Err(invalid_body());
    }
    Body::read(&sent)
}

/// The phonebook of the path, in exactly the request's tenant.
async fn find(call: &Call) -> Result<(Tenant, Phonebook), ApiError> {
    let tenant = call.caller.tenant();
    let key = key(call);
    let found = call.app.store.phonebook(&tenant, &key).await?;
    Ok((tenant, found.ok_or_else(|| unknown(&key))?))
}

/// The key in the path.
pub fn key(call: &Call) -> PhonebookKey {
    PhonebookKey::Uuid(PhonebookId(call.path.get("phonebook_uuid").to_owned()))
}

/// Adds a phonebook to `tenant`.
pub async fn create_in(call: &Call, tenant: &Tenant, body: &Body) -> Answer {
    let description = match &body.description {
        Description::Said(description) => description.as_deref(),
        Description::Unsaid => None,
    };
    let created = call
        .app
        .store
        .create_phonebook(tenant, &body.name, description)
        .await;
    let created = created.map_err(refused)?;
    Ok(json_answer(StatusCode::CREATED, &Shown::from(&created)))
}

/// Changes a phonebook of `tenant`.
pub async fn update_to(call: &Call, tenant: &Tenant, phonebook: Phonebook, body: Body) -> Answer {
    let known = convention::unchanged(&call.headers, &phonebook, &Shown::from(&phonebook))?;
    let wanted = Phonebook {
        name: body.name,
        description: match body.description {
            Description::Said(description) => description,
            Description::Unsaid => phonebook.description.clone(),
        },
        ..phonebook.clone()
    };
    let updated = call.app.store.update_phonebook(tenant, &wanted, known);
    updated.await.map_err(refused)?;
    Ok(json_answer(StatusCode::OK, &Shown::from(&wanted)))
}

/// Removes a phonebook of `tenant`.
pub async fn delete_one(call: &Call, tenant: &Tenant, phonebook: &Phonebook) -> Answer {
    let known = convention::unchanged(&call.headers, phonebook, &Shown::from(phonebook))?;
    let deleted = call
        .app
        .store
        .delete_phonebook(tenant, &phonebook.uuid, known)
        .await;
    deleted.map_err(refused)?;
    Ok(no_content())
}

fn refused(error: StoreError) -> ApiError {
    match error {
        StoreError::NameTaken(_) => {
            ApiError::Legacy(StatusCode::CONFLICT, "Duplicating phonebook".to_owned())
        }
        StoreError::Missing { id, .. } => unknown(&PhonebookKey::Uuid(PhonebookId(id))),
        other => other.into(),
    }
}

/// There is no such phonebook.
pub fn unknown(key: &PhonebookKey) -> ApiError {
    let reason = format!("No such phonebook: {}", key_text(key));
    ApiError::Legacy(StatusCode::NOT_FOUND, reason)
}

/// A key as the contract writes it.
pub fn key_text(key: &PhonebookKey) -> String {
    match key {
        PhonebookKey::Uuid(uuid) => format!("{{'uuid': '{uuid}'}}"),
        PhonebookKey::Number(id) => format!("{{'id': {id}}}"),
    }
}

/// What a body says of a phonebook.
pub struct Body {
    name: String,
    description: Description,
}

/// What a body says of the description.
enum Description {
    /// Nothing, which leaves what is there.
    Unsaid,
    Said(Option<String>),
}

impl Body {
    /// Reads a body that is not null; what is wrong with it is told as the text of a mapping (O-39). A body that is empty in any
    /// type counts as an empty object.
    pub fn read(sent: &Value) -> Result<Self, ApiError> {
        let empty = serde_json::Map::new();
        let members = match sent {
            Value::Object(members) => members,
            Value::Array(items) if items.is_empty() => &empty,
            Value::String(text) if text.is_empty() => &empty,
            Value::Bool(false) => &empty,
            Value::Number(number) if number.as_f64() == Some(0.0) => &empty,
            _ => return Err(mapping(&[("_schema", "Invalid input type.")])),
        };
        let mut errors: Vec<(&str, &str)> = Vec::new();
        let text = |value: &Value| match value.as_str() {
            Some(text) if !text.contains('\0') => Ok(text.to_owned()),
            _ => Err("Not a valid string."),
        };
        let description = match members.get("description") {
            None => Description::Unsaid,
            Some(Value::Null) => Description::Said(None),
            Some(value) => match text(value) {
                Ok(text) => Description::Said(Some(text)),
                Err(error) => {
                    errors.push(("description", error));
                    Description::Unsaid
                }
            },
        };
        for name in members.keys() {
            if !["name", "description"].contains(&name.as_str()) && !ECHOED.contains(&name.as_str())
            {
                errors.push((name, "Unknown field."));
            }
        }
        let name = match members.get("name") {
            None => Err("Missing data for required field."),
            Some(Value::Null) => Err("Field may not be null."),
            Some(value) => text(value).and_then(|name| {
                let fits = (1..=255).contains(&name.chars().count());
                fits.then_some(name)
                    .ok_or("Length must be between 1 and 255.")
            }),
        };
        if let Err(error) = &name {
            errors.push(("name", error));
        }
        match name {
            Ok(name) if errors.is_empty() => Ok(Self { name, description }),
            _ => Err(mapping(&errors)),
        }
    }
}

fn mapping(errors: &[(&str, &str)]) -> ApiError {
    let members: Vec<String> = errors
        .iter()
        .map(|(name, error)| format!("'{name}': ['{error}']"))
        .collect();
    let reason = format!("{{{}}}", members.join(", "));
    ApiError::Legacy(StatusCode::BAD_REQUEST, reason)
}
