//! What phoned does to the telephones themselves, through confd (who has which device) and amid (what the exchange is told):
//! hold and answer (phoned.md §11) here, do-not-disturb (§12) in `dnd.rs`, lamps (§13) in `lamp.rs`. Who may ask, and what the bus
//! says, is known to the left of this.

mod amid;
mod confd;
mod dnd;
pub mod lamp;
mod service;

use std::{sync::Arc, time::Duration};

use kit::{
    auth_client::AuthClient,
    http_client::{ClientError, Upstream},
};
use moka::sync::Cache;
use tokio::time::{Instant, sleep_until};

pub use amid::AmidError;
pub use service::ServiceError;

use self::{amid::Amid, confd::Confd};
use crate::{
    error::PhoneError,
    vendor::{manifest::Keys, registry::Vendor},
};

/// Users and endpoints that are remembered at most, so that guessing cannot fill memory.
const MOST: u64 = 10_000;
/// How long the vendor of an endpoint's device is known (phoned.md §12.2).
const VENDOR_LIFE: Duration = Duration::from_mins(5);
/// After so long a change of do-not-disturb waits for its event no more (phoned.md §12.1).
const WAITING_LIFE: Duration = Duration::from_secs(10);
/// Pauses before what the bus asked for is tried again (phoned.md §13).
const PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_millis(1500),
    Duration::from_secs(3),
];
/// For one call that the bus asked for, all its tries and pauses included: events wait behind it.
const CALL: Duration = Duration::from_secs(8);

/// A key that a machine can have pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Holds the call, or takes it back: the key is the same.
    Hold,
    /// Takes the ringing call.
    Answer,
}

/// The telephones. What is remembered of them outlives a reload.
pub struct Endpoints {
    confd: Confd,
    amid: Amid,
    /// Users for whom a phone has switched do-not-disturb, until the bus confirms it.
    waiting: Cache<String, ()>,
    /// Vendors by endpoint; empty = the device has none.
    vendors: Cache<String, String>,
}

impl Endpoints {
    /// The telephones behind these services, asked with the token of `auth`. The error names the key of the service.
    pub fn new(
        confd: &Upstream,
        amid: &Upstream,
        auth: &Arc<AuthClient>,
    ) -> Result<Self, (&'static str, ClientError)> {
        Ok(Self {
            confd: Confd::new(confd, Arc::clone(auth)).map_err(|error| ("confd", error))?,
            amid: Amid::new(amid, Arc::clone(auth)).map_err(|error| ("amid", error))?,
            waiting: Cache::builder()
                .max_capacity(MOST)
                .time_to_live(WAITING_LIFE)
                .build(),
            vendors: Cache::builder()
                .max_capacity(MOST)
                .time_to_live(VENDOR_LIFE)
                .build(),
        })
    }

    /// Has the phone of `endpoint` press `key`, if it is of one of `makes` and they can be told so (phoned.md §11).
    pub async fn press(
        &self,
        makes: &[Arc<Vendor>],
        endpoint: &str,
        key: Key,
        by: Instant,
    ) -> Result<(), PhoneError> {
        let line = self.confd.line(endpoint, by).await.map_err(confd_error)?;
        let line = line.ok_or_else(|| PhoneError::UnknownEndpoint(endpoint.to_owned()))?;
        let vendor = match &line.device_id {
            Some(id) => self.confd.vendor(id, by).await.map_err(confd_error)?,
            None => None,
        };
        let vendor = vendor.ok_or(PhoneError::UnknownDevice(line.device_id))?;
        let keys = keys(makes, &vendor);
        let keys = keys.ok_or_else(|| PhoneError::NowhereToRoute(endpoint.to_owned()))?;
        let key = match key {
            Key::Hold => &keys.hold,
            Key::Answer => &keys.answer,
        };
        let pressed = self.amid.press(endpoint, key, by).await;
        pressed.map_err(amid_error)
    }

    /// The feature extensions as confd has them.
    pub async fn features(&self) -> Result<lamp::Features, ServiceError> {
        let asked = patiently(|by| self.confd.features(by), |error| error.may_pass());
        asked.await.map(lamp::Features::new)
    }

