//! Making and checking secrets: random keys and tokens are compared by SHA-256, passwords by Argon2.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kit::secret::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::accounts::SecretHash;

/// The machine gave no randomness, or the password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a secret: {0}")]
pub struct SecretError(String);

/// A new secret of 256 random bits, in text that fits a URL.
pub fn random() -> Result<Secret, SecretError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| SecretError(error.to_string()))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// What is stored in a random secret's place.
pub fn hash(secret: &str) -> SecretHash {
    SecretHash(Sha256::digest(secret.as_bytes()).into())
}

/// Compares in constant time.
pub fn matches(hash_of_secret: SecretHash, secret: &str) -> bool {
    hash(secret).0.ct_eq(&hash_of_secret.0).into()
}

/// Argon2 hash of a password. Takes tens of milliseconds: call it off the async workers.
pub fn hash_password(password: &Secret) -> Result<String, SecretError> {
    Argon2::default()
        .hash_password(password.expose().as_bytes())
        .map(|hash: PasswordHash| hash.to_string())
        .map_err(|error| SecretError(error.to_string()))
}

/// True if `password` is the one that `stored` was made of. Takes tens of milliseconds: call it off the async workers.
pub fn password_matches(stored: &str, password: &Secret) -> bool {
    PasswordHash::new(stored).is_ok_and(|hash| {
        Argon2::default()
            .verify_password(password.expose().as_bytes(), &hash)
            .is_ok()
    })
}

/// Takes as long as checking a password that somebody has, and is false.
pub fn matches_nothing(password: &Secret) -> bool {
    static NOBODYS: LazyLock<Option<String>> =
        LazyLock::new(|| hash_password(&random().ok()?).ok());
    // Made of a random secret that was thrown away: nothing matches it.
    NOBODYS
        .as_deref()
        .is_some_and(|stored| password_matches(stored, password))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_match_only_themselves() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 43);
        assert!(matches(hash(one.expose()), one.expose()));
        assert!(!matches(hash(one.expose()), other.expose()));
    }

    #[test]
    fn a_password_matches_only_its_own_hash() {
        let password = Secret::new("correct horse");
        let stored = hash_password(&password).unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert!(password_matches(&stored, &password));
        assert!(!password_matches(&stored, &Secret::new("wrong horse")));
        assert!(!password_matches("no hash", &password));
    }
}
