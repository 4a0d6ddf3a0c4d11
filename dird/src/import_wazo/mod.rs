//! Moving in from wazo-dird: what its database holds is read by `store::wazo_schema`, judged here and written to a store, with
//! all identifiers (dird-platform.md §7.1). Nothing that the store has already is changed: a second run, or one after a
//! first that was cut off, writes what is missing. `configured` has what tenants configure, `people` what they keep.

mod configured;
mod people;
mod report;

use std::collections::{HashMap, HashSet};

use crate::identity::{SystemAuthority, Tenant, TenantId};
use crate::store::model::{Phonebook, PhonebookId, SourceId};
use crate::store::wazo_schema::{OldDatabase, OldError};
use crate::store::{Store, StoreError};

pub use report::{Counts, Fate, Report, Table};

/// Why an import ended early. What it has written stays, and the next one goes on.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The old database cannot be read.
    #[error(transparent)]
    Old(#[from] OldError),
    /// The store does not take what was read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An import under way.
struct Import<'a> {
    old: &'a mut OldDatabase,
    /// None: nothing is written.
    store: Option<&'a Store>,
    progress: &'a mut (dyn FnMut(u64) + Send),
    report: Report,
    tenants: HashSet<TenantId>,
    phonebooks: HashMap<PhonebookId, TenantId>,
    sources: HashMap<SourceId, (TenantId, Named)>,
}

/// Backend and shown name of a source.
type Named = (String, String);

/// Copies everything from `old` to `store`; without a store everything is read and judged only. `progress` is told how many rows
/// have been read.
pub async fn import(
    old: &mut OldDatabase,
    store: Option<&Store>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Report, ImportError> {
    let mut import = Import {
        old,
        store,
        progress,
        report: Report::default(),
        tenants: HashSet::new(),
        phonebooks: HashMap::new(),
        sources: HashMap::new(),
    };
    import.tenants().await?;
    import.users().await?;
    import.phonebooks().await?;
    import.contacts().await?;
    let displays = import.displays().await?;
    import.sources().await?;
    import.profiles(&displays).await?;
    import.favorites().await?;
    Ok(import.report)
}

impl Import<'_> {
    /// Leave to write in a tenant that was taken.
    fn tenant(&self, uuid: Option<&str>) -> Option<Tenant> {
        let id = TenantId::new(uuid?)?;
        let known = self.tenants.contains(&id);
        known.then(|| SystemAuthority::new("import").tenant(id))
    }

    /// Counts a row that was taken, or would be.
    fn taken(&mut self, table: Table, new: bool) {
        self.report
            .count(table, if new { Fate::New } else { Fate::Known });
        self.moved();
    }

    fn refused(&mut self, table: Table, row: &str, reason: impl std::fmt::Display) {
        self.report.refuse(table, row, reason);
        self.moved();
    }

    fn moved(&mut self) {
        (self.progress)(self.report.read());
    }

    async fn tenants(&mut self) -> Result<(), ImportError> {
        for old in self.old.tenants().await? {
            let Some(id) = TenantId::new(&old.uuid) else {
                self.refused(Table::Tenants, &old.uuid, "this is no identifier");
                continue;
            };
            let tenant = SystemAuthority::new("import").tenant(id.clone());
            let new = match self.store {
                None => true,
                Some(store) => store.take_tenant(&tenant, old.country.as_deref()).await?,
            };
            self.tenants.insert(id);
            self.taken(Table::Tenants, new);
        }
        Ok(())
    }

    async fn phonebooks(&mut self) -> Result<(), ImportError> {
        let all = self.old.phonebooks().await?;
        let highest = all.iter().map(|old| old.number).max();
        // Else one whose number is taken would get that of one that is yet to come.
        if let (Some(store), Some(highest)) = (self.store, highest) {
            store.keep_numbers(highest).await?;
        }
        for old in all {
            let Some(tenant) = self.tenant(Some(&old.tenant)) else {
                self.refused(Table::Phonebooks, &old.uuid, "its tenant was refused");
                continue;
            };
            let phonebook = Phonebook {
                uuid: PhonebookId(old.uuid),
                id: old.number,
                tenant: tenant.id().clone(),
                name: old.name,
                description: old.description,
            };
            self.phonebook(&tenant, phonebook).await?;
        }
        Ok(())
    }

    async fn phonebook(&mut self, tenant: &Tenant, book: Phonebook) -> Result<(), ImportError> {
        let number = match self.store {
            None => Ok(Some(book.id)),
            Some(store) => store.take_phonebook(tenant, &book).await,
        };
        match number {
            Err(StoreError::NameTaken(name)) => {
                let reason = format!("the tenant has another phonebook called {name}");
                self.refused(Table::Phonebooks, &book.uuid.0, reason);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
            Ok(number) => {
                if let Some(number) = number.filter(|number| *number != book.id) {
                    let how = format!("its number {} is taken, it has {number} now", book.id);
                    self.report.repair(Table::Phonebooks, &book.uuid.0, how);
                }
                self.taken(Table::Phonebooks, number.is_some());
            }
        }
        self.phonebooks.insert(book.uuid, tenant.id().clone());
        Ok(())
    }
}
