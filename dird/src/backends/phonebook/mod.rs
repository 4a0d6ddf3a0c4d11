//! Sources over dird's own phonebooks (dird-api-semantics.md §4.5).

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::held;
use super::{Asker, Entry, Hits, OpenError, Source, SourceError, SourceKind, Surroundings};
use crate::identity::SystemAuthority;
use crate::index::{Columns, ListKey, Lists};
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
        let phonebook = source.phonebook.as_ref();
        let phonebook = phonebook.ok_or_else(|| OpenError("it has no phonebook".into()))?;
        // The source was read within its tenant, so its phonebook is of that tenant too.
        let tenant = SystemAuthority::new("phonebook source").tenant(source.tenant.clone());
        Ok(Arc::new(PhonebookSource {
            key: ListKey {
                tenant,
                list: phonebook.into(),
                columns: Columns {
                    searched: source.searched_columns.clone(),
                    matched: source.first_matched_columns.clone(),
                    drop_empty: false,
                },
            },
            lists: Arc::clone(&around.lists),
        }))
    }
}

struct PhonebookSource {
    key: ListKey,
    lists: Arc<Lists>,
}

#[async_trait]
impl Source for PhonebookSource {
    async fn search(&self, term: &str, _asker: &Asker) -> Result<Hits, SourceError> {
        held::matching(&self.lists, &self.key, term).await
    }

    async fn reverse(
        &self,
        numbers: &[String],
        _asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError> {
        held::numbered(&self.lists, &self.key, numbers).await
    }

    async fn separated(
        &self,
        digits: &[String],
        _asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError> {
        held::separated(&self.lists, &self.key, digits).await
    }

    async fn typed(&self, keys: &str, _asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        held::typed(&self.lists, &self.key, keys).await
    }

    async fn mentioning(&self, text: &str, _asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        held::mentioning(&self.lists, &self.key, text).await
    }

    fn is_held(&self) -> bool {
        true
    }

    async fn list(&self, ids: &[String], _asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        held::with_ids(&self.lists, &self.key, ids).await
    }
}
