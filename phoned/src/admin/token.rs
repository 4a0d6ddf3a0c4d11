//! Whether the token of a request is one of the master tenant and grants an access (phoned.md §7.5). A good one is not
//! asked about again for a while (§14).

use std::time::Duration;

use http::{HeaderMap, StatusCode};
use kit::{
    auth_client::{AuthError, TokenCheck},
    clock,
    problem::Problem,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{
    app::App,
    cache::{CheckKey, Granted},
    tally,
};

/// Characters of a token that answers repeat.
const SHOWN: usize = 8;

/// Lets the caller with `headers` do what `access` names, or says why not.
pub(super) async fn authorize(
    app: &App,
    headers: &HeaderMap,
    access: &str,
) -> Result<(), Box<Problem>> {
    let token = header(headers, "x-auth-token").unwrap_or("");
    let tenant = header(headers, "wazo-tenant");
    let details = |reason: &str| json!({"invalid_token": masked(token), "reason": reason, "required_access": access});
    if token.is_empty() {
        return Err(unauthorized(details("not_found_or_expired")));
    }
    let key = key(token, access, tenant);
    let owner = match app.caches.checks.get(&key).await {
        Some(granted) => {
            tally::remembered("token", "hit");
            granted.owner
        }
        None => match check(app, token, access, tenant).await? {
            Checked::Granted(granted) => {
                app.caches.checks.insert(key, granted.clone()).await;
                granted.owner
            }
            Checked::Unknown => return Err(unauthorized(details("not_found_or_expired"))),
            Checked::Forbidden => {
                let mut details = details("missing_permission_or_invalid_tenant");
                details["tenant_uuid"] = json!(tenant);
                return Err(unauthorized(details));
            }
        },
    };
    if owner.as_deref() == Some(master_tenant(app)?.as_str()) {
        return Ok(());
    }
    Err(unauthorized(json!({"invalid_token": masked(token)})))
}

/// What auth says of a token.
enum Checked {
    Granted(Granted),
    Unknown,
    Forbidden,
}

/// Asks auth whether the token is good, and whose it is. That is known no longer than the token lives.
async fn check(
    app: &App,
    token: &str,
    access: &str,
    tenant: Option<&str>,
) -> Result<Checked, Box<Problem>> {
    tally::remembered("token", "miss");
    let checked = app.auth.check_token(token, access, tenant).await;
    match checked.map_err(|error| unreachable(app, &error))? {
        TokenCheck::Granted => {}
        TokenCheck::Unknown => return Ok(Checked::Unknown),
        TokenCheck::Forbidden => return Ok(Checked::Forbidden),
    }
    let described = app.auth.describe_token(token).await;
    let Some(described) = described.map_err(|error| unreachable(app, &error))? else {
        return Ok(Checked::Unknown);
    };
    let left = described
        .expires_at()
        .map(|end| end - clock::unix_seconds());
    let left = left.map(|left| Duration::try_from_secs_f64(left).unwrap_or_default());
    let life = app.config.cache.token_ttl;
    Ok(Checked::Granted(Granted {
        owner: described.tenant_uuid().map(Into::into),
        life: left.map_or(life, |left| left.min(life)),
    }))
}

fn key(token: &str, access: &str, tenant: Option<&str>) -> CheckKey {
    let mut hash = Sha256::new();
    for part in [token, access, tenant.unwrap_or("")] {
        // With its length: no two different keys are the same text.
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    CheckKey(hash.finalize().into())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn master_tenant(app: &App) -> Result<String, Box<Problem>> {
    let configured = app.config.auth.master_tenant_uuid.as_deref();
    let master = configured.or_else(|| app.auth.first_tenant());
    master.map(str::to_owned).ok_or_else(|| {
        Box::new(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "master-tenant-not-initialized",
            "wazo-phoned master tenant is not initialized",
        ))
    })
}

fn unauthorized(details: Value) -> Box<Problem> {
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized");
    Box::new(problem.with_details(details))
}

fn unreachable(app: &App, error: &AuthError) -> Box<Problem> {
    let upstream = &app.config.auth.upstream;
    let problem = Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "authentication-server-unreachable",
        "Authentication server unreachable",
    );
    Box::new(problem.with_details(json!({
        "auth_server_host": upstream.host,
        "auth_server_port": upstream.port,
        "original_error": error.to_string(),
    })))
}

/// The end of a token; a short one is hidden whole (D15).
fn masked(token: &str) -> String {
    let length = token.chars().count();
    let hidden = if length > 2 * SHOWN {
        length - SHOWN
    } else {
        length
    };
    let mask = |(index, character): (usize, char)| match character {
        '-' => '-',
        _ if index < hidden => 'X',
        other => other,
    };
    token.chars().enumerate().map(mask).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_repeat_the_end_of_a_token_only() {
        assert_eq!(
            masked("5f0c8a52-1111-4222-8333-944445555666"),
            "XXXXXXXX-XXXX-XXXX-XXXX-XXXX45555666"
        );
        assert_eq!(masked("short"), "XXXXX");
        assert_eq!(masked(""), "");
    }
}
