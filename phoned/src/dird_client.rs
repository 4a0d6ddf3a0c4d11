//! The two calls to dird that phones need: a lookup for a user (phoned.md §7.3, §7.4) and the name of a caller
//! (phoned-vendors.md §8.4). They carry our token and, when dird refuses that, try once more with a newer one (D12).

mod missing;
mod stream;

use std::{sync::Arc, time::Instant};

use http::{HeaderValue, StatusCode};
use kit::{
    auth_client::{AuthClient, AuthError, ServiceToken},
    http_client::{self, ClientError},
};
use reqwest::Response;
use serde::de::DeserializeOwned;

pub use stream::NotFollowed;

use crate::{
    config::Dird,
    directory::{
        link::encoded,
        rows::{Entry, LookupAnswer, entries, named},
    },
    error::PhoneError,
    surrogates, tally, unauthorized,
    upstreams::{Server, Upstreams},
};

/// Name of this service towards others.
pub const AGENT: &str = "wazo-phoned";

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Question {
    /// Who matches this text?
    Lookup(Arc<str>),
    /// Who has this number?
    Reverse(Arc<str>),
}

/// A search for one user.
#[derive(Debug, Clone)]
pub struct Search {
    /// Profile, by name.
    pub profile: Arc<str>,
    /// The user, whose personal contacts are searched too.
    pub user: Arc<str>,
    /// Tenant of the user.
    pub tenant: Arc<str>,
    /// What is asked.
    pub question: Question,
    /// The `traceparent` of the phone's request.
    pub trace: Option<HeaderValue>,
}

/// The directory servers.
pub struct DirdClient {
    upstreams: Upstreams,
    auth: Arc<AuthClient>,
}

impl DirdClient {
    /// A client of the dird of `settings`, and of the others when it fails, with the token of `auth`.
    pub fn new(settings: &Dird, auth: Arc<AuthClient>) -> Result<Self, ClientError> {
        Ok(Self {
            upstreams: Upstreams::new(settings.all(), AGENT)?,
            auth,
        })
    }

    /// The dirds, and whether each answered the last search that it got.
    pub fn health(&self) -> Vec<(&str, bool)> {
        self.upstreams.health()
    }

    /// The entries that `search` finds, in dird's order; `prefix` is `numbers.international_prefix`.
    pub async fn find(&self, search: &Search, prefix: &str) -> Result<Vec<Entry>, PhoneError> {
        match &search.question {
            Question::Lookup(_) => {
                let answer: LookupAnswer = self.ask(search).await?;
                Ok(entries(&answer, prefix))
            }
            Question::Reverse(number) => match self.ask(search).await {
                Ok(answer) => Ok(named(&answer, number)),
                // A platform that does not grant us this search: nobody is known, and nobody is guessed.
                Err(PhoneError::TokenRejected | PhoneError::DirdRefuses(_)) => {
                    tracing::warn!("dird refuses to name callers");
                    Ok(Vec::new())
                }
                Err(error) => Err(error),
            },
        }
    }

    async fn ask<T: DeserializeOwned>(&self, search: &Search) -> Result<T, PhoneError> {
        let token = self
            .auth
            .token()
            .await
            .map_err(|error| auth_error(&error))?;
        let mut response = self.send(search, &token).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let body = http_client::body(response).await;
            if body.is_ok_and(|body| unauthorized::lacks_access(&body)) {
                return Err(PhoneError::TokenRejected);
            }
            let newer = self
                .auth
                .after_rejection(&token)
                .await
                .ok_or(PhoneError::TokenRejected)?;
            response = self.send(search, &newer).await?;
        }
        match response.status().as_u16() {
            200 => {
                let body = http_client::body(response).await;
                let body = body.map_err(|_| PhoneError::DirdUnreachable)?;
                surrogates::read(&body).map_err(|_| PhoneError::DirdUnreachable)
            }
            401 => Err(PhoneError::TokenRejected),
            404 => {
                let body = http_client::body(response).await.unwrap_or_default();
                Err(PhoneError::UnknownProfile {
                    said: missing::names(&body, &search.profile),
                    name: search.profile.to_string(),
                })
            }
            status @ 400..=499 => Err(PhoneError::DirdRefuses(status)),
            _ => Err(PhoneError::DirdUnreachable),
        }
    }

    /// Asks one dird after the other until one answers. A status of 500 and above is no answer, but when no other dird has a
    /// better one.
    async fn send(&self, search: &Search, token: &ServiceToken) -> Result<Response, PhoneError> {
        let mut poor = Err(PhoneError::DirdUnreachable);
        let mut round = self.upstreams.round();
        while let Some(attempt) = round.next().await {
            let started = Instant::now();
            let answer = send_to(attempt.server, search, token).await;
            let failed = answer
                .as_ref()
                .map_or(true, |answer| answer.status().is_server_error());
            tally::asked("dird", !failed, started.elapsed());
            if !failed {
                attempt.answered();
                return answer;
            }
            attempt.failed();
            poor = answer.or(poor);
        }
        poor
    }
}

async fn send_to(
    server: &Server,
    search: &Search,
    token: &ServiceToken,
) -> Result<Response, PhoneError> {
    let (profile, user) = (encoded(&search.profile), encoded(&search.user));
    let (what, parameter, text) = match &search.question {
        Question::Lookup(term) => ("lookup", "term", term),
        Question::Reverse(number) => ("reverse", "exten", number),
    };
    let address = format!(
        "{}/directories/{what}/{profile}/{user}?{parameter}={}",
        server.base,
        encoded(text)
    );
    let mut request = server
        .http
        .get(address)
        .header("X-Auth-Token", token.token.expose())
        .header("Wazo-Tenant", &*search.tenant)
        .header("Accept", "application/json");
    if let Some(trace) = &search.trace {
        request = request.header("traceparent", trace);
    }
    request.send().await.map_err(|error| {
        tracing::debug!(
            timeout = error.is_timeout(),
            connect = error.is_connect(),
            "no answer of dird"
        );
        PhoneError::DirdUnreachable
    })
}

/// What an error of auth means for a phone.
pub fn auth_error(error: &AuthError) -> PhoneError {
    match error {
        AuthError::Unreachable(_) => PhoneError::AuthUnreachable,
        AuthError::Rejected => PhoneError::TokenRejected,
    }
}
