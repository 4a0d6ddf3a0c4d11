//! Each user's own contacts (dird-api-semantics.md §4.4). Without a user there are none.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::held;
use super::{Asker, Entry, OpenError, Source, SourceError, SourceKind, Surroundings};
use crate::index::{HeldList, ListKey, Lists, People};
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
            searched: source.searched_columns.clone(),
            matched: source.first_matched_columns.clone(),
            lists: Arc::clone(&around.lists),
            people: Arc::clone(&around.people),
        }))
    }
}

struct PersonalSource {
    searched: Vec<String>,
    matched: Vec<String>,
    lists: Arc<Lists>,
    people: Arc<People>,
}

impl PersonalSource {
    async fn held(&self, asker: &Asker) -> Result<Option<Arc<HeldList>>, SourceError> {
        let Some(user) = &asker.user else {
            return Ok(None);
        };
        let Some(list) = self.people.personal_list(&asker.home, user).await? else {
            return Ok(None);
        };
        let key = ListKey {
            tenant: asker.home.clone(),
            list,
            searched: self.searched.clone(),
            matched: self.matched.clone(),
            drop_empty: true,
        };
        Ok(Some(self.lists.get(&key).await?))
    }
}

#[async_trait]
impl Source for PersonalSource {
    async fn search(&self, term: &str, asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        let held = self.held(asker).await?;
        Ok(held.map_or_else(Vec::new, |held| held::matching(&held, term)))
    }

    async fn reverse(
        &self,
        numbers: &[String],
        asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError> {
        let held = self.held(asker).await?;
        Ok(held.map_or_else(HashMap::new, |held| held::numbered(&held, numbers)))
    }

    async fn own(&self, asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        let held = self.held(asker).await?;
        Ok(held.map_or_else(Vec::new, |held| held::all(&held)))
    }

    async fn list(&self, ids: &[String], asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        let held = self.held(asker).await?;
        Ok(held.map_or_else(Vec::new, |held| held::with_ids(&held, ids)))
    }
}
