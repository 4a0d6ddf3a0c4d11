//! A service of the platform that is asked with our token. When the token is refused, the call is made once more with a newer one
//! (phoned.md §7.1, D12). Every call ends by its deadline, the body of the answer included.

use std::{sync::Arc, time::Instant as Started};

use http::StatusCode;
use kit::{
    auth_client::{AuthClient, AuthError, ServiceToken},
    http_client::{self, ClientError, Upstream},
};
use reqwest::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use crate::{dird_client::AGENT, surrogates, tally, unauthorized};

/// Why a service brought no usable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// No connection, no answer in time, a fault of its own, or an answer that cannot be read.
    #[error("no answer")]
    Unreachable,
    /// It answers with this status, which is none of those agreed upon.
    #[error("refused with status {0}")]
    Refused(StatusCode),
    /// It refuses our token, the renewed one too.
    #[error("the service token is refused")]
    TokenRejected,
    /// It knows our token, which does not have the access; no other of ours would.
    #[error("the service token lacks the access")]
    NotGranted,
    /// There is no token to ask it with.
    #[error("auth does not answer")]
    AuthUnreachable,
}

impl ServiceError {
    /// Whether the same call may succeed a little later.
    pub(super) fn may_pass(self) -> bool {
        // An auth that starts again has forgotten our token, and may not make another one at once.
        matches!(
            self,
            Self::Unreachable | Self::AuthUnreachable | Self::TokenRejected
        )
    }
}

impl From<AuthError> for ServiceError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Unreachable(_) => Self::AuthUnreachable,
            AuthError::Rejected => Self::TokenRejected,
        }
    }
}

/// A whole answer whose status is below 500 and not 401.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    body: Vec<u8>,
}

impl Answer {
    /// The body of a good answer.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, ServiceError> {
        if self.status != StatusCode::OK {
            return Err(ServiceError::Refused(self.status));
        }
        surrogates::read(&self.body).map_err(|_| ServiceError::Unreachable)
    }
}

/// The client of one service.
pub(super) struct Service {
    name: &'static str,
    http: Client,
    base: String,
    auth: Arc<AuthClient>,
}

impl Service {
    /// A client of the service `name` at `upstream`, whose interface has this `version`.
    pub(super) fn new(
        name: &'static str,
        upstream: &Upstream,
        version: &str,
        auth: Arc<AuthClient>,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            name,
            http: upstream.client(AGENT)?,
            base: upstream.base_url(version),
            auth,
        })
    }

    /// What the service answers by `deadline`. `request` gets a client and the address up to the version; it may be called twice.
    pub(super) async fn ask(
        &self,
        deadline: Instant,
        request: impl Fn(&Client, &str) -> RequestBuilder + Send,
    ) -> Result<Answer, ServiceError> {
        let started = Started::now();
        let answer = timeout_at(deadline, self.with_token(request)).await;
        let answer = answer.unwrap_or(Err(ServiceError::Unreachable));
        tally::asked(self.name, answer.is_ok(), started.elapsed());
        if let Err(error) = &answer {
            tracing::warn!(service = self.name, %error, "a service cannot be used");
        }
        answer
    }

    async fn with_token(
        &self,
        request: impl Fn(&Client, &str) -> RequestBuilder + Send,
    ) -> Result<Answer, ServiceError> {
        let token = self.auth.token().await?;
        let first = send(request(&self.http, &self.base), &token).await?;
        if first.status != StatusCode::UNAUTHORIZED {
            return Ok(first);
        }
        if unauthorized::lacks_access(&first.body) {
            return Err(ServiceError::NotGranted);
        }
        let newer = self.auth.after_rejection(&token).await;
        let newer = newer.ok_or(ServiceError::TokenRejected)?;
        let second = send(request(&self.http, &self.base), &newer).await?;
        if second.status == StatusCode::UNAUTHORIZED {
            return Err(ServiceError::TokenRejected);
        }
        Ok(second)
    }
}

async fn send(request: RequestBuilder, token: &ServiceToken) -> Result<Answer, ServiceError> {
    let request = request
        .header("X-Auth-Token", token.token.expose())
        .header("Accept", "application/json");
    let response = request.send().await;
    let response = response.map_err(|_| ServiceError::Unreachable)?;
    let status = response.status();
    if status.is_server_error() {
        return Err(ServiceError::Unreachable);
    }
    let body = http_client::body(response).await;
    let body = body.map_err(|_| ServiceError::Unreachable)?;
    Ok(Answer { status, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_with_the_token_may_pass_but_a_lack_of_access_does_not() {
        for (error, passes) in [
            (ServiceError::Unreachable, true),
            (ServiceError::AuthUnreachable, true),
            (ServiceError::TokenRejected, true),
            (ServiceError::NotGranted, false),
            (ServiceError::Refused(StatusCode::NOT_FOUND), false),
        ] {
            assert_eq!(error.may_pass(), passes, "{error}");
        }
    }
}
