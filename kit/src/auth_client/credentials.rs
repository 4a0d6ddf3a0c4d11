//! Who this daemon is towards auth: the key file of the platform, read again for each token so that a rotated key needs no
//! restart (phoned.md §7.1), or fixed credentials.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use thiserror::Error;

use crate::secret::Secret;

/// Name and key of a service.
#[derive(Debug, Clone, Deserialize)]
pub struct Credentials {
    /// Name of the service towards auth.
    pub service_id: String,
    /// Its key.
    pub service_key: Secret,
}

/// Where the credentials come from.
#[derive(Debug, Clone)]
pub enum CredentialSource {
    /// A YAML file with `service_id` and `service_key`.
    KeyFile(PathBuf),
    /// Given once and for all.
    Fixed(Credentials),
}

/// Why a key file gives no credentials.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// The file cannot be read. The message has the system's words and the path, as the platform's tools expect them.
    #[error("auth.key_file: {reason}: '{}'", path.display())]
    Unreadable {
        /// The configured path.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The file is not the expected YAML.
    #[error("auth.key_file: '{}' must be YAML with the texts service_id and service_key", path.display())]
    Malformed {
        /// The configured path.
        path: PathBuf,
    },
}

impl CredentialSource {
    /// Reads the credentials as they are now.
    pub async fn read(&self) -> Result<Credentials, KeyFileError> {
        match self {
            Self::Fixed(credentials) => Ok(credentials.clone()),
            Self::KeyFile(path) => {
                let text = tokio::fs::read_to_string(path).await;
                parse(path, &text.map_err(|error| unreadable(path, &error))?)
            }
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> KeyFileError {
    // The number of the error is noise here: "No such file or directory (os error 2)".
    let reason = error.to_string();
    let words = reason.split(" (os error").next().unwrap_or(&reason);
    KeyFileError::Unreadable {
        path: path.to_owned(),
        reason: words.to_owned(),
    }
}

fn parse(path: &Path, text: &str) -> Result<Credentials, KeyFileError> {
    let malformed = || KeyFileError::Malformed {
        path: path.to_owned(),
    };
    // The parser's own words could quote the key.
    let credentials: Credentials = serde_saphyr::from_str(text).map_err(|_| malformed())?;
    if credentials.service_id.is_empty() || credentials.service_key.is_empty() {
        return Err(malformed());
    }
    Ok(credentials)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_missing_file_is_named_with_the_words_of_the_system() {
        let source = CredentialSource::KeyFile("/no/such/key.yml".into());
        let message = source.read().await.expect_err("no file").to_string();
        assert!(
            message.contains("No such file or directory: '/no/such/key.yml'"),
            "{message}"
        );
    }

    #[test]
    fn a_bad_file_is_named_without_its_content() {
        for text in [
            "service_id: a\nservice_key: [hunter2]",
            "hunter2",
            "service_id: hunter2",
            "{",
        ] {
            let error = parse(Path::new("/k.yml"), text).expect_err(text);
            let message = format!("{error} {error:?}");
            assert!(
                message.contains("/k.yml") && !message.contains("hunter2"),
                "{message}"
            );
        }
    }

    #[test]
    fn numbers_in_a_key_file_stay_the_text_they_are() {
        let text = "service_id: phoned\nservice_key: 0033\n";
        let credentials = parse(Path::new("/k.yml"), text).expect("credentials");
        assert_eq!(credentials.service_key.expose(), "0033");
    }
}
