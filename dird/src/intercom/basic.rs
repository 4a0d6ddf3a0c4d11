//! HTTP Basic: the password comes with every request, and is compared with its Argon2 hash.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kit::secret::Secret;
use ring::{digest, hmac};
use subtle::ConstantTimeEq;

use super::account::named;
use crate::config::Account;
use crate::identity::builtin::secret::{matches_nothing, password_matches};

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
}

impl Passwords {
    /// Knows no password.
    pub(super) fn new(key: hmac::Key) -> Self {
        Self {
            key,
            right: Mutex::default(),
        }
    }

    /// The account that the login is right for. An unknown name takes as long as a wrong password.
    pub(super) async fn check<'a>(
        &self,
        accounts: &'a [Account],
        login: &Login,
    ) -> Option<&'a Account> {
        let account = named(accounts, &login.username);
        let tag = self.tag(login);
        if account.is_some() && self.knows(&login.username, &tag) {
            return account;
        }
        let stored = account.and_then(|account| account.secret.argon2.clone());
        let password = login.password.clone();
        let compared = tokio::task::spawn_blocking(move || match stored {
            Some(stored) => password_matches(stored.expose(), &password),
            None => matches_nothing(&password),
        });
        // A comparison that was cut short was not right.
        if !compared.await.unwrap_or(false) {
            return None;
        }
        let mut right = self.right.lock().unwrap_or_else(PoisonError::into_inner);
        right.insert(login.username.clone(), tag);
        account
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
