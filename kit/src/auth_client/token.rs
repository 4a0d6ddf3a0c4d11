//! Our own token: made at start, renewed at 80 % of its life, renewed early when a backend refuses it (phoned.md §7.1, D12).

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{AuthClient, AuthError, TOKEN_LIFETIME, calls::unix_time};
use crate::{http_client, secret::Secret};

/// A rejected token leads to at most one early renewal in this time.
const BETWEEN_FORCED: Duration = Duration::from_secs(10);
/// What a token that is granted for less than a second is taken to live, so that none is made at each request.
const LEAST_LIFE: Duration = Duration::from_secs(10);
/// A failed attempt is not repeated by requests within this time; the background task has its own rhythm.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);
/// Requests under way may still carry the previous token for this long.
const REVOKE_AFTER: Duration = Duration::from_mins(1);
/// Replaced tokens that wait to be revoked at most; beyond that they die of age.
const MOST_REPLACED: usize = 16;
/// How often to look whether one is to be revoked, or the present one to be renewed.
const BETWEEN_LOOKS: Duration = Duration::from_secs(10);

/// A token of this daemon.
#[derive(Debug)]
pub struct ServiceToken {
    /// The token itself.
    pub token: Secret,
    /// Tenant of the service: the master tenant, when none is configured (phoned.md §7.5).
    pub tenant_uuid: Option<String>,
    made: Instant,
    life: Duration,
}

impl ServiceToken {
    /// How long auth still knows it.
    pub fn left(&self) -> Duration {
        self.life.saturating_sub(self.made.elapsed())
    }

    /// Until it should be renewed; `None` = it is time.
    fn fresh(&self) -> Option<Duration> {
        let until = self.life * 4 / 5;
        until.checked_sub(self.made.elapsed())
    }

    /// Whether auth has forgotten it by now.
    pub fn expired(&self) -> bool {
        self.made.elapsed() >= self.life
    }
}

/// What the last attempts were, so that no crowd of requests turns into a crowd of renewals.
#[derive(Default)]
pub(super) struct Renewals {
    forced: Option<Instant>,
    failed: Option<(Instant, AuthError)>,
    /// Tokens that auth may still know, and when each was replaced; the first one first.
    replaced: VecDeque<(Instant, Arc<ServiceToken>)>,
}

impl Renewals {
    fn replaced(&mut self, token: Arc<ServiceToken>, now: Instant) {
        if self.replaced.len() < MOST_REPLACED {
            self.replaced.push_back((now, token));
        }
    }

    /// A token that nobody should carry any more at `now`.
    fn due(&mut self, now: Instant) -> Option<Arc<ServiceToken>> {
        let (at, _) = self.replaced.front()?;
        if now.duration_since(*at) < REVOKE_AFTER {
            return None;
        }
        self.replaced.pop_front().map(|(_, token)| token)
    }
}

#[derive(Deserialize)]
struct Created {
    data: CreatedToken,
}

#[derive(Deserialize)]
struct CreatedToken {
    token: String,
    #[serde(default)]
    metadata: Option<CreatedMetadata>,
    #[serde(default)]
    utc_issued_at: Option<String>,
    #[serde(default)]
    utc_expires_at: Option<String>,
}

impl CreatedToken {
    /// What auth granted may be less than what was asked for. Both ends are read off auth's own clock.
    fn life(&self) -> Duration {
        let read = |text: &Option<String>| text.as_deref().and_then(unix_time);
        let ends = read(&self.utc_issued_at).zip(read(&self.utc_expires_at));
        let granted = ends.map(|(issued, expires)| expires - issued);
        match granted.map(Duration::try_from_secs_f64) {
            None => TOKEN_LIFETIME,
            Some(Ok(life)) if life >= BETWEEN_ATTEMPTS => life.min(TOKEN_LIFETIME),
            Some(_) => LEAST_LIFE,
        }
    }
}

#[derive(Deserialize)]
struct CreatedMetadata {
    tenant_uuid: Option<String>,
}

impl AuthClient {
    /// The token, if there is one that auth still knows; for status pages.
    pub fn current(&self) -> Option<Arc<ServiceToken>> {
        self.token.load_full().filter(|token| !token.expired())
    }

    /// The token, made now when there is none. Callers that come together share one attempt.
    pub async fn token(&self) -> Result<Arc<ServiceToken>, AuthError> {
        if let Some(token) = self.current() {
            return Ok(token);
        }
        let mut renewals = self.renewals.lock().await;
        if let Some(token) = self.current() {
            return Ok(token);
        }
        self.attempt(&mut renewals).await
    }

    /// The token to try after `rejected` was refused: a newer one if there is, else one made now, but at most one in ten
    /// seconds; `None` when nothing better than `rejected` can be had.
    pub async fn after_rejection(&self, rejected: &ServiceToken) -> Option<Arc<ServiceToken>> {
        let mut renewals = self.renewals.lock().await;
        let newer = self.current().filter(|token| token.made > rejected.made);
        if newer.is_some() {
            return newer;
        }
        if renewals
            .forced
            .is_some_and(|at| at.elapsed() < BETWEEN_FORCED)
        {
            return None;
        }
        renewals.forced = Some(Instant::now());
        self.attempt(&mut renewals).await.ok()
    }

