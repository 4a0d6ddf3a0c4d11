//! Each user's own contacts (dird-api-semantics.md §4.4). Without a user there are none.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::held;
use super::{Asker, Entry, Hits, OpenError, Source, SourceError, SourceKind, Surroundings};
use crate::index::{Columns, ListKey, Lists, People};
use crate::schema::Schema;
use crate::store::model::Source as Configured;

static SCHEMA: Schema = Schema::new(&[]);

/// Registers the backend.
pub(super) struct Kind;

#[async_trait]
impl SourceKind for Kind {
    fn name(&self) -> &'static str {
        "personal"
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    async fn open(
        &self,
        source: &Configured,
        around: &Surroundings,
    ) -> Result<Arc<dyn Source>, OpenError> {
        Ok(Arc::new(PersonalSource {
            columns: Columns {
                searched: source.searched_columns.clone(),
                matched: source.first_matched_columns.clone(),
                drop_empty: true,
            },
            lists: Arc::clone(&around.lists),
            people: Arc::clone(&around.people),
        }))
    }
}

struct PersonalSource {
    columns: Columns,
    lists: Arc<Lists>,
    people: Arc<People>,
}

impl PersonalSource {
    /// The asking user's list; none for who has none.
    async fn key(&self, asker: &Asker) -> Result<Option<ListKey>, SourceError> {
        let Some(user) = &asker.user else {
            return Ok(None);
        };
        let list = self.people.personal_list(&asker.home, user).await?;
        Ok(list.map(|list| ListKey {
            tenant: asker.home.clone(),
            list,
            columns: self.columns.clone(),
        }))
    }
}

#[async_trait]
impl Source for PersonalSource {
    async fn search(&self, term: &str, asker: &Asker) -> Result<Hits, SourceError> {
        match self.key(asker).await? {
            Some(key) => held::matching(&self.lists, &key, term).await,
            None => Ok(Hits::default()),
        }
    }

    async fn reverse(
        &self,
        numbers: &[String],
        asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError> {
        match self.key(asker).await? {
            Some(key) => held::numbered(&self.lists, &key, numbers).await,
            None => Ok(HashMap::new()),
        }
    }

    async fn separated(
        &self,
        digits: &[String],
        asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError> {
        match self.key(asker).await? {
            Some(key) => held::separated(&self.lists, &key, digits).await,
            None => Ok(HashMap::new()),
        }
    }

    async fn typed(&self, keys: &str, asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        match self.key(asker).await? {
            Some(key) => held::typed(&self.lists, &key, keys).await,
            None => Ok(Vec::new()),
        }
    }

    async fn mentioning(&self, text: &str, asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        match self.key(asker).await? {
            Some(key) => held::mentioning(&self.lists, &key, text).await,
            None => Ok(Vec::new()),
        }
    }

    fn is_held(&self) -> bool {
        true
    }

    async fn own(&self, asker: &Asker) -> Result<Hits, SourceError> {
        match self.key(asker).await? {
            Some(key) => held::all(&self.lists, &key).await,
            None => Ok(Hits::default()),
        }
    }

    async fn list(&self, ids: &[String], asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        match self.key(asker).await? {
            Some(key) => held::with_ids(&self.lists, &key, ids).await,
            None => Ok(Vec::new()),
        }
    }
}
