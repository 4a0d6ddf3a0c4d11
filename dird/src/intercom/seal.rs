//! Access data as it lies in the database: encrypted when there is a key, bound to its entry, so that a row copied to another
//! entry opens no door.

use std::path::{Path, PathBuf};

use kit::secret::Secret;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sha2::{Digest, Sha256};

use crate::store::Sealed;

/// First byte of what is not encrypted.
const OPEN: u8 = 0;
/// First byte of what is.
const SEALED: u8 = 1;
const NONCE: usize = 12;
/// Shortest file that a key is made of, in bytes.
const SHORTEST: usize = 32;

/// Why the functions cannot start.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file with the key cannot be read.
    #[error("secret_key_file: {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// There is too little in it.
    #[error(
        "secret_key_file: {0}: {SHORTEST} bytes or more are needed, such as `openssl rand -base64 48` makes"
    )]
    Short(PathBuf),
    /// The machine gives no randomness.
    #[error("no randomness for keys")]
    NoRandomness,
    /// A list of subnets is none.
    #[error("a list of subnets is none")]
    Subnets,
}

/// Why access data cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum SealError {
    /// It was encrypted, and there is no key.
    #[error("access data is encrypted, and intercom.secret_key_file is not set")]
    NoKey,
    /// It was encrypted with another key, or altered.
    #[error("access data was encrypted with another key, or altered")]
    Broken,
    /// The machine gives no randomness.
    #[error("no randomness to encrypt with")]
    NoRandomness,
}

/// Encrypts and decrypts.
pub(super) struct Seal(Option<LessSafeKey>);

impl Seal {
    /// The key in a file, if one is named.
    pub(super) fn open_file(path: Option<&Path>) -> Result<Self, KeyError> {
        let Some(path) = path else {
            return Ok(Self(None));
        };
        let text = std::fs::read(path);
        let text = text.map_err(|error| KeyError::Unreadable(path.to_owned(), error))?;
        let text = text.trim_ascii();
        if text.len() < SHORTEST {
            return Err(KeyError::Short(path.to_owned()));
        }
        let key = UnboundKey::new(&CHACHA20_POLY1305, &Sha256::digest(text));
        let key = key.map_err(|_| KeyError::Short(path.to_owned()))?;
        Ok(Self(Some(LessSafeKey::new(key))))
    }

    /// `text` as it is stored for the entry called `entry`.
    pub(super) fn close(&self, text: &Secret, entry: &str) -> Result<Sealed, SealError> {
        let Some(key) = &self.0 else {
            return Ok(Sealed([&[OPEN], text.expose().as_bytes()].concat()));
        };
        let mut nonce = [0_u8; NONCE];
        getrandom::fill(&mut nonce).map_err(|_| SealError::NoRandomness)?;
        let mut sealed = text.expose().as_bytes().to_vec();
        let bound = Aad::from(entry.as_bytes());
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut sealed)
            .map_err(|_| SealError::Broken)?;
        Ok(Sealed([&[SEALED], nonce.as_slice(), &sealed].concat()))
    }

    /// What was stored for the entry called `entry`.
    pub(super) fn open(&self, stored: &Sealed, entry: &str) -> Result<Secret, SealError> {
        let text = match stored.0.split_first() {
            Some((&OPEN, text)) => text.to_vec(),
            Some((&SEALED, rest)) => {
                let key = self.0.as_ref().ok_or(SealError::NoKey)?;
                let (nonce, sealed) = rest.split_first_chunk().ok_or(SealError::Broken)?;
                let mut text = sealed.to_vec();
                let bound = Aad::from(entry.as_bytes());
                let nonce = Nonce::assume_unique_for_key(*nonce);
                let opened = key.open_in_place(nonce, bound, &mut text);
                opened.map_err(|_| SealError::Broken)?.to_vec()
            }
            _ => return Err(SealError::Broken),
        };
        let text = String::from_utf8(text).map_err(|_| SealError::Broken)?;
        Ok(Secret::new(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(key: &str) -> Seal {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, key).unwrap();
        Seal::open_file(Some(&file)).unwrap()
    }

    #[test]
    fn only_the_same_key_and_entry_open_what_was_closed() {
        let (one, other) = (seal(&"a".repeat(32)), seal(&"b".repeat(40)));
        let closed = one.close(&Secret::new("pin 2580"), "e").unwrap();
        assert!(!closed.0.windows(4).any(|part| part == b"2580"));
        assert_ne!(closed, one.close(&Secret::new("pin 2580"), "e").unwrap());
        assert_eq!(one.open(&closed, "e").unwrap().expose(), "pin 2580");
        assert!(one.open(&closed, "f").is_err());
        assert!(other.open(&closed, "e").is_err());
        let none = Seal(None);
        assert!(matches!(none.open(&closed, "e"), Err(SealError::NoKey)));
        let mut altered = closed;
        *altered.0.last_mut().unwrap() ^= 1;
        assert!(one.open(&altered, "e").is_err());
        assert!(one.open(&Sealed(Vec::new()), "e").is_err());
    }

    #[test]
    fn what_was_stored_without_a_key_is_read_with_one() {
        let closed = Seal(None).close(&Secret::new("x"), "e").unwrap();
        assert_eq!(
            seal(&"a".repeat(32)).open(&closed, "e").unwrap().expose(),
            "x"
        );
    }

    #[test]
    fn a_key_has_its_length() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        assert!(matches!(
            Seal::open_file(Some(&file)),
            Err(KeyError::Unreadable(..))
        ));
        std::fs::write(&file, format!("{}\n", "a".repeat(31))).unwrap();
        assert!(matches!(
            Seal::open_file(Some(&file)),
            Err(KeyError::Short(_))
        ));
    }
}
