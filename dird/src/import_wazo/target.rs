//! Where an import leads to: a store that takes what it lacks, or one that is only compared with what comes. The answers are the
//! same for both, so that a rehearsal reports what the import after it will.

use std::collections::HashSet;

use crate::identity::{SystemAuthority, Tenant, TenantId, UserId};
use crate::store::model::{
    Contact, Display, ListId, Phonebook, PhonebookId, Profile, Source, SourceId,
};
use crate::store::{Imported, Page, PhonebookKey, Store, StoreError, Stored};

use super::{ImportError, Owner};

/// What becomes of a phonebook.
pub(super) enum Shelved {
    /// It was there.
    Known,
    /// It is new.
    New,
    /// It is new, and its number is another's: this one it has instead, once it is written.
    Renumbered(Option<i64>),
}

/// What an import leads to.
pub(super) enum Target<'a> {
    /// A store that takes what it lacks.
    Written(&'a Store),
    /// A store that is left as it is.
    Compared(&'a Store, Before),
    /// Nothing yet: everything is new.
    Empty,
}

/// What a store has before anything comes, of what is asked about again and again.
pub(super) struct Before {
    tenants: HashSet<TenantId>,
    numbers: HashSet<i64>,
}

impl<'a> Target<'a> {
    /// `store` is compared; without one everything is new.
    pub(super) async fn compared(store: Option<&'a Store>) -> Result<Self, ImportError> {
        Ok(match store {
            Some(store) => Self::Compared(store, Before::of(store).await?),
            None => Self::Empty,
        })
    }

    /// Where to look what is there.
    fn store(&self) -> Option<&'a Store> {
        match self {
            Self::Written(store) | Self::Compared(store, _) => Some(store),
            Self::Empty => None,
        }
    }

    fn is_written(&self) -> bool {
        matches!(self, Self::Written(_))
    }

    /// Whether the tenant is new.
    pub(super) async fn tenant(&self, tenant: &Tenant, country: Option<&str>) -> Stored<bool> {
        match self {
            Self::Written(store) => store.take_tenant(tenant, country).await,
            Self::Compared(_, there) => Ok(!there.tenants.contains(tenant.id())),
            Self::Empty => Ok(true),
        }
    }

    /// Whether the user is new.
    pub(super) async fn user(&self, tenant: &Tenant, user: &UserId) -> Stored<bool> {
        let Some(store) = self.store() else {
            return Ok(true);
        };
        let new = store.personal_list(tenant, user).await?.is_none();
        if self.is_written() {
            store.open_personal_list(tenant, user).await?;
        }
        Ok(new)
    }

    /// Keeps numbers of phonebooks up to `highest` for those that come.
    pub(super) async fn keep_numbers(&self, highest: i64) -> Stored<()> {
        match self {
            Self::Written(store) => store.keep_numbers(highest).await,
            Self::Compared(..) | Self::Empty => Ok(()),
        }
    }

    /// Takes a phonebook; [`StoreError::NameTaken`] if the tenant has another one of that name.
    pub(super) async fn phonebook(&self, tenant: &Tenant, book: &Phonebook) -> Stored<Shelved> {
        match self {
            Self::Written(store) => {
                let number = store.take_phonebook(tenant, book).await?;
                Ok(match number {
                    None => Shelved::Known,
                    Some(number) if number == book.id => Shelved::New,
                    other => Shelved::Renumbered(other),
                })
            }
            Self::Compared(store, there) => there.phonebook(store, tenant, book).await,
            Self::Empty => Ok(Shelved::New),
        }
    }

    /// Whether the display is new.
    pub(super) async fn display(&self, tenant: &Tenant, display: &Display) -> Stored<bool> {
        match self {
            Self::Written(store) => store.take_display(tenant, display).await,
            Self::Compared(store, _) => {
                let known = store.display(&tenant.alone(), &display.uuid).await?;
                Ok(known.is_none())
            }
            Self::Empty => Ok(true),
        }
    }

    /// Whether the source is new; [`StoreError::NameTaken`] if the tenant has another one of that name.
    pub(super) async fn source(&self, tenant: &Tenant, source: &Source) -> Stored<bool> {
        let Some(store) = self.store() else {
            return Ok(true);
        };
        let tenants = tenant.alone();
        let known = store.source(&tenants, &source.backend, &source.uuid);
        if known.await?.is_some() {
            return Ok(false);
        }
        if self.is_written() {
            store.create_source(tenant, source).await?;
        } else if source.phonebook.is_none() {
            let page = Page {
                order: "name",
                filters: vec![("name", source.name.clone())],
                ..Page::default()
            };
            let named = store.list_sources(&tenants, None, &page).await?;
            if named.items.iter().any(|named| named.phonebook.is_none()) {
                return Err(StoreError::NameTaken(source.name.clone()));
            }
        }
        Ok(true)
    }

    /// Whether the profile is new; [`StoreError::NameTaken`] if the tenant has another one of that name.
    pub(super) async fn profile(&self, tenant: &Tenant, profile: &Profile) -> Stored<bool> {
        let Some(store) = self.store() else {
            return Ok(true);
        };
        let known = store.profile(&tenant.alone(), &profile.uuid).await?;
        if known.is_some() {
            return Ok(false);
        }
        if self.is_written() {
            store.create_profile(tenant, profile).await?;
        } else {
            let named = store.resolve_profile(tenant, &profile.name).await?;
            if named.is_some() {
                return Err(StoreError::NameTaken(profile.name.clone()));
            }
        }
        Ok(true)
    }

    /// What becomes of contacts of one list, all or nothing; and which of those whose identifiers are taken the list itself has.
    pub(super) async fn contacts(
        &self,
        owner: &Owner,
        contacts: &[Contact],
        hashes: &[String],
    ) -> Stored<(Vec<Imported>, HashSet<String>)> {
        let all_new = || (vec![Imported::Created; contacts.len()], HashSet::new());
        let Some(store) = self.store() else {
            return Ok(all_new());
        };
        let Some((tenant, list)) = self.list_of(store, owner).await? else {
            return Ok(all_new());
        };
        let mut import = store.import_contacts(&tenant, &list).await?;
        let outcomes = import.take(contacts, hashes).await?;
        if self.is_written() && outcomes.contains(&Imported::Created) {
            import.commit().await?;
        } else {
            // Nothing has changed, or nothing is to change: nobody is to be told.
            drop(import);
        }
        let known = known_among(store, (&tenant, &list), contacts, &outcomes).await?;
        Ok((outcomes, known))
    }

    /// The list of an owner who was taken; none if it is not there.
    async fn list_of(&self, store: &Store, owner: &Owner) -> Stored<Option<(Tenant, ListId)>> {
        Ok(match owner {
            Owner::Phonebook(tenant, book) => {
                let there = self.is_written() || has_phonebook(store, tenant, book).await?;
                there.then(|| (tenant.clone(), book.into()))
            }
            Owner::User(tenant, user) => {
                let list = if self.is_written() {
                    Some(store.open_personal_list(tenant, user).await?)
                } else {
                    store.personal_list(tenant, user).await?
                };
                list.map(|list| (tenant.clone(), list))
            }
        })
    }

    /// Whether the favourite is new.
    pub(super) async fn favorite(
        &self,
        (tenant, user): (&Tenant, &UserId),
        source: &SourceId,
        contact: &str,
    ) -> Stored<bool> {
        let Some(store) = self.store() else {
            return Ok(true);
        };
        if !self.is_written() {
            let known = store.favorites(tenant, user).await?;
            return Ok(!known.iter().any(|(of, one)| of == source && one == contact));
        }
        match store.add_favorite(tenant, user, source, contact).await {
            Err(StoreError::Duplicate) => Ok(false),
            added => added.map(|()| true),
        }
    }
}

