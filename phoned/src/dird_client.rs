//! The one call to dird that phones need: a lookup for a user (phoned.md §7.3, §7.4). It carries our token and, when dird
//! refuses that, tries once more with a newer one (D12).

use std::sync::Arc;

use http::{HeaderValue, StatusCode};
use kit::{
    auth_client::{AuthClient, AuthError, ServiceToken},
    http_client::{self, ClientError, Upstream},
};
use reqwest::{Client, Response};

use crate::{
    directory::{link::encoded, rows::LookupAnswer},
    error::PhoneError,
};

/// Name of this service towards others.
pub const AGENT: &str = "wazo-phoned";

/// A search for one user.
#[derive(Debug, Clone)]
pub struct Search {
    /// Profile, by name.
    pub profile: Arc<str>,
    /// The user, whose personal contacts are searched too.
    pub user: Arc<str>,
    /// Tenant of the user.
    pub tenant: Arc<str>,
    /// The search text.
    pub term: Arc<str>,
    /// The `traceparent` of the phone's request.
    pub trace: Option<HeaderValue>,
}

/// The directory server.
pub struct DirdClient {
    http: Client,
    base: String,
    auth: Arc<AuthClient>,
}

impl DirdClient {
    /// A client of the dird at `upstream` with the token of `auth`.
    pub fn new(upstream: &Upstream, auth: Arc<AuthClient>) -> Result<Self, ClientError> {
        Ok(Self {
            http: upstream.client(AGENT)?,
            base: upstream.base_url("0.1"),
            auth,
        })
    }

    /// The people that `search` finds.
    pub async fn lookup(&self, search: &Search) -> Result<LookupAnswer, PhoneError> {
        let token = self
            .auth
            .token()
            .await
            .map_err(|error| auth_error(&error))?;
        let mut response = self.send(search, &token).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let newer = self
                .auth
                .after_rejection(&token)
                .await
                .ok_or(PhoneError::TokenRejected)?;
            response = self.send(search, &newer).await?;
        }
        match response.status().as_u16() {
            200 => http_client::json(response)
                .await
                .map_err(|_| PhoneError::DirdUnreachable),
            401 => Err(PhoneError::TokenRejected),
            404 => Err(PhoneError::UnknownProfile(search.profile.to_string())),
            status @ 400..=499 => Err(PhoneError::DirdRefuses(status)),
            _ => Err(PhoneError::DirdUnreachable),
        }
    }

    async fn send(&self, search: &Search, token: &ServiceToken) -> Result<Response, PhoneError> {
        let (profile, user, term) = (
            encoded(&search.profile),
            encoded(&search.user),
            encoded(&search.term),
        );
        let address = format!(
            "{}/directories/lookup/{profile}/{user}?term={term}",
            self.base
        );
        let mut request = self
            .http
            .get(address)
            .header("X-Auth-Token", token.token.expose())
            .header("Wazo-Tenant", &*search.tenant)
            .header("Accept", "application/json");
        if let Some(trace) = &search.trace {
            request = request.header("traceparent", trace);
        }
        request.send().await.map_err(|error| {
            tracing::warn!(
                timeout = error.is_timeout(),
                connect = error.is_connect(),
                "dird does not answer"
            );
            PhoneError::DirdUnreachable
        })
    }
}

/// What an error of auth means for a phone.
pub fn auth_error(error: &AuthError) -> PhoneError {
    match error {
        AuthError::Unreachable(_) => PhoneError::AuthUnreachable,
        AuthError::Rejected => PhoneError::TokenRejected,
    }
}
