//! An entry as it is kept (intercom-directory.md §8.3): what contacts have of it in its contact, where lookups find it; what
//! opens doors sealed; the rest beside them.

use kit::secret::Secret;

use super::entry::Values;
use super::seal::{Seal, SealError};
use crate::store::model::{Contact, ContactId, Fields};
use crate::store::{Directory, EntryChange, Mapped, Mapping, StoredEntry};

/// Why an entry cannot be read or kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeptError {
    /// What is kept is no JSON.
    #[error("an entry is kept in no form that is known: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// What opens doors is not readable.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Reads and writes the entries of one directory.
pub(super) struct Keeping<'a> {
    seal: &'a Seal,
    mapping: Mapping,
    phonebook: String,
}

impl<'a> Keeping<'a> {
    /// For the entries of `directory`.
    pub(super) fn new(seal: &'a Seal, directory: &Directory) -> Self {
        Self {
            seal,
            mapping: directory.mapping.clone(),
            phonebook: directory.phonebook.0.clone(),
        }
    }

    /// What sealed data is bound to.
    fn bond(&self, uuid: &str) -> String {
        format!("{} {uuid}", self.phonebook)
    }

    fn mapped(&self, contact: Option<&Contact>) -> Mapped {
        contact.map_or_else(Mapped::default, |contact| {
            self.mapping.read(&contact.fields)
        })
    }

    /// The values of a live entry. With `secrets` those that open doors, too.
    pub(super) fn values(&self, entry: &StoredEntry, secrets: bool) -> Result<Values, KeptError> {
        let mut values = Values::read(&entry.data)?;
        if let Some(sealed) = entry.secret.as_ref().filter(|_| secrets) {
            let opened = self.seal.open(sealed, &self.bond(&entry.uuid))?;
            values.join(Values::read(opened.expose())?);
        }
        let mapped = self.mapped(entry.contact.as_ref());
        values.set_text("owner", &entry.owner);
        values.set_text("name", &mapped.name);
        values.set_text("email", &mapped.email);
        values.set_peers([0, 1, 2].map(|place| mapped.peers[place].as_str()));
        Ok(values)
    }

    /// An entry of these values, in the place of `before`. Also how many bytes are stored of it.
    pub(super) fn entry(
        &self,
        (uuid, spelling): (&str, &str),
        before: Option<&StoredEntry>,
        values: &Values,
    ) -> Result<(StoredEntry, usize), KeptError> {
        let after = Mapped {
            name: values.text_of("name").to_owned(),
            email: values.text_of("email").to_owned(),
            peers: [0, 1, 2].map(|place| values.peer(place).to_owned()),
        };
        let mut beside = values.clone();
        for name in ["owner", "name", "email"] {
            beside.set_text(name, "");
        }
        beside.set_peers([""; 3]);
        let access = beside
            .take_access()
            .map(|access| Secret::new(access.text()));
        let secret = access
            .as_ref()
            .map(|access| self.seal.close(access, &self.bond(uuid)));
        let contact = before.and_then(|before| before.contact.as_ref());
        let contact = self.contact(uuid, contact, &after);
        let entry = StoredEntry {
            uuid: uuid.to_owned(),
            spelling: spelling.to_owned(),
            contact,
            timestamp: 0,
            deleted: false,
            owner: values.text_of("owner").to_owned(),
            data: beside.text(),
            secret: secret.transpose()?,
        };
        let size = values.text().len();
        Ok((entry, size))
    }

    /// The contact that has the mapped values, and whatever else `before` has. Without anything to say there is none.
    fn contact(&self, uuid: &str, before: Option<&Contact>, after: &Mapped) -> Option<Contact> {
        let mut fields = before.map_or_else(Fields::new, |before| before.fields.clone());
        self.mapping.write(&mut fields, &self.mapped(before), after);
        let id = || ContactId(uuid.to_owned());
        let says = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.is_empty());
        fields.values().any(says).then(|| Contact {
            uuid: before.map_or_else(id, |before| before.uuid.clone()),
            fields,
        })
    }
}

/// What stays of an entry that is deleted.
pub(super) fn tombstone(before: &StoredEntry) -> StoredEntry {
    StoredEntry {
        uuid: before.uuid.clone(),
        spelling: before.spelling.clone(),
        contact: None,
        timestamp: 0,
        deleted: true,
        owner: String::new(),
        data: Values::default().text(),
        secret: None,
    }
}

/// The change from what the database has to `entry`.
pub(super) fn change(entry: StoredEntry, stored: Option<&StoredEntry>) -> EntryChange {
    EntryChange {
        entry,
        before: stored.and_then(|stored| stored.contact.clone()),
    }
}