impl Before {
    async fn of(store: &Store) -> Result<Self, ImportError> {
        let mut there = Self {
            tenants: HashSet::new(),
            numbers: HashSet::new(),
        };
        let tenants = store.tenants().await;
        for tenant in tenants.map_err(|error| StoreError::Unavailable(error.to_string()))? {
            let scope = SystemAuthority::new("import").tenant(tenant.uuid.clone());
            let page = Page {
                order: "name",
                ..Page::default()
            };
            let books = store.list_phonebooks(&scope.alone(), &page).await?.items;
            there.numbers.extend(books.iter().map(|book| book.id));
            there.tenants.insert(tenant.uuid);
        }
        Ok(there)
    }

    /// What would become of a phonebook.
    async fn phonebook(&self, store: &Store, tenant: &Tenant, book: &Phonebook) -> Stored<Shelved> {
        if has_phonebook(store, tenant, &book.uuid).await? {
            return Ok(Shelved::Known);
        }
        if store.phonebook_named(tenant, &book.name).await?.is_some() {
            return Err(StoreError::NameTaken(book.name.clone()));
        }
        Ok(if self.numbers.contains(&book.id) {
            Shelved::Renumbered(None)
        } else {
            Shelved::New
        })
    }
}

async fn has_phonebook(store: &Store, tenant: &Tenant, book: &PhonebookId) -> Stored<bool> {
    let key = PhonebookKey::Uuid(book.clone());
    Ok(store.phonebook(tenant, &key).await?.is_some())
}

/// Of the contacts whose identifiers are taken, those that the list has: by themselves.
async fn known_among(
    store: &Store,
    (tenant, list): (&Tenant, &ListId),
    contacts: &[Contact],
    outcomes: &[Imported],
) -> Stored<HashSet<String>> {
    let taken = contacts.iter().zip(outcomes);
    let taken = taken.filter(|(_, outcome)| **outcome == Imported::IdTaken);
    let taken: Vec<String> = taken.map(|(contact, _)| contact.uuid.0.clone()).collect();
    if taken.is_empty() {
        return Ok(HashSet::new());
    }
    let there = store.identified(tenant, list, &taken).await?.contacts;
    let ids = there.into_iter().map(|placed| placed.contact.uuid.0);
    Ok(ids.collect())
}
