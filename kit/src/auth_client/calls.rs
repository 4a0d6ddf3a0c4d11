//! Questions to auth: the tenant of a user, what a token may do, whose it is, which tenants there are.

use jiff::{civil::DateTime, tz::TimeZone};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{AuthClient, AuthError};
use crate::http_client;

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What auth says about a token and an access (phoned.md §7.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenCheck {
    /// It may.
    Granted,
    /// No such token, or no longer.
    Unknown,
    /// The token lacks the access, or does not see the tenant.
    Forbidden,
}

/// Whose a token is.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct TokenDescription {
    /// The token, as auth repeats it.
    pub token: String,
    /// Names of what it may do.
    pub acl: Vec<String>,
    /// `uuid`, `tenant_uuid` and whatever else auth knows of its owner.
    pub metadata: Map<String, Value>,
    /// End of its life in UTC, as auth writes it.
    pub utc_expires_at: Option<String>,
}

impl TokenDescription {
    /// Tenant of the owner.
    pub fn tenant_uuid(&self) -> Option<&str> {
        self.metadata.get("tenant_uuid").and_then(Value::as_str)
    }

    /// The owner.
    pub fn user_uuid(&self) -> Option<&str> {
        self.metadata.get("uuid").and_then(Value::as_str)
    }

    /// Unix time of the end of its life; `None` when auth does not tell.
    pub fn expires_at(&self) -> Option<f64> {
        self.utc_expires_at.as_deref().and_then(unix_time)
    }
}

/// A tenant as auth lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tenant {
    /// Identifier.
    pub uuid: String,
    /// The tenant above it; the master tenant names itself.
    #[serde(default)]
    pub parent_uuid: Option<String>,
    /// Name for people.
    #[serde(default)]
    pub name: Option<String>,
}

#[derive(Deserialize)]
struct Described {
    data: TokenDescription,
}

#[derive(Deserialize)]
struct User {
    tenant_uuid: String,
}

#[derive(Deserialize)]
struct Tenants {
    items: Vec<Tenant>,
}

impl AuthClient {
    /// Tenant of the user `uuid`; `None` when auth knows no such user (phoned.md §7.2).
    pub async fn tenant_of_user(&self, uuid: &str) -> Result<Option<String>, AuthError> {
        let address = format!("{}/users/{}", self.base, segment(uuid));
        let response = self.send(|| self.http.get(&address)).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => {
                let user: User = http_client::json(response).await?;
                Ok(Some(user.tenant_uuid))
            }
            other => Err(AuthError::status(other)),
        }
    }

    /// Whether `token` grants `scope`, within `tenant` if given.
    pub async fn check_token(
        &self,
        token: &str,
        scope: &str,
        tenant: Option<&str>,
    ) -> Result<TokenCheck, AuthError> {
        let mut address = format!(
            "{}/token/{}?scope={}",
            self.base,
            segment(token),
            segment(scope)
        );
        if let Some(tenant) = tenant {
            address = format!("{address}&tenant={}", segment(tenant));
        }
        match self.http.head(address).send().await?.status() {
            StatusCode::NO_CONTENT | StatusCode::OK => Ok(TokenCheck::Granted),
            StatusCode::NOT_FOUND => Ok(TokenCheck::Unknown),
            StatusCode::FORBIDDEN => Ok(TokenCheck::Forbidden),
            other => Err(AuthError::status(other)),
        }
    }

    /// Whose `token` is; `None` when auth does not know it.
    pub async fn describe_token(&self, token: &str) -> Result<Option<TokenDescription>, AuthError> {
        let address = format!("{}/token/{}", self.base, segment(token));
        let response = self.http.get(address).send().await?;
        match response.status() {
            StatusCode::OK => {
                let described: Described = http_client::json(response).await?;
                Ok(Some(described.data))
            }
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN => Ok(None),
            other => Err(AuthError::status(other)),
        }
    }

    /// The tenants that `under` sees, itself included; asked with our own token.
    pub async fn tenants(&self, under: &str) -> Result<Vec<Tenant>, AuthError> {
        let address = format!("{}/tenants", self.base);
        let response = self
            .send(|| self.http.get(&address).header("Wazo-Tenant", under))
            .await?;
        match response.status() {
            StatusCode::OK => listed(response).await,
            other => Err(AuthError::status(other)),
        }
    }

    /// The tenants that `under` sees, itself included, asked with the token of somebody else; `None` when that token may not
    /// list them (dird-api.md §2.1).
    pub async fn tenants_as(
        &self,
        token: &str,
        under: &str,
    ) -> Result<Option<Vec<Tenant>>, AuthError> {
        let request = self.http.get(format!("{}/tenants", self.base));
        let request = with_token(request.header("Wazo-Tenant", under), token);
        let response = request.send().await?;
        match response.status() {
            StatusCode::OK => Ok(Some(listed(response).await?)),
            StatusCode::UNAUTHORIZED => Ok(None),
            other => Err(AuthError::status(other)),
        }
    }

    /// Sends with our token; when it is refused, once more with a newer one (phoned.md §7.1, D12).
    async fn send(&self, request: impl Fn() -> RequestBuilder) -> Result<Response, AuthError> {
        let token = self.token().await?;
        let response = with_token(request(), token.token.expose()).send().await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        let newer = self
            .after_rejection(&token)
            .await
            .ok_or(AuthError::Rejected)?;
        let response = with_token(request(), newer.token.expose()).send().await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            return Err(AuthError::Rejected);
        }
        Ok(response)
    }
}

/// Unix time of a moment as auth writes it: ISO 8601 in UTC, without a zone.
pub(super) fn unix_time(text: &str) -> Option<f64> {
    let time: DateTime = text.parse().ok()?;
    let zoned = time.to_zoned(TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_duration().as_secs_f64())
}

async fn listed(response: Response) -> Result<Vec<Tenant>, AuthError> {
    let tenants: Tenants = http_client::json(response).await?;
    Ok(tenants.items)
}

fn with_token(request: RequestBuilder, token: &str) -> RequestBuilder {
    request
        .header("X-Auth-Token", token)
        .header("Accept", "application/json")
}

fn segment(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, SEGMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_auth_are_read_as_utc() {
        assert_eq!(unix_time("1970-01-01T00:01:00.500000"), Some(60.5));
        assert_eq!(unix_time("2026-11-25T03:04:05"), Some(1_795_575_845.0));
        assert_eq!(unix_time("soon"), None);
    }
}
