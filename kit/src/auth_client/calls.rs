//! Questions to auth: the tenant of a user, what a token may do, whose it is, which tenants there are.

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
            _ => Err(AuthError::Unreachable),
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
            _ => Err(AuthError::Unreachable),
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
            _ => Err(AuthError::Unreachable),
        }
    }

    /// The tenants that `under` sees, itself included; asked with our own token.
    pub async fn tenants(&self, under: &str) -> Result<Vec<Tenant>, AuthError> {
        let address = format!("{}/tenants", self.base);
        let response = self
            .send(|| self.http.get(&address).header("Wazo-Tenant", under))
            .await?;
        if response.status() != StatusCode::OK {
            return Err(AuthError::Unreachable);
        }
        let tenants: Tenants = http_client::json(response).await?;
        Ok(tenants.items)
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

fn with_token(request: RequestBuilder, token: &str) -> RequestBuilder {
    request
        .header("X-Auth-Token", token)
        .header("Accept", "application/json")
}

fn segment(text: &str) -> impl std::fmt::Display + '_ {
    utf8_percent_encode(text, SEGMENT)
}