    /// Has the lamps of the custom device `exten` show whether it is in use.
    pub async fn light(&self, exten: &str, in_use: bool) -> Result<(), AmidError> {
        patiently(|by| self.amid.light(exten, in_use, by), AmidError::may_pass).await
    }
}

/// The keys of the make called `vendor`, if its phones can be told to press them.
fn keys<'a>(makes: &'a [Arc<Vendor>], vendor: &str) -> Option<&'a Keys> {
    let make = makes.iter().find(|make| make.name == vendor)?;
    make.manifest.keys.as_ref()
}

/// Tries again, a few times over five seconds, what fails with an error that `may_pass`; all tries end by one deadline.
async fn patiently<T, E, F: Future<Output = Result<T, E>>>(
    attempt: impl Fn(Instant) -> F,
    may_pass: impl Fn(&E) -> bool,
) -> Result<T, E> {
    retried(&PAUSES, attempt, may_pass).await
}

async fn retried<T, E, F: Future<Output = Result<T, E>>>(
    pauses: &[Duration],
    attempt: impl Fn(Instant) -> F,
    may_pass: impl Fn(&E) -> bool,
) -> Result<T, E> {
    let (by, mut pauses) = (Instant::now() + CALL, pauses.iter());
    loop {
        let result = attempt(by).await;
        let pause = match &result {
            Err(error) if may_pass(error) => pauses.next(),
            _ => None,
        };
        let next = pause.map(|pause| Instant::now() + *pause);
        let Some(next) = next.filter(|next| *next < by) else {
            return result;
        };
        sleep_until(next).await;
    }
}

fn confd_error(error: ServiceError) -> PhoneError {
    match error {
        ServiceError::AuthUnreachable => PhoneError::AuthUnreachable,
        ServiceError::TokenRejected | ServiceError::NotGranted => PhoneError::TokenRejected,
        ServiceError::Unreachable | ServiceError::Refused(_) => PhoneError::ConfdUnreachable,
    }
}

fn amid_error(error: AmidError) -> PhoneError {
    match error {
        AmidError::Refused(words) => PhoneError::AmidRefuses(words),
        AmidError::Service(ServiceError::Refused(status)) => {
            PhoneError::AmidRefuses(format!("status {}", status.as_u16()))
        }
        AmidError::Service(ServiceError::AuthUnreachable) => PhoneError::AuthUnreachable,
        AmidError::Service(ServiceError::TokenRejected | ServiceError::NotGranted) => {
            PhoneError::TokenRejected
        }
        AmidError::Service(ServiceError::Unreachable) => PhoneError::AmidUnreachable,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    #[tokio::test]
    async fn what_may_pass_is_tried_three_times_more_over_five_seconds() {
        assert_eq!(PAUSES.iter().sum::<Duration>(), Duration::from_secs(5));
        let tried = Cell::new(0);
        let failing = |_| {
            tried.set(tried.get() + 1);
            std::future::ready(Err::<(), bool>(true))
        };
        let none = [Duration::ZERO; PAUSES.len()];
        assert_eq!(retried(&none, failing, |passes| *passes).await, Err(true));
        assert_eq!(tried.replace(0), 4);
        assert_eq!(retried(&none, failing, |_| false).await, Err(true));
        assert_eq!(tried.get(), 1);
    }

    #[tokio::test]
    async fn all_tries_have_one_deadline_and_none_begins_after_it() {
        let deadlines = RefCell::new(Vec::new());
        let failing = |by| {
            deadlines.borrow_mut().push(by);
            std::future::ready(Err::<(), ()>(()))
        };
        let failed = retried(&[Duration::ZERO, CALL], failing, |()| true).await;
        assert_eq!(failed, Err(()));
        let deadlines = deadlines.into_inner();
        assert_eq!(
            deadlines.len(),
            2,
            "the pause before a third one is too long"
        );
        assert_eq!(deadlines[0], deadlines[1]);
    }
}
