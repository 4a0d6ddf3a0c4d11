//! Accounts of a directory (intercom-directory.md §8.1), and what is kept of their passwords.

use kit::secret::Secret;
use md5::Md5;
use sha2::Sha256;

use crate::config::{Account, AccountSecret, DigestAlgorithm};
use crate::identity::builtin::secret::{SecretError, hash_password};

/// What accounts are accounts of.
pub const REALM: &str = "dird intercom";

/// What the configuration keeps of a password. Takes tens of milliseconds: call it off the async workers.
pub fn hashed(username: &str, password: &Secret) -> Result<AccountSecret, SecretError> {
    let known = format!("{username}:{REALM}:{}", password.expose());
    Ok(AccountSecret {
        md5: Some(Secret::new(digest(DigestAlgorithm::Md5, &known))),
        sha256: Some(Secret::new(digest(DigestAlgorithm::Sha256, &known))),
        argon2: Some(Secret::new(hash_password(password)?)),
    })
}

/// Lower-case hexadecimal digest of a text.
pub(super) fn digest(algorithm: DigestAlgorithm, text: &str) -> String {
    match algorithm {
        DigestAlgorithm::Md5 => hex::encode(<Md5 as md5::Digest>::digest(text.as_bytes())),
        DigestAlgorithm::Sha256 => hex::encode(<Sha256 as sha2::Digest>::digest(text.as_bytes())),
    }
}

/// The account of that name.
pub(super) fn named<'a>(accounts: &'a [Account], username: &str) -> Option<&'a Account> {
    accounts.iter().find(|account| account.username == username)
}
