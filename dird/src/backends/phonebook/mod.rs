//! Sources over dird's own phonebooks (dird-api-semantics.md §4.5). Their contacts are held in memory; see [`contents`].

mod contents;

use std::sync::Arc;

use async_trait::async_trait;

pub use contents::Phonebooks;

use super::{Asker, Entry, OpenError, Source, SourceError, SourceKind, Surroundings};
use crate::identity::SystemAuthority;
use crate::schema::{Field, Kind as Kinds, Schema};
use crate::store::model::Source as Configured;

/// Registers the backend.
pub(super) struct Kind;

static SCHEMA: Schema = Schema::new(&[Field::required(
    "phonebook_uuid",
    Kinds::Uuid,
    "the phonebook to search",
)]);

#[async_trait]
impl SourceKind for Kind {
    fn name(&self) -> &'static str {
        "phonebook"
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    async fn open(
        &self,
        source: &Configured,
        around: &Surroundings,
    ) -> Result<Arc<dyn Source>, OpenError> {
        let phonebook = source.phonebook.clone();
        let phonebook = phonebook.ok_or_else(|| OpenError("it has no phonebook".into()))?;
        // The source was read within its tenant, so its phonebook is of that tenant too.
        let tenant = SystemAuthority::new("phonebook source").tenant(source.tenant.clone());
        Ok(Arc::new(PhonebookSource {
            key: contents::Key {
                tenant,
                phonebook,
                searched: source.searched_columns.clone(),
            },
            phonebooks: Arc::clone(&around.phonebooks),
        }))
    }
}

struct PhonebookSource {
    key: contents::Key,
    phonebooks: Arc<Phonebooks>,
}

#[async_trait]
impl Source for PhonebookSource {
    async fn search(&self, term: &str, _asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        let index = self.phonebooks.index(&self.key).await?;
        let entry = |row| Entry::of_row(Arc::clone(index.table()), row, Some("id"));
        Ok(index.search(term).into_iter().map(entry).collect())
    }
}
