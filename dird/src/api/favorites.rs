//! `/directories/favorites` (dird-api-directories.md §6–§8): contacts of any source that a user keeps at hand.

use std::collections::HashSet;

use http::StatusCode;

use super::call::Call;
use super::lookup::{answer, refused};
use super::route::{Answer, no_content};
use crate::error::ApiError;
use crate::events::{Favorite, FavoriteChange};
use crate::identity::UserId;
use crate::store::model::SourceId;
use crate::store::{Page, StoreError};

/// Longest identifier of a contact that can be a favourite, in characters: what an index of every database takes.
const LONGEST_CONTACT: usize = 512;

/// The user's favourites that their sources still find.
pub async fn list(call: Call) -> Answer {
    let (tenant, profile) = (call.caller.tenant(), call.path.get("profile"));
    let found = call
        .app
        .lookup
        .favorites(&tenant, profile, &call.asker())
        .await;
    Ok(answer(&call, found.map_err(refused)?).await)
}

/// Adds a favourite. Whether its source has such a contact is not asked.
pub async fn add(call: Call) -> Answer {
    let user = call.user()?;
    let (tenant, source) = (call.caller.tenant(), source(&call).await?);
    let contact = call.path.get("contact");
    if contact.contains('\0') {
        // No contact is called that, and no database would keep it (O-29).
        return Err(super::contact::unknown(contact));
    }
    if contact.chars().count() > LONGEST_CONTACT {
        let reason = format!("a contact's identifier has at most {LONGEST_CONTACT} characters");
        return Err(ApiError::Legacy(StatusCode::BAD_REQUEST, reason));
    }
    let added = call
        .app
        .store
        .add_favorite(&tenant, &user, &source, contact)
        .await;
    added.map_err(|error| match error {
        StoreError::Duplicate => {
            let reason = "Adding this favorite would create a duplicate";
            ApiError::Legacy(StatusCode::CONFLICT, reason.to_owned())
        }
        // The source went in between.
        StoreError::Missing { .. } => no_such_source(&call),
        other => other.into(),
    })?;
    publish(&call, FavoriteChange::Added, &user);
    Ok(no_content())
}

/// Removes a favourite, also one whose contact is gone.
pub async fn remove(call: Call) -> Answer {
    let user = call.user()?;
    let (tenant, source) = (call.caller.tenant(), source(&call).await?);
    let (directory, contact) = (call.path.get("directory"), call.path.get("contact"));
    let removed = call
        .app
        .store
        .remove_favorite(&tenant, &user, &source, contact)
        .await;
    removed.map_err(|error| match error {
        StoreError::Missing { .. } => {
            not_found(format!("No such favorite: ('{directory}', '{contact}')"))
        }
        other => other.into(),
    })?;
    publish(&call, FavoriteChange::Deleted, &user);
    Ok(no_content())
}

/// Tells the platform what has changed; the answer does not wait for it (dird-api-semantics.md §7).
fn publish(call: &Call, change: FavoriteChange, user: &UserId) {
    let tenant = call.caller.tenant();
    let favorite = Favorite {
        tenant: tenant.id().as_str(),
        user: user.as_str(),
        source: call.path.get("directory"),
        contact: call.path.get("contact"),
    };
    call.app.events.publish_favorite(change, &favorite);
}

/// The source that the path names, in the request's tenant. Of several that share a name, as those over one phonebook do, it is
/// the first that a profile asks for favourites (O-56).
async fn source(call: &Call) -> Result<SourceId, ApiError> {
    let page = Page {
        order: "name",
        filters: vec![("name", call.path.get("directory").to_owned())],
        ..Page::default()
    };
    let tenants = call.caller.tenant().alone();
    let named = call.app.store.list_sources(&tenants, None, &page).await?;
    let mut named = named.items.into_iter().map(|source| source.uuid);
    let first = named.next().ok_or_else(|| no_such_source(call))?;
    let others: Vec<SourceId> = named.collect();
    if others.is_empty() {
        return Ok(first);
    }
    let asked = asked_for_favorites(call).await?;
    let found = others.into_iter().find(|source| asked.contains(source));
    Ok(match found {
        Some(other) if !asked.contains(&first) => other,
        _ => first,
    })
}

/// The sources that the profiles of the request's tenant ask for favourites.
async fn asked_for_favorites(call: &Call) -> Result<HashSet<SourceId>, ApiError> {
    let page = Page {
        order: "name",
        ..Page::default()
    };
    let tenants = call.caller.tenant().alone();
    let profiles = call.app.store.list_profiles(&tenants, &page).await?;
    let services = profiles.items.into_iter().map(|mut resolved| {
        let service = resolved.services.shift_remove("favorites");
        service.map_or_else(Vec::new, |service| service.sources)
    });
    Ok(services.flatten().collect())
}

fn no_such_source(call: &Call) -> ApiError {
    not_found(format!("No such source: {}", call.path.get("directory")))
}

fn not_found(reason: String) -> ApiError {
    ApiError::Legacy(StatusCode::NOT_FOUND, reason)
}
