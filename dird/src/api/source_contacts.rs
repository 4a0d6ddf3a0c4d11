//! `/backends/{backend}/sources/{source_uuid}/contacts`: the whole directory behind a source (dird-api-config.md §5).

use http::StatusCode;
use kit::problem::Problem;
use serde_json::json;

use super::call::Call;
use super::list::ListRules;
use super::route::Answer;
use super::sources;
use crate::backends::{Listing, ListingError, ListingRules};
use crate::error::{ApiError, json_answer};
use crate::identity::UserId;
use crate::schema;
use crate::store::Page;

/// What the list of a backend's contacts allows.
pub fn rules(listing: ListingRules) -> ListRules {
    ListRules {
        order: listing.order,
        filters: listing.filters,
    }
}

/// Lists contacts.
pub async fn list(call: Call) -> Answer {
    let kind = sources::kind(&call)?;
    let allowed = kind.listing().ok_or_else(|| no_list(kind.name()))?;
    let page = page(&call, allowed)?;
    let tenants = if allowed.from_above {
        call.visible_tenants().await?
    } else {
        call.caller.tenant().alone()
    };
    let source = sources::find_among(&call, kind, &tenants).await?;
    let user = call.caller.user().cloned();
    let asker = call.asker();
    let opened = call.app.lookup.opened(&source).await;
    let listing = opened.as_deref().and_then(|opened| opened.listing());
    let listing: &dyn Listing = listing.ok_or_else(|| no_list(kind.name()))?;
    let listed = listing.contacts(&page, &asker).await;
    let listed = listed.map_err(|error| refused(error, user.as_ref()))?;
    Ok(json_answer(StatusCode::OK, &listed))
}

fn page(call: &Call, allowed: ListingRules) -> Result<Page, ApiError> {
    rules(allowed)
        .read(&call.query)
        .map_err(|error| match error {
            ApiError::Problem(mut problem) if allowed.unknown_order_is_null => {
                if problem.details.get("order").is_some() {
                    problem.details["order"] = schema::null();
                }
                ApiError::Problem(problem)
            }
            other => other,
        })
}

/// A source that is stored but cannot be opened; what is wrong with it was logged when it was tried.
fn no_list(backend: &str) -> ApiError {
    ApiError::Internal(format!("contacts of this {backend} source cannot be listed").into())
}

fn refused(error: ListingError, user: Option<&UserId>) -> ApiError {
    let problem = match error {
        ListingError::NoToken(service) => {
            let message = format!("No {service} token found.");
            let details = json!({"user_uuid": user.map_or("", UserId::as_str)});
            Problem::new(StatusCode::NOT_FOUND, "no-token-found", message).with_details(details)
        }
        ListingError::Confd(address, cause) => {
            let details = json!({"wazo_confd_config": address, "original_error": cause});
            let message = "wazo-confd request error";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "wazo-confd-error", message)
                .with_details(details)
        }
        ListingError::Endpoint(endpoint, status) => {
            let mut details = json!({"endpoint": endpoint});
            if let Some(status) = status {
                details["error_code"] = json!(status);
            }
            let message = "Unexpected endpoint error.";
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unexpected-endpoint-error",
                message,
            )
            .with_details(details)
        }
    };
    problem.into()
}
