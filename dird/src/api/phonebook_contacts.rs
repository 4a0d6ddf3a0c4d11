//! `/phonebooks/{phonebook_uuid}/contacts` (dird-api-contacts.md §3), and what the deprecated routes share with it.

use http::StatusCode;
use serde_json::{Value, json};

use super::call::Call;
use super::contact::{Shown, phonebook_fields, refused, unknown};
use super::convention;
use super::list::{ListRules, invalid_body};
use super::phonebooks::{self, key_text};
use super::route::{Answer, no_content};
use crate::error::{ApiError, json_answer};
use crate::identity::Tenant;
use crate::store::model::{Contact, ContactId, Fields, ListId, random_id};
use crate::store::{PhonebookKey, StoreError};

/// What the list allows; without an order contacts come by name.
pub const RULES: ListRules = ListRules {
    order: &["firstname", "lastname", "name"],
    filters: &[],
};

const DUPLICATE: &str = "Duplicate contact";

/// A phonebook as a place for contacts.
pub struct Place {
    /// Its tenant.
    pub tenant: Tenant,
    /// Its contacts.
    pub list: ListId,
    /// How it was asked for.
    pub key: PhonebookKey,
}

impl Place {
    /// The phonebook of that key in `tenant`.
    pub async fn find(call: &Call, tenant: Tenant, key: PhonebookKey) -> Result<Self, ApiError> {
        let found = call.app.store.phonebook(&tenant, &key).await?;
        let found = found.ok_or_else(|| no_phonebook(&tenant, &key))?;
        Ok(Self {
            list: (&found.uuid).into(),
            tenant,
            key,
        })
    }

    /// What the store finds wrong with a contact of this phonebook.
    pub fn refused(&self, error: StoreError) -> ApiError {
        match error {
            StoreError::Missing { kind: "list", .. } => no_phonebook(&self.tenant, &self.key),
            other => refused(other, DUPLICATE),
        }
    }

    /// The contact of the path.
    async fn contact(&self, call: &Call) -> Result<Contact, ApiError> {
        let id = call.path.get("contact_uuid");
        let contact = ContactId(id.to_owned());
        let found = call
            .app
            .store
            .contact(&self.tenant, &self.list, &contact)
            .await?;
        found.ok_or_else(|| unknown(id))
    }
}

fn no_phonebook(tenant: &Tenant, key: &PhonebookKey) -> ApiError {
    let reason = format!(
        "No such phonebook in tenants ['{}']: {}",
        tenant.id(),
        key_text(key)
    );
    ApiError::Legacy(StatusCode::NOT_FOUND, reason)
}

/// The phonebook of the path, in exactly the request's tenant.
pub async fn place(call: &Call) -> Result<Place, ApiError> {
    Place::find(call, call.caller.tenant(), phonebooks::key(call)).await
}

/// Lists contacts; `limit=0` is no limit (O-43), `total` counts what the search finds (O-44).
pub async fn list(call: Call) -> Answer {
    let mut page = RULES.read(&call.query).map_err(phonebooks::plain_recurse)?;
    if call.query.get("order").is_none() {
        page.order = "name";
    }
    page.limit = page.limit.filter(|&limit| limit > 0);
    let place = place(&call).await?;
    let listed = call
        .app
        .store
        .list_contacts(&place.tenant, &place.list, &page)
        .await;
    let listed = listed.map_err(|error| place.refused(error))?;
    let items: Vec<Shown<'_>> = listed.items.iter().map(Shown).collect();
    let body = json!({"items": items, "total": listed.filtered});
    Ok(json_answer(StatusCode::OK, &body))
}

/// Adds a contact.
pub async fn create(mut call: Call) -> Answer {
    let fields = body(&mut call).await?;
    create_in(&call, &place(&call).await?, fields).await
}

/// Shows a contact.
pub async fn show(call: Call) -> Answer {
    show_of(&call, &place(&call).await?).await
}

/// Replaces the fields of a contact.
pub async fn update(mut call: Call) -> Answer {
    let fields = body(&mut call).await?;
    update_in(&call, &place(&call).await?, fields).await
}

/// Removes a contact.
pub async fn delete(call: Call) -> Answer {
    delete_in(&call, &place(&call).await?).await
}

async fn body(call: &mut Call) -> Result<Fields, ApiError> {
    match call.json().await? {
        Value::Null => Err(invalid_body()),
        sent => phonebook_fields(sent),
    }
}

/// Adds a contact to `place`.
pub async fn create_in(call: &Call, place: &Place, fields: Fields) -> Answer {
    let contact = Contact {
        uuid: ContactId(random_id()),
        fields,
    };
    let created = call
        .app
        .store
        .create_contact(&place.tenant, &place.list, &contact)
        .await;
    created.map_err(|error| place.refused(error))?;
    Ok(json_answer(StatusCode::CREATED, &Shown(&contact)))
}

/// Shows the path's contact of `place`.
pub async fn show_of(call: &Call, place: &Place) -> Answer {
    let contact = place.contact(call).await?;
    Ok(convention::object(&call.headers, &Shown(&contact)))
}

/// Replaces the fields of the path's contact of `place`.
pub async fn update_in(call: &Call, place: &Place, fields: Fields) -> Answer {
    let found = place.contact(call).await?;
    let known = convention::unchanged(&call.headers, &found, &Shown(&found))?;
    let contact = Contact {
        uuid: found.uuid.clone(),
        fields,
    };
    let updated = call
        .app
        .store
        .update_contact(&place.tenant, &place.list, &contact, known)
        .await;
    updated.map_err(|error| place.refused(error))?;
    Ok(json_answer(StatusCode::OK, &Shown(&contact)))
}

/// Removes the path's contact of `place`.
pub async fn delete_in(call: &Call, place: &Place) -> Answer {
    let found = place.contact(call).await?;
    let known = convention::unchanged(&call.headers, &found, &Shown(&found))?;
    let deleted = call
        .app
        .store
        .delete_contact(&place.tenant, &place.list, &found.uuid, known)
        .await;
    deleted.map_err(|error| place.refused(error))?;
    Ok(no_content())
}
