//! `POST /config/reload` and `DELETE /cache` (phoned.md §14, §16.3).

use http::StatusCode;
use kit::problem::Problem;
use serde_json::json;

use super::{Call, ok};
use crate::{
    cache::canonical,
    respond::{self, Response},
};

/// Puts the configuration of the files in force, or says for each fault where it is.
pub(super) async fn reload(call: &Call) -> Result<Response, Box<Problem>> {
    match call.live()?.reload().await {
        Ok(outcome) => Ok(ok(&json!(outcome))),
        Err(faults) => {
            let problem = Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid-config",
                "The configuration cannot be used; nothing has changed",
            );
            Err(Box::new(problem.with_details(json!(faults))))
        }
    }
}

/// Forgets everything, or what belongs to a user or a tenant.
pub(super) fn empty_cache(call: &Call) -> Response {
    let query = call.query();
    let named = |name| query.get(name).map(canonical);
    let (user, tenant) = (named("user_uuid"), named("tenant_uuid"));
    call.app.caches.forget(user.as_deref(), tenant.as_deref());
    tracing::info!(all = user.is_none() && tenant.is_none(), "cache emptied");
    let mut response = respond::private_json(StatusCode::NO_CONTENT, bytes::Bytes::new());
    response.headers_mut().remove(http::header::CONTENT_TYPE);
    response
}
