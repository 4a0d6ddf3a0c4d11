//! The part of the auth service's API that clients of a stand-alone dird use (design.md §5), served on a listener of its own
//! under `/0.1`: tokens, users, tenants, backends, status. Bodies and statuses are those of wazo-auth.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use kit::clock;
use kit::problem::Problem;
use kit::secret::Secret;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Builtin, LoginError, TokenRecord};
use crate::identity::{Authority, Refusal, TenantId, Token, UserId};

/// The routes, to be served on `auth.listen`.
pub fn router(authority: Arc<Builtin>) -> Router {
    Router::new()
        .route("/0.1/token", post(create_token))
        .route("/0.1/token/{token}", get(read_token).delete(delete_token))
        .route("/0.1/users/{uuid}", get(read_user))
        .route("/0.1/tenants", get(list_tenants))
        .route("/0.1/backends", get(list_backends))
        .route("/0.1/status", get(status))
        .fallback(unknown_path)
        .with_state(authority)
}

async fn unknown_path() -> Response {
    let message = "The requested URL was not found on the server.";
    (StatusCode::NOT_FOUND, Json(json!({"message": message}))).into_response()
}

type Answer = Result<Response, Response>;

#[derive(Deserialize, Default)]
struct TokenRequest {
    expiration: Option<i64>,
}

#[derive(Deserialize)]
struct CheckQuery {
    scope: Option<String>,
    tenant: Option<String>,
}

async fn create_token(
    State(authority): State<Arc<Builtin>>,
    headers: HeaderMap,
    body: bytes::Bytes,
) -> Answer {
    let (name, given) = basic(&headers).ok_or_else(login_refused)?;
    let wanted: TokenRequest = if body.is_empty() {
        TokenRequest::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|_| legacy(StatusCode::BAD_REQUEST, "Invalid body"))?
    };
    if wanted.expiration.is_some_and(|seconds| seconds < 1) {
        let reason = "Invalid expiration: a number of seconds above 0 is right";
        return Err(legacy(StatusCode::BAD_REQUEST, reason));
    }
    match authority.login(&name, &given, wanted.expiration).await {
        Ok((token, record)) => {
            Ok(Json(json!({"data": token_body(token.expose(), &record)})).into_response())
        }
        Err(LoginError::Refused) => Err(login_refused()),
        Err(error) => {
            tracing::error!(%error, "a token could not be made");
            Err(unavailable())
        }
    }
}

