//! HTTP Basic: the password comes with every request, and is compared with its Argon2 hash.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kit::secret::Secret;
use ring::{digest, hmac};
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::account::named;
use crate::config::Account;
use crate::identity::builtin::secret::{matches_nothing, password_matches};

/// Passwords compared at once; each takes 19 MiB for tens of milliseconds.
const HASHING: usize = 4;
/// How long a request waits for that.
const PATIENCE: Duration = Duration::from_secs(5);

/// Name and password that a request brings.
pub(super) struct Login {
    /// The name.
    pub(super) username: String,
    /// The password.
    pub(super) password: Secret,
}

impl Login {
    /// What stands behind `Basic`.
    pub(super) fn read(credentials: &str) -> Option<Self> {
        let bytes = STANDARD.decode(credentials.trim()).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (username, password) = text.split_once(':')?;
        Some(Self {
            username: username.to_owned(),
            password: Secret::new(password),
        })
    }
}

/// Compares passwords. One that was right is known by a keyed hash until dird ends: Argon2 is meant to take long.
pub(super) struct Passwords {
    key: hmac::Key,
    right: Mutex<HashMap<String, Vec<u8>>>,
    hashing: Arc<Semaphore>,
}

/// The right to have one password compared.
pub(super) type Turn = OwnedSemaphorePermit;

impl Passwords {
    /// Knows no password.
    pub(super) fn new(key: hmac::Key) -> Self {
        Self {
            key,
            right: Mutex::default(),
            hashing: Arc::new(Semaphore::new(HASHING)),
        }
    }

    /// The account that the login is known to be right for.
    pub(super) fn known<'a>(&self, accounts: &'a [Account], login: &Login) -> Option<&'a Account> {
        let account = named(accounts, &login.username)?;
        self.knows(&login.username, &self.tag(login))
            .then_some(account)
    }

    /// Waits until a password may be compared; none if too many others wait.
    pub(super) async fn turn(&self) -> Option<Turn> {
        let turn = Arc::clone(&self.hashing).acquire_owned();
        timeout(PATIENCE, turn).await.ok()?.ok()
    }

    /// The account that the login is right for, and the turn again: who waits for it sees what came of this. An unknown name
    /// takes as long as a wrong password.
    pub(super) async fn check<'a>(
        &self,
        accounts: &'a [Account],
        login: &Login,
        turn: Turn,
    ) -> (Option<&'a Account>, Option<Turn>) {
        let account = named(accounts, &login.username);
        let stored = account.and_then(|account| account.secret.argon2.clone());
        let password = login.password.clone();
        // The work has the turn: it goes on without a client that goes away.
        let compared = tokio::task::spawn_blocking(move || {
            let right = match stored {
                Some(stored) => password_matches(stored.expose(), &password),
                None => matches_nothing(&password),
            };
            (right, turn)
        });
        // A comparison that was cut short was not right.
        let Ok((right, turn)) = compared.await else {
            return (None, None);
        };
        if right {
            let mut known = self.right.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(login.username.clone(), self.tag(login));
        }
        (account.filter(|_| right), Some(turn))
    }

    fn knows(&self, username: &str, tag: &[u8]) -> bool {
        let right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        let known = right.get(username);
        known.is_some_and(|known| known.ct_eq(tag).into())
    }

    fn tag(&self, login: &Login) -> Vec<u8> {
        let password = digest::digest(&digest::SHA256, login.password.expose().as_bytes());
        hmac::sign(&self.key, password.as_ref()).as_ref().to_vec()
    }
}
