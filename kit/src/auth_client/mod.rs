//! Client of the auth service (phoned.md §7, dird-platform.md): it keeps our own service token fresh and asks about users,
//! tenants and the tokens of others. `credentials.rs` reads who we are, `token.rs` keeps the token, `calls.rs` asks.

mod calls;
mod credentials;
mod token;

use std::time::Duration;

use arc_swap::ArcSwapOption;
use reqwest::Client;
use tokio::sync::Mutex;

pub use calls::{Tenant, TokenCheck, TokenDescription};
pub use credentials::{CredentialSource, Credentials, KeyFileError};
pub use token::ServiceToken;

use crate::http_client::{CallError, ClientError, Upstream};
use token::Renewals;

/// Lifetime that is asked for a service token (phoned.md §7.1).
pub const TOKEN_LIFETIME: Duration = Duration::from_hours(6);

/// Why auth brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No connection, no answer in time, a failure of its own or an unreadable body.
    #[error("the auth service does not answer")]
    Unreachable,
    /// Auth refuses our service token, or our credentials.
    #[error("the auth service refuses this service")]
    Rejected,
}

impl From<reqwest::Error> for AuthError {
    fn from(_: reqwest::Error) -> Self {
        Self::Unreachable
    }
}

impl From<CallError> for AuthError {
    fn from(_: CallError) -> Self {
        Self::Unreachable
    }
}

/// The auth service as one daemon sees it. Share it in an `Arc`; [`AuthClient::keep_token`] is its background task.
pub struct AuthClient {
    http: Client,
    base: String,
    source: CredentialSource,
    token: ArcSwapOption<ServiceToken>,
    renewals: Mutex<Renewals>,
}

impl AuthClient {
    /// A client of the auth service at `upstream`; `agent` is its `User-Agent`. Nothing is sent yet.
    pub fn new(
        upstream: &Upstream,
        source: CredentialSource,
        agent: &str,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            http: upstream.client(agent)?,
            base: upstream.base_url("0.1"),
            source,
            token: ArcSwapOption::empty(),
            renewals: Mutex::default(),
        })
    }
}
