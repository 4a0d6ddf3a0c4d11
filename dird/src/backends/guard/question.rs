//! What a remote can be asked, as values: identical questions are asked once, and a question can outlive whoever asked it.

use std::collections::HashMap;

use crate::backends::remote::RemoteError;
use crate::backends::{Asker, Entry};
use crate::identity::{Token, UserId};

use super::Remote;

/// One of the three questions of [`super::Source`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Question {
    Search(String),
    Reverse(Vec<String>),
    List(Vec<String>),
}

/// Contacts, or contacts by number.
#[derive(Debug, Clone)]
pub(super) enum Answer {
    Contacts(Vec<Entry>),
    ByNumber(HashMap<String, Entry>),
}

impl Answer {
    pub(super) fn contacts(self) -> Vec<Entry> {
        match self {
            Self::Contacts(entries) => entries,
            Self::ByNumber(found) => found.into_values().collect(),
        }
    }

    pub(super) fn by_number(self) -> HashMap<String, Entry> {
        match self {
            Self::ByNumber(found) => found,
            Self::Contacts(_) => HashMap::new(),
        }
    }
}

/// A question and on whose behalf: answers may differ by user, and never pass from one token to another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Asked {
    pub(super) question: Question,
    user: Option<UserId>,
    token: Fingerprint,
}

/// Digest of a token, so that no key of a map holds one.
type Fingerprint = [u8; 32];

/// The digest of a token.
pub(in crate::backends) fn fingerprint(token: &Token) -> Fingerprint {
    use sha2::{Digest, Sha256};
    Sha256::digest(token.expose().as_bytes()).into()
}

impl Asked {
    pub(super) fn new(question: Question, asker: &Asker) -> Self {
        Self {
            question,
            user: asker.user.clone(),
            token: fingerprint(&asker.token),
        }
    }
}

impl Question {
    /// Asks `remote`.
    pub(super) async fn put(
        &self,
        remote: &dyn Remote,
        asker: &Asker,
    ) -> Result<Answer, RemoteError> {
        match self {
            Self::Search(term) => remote.search(term, asker).await.map(Answer::Contacts),
            Self::Reverse(numbers) => remote.reverse(numbers, asker).await.map(Answer::ByNumber),
            Self::List(ids) => remote.list(ids, asker).await.map(Answer::Contacts),
        }
    }
}
