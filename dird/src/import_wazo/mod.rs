//! Moving in from wazo-dird: what its database holds is read by `store::wazo_schema`, judged here and written to a store, with
//! all identifiers (dird-platform.md §7.1). Nothing that the store has already is changed: a second run, or one after a
//! first that was cut off, writes what is missing. `configured` has what tenants configure, `people` what they keep.

mod configured;
mod people;
mod report;
mod target;

use std::collections::{HashMap, HashSet};

use crate::identity::{SystemAuthority, Tenant, TenantId};
use crate::store::model::{Phonebook, PhonebookId, SourceId};
use crate::store::wazo_schema::{OldDatabase, OldError};
use crate::store::{Store, StoreError};

use people::Owner;
use target::{Shelved, Target};

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
    target: Target<'a>,
    progress: &'a mut (dyn FnMut(u64) + Send),
    report: Report,
    tenants: HashSet<TenantId>,
    phonebooks: HashMap<PhonebookId, TenantId>,
    sources: HashMap<SourceId, (TenantId, Named)>,
}

/// Backend and shown name of a source.
type Named = (String, String);

/// Copies everything from `old` to `store`. `progress` is told how many rows have been read.
pub async fn import(
    old: &mut OldDatabase,
    store: &Store,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Report, ImportError> {
    run(old, Target::Written(store), progress).await
}

/// Reports what [`import`] would, and writes nothing. Without a store everything is new.
pub async fn rehearse(
    old: &mut OldDatabase,
    store: Option<&Store>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Report, ImportError> {
    let target = Target::compared(store).await?;
    run(old, target, progress).await
}

async fn run(
    old: &mut OldDatabase,
    target: Target<'_>,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Report, ImportError> {
    let mut import = Import {
        old,
        target,
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
            let new = self.target.tenant(&tenant, old.country.as_deref()).await?;
            self.tenants.insert(id);
            self.taken(Table::Tenants, new);
        }
        Ok(())
    }

    async fn phonebooks(&mut self) -> Result<(), ImportError> {
        let all = self.old.phonebooks().await?;
        let highest = all.iter().map(|old| old.number).max();
        // Else one whose number is taken would get that of one that is yet to come.
        if let Some(highest) = highest {
            self.target.keep_numbers(highest).await?;
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
        match self.target.phonebook(tenant, &book).await {
            Err(StoreError::NameTaken(name)) => {
                let reason = format!("the tenant has another phonebook called {name}");
                self.refused(Table::Phonebooks, &book.uuid.0, reason);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
            Ok(Shelved::Known) => self.taken(Table::Phonebooks, false),
            Ok(Shelved::New) => self.taken(Table::Phonebooks, true),
            Ok(Shelved::Renumbered(number)) => {
                let instead = number.map_or_else(
                    || "it gets another".to_owned(),
                    |number| format!("it has {number} now"),
                );
                let how = format!("its number {} is taken, {instead}", book.id);
                self.report.repair(Table::Phonebooks, &book.uuid.0, how);
                self.taken(Table::Phonebooks, true);
            }
        }
        self.phonebooks.insert(book.uuid, tenant.id().clone());
        Ok(())
    }
}
