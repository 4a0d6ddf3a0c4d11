//! Contacts of the user's Google account (dird-backends.md §9).

mod people;
mod person;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value as Json;

use super::guard::Guarded;
use super::listing::ListingRules;
use super::remote::{self, Service};
use super::{OpenError, Source, SourceKind, Surroundings, mirror};
use crate::schema::Schema;
use crate::store::model::Source as Configured;

static SCHEMA: Schema = Schema::new(&[remote::AUTH, remote::CACHE, remote::SYNC]);

/// Registers the backend.
pub(super) struct Kind;

#[async_trait]
impl SourceKind for Kind {
    fn name(&self) -> &'static str {
        "google"
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn listing(&self) -> Option<ListingRules> {
        Some(ListingRules {
            order: &["name"],
            filters: &["name"],
            from_above: false,
            unknown_order_is_null: false,
        })
    }

    fn implicit_reverse(&self) -> Option<&'static str> {
        Some("{name}")
    }

    async fn open(
        &self,
        source: &Configured,
        around: &Surroundings,
    ) -> Result<Arc<dyn Source>, OpenError> {
        let settings = Settings::deserialize(Json::Object(source.extra.clone()))
            .map_err(|error| OpenError(error.to_string()))?;
        let people = people::People {
            auth: settings.auth,
            api: around.outside.people_api(),
            searched: source.searched_columns.clone(),
            matched: source.first_matched_columns.clone(),
            clients: around.outside.clients(),
        };
        let live = Guarded::new(source, people, DEADLINE, around.outside.clone())?;
        mirror::around(source, around, live)
    }
}

/// Longest time for a question, all calls included.
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    auth: Service,
}