    /// Makes the first token and renews it until `stop`; revokes each replaced one a minute later, whatever it was replaced for.
    pub async fn keep_token(self: Arc<Self>, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(&self) {
        let mut back_off = self.back_off.clone();
        loop {
            if self.renew().await.is_err() {
                tokio::time::sleep(back_off.after_failure()).await;
                continue;
            }
            back_off.reset();
            self.rest_until_due().await;
        }
    }

    /// Rests to 80 % of the life of the present token, looking up now and then because a forced renewal may have moved it, and
    /// has left a token to revoke.
    async fn rest_until_due(&self) {
        while let Some(token) = self.current() {
            let Some(left) = token.fresh() else { return };
            tokio::time::sleep(left.min(BETWEEN_LOOKS)).await;
            self.revoke_replaced().await;
        }
    }

    /// Makes a new token, unless a request was quicker: at the start both come at the same moment.
    async fn renew(&self) -> Result<Arc<ServiceToken>, AuthError> {
        let mut renewals = self.renewals.lock().await;
        if let Some(token) = self.current().filter(|token| token.fresh().is_some()) {
            return Ok(token);
        }
        renewals.failed = None;
        self.attempt(&mut renewals).await
    }

    async fn attempt(&self, renewals: &mut Renewals) -> Result<Arc<ServiceToken>, AuthError> {
        if let Some((_, error)) = renewals
            .failed
            .as_ref()
            .filter(|(at, _)| at.elapsed() < BETWEEN_ATTEMPTS)
        {
            return Err(error.clone());
        }
        match self.create().await {
            Ok(token) => {
                renewals.failed = None;
                if let Some(tenant) = &token.tenant_uuid {
                    self.first_tenant.get_or_init(|| tenant.clone());
                }
                let token = Arc::new(token);
                let previous = self.token.swap(Some(Arc::clone(&token)));
                if let Some(previous) = previous.filter(|previous| !previous.expired()) {
                    renewals.replaced(previous, Instant::now());
                }
                tracing::info!("service token renewed");
                Ok(token)
            }
            Err(error) => {
                renewals.failed = Some((Instant::now(), error.clone()));
                tracing::warn!(%error, "no service token");
                Err(error)
            }
        }
    }

    async fn create(&self) -> Result<ServiceToken, AuthError> {
        let credentials = self.source.read().await.map_err(|error| {
            tracing::error!(%error, "credentials are unreadable");
            AuthError::Rejected
        })?;
        let response = self
            .http
            .post(format!("{}/token", self.base))
            .basic_auth(
                &credentials.service_id,
                Some(credentials.service_key.expose()),
            )
            .json(&json!({"expiration": TOKEN_LIFETIME.as_secs()}))
            .send()
            .await?;
        match response.status().as_u16() {
            200 | 201 => {}
            401 | 403 => return Err(AuthError::Rejected),
            _ => return Err(AuthError::status(response.status())),
        }
        let created: Created = http_client::json(response).await?;
        Ok(ServiceToken {
            life: created.data.life(),
            token: Secret::new(created.data.token),
            tenant_uuid: created
                .data
                .metadata
                .and_then(|metadata| metadata.tenant_uuid),
            made: Instant::now(),
        })
    }

    /// Best effort: a token that could not be revoked dies of age.
    async fn revoke_replaced(&self) {
        loop {
            let due = self.renewals.lock().await.due(Instant::now());
            let Some(token) = due else { return };
            let address = format!("{}/token/{}", self.base, token.token.expose());
            if self.http.delete(address).send().await.is_err() {
                tracing::debug!("a replaced service token could not be revoked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_replaced_token_is_revoked_a_minute_later() {
        let (start, mut renewals) = (Instant::now(), Renewals::default());
        let token = |text: &str| ServiceToken {
            token: Secret::new(text.to_owned()),
            tenant_uuid: None,
            made: start,
            life: TOKEN_LIFETIME,
        };
        renewals.replaced(Arc::new(token("a")), start);
        renewals.replaced(Arc::new(token("b")), start + BETWEEN_FORCED);
        let mut due = |after: Duration| {
            let token = renewals.due(start + after);
            token.map(|token| token.token.expose().to_owned())
        };
        assert_eq!(due(Duration::from_secs(59)), None);
        assert_eq!(due(REVOKE_AFTER).as_deref(), Some("a"));
        assert_eq!(due(REVOKE_AFTER), None);
        assert_eq!(due(REVOKE_AFTER + BETWEEN_FORCED).as_deref(), Some("b"));
        for _ in 0..=MOST_REPLACED {
            renewals.replaced(Arc::new(token("c")), start);
        }
        assert_eq!(renewals.replaced.len(), MOST_REPLACED);
    }

    #[test]
    fn a_life_is_what_was_granted_within_bounds() {
        let life = |issued: &str, expires: &str| {
            let created = json!({"token": "t", "utc_issued_at": issued, "utc_expires_at": expires});
            let created: CreatedToken = serde_json::from_value(created).expect("a token");
            created.life()
        };
        let noon = "2026-11-25T12:00:00";
        for (expires, expected) in [
            ("2026-11-25T12:00:01", Duration::from_secs(1)),
            ("2026-11-25T13:00:00", Duration::from_hours(1)),
            ("2027-11-25T12:00:00", TOKEN_LIFETIME),
            ("some day", TOKEN_LIFETIME),
            (noon, LEAST_LIFE),
            ("2026-11-25T11:00:00", LEAST_LIFE),
        ] {
            assert_eq!(life(noon, expires), expected, "{expires}");
        }
    }
}
