//! Client of the auth service (phoned.md §7, dird-platform.md): it keeps our own service token fresh and asks about users,
//! tenants and the tokens of others. `credentials.rs` reads who we are, `token.rs` keeps the token, `calls.rs` asks.

mod back_off;
mod calls;
mod credentials;
mod token;

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use reqwest::Client;
use tokio::sync::Mutex;

pub use back_off::BackOff;
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
    #[error("the auth service does not answer: {0}")]
    Unreachable(Cause),
    /// Auth refuses our service token, or our credentials.
    #[error("the auth service refuses this service")]
    Rejected,
}

/// What went wrong, in few words and without addresses: it is shown to callers (dird-platform.md §3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// No connection could be made.
    Connection,
    /// No answer within the deadline.
    Deadline,
    /// The connection broke before the answer was complete.
    Broken,
    /// An answer that is none of the agreed ones.
    Status(u16),
    /// A body that does not have the agreed form.
    Body,
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection => formatter.write_str("no connection"),
            Self::Deadline => formatter.write_str("no answer in time"),
            Self::Broken => formatter.write_str("connection broken"),
            Self::Status(status) => write!(formatter, "unexpected status {status}"),
            Self::Body => formatter.write_str("unreadable answer"),
        }
    }
}

impl AuthError {
    /// The error for an answer of a status that was not agreed upon.
    fn status(status: reqwest::StatusCode) -> Self {
        Self::Unreachable(Cause::Status(status.as_u16()))
    }
}

impl From<reqwest::Error> for AuthError {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(match error {
            error if error.is_timeout() => Cause::Deadline,
            error if error.is_connect() => Cause::Connection,
            _ => Cause::Broken,
        })
    }
}

impl From<CallError> for AuthError {
    fn from(error: CallError) -> Self {
        Self::Unreachable(match error {
            CallError::Unreachable => Cause::Broken,
            CallError::Malformed => Cause::Body,
        })
    }
}

/// The auth service as one daemon sees it. Share it in an `Arc`; [`AuthClient::keep_token`] is its background task.
pub struct AuthClient {
    http: Client,
    base: String,
    source: CredentialSource,
    token: ArcSwapOption<ServiceToken>,
    renewals: Mutex<Renewals>,
    first_tenant: OnceLock<String>,
    back_off: BackOff,
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
            first_tenant: OnceLock::new(),
            back_off: BackOff::default(),
        })
    }

    /// The same client for another `version` of the service's API than 0.1.
    #[must_use]
    pub fn at_version(mut self, upstream: &Upstream, version: &str) -> Self {
        self.base = upstream.base_url(version);
        self
    }

    /// The same client with another rhythm of attempts to get a first token.
    #[must_use]
    pub fn retrying(mut self, back_off: BackOff) -> Self {
        self.back_off = back_off;
        self
    }

    /// Tenant of the first token that was ever made: the master tenant, when none is configured (dird-platform.md §4.2).
    pub fn first_tenant(&self) -> Option<&str> {
        self.first_tenant.get().map(String::as_str)
    }
}
