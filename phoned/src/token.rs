//! Whether the token of a request grants an access, and whether it is one of the master tenant (phoned.md §7.5).

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, StatusCode};
use kit::{
    auth_client::{AuthError, TokenCheck},
    clock,
    problem::Problem,
};
use serde_json::{Value, json};

use crate::{
    app::App,
    cache::{Grant, TokenUse},
    tally,
};

/// Characters of a token that answers repeat.
const SHOWN: usize = 8;

/// Lets the caller with `headers` do what `access` names, or says why not.
pub async fn granted(app: &App, headers: &HeaderMap, access: &str) -> Result<(), Box<Problem>> {
    remembered(app, headers, access).await.map(|_| ())
}

/// As [`granted`], for callers of the master tenant only.
pub async fn granted_to_master(
    app: &App,
    headers: &HeaderMap,
    access: &str,
) -> Result<(), Box<Problem>> {
    let grant = remembered(app, headers, access).await?;
    let master = master_tenant(app)?;
    if grant.owner.as_deref() == Some(master.as_str()) {
        return Ok(());
    }
    let token = masked(token(headers));
    Err(unauthorized(json!({"invalid_token": token})))
}

/// What auth says, or said of late (phoned.md §14.6). A refusal is not remembered: the right may be given the next moment.
async fn remembered(
    app: &App,
    headers: &HeaderMap,
    access: &str,
) -> Result<Arc<Grant>, Box<Problem>> {
    let tenant = header(headers, "wazo-tenant");
    let question = TokenUse {
        token: token(headers).into(),
        access: access.into(),
        tenant: tenant.map(Into::into),
    };
    let grants = &app.caches.grants;
    if let Some(grant) = grants.get(&question).await {
        tally::remembered("token", "hit");
        return Ok(grant);
    }
    tally::remembered("token", "miss");
    let grant = Arc::new(ask(app, &question).await?);
    grants.insert(question, Arc::clone(&grant)).await;
    Ok(grant)
}

async fn ask(app: &App, question: &TokenUse) -> Result<Grant, Box<Problem>> {
    let (token, access) = (&*question.token, &*question.access);
    let tenant = question.tenant.as_deref();
    let details = |reason: &str| json!({"invalid_token": masked(token), "reason": reason, "required_access": access});
    let unknown = || unauthorized(details("not_found_or_expired"));
    if token.is_empty() {
        return Err(unknown());
    }
    let checked = timed(app.auth.check_token(token, access, tenant)).await;
    match checked.map_err(|error| unreachable(app, &error))? {
        TokenCheck::Granted => {}
        TokenCheck::Unknown => return Err(unknown()),
        TokenCheck::Forbidden => {
            let mut details = details("missing_permission_or_invalid_tenant");
            details["tenant_uuid"] = json!(tenant);
            return Err(unauthorized(details));
        }
    }
    let described = timed(app.auth.describe_token(token)).await;
    let described = described.map_err(|error| unreachable(app, &error))?;
    let described = described.ok_or_else(unknown)?;
    let longest = app.config.cache.token_check_ttl;
    let left = described
        .expires_at()
        .map(|end| end - clock::unix_seconds());
    // A time that has passed, or that is too far away to be one, is no time left.
    let left = left.map_or(longest, |left| {
        Duration::try_from_secs_f64(left).unwrap_or_default()
    });
    Ok(Grant {
        owner: described.tenant_uuid().map(Into::into),
        until: Instant::now() + longest.min(left),
    })
}

/// Counts a call to auth.
async fn timed<T>(call: impl Future<Output = Result<T, AuthError>>) -> Result<T, AuthError> {
    let started = Instant::now();
    let answer = call.await;
    tally::asked("auth", answer.is_ok(), started.elapsed());
    answer
}

fn token(headers: &HeaderMap) -> &str {
    header(headers, "x-auth-token").unwrap_or("")
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

/// The last characters of a token, the others hidden (D15).
fn masked(token: &str) -> String {
    let hidden = token.chars().count().saturating_sub(SHOWN);
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
        assert_eq!(masked("elsewhere"), "Xlsewhere");
        assert_eq!(masked("short"), "short");
        assert_eq!(masked(""), "");
    }
}
