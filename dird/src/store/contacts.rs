//! Lists of contacts: phonebooks, and what users keep for themselves. One trait for what both have in common; who may see a
//! list is decided by the traits that hand out its identifier (dird-api-contacts.md, design.md §4).

use std::collections::HashSet;

use async_trait::async_trait;

use super::Stored;
use super::model::{Contact, ContactId, ListId, Phonebook, PhonebookId, SourceId};
use super::{Listed, Page};
use crate::identity::{SystemAuthority, Tenant, Tenants, UserId};

/// A contact and its place among those of its list: that of its creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Greater than that of every contact created before it in the list.
    pub position: i64,
    /// The contact.
    pub contact: Contact,
}

/// Where a list stands: what a follower remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Raised by every change.
    pub version: i64,
    /// Number of the last change of a contact.
    pub sequence: i64,
}

/// A list's contacts as they stood at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// When that was.
    pub standing: Standing,
    /// Contacts by position.
    pub contacts: Vec<Placed>,
}

/// What became of a list since a follower last looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// Apply these, removals first.
    Changes {
        /// Where the list stands now.
        standing: Standing,
        /// Contacts that are new or were edited, in the order of the changes.
        written: Vec<Placed>,
        /// Contacts that are gone.
        removed: Vec<ContactId>,
    },
    /// Too much has happened, or too long ago: read the list whole.
    Reload,
}

/// What became of a contact that was to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// It is new.
    Created,
    /// The list already has a contact of the same content: this one.
    Known(ContactId),
    /// Another contact has its identifier.
    IdTaken,
}

/// Contacts being added to a list in one transaction, batch by batch. Dropped without [`Import::commit`], nothing was added.
#[async_trait]
pub trait Import: Send {
    /// Which of these identifiers somebody's contact has.
    async fn taken(&mut self, ids: &[&str]) -> Stored<HashSet<String>>;
    /// Adds `contacts`, no two with the same identifier; the outcome of each, in their order.
    async fn add(&mut self, contacts: &[Contact]) -> Stored<Vec<Imported>>;
    /// As [`Import::add`], for contacts that bring what makes them unique with them.
    async fn take(&mut self, contacts: &[Contact], hashes: &[String]) -> Stored<Vec<Imported>>;
    /// Makes the import last.
    async fn commit(self: Box<Self>) -> Stored<()>;
}

/// A list being read as it stood at one time, a few thousand contacts at once.
#[async_trait]
pub trait Reading: Send {
    /// When that was.
    fn standing(&self) -> Standing;
    /// The next contacts by position; none at the end.
    async fn next(&mut self) -> Stored<Vec<Placed>>;
}

/// Contacts of any list. A list that is not the tenant's is [`super::StoreError::Missing`].
#[async_trait]
pub trait Contacts: Send + Sync {
    /// Adds a contact; [`super::StoreError::Duplicate`] if the list has one of the same content, or anybody one of that identifier.
    async fn create_contact(&self, tenant: &Tenant, list: &ListId, contact: &Contact)
    -> Stored<()>;
    /// The contact with this identifier.
    async fn contact(
        &self,
        tenant: &Tenant,
        list: &ListId,
        id: &ContactId,
    ) -> Stored<Option<Contact>>;
    /// Replaces the fields of a contact; if it still is what is `known`.
    async fn update_contact(
        &self,
        tenant: &Tenant,
        list: &ListId,
        contact: &Contact,
        known: Option<&Contact>,
    ) -> Stored<()>;
    /// Removes a contact; if it still is what is `known`.
    async fn delete_contact(
        &self,
        tenant: &Tenant,
        list: &ListId,
        id: &ContactId,
        known: Option<&Contact>,
    ) -> Stored<()>;
    /// Removes every contact.
    async fn clear_contacts(&self, tenant: &Tenant, list: &ListId) -> Stored<()>;
    /// A page, by `name`, `firstname`, `lastname` or `number`, otherwise by position. A search looks into every field.
    async fn list_contacts(
        &self,
        tenant: &Tenant,
        list: &ListId,
        page: &Page,
    ) -> Stored<Listed<Contact>>;
    /// Starts to add many contacts.
    async fn import_contacts(&self, tenant: &Tenant, list: &ListId) -> Stored<Box<dyn Import>>;
    /// Everything in a list.
    async fn contents(&self, tenant: &Tenant, list: &ListId) -> Stored<Contents>;
    /// Starts to read a list.
    async fn read_contacts(&self, tenant: &Tenant, list: &ListId) -> Stored<Box<dyn Reading>>;
    /// Contacts that hold `text` in a form of some value ([`kit::fold::forms`]); none if they are more than `most`.
    async fn containing(
        &self,
        tenant: &Tenant,
        list: &ListId,
        text: &str,
        most: i64,
    ) -> Stored<Option<Contents>>;
    /// Contacts with one of these identifiers.
    async fn identified(&self, tenant: &Tenant, list: &ListId, ids: &[String]) -> Stored<Contents>;
    /// True if the list has more contacts than `count`.
    async fn has_more_than(&self, tenant: &Tenant, list: &ListId, count: i64) -> Stored<bool>;
    /// The present version of a list.
    async fn version(&self, tenant: &Tenant, list: &ListId) -> Stored<Option<i64>>;
    /// What has changed after the change of number `sequence`.
    async fn follow(&self, tenant: &Tenant, list: &ListId, sequence: i64) -> Stored<Followed>;
}

