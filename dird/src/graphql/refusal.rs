//! What resolvers report, with the members that clients read from `extensions` (dird-api-graphql.md §3, §4).

use async_graphql::{Context, Error, ErrorExtensions};
use kit::clock;
use serde_json::{Value, json};

use crate::identity::Token;
use crate::lookup::LookupError;

/// The value, or null and its error in the answer. A failed field takes nothing from its neighbours.
pub(super) fn nulled<T>(ctx: &Context<'_>, result: Result<T, Error>) -> Option<T> {
    result
        .map_err(|error| {
            let error = error.into_server_error(ctx.item.pos);
            ctx.add_error(ctx.set_error_path(error));
        })
        .ok()
}

fn error(message: String, error_id: &str, details: &Value, resource: Option<&str>) -> Error {
    Error::new(message).extend_with(|_, extensions| {
        extensions.set("error_id", error_id);
        extensions.set("timestamp", clock::unix_seconds());
        // Details are objects of texts and numbers, which such a value can hold.
        let details = async_graphql::Value::from_json(details.clone()).unwrap_or_default();
        extensions.set("details", details);
        if let Some(resource) = resource {
            extensions.set("resource", resource);
        }
    })
}

/// The token is not good enough, for whatever reason.
pub(super) fn unauthorized(token: &Token) -> Error {
    let details = json!({"invalid_token": token.expose()});
    error("Unauthorized".into(), "unauthorized", &details, None)
}

/// Nobody can tell whether the token is good.
pub(super) fn authority_unreachable(address: &(String, u16), cause: &str) -> Error {
    let details = json!({
        "auth_server_host": address.0, "auth_server_port": address.1, "original_error": cause,
    });
    let id = "authentication-server-unreachable";
    error(
        "Authentication server unreachable".into(),
        id,
        &details,
        None,
    )
}

/// A lookup that could not be made.
pub(super) fn lookup_failed(failure: &LookupError) -> Error {
    match failure {
        LookupError::UnknownProfile(name) | LookupError::NoFavorites(name) => {
            let (message, details) = (
                format!("No such profile: \"{name}\""),
                json!({"uuid": name}),
            );
            error(message, "unknown-profile", &details, Some("profiles"))
        }
        LookupError::Busy => {
            let message = "Too many requests at once".into();
            error(message, "overloaded", &json!({}), None)
        }
        LookupError::Store(cause) => {
            tracing::error!(%cause, "the database is unavailable");
            let message = "The database is unavailable".into();
            error(message, "database-unavailable", &json!({}), None)
        }
    }
}
