//! What servers on one database tell each other of a change, when it is committed.

use serde::{Deserialize, Serialize};

use super::{CHANNEL, Write, row};
use crate::identity::{TenantId, UserId};
use crate::store::model::{PhonebookId, SourceId};
use crate::store::{Change, Holder, Stored};

const NOTIFY: &str = "SELECT pg_notify($1, $2)";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[NOTIFY];

/// A change as it is told. Which of `user`, `phonebook` and `source` are there depends on its kind.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Notice {
    /// The epoch of the server that made it.
    pub(super) from: String,
    kind: Kind,
    tenant: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    phonebook: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Configuration,
    Contacts,
    Favorites,
}

impl Notice {
    fn new(from: &str, change: &Change) -> Self {
        let mut notice = Self {
            from: from.to_owned(),
            kind: Kind::Configuration,
            tenant: change.tenant().to_string(),
            user: None,
            phonebook: None,
            source: None,
        };
        match change {
            Change::Configuration(_, source) => {
                notice.source = source.as_ref().map(|source| source.0.clone());
            }
            Change::Contacts(_, holder) => {
                notice.kind = Kind::Contacts;
                match holder {
                    Holder::User(user) => notice.user = Some(user.to_string()),
                    Holder::Phonebook(phonebook) => notice.phonebook = Some(phonebook.0.clone()),
                }
            }
            Change::Favorites(_, user) => {
                notice.kind = Kind::Favorites;
                notice.user = Some(user.to_string());
            }
        }
        notice
    }

    /// What it tells of; none if it makes no sense here.
    pub(super) fn change(self) -> Option<Change> {
        let tenant = TenantId::new(&self.tenant)?;
        let user = self.user.as_deref().and_then(UserId::new);
        Some(match self.kind {
            Kind::Configuration => Change::Configuration(tenant, self.source.map(SourceId)),
            Kind::Contacts => {
                let phonebook = self.phonebook.map(PhonebookId).map(Holder::Phonebook);
                Change::Contacts(tenant, phonebook.or(user.map(Holder::User))?)
            }
            Kind::Favorites => Change::Favorites(tenant, user?),
        })
    }
}

impl Write {
    /// Tells other servers what has changed, once this is committed.
    pub(super) async fn notify(&mut self) -> Stored<()> {
        let from = self.feed.journal();
        let notice = |change| row::to_json(&Notice::new(from.epoch(), change));
        let notices: Vec<String> = self.changes.iter().map(notice).collect::<Stored<_>>()?;
        for notice in notices {
            let told = sqlx::query(NOTIFY).bind(CHANNEL).bind(notice);
            told.execute(&mut **self).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_is_understood_as_it_was_told() {
        let tenant = TenantId::random();
        let user = UserId::random();
        for change in [
            Change::Configuration(tenant.clone(), None),
            Change::Configuration(tenant.clone(), Some(SourceId("s".into()))),
            Change::Contacts(tenant.clone(), Holder::User(user.clone())),
            Change::Contacts(tenant.clone(), Holder::Phonebook(PhonebookId("p".into()))),
            Change::Favorites(tenant, user),
        ] {
            let told = serde_json::to_string(&Notice::new("here", &change)).unwrap();
            let heard: Notice = serde_json::from_str(&told).unwrap();
            assert_eq!(heard.from, "here");
            assert_eq!(heard.change(), Some(change), "{told}");
        }
    }
}