async fn read_token(
    State(authority): State<Arc<Builtin>>,
    Path(token): Path<String>,
    Query(query): Query<CheckQuery>,
    method: axum::http::Method,
) -> Answer {
    let token = Token::new(token);
    let tenant = match query.tenant.as_deref() {
        None => None,
        Some(text) => Some(TenantId::new(text).ok_or_else(|| token_refused(&Refusal::Forbidden))?),
    };
    let access = query.scope.unwrap_or_default();
    let record = authority.record(&token, &access, tenant.as_ref()).await;
    let record = record.map_err(|refusal| token_refused(&refusal))?;
    if method == axum::http::Method::HEAD {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(Json(json!({"data": token_body(token.expose(), &record)})).into_response())
}

async fn delete_token(State(authority): State<Arc<Builtin>>, Path(token): Path<String>) -> Answer {
    match authority.logout(&Token::new(token)).await {
        Ok(_) => Ok(Json(json!({"data": {"message": "success"}})).into_response()),
        Err(_) => Err(unavailable()),
    }
}

async fn read_user(
    State(authority): State<Arc<Builtin>>,
    Path(uuid): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let access = format!("auth.users.{}.read", uuid.replace('.', "_"));
    let record = caller(&authority, &headers, &access).await?;
    let found = match UserId::new(&uuid) {
        Some(id) => authority
            .accounts()
            .user(&id)
            .await
            .map_err(|_| unavailable())?,
        None => None,
    };
    let token = header_token(&headers);
    let visible = authority.tenants_below(&token, &record.tenant).await;
    let visible = visible.map_err(|refusal| token_refused(&refusal))?;
    let seen = |tenant: &TenantId| visible.iter().any(|entry| entry.uuid == *tenant);
    let Some(user) = found.filter(|user| seen(&user.tenant)) else {
        let message = format!("No such user: \"{uuid}\"");
        let problem = Problem::new(StatusCode::NOT_FOUND, "unknown-user", message);
        return Err(answer(
            &problem.with_details(json!({"uuid": uuid})).about("users"),
        ));
    };
    let body = json!({
        "uuid": user.uuid.as_str(), "tenant_uuid": user.tenant.as_str(),
        "username": user.username, "firstname": null, "lastname": null,
        "emails": [], "enabled": true, "purpose": "user",
    });
    Ok(Json(body).into_response())
}

async fn list_tenants(State(authority): State<Arc<Builtin>>, headers: HeaderMap) -> Answer {
    let record = caller(&authority, &headers, "auth.tenants.read").await?;
    // One that is no identifier was refused with the token.
    let scope = asked_tenant(&headers)
        .ok()
        .flatten()
        .unwrap_or(record.tenant);
    let visible = authority
        .tenants_below(&header_token(&headers), &scope)
        .await;
    let visible = visible.map_err(|refusal| token_refused(&refusal))?;
    let all = authority
        .accounts()
        .tenants()
        .await
        .map_err(|_| unavailable())?;
    let items: Vec<Value> = all
        .iter()
        .filter(|tenant| visible.iter().any(|entry| entry.uuid == tenant.uuid))
        .map(|tenant| {
            let parent = tenant.parent.as_ref().unwrap_or(&tenant.uuid);
            json!({
                "uuid": tenant.uuid.as_str(), "parent_uuid": parent.as_str(),
                "name": tenant.name, "slug": tenant.name, "domain_names": [],
            })
        })
        .collect();
    let count = items.len();
    Ok(Json(json!({"total": count, "filtered": count, "items": items})).into_response())
}

async fn list_backends() -> Json<Value> {
    Json(json!({"data": ["builtin"]}))
}

async fn status(State(authority): State<Arc<Builtin>>) -> Json<Value> {
    let database = if authority.accounts().tenants().await.is_ok() {
        "ok"
    } else {
        "fail"
    };
    Json(json!({"rest_api": {"status": "ok"}, "database": {"status": database}}))
}

/// The record of the token in `X-Auth-Token`, which must have `access`.
async fn caller(
    authority: &Builtin,
    headers: &HeaderMap,
    access: &str,
) -> Result<TokenRecord, Response> {
    let token = header_token(headers);
    let record = match asked_tenant(headers) {
        Ok(tenant) => authority.record(&token, access, tenant.as_ref()).await,
        Err(refusal) => Err(refusal),
    };
    record.map_err(|refusal| match refusal {
        Refusal::Unreachable(_) | Refusal::Failed(_) => unavailable(),
        refused => {
            let details = json!({"reason": refused.to_string(), "required_access": access});
            let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized");
            answer(&problem.with_details(details))
        }
    })
}

fn header_token(headers: &HeaderMap) -> Token {
    Token::new(
        headers
            .get("x-auth-token")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default(),
    )
}

fn asked_tenant(headers: &HeaderMap) -> Result<Option<TenantId>, Refusal> {
    let Some(value) = headers.get("wazo-tenant") else {
        return Ok(None);
    };
    let tenant = value.to_str().ok().and_then(TenantId::new);
    tenant.map(Some).ok_or(Refusal::Forbidden)
}

/// Name and secret of HTTP Basic credentials.
fn basic(headers: &HeaderMap) -> Option<(String, Secret)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, secret) = decoded.split_once(':')?;
    Some((name.to_owned(), Secret::new(secret)))
}

/// The token object of dird-platform.md §3.3.
fn token_body(token: &str, record: &TokenRecord) -> Value {
    let user = record.user.as_ref().map(UserId::as_str);
    let (issued, expires) = (utc(record.issued_at), utc(record.expires_at));
    json!({
        "token": token,
        "auth_id": record.auth_id,
        "session_uuid": record.session,
        "xivo_user_uuid": user,
        "xivo_uuid": null,
        "issued_at": issued, "expires_at": expires,
        "utc_issued_at": issued, "utc_expires_at": expires,
        "acl": record.acl,
        "metadata": {
            "uuid": user,
            "auth_id": record.auth_id,
            "tenant_uuid": record.tenant.as_str(),
            "pbx_user_uuid": user,
            "xivo_uuid": null,
            "purpose": if user.is_some() { "user" } else { "internal" },
        },
        "remote_addr": null,
        "user_agent": null,
    })
}

/// ISO 8601 without zone, as wazo-auth writes it.
fn utc(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    time.strftime("%Y-%m-%dT%H:%M:%S.000000").to_string()
}

fn token_refused(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::UnknownToken => legacy(StatusCode::NOT_FOUND, "No such token"),
        Refusal::Forbidden => legacy(
            StatusCode::FORBIDDEN,
            "Unauthorized for the requested access",
        ),
        Refusal::Unreachable(_) | Refusal::Failed(_) => unavailable(),
    }
}

fn login_refused() -> Response {
    legacy(StatusCode::UNAUTHORIZED, "Authentication Failed")
}

fn unavailable() -> Response {
    legacy(StatusCode::SERVICE_UNAVAILABLE, "Accounts unavailable")
}

/// The older error shape of wazo-auth.
fn legacy(status: StatusCode, reason: &str) -> Response {
    let body = json!({
        "reason": [reason],
        "timestamp": [clock::unix_seconds()],
        "status_code": status.as_u16(),
    });
    (status, Json(body)).into_response()
}

fn answer(problem: &Problem) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json")];
    (problem.status, headers, problem.body()).into_response()
}