/// A phonebook, named in one of its two ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PhonebookKey {
    /// By identifier.
    Uuid(PhonebookId),
    /// By the number that the deprecated routes use.
    Number(i64),
}

/// Internal phonebooks.
#[async_trait]
pub trait Phonebooks: Send + Sync {
    /// Adds a phonebook.
    async fn create_phonebook(
        &self,
        tenant: &Tenant,
        name: &str,
        description: Option<&str>,
    ) -> Stored<Phonebook>;
    /// Lists phonebooks by `name` or `description`; both are searched.
    async fn list_phonebooks(&self, tenants: &Tenants, page: &Page) -> Stored<Listed<Phonebook>>;
    /// The phonebook of that key.
    async fn phonebook(&self, tenant: &Tenant, key: &PhonebookKey) -> Stored<Option<Phonebook>>;
    /// The phonebook with this name.
    async fn phonebook_named(&self, tenant: &Tenant, name: &str) -> Stored<Option<Phonebook>>;
    /// Changes name and description of a phonebook; if it still is what is `known`.
    async fn update_phonebook(
        &self,
        tenant: &Tenant,
        phonebook: &Phonebook,
        known: Option<&Phonebook>,
    ) -> Stored<()>;
    /// Removes a phonebook with its contacts, and the sources over it; if it still is what is `known`.
    async fn delete_phonebook(
        &self,
        tenant: &Tenant,
        id: &PhonebookId,
        known: Option<&Phonebook>,
    ) -> Stored<()>;
}

/// What belongs to a user.
#[async_trait]
pub trait People: Send + Sync {
    /// The user's own contacts, if he ever had any.
    async fn personal_list(&self, tenant: &Tenant, user: &UserId) -> Stored<Option<ListId>>;
    /// The user's own contacts; the list is made if needed.
    async fn open_personal_list(&self, tenant: &Tenant, user: &UserId) -> Stored<ListId>;
    /// The user's favourites among the tenant's sources.
    async fn favorites(&self, tenant: &Tenant, user: &UserId) -> Stored<Vec<(SourceId, String)>>;
    /// Adds a favourite; [`super::StoreError::Duplicate`] if it is one.
    async fn add_favorite(
        &self,
        tenant: &Tenant,
        user: &UserId,
        source: &SourceId,
        contact: &str,
    ) -> Stored<()>;
    /// Removes a favourite.
    async fn remove_favorite(
        &self,
        tenant: &Tenant,
        user: &UserId,
        source: &SourceId,
        contact: &str,
    ) -> Stored<()>;
    /// Removes all that belongs to a user, in every tenant.
    async fn forget_user(&self, by: SystemAuthority, user: &UserId) -> Stored<()>;
}
