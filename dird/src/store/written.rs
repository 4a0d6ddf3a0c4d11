//! What is written of a contact beside its fields: what makes it unique, what finds it, what sorts it.

use std::collections::{HashMap, HashSet};

use kit::fold::{fold, forms};
use serde_json::Value;

use super::model::{Contact, ContactId, Fields};
use super::{Imported, StoreError, Stored, content_hash};

/// The columns of a contact's row that are made of its fields.
pub(super) struct Written {
    /// What is the same for contacts of the same content.
    pub(super) hash: String,
    /// The fields as JSON.
    pub(super) fields: String,
    /// Folded values, one a line, for searches that run in the database.
    pub(super) folded: String,
    /// Sort keys of the columns that lists are sorted by.
    pub(super) sort_name: Option<String>,
    pub(super) sort_firstname: Option<String>,
    pub(super) sort_lastname: Option<String>,
}

impl Written {
    /// The columns for `contact`.
    pub(super) fn new(contact: &Contact) -> Stored<Self> {
        Self::hashed(contact, hash(&contact.fields, None))
    }

    /// The columns for the contact of the directory entry with this uuid: entries may be equal, so the uuid counts as content.
    pub(super) fn of_entry(contact: &Contact, entry: &str) -> Stored<Self> {
        Self::hashed(contact, hash(&contact.fields, Some(entry)))
    }

    /// The columns for `contact`, whose hash is known.
    pub(super) fn hashed(contact: &Contact, hash: String) -> Stored<Self> {
        let fields = &contact.fields;
        let json = serde_json::to_string(fields);
        Ok(Self {
            hash,
            fields: json.map_err(|error| StoreError::Internal(Box::new(error)))?,
            folded: folded_text(fields),
            sort_name: sort_key(fields, "name"),
            sort_firstname: sort_key(fields, "firstname"),
            sort_lastname: sort_key(fields, "lastname"),
        })
    }
}

/// Name of no field, under which an entry counts as content of its contact.
const ENTRY: &str = "\0entry";

fn hash(fields: &Fields, entry: Option<&str>) -> String {
    let values: Vec<(&str, Value)> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_deref().into()))
        .chain(entry.map(|entry| (ENTRY, entry.into())))
        .collect();
    content_hash(values.iter().map(|(name, value)| (*name, value)))
}

/// Without NUL, which not every database stores as text.
fn folded_text(fields: &Fields) -> String {
    let mut text = String::new();
    for value in fields.values().flatten() {
        let folded = fold(value);
        for form in forms(value).filter(|form| *form != folded) {
            text.push_str(&form);
            text.push('\n');
        }
        text.push_str(&folded);
        text.push('\n');
    }
    text.replace('\0', "")
}

/// None for what sorts behind everything: no such field, or nothing in it.
fn sort_key(fields: &Fields, name: &str) -> Option<String> {
    let value = fields
        .get(name)?
        .as_deref()
        .filter(|value| !value.is_empty())?;
    Some(fold(value).replace('\0', ""))
}

/// What became of a batch: `taken` identifiers were left out, `new` ones added, the rest is `known` by its hash.
pub(super) fn outcomes(
    contacts: &[Contact],
    written: &[Written],
    taken: &HashSet<String>,
    new: &HashSet<String>,
    known: &HashMap<String, ContactId>,
) -> Vec<Imported> {
    let outcome = |(contact, written): (&Contact, &Written)| {
        if taken.contains(&contact.uuid.0) {
            return Imported::IdTaken;
        }
        match known.get(&written.hash) {
            Some(known) if *known != contact.uuid => Imported::Known(known.clone()),
            _ if new.contains(&contact.uuid.0) => Imported::Created,
            _ => Imported::IdTaken,
        }
    };
    contacts.iter().zip(written).map(outcome).collect()
}
