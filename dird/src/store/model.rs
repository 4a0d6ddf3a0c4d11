//! The rows that stores read and write, and their identifiers.

use std::collections::HashMap;
use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::identity::TenantId;

/// Identifies a source within its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub String);

/// Identifies a display within its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DisplayId(pub String);

/// Identifies a profile within its tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProfileId(pub String);

/// Identifies a phonebook.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhonebookId(pub String);

/// Identifies a list of contacts within its tenant: a phonebook, or what a user keeps for himself.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListId(pub String);

impl From<&PhonebookId> for ListId {
    fn from(phonebook: &PhonebookId) -> Self {
        Self(phonebook.0.clone())
    }
}

/// Identifies a contact; opaque, at most 38 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContactId(pub String);

impl fmt::Display for SourceId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for PhonebookId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A new random identifier, in the text form that every object's identifier has.
pub fn random_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A configured source (dird-api-config.md §4): what every backend shares, and the backend's own keys in `extra`.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    /// Identifier.
    pub uuid: SourceId,
    /// Tenant of the source.
    pub tenant: TenantId,
    /// Name of its backend.
    pub backend: String,
    /// Name; for phonebook sources, the phonebook's.
    pub name: String,
    /// Columns that a search looks into.
    pub searched_columns: Vec<String>,
    /// Columns that a reverse lookup compares.
    pub first_matched_columns: Vec<String>,
    /// New columns and their templates.
    pub format_columns: IndexMap<String, String>,
    /// The phonebook behind a phonebook source.
    pub phonebook: Option<PhonebookId>,
    /// Description of that phonebook; read, never written.
    pub phonebook_description: Option<String>,
    /// Keys that only the backend knows.
    pub extra: Map<String, Value>,
}

/// One column of a display (dird-api-config.md §1.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisplayColumn {
    /// Contact field shown.
    pub field: Option<String>,
    /// Heading.
    pub title: Option<String>,
    /// Meaning of the column for clients: `name`, `number`, `favorite`, …
    pub r#type: Option<String>,
    /// Shown when the contact has no such field.
    pub default: Option<String>,
    /// Template for clients that show a number with its owner.
    pub number_display: Option<String>,
}

/// How results are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Display {
    /// Identifier.
    pub uuid: DisplayId,
    /// Tenant of the display.
    pub tenant: TenantId,
    /// Name, not unique.
    pub name: String,
    /// Columns, in order.
    pub columns: Vec<DisplayColumn>,
}

/// What a profile says of one service (lookup, reverse, favorites).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ProfileService {
    /// Sources, in order.
    pub sources: Vec<SourceId>,
    /// Options as they were sent; none if the service was created without.
    pub options: Option<Map<String, Value>>,
}

/// A named choice of sources for each service (dird-api-config.md §2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Identifier.
    pub uuid: ProfileId,
    /// Tenant of the profile.
    pub tenant: TenantId,
    /// Name, unique in the tenant.
    pub name: String,
    /// Display of the results, if any.
    pub display: Option<DisplayId>,
    /// Services by name, in the order they were sent.
    pub services: IndexMap<String, ProfileService>,
}

/// What a new tenant gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Defaults {
    /// Sources, which the profile asks.
    pub sources: Vec<Source>,
    /// The profile's display.
    pub display: Display,
    /// The profile, made of the others.
    pub profile: Profile,
}

impl Defaults {
    /// Lets the profile ask `other` instead of the source `planned`; without another it does without.
    pub(super) fn use_source(&mut self, planned: &SourceId, other: Option<&SourceId>) {
        for service in self.profile.services.values_mut() {
            let asked = std::mem::take(&mut service.sources).into_iter();
            let asked = asked.filter_map(|id| {
                if id == *planned {
                    other.cloned()
                } else {
                    Some(id)
                }
            });
            service.sources = asked.collect();
        }
    }
}

/// A profile with all that a lookup needs, read in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedProfile {
    /// The profile.
    pub profile: Profile,
    /// Its display.
    pub display: Option<Display>,
    /// Every source of its services, once, in the order in which the services name them.
    pub sources: Vec<Source>,
}

impl ResolvedProfile {
    /// Puts the sources, which come in any order, in the profile's own.
    pub(super) fn new(
        profile: Profile,
        display: Option<Display>,
        mut sources: Vec<Source>,
    ) -> Self {
        let named = profile
            .services
            .values()
            .flat_map(|service| &service.sources);
        let mut places = HashMap::new();
        for (place, id) in named.enumerate() {
            places.entry(id).or_insert(place);
        }
        sources.sort_by_key(|source| places.get(&source.uuid));
        Self {
            profile,
            display,
            sources,
        }
    }
}

/// An internal phonebook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phonebook {
    /// Identifier.
    pub uuid: PhonebookId,
    /// Number by which the deprecated routes know it.
    pub id: i64,
    /// Tenant of the phonebook.
    pub tenant: TenantId,
    /// Name, unique in the tenant.
    pub name: String,
    /// Text for people.
    pub description: Option<String>,
}

/// Fields of a contact by name, in the order they were sent; a field may be there and hold nothing.
pub type Fields = IndexMap<String, Option<String>>;

/// A contact of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Identifier.
    pub uuid: ContactId,
    /// Fields in the order they were sent, without the identifier.
    pub fields: Fields,
}
