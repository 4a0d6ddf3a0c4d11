//! Conference rooms of a wazo-confd (dird-backends.md §8).

mod rooms;

use std::sync::Arc;

use async_trait::async_trait;

use super::guard::Guarded;
use super::listing::ListingRules;
use super::remote::{self, Confd};
use super::{OpenError, Source, SourceKind, Surroundings, mirror};
use crate::schema::Schema;
use crate::store::model::Source as Configured;

static SCHEMA: Schema = Schema::new(&[
    remote::AUTH_WITH_CREDENTIALS,
    remote::CONFD,
    remote::CACHE,
    remote::SYNC,
]);

/// Registers the backend.
pub(super) struct Kind;

#[async_trait]
impl SourceKind for Kind {
    fn name(&self) -> &'static str {
        "conference"
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn listing(&self) -> Option<ListingRules> {
        Some(ListingRules {
            order: &["name"],
            filters: &["id", "name"],
            from_above: true,
            unknown_order_is_null: false,
        })
    }

    async fn open(
        &self,
        source: &Configured,
        around: &Surroundings,
    ) -> Result<Arc<dyn Source>, OpenError> {
        let confd = Confd::new(source, &around.outside);
        let confd = confd.map_err(|error| OpenError(error.to_string()))?;
        let deadline = confd.deadline();
        let rooms = rooms::Rooms {
            confd,
            searched: source.searched_columns.clone(),
            matched: source.first_matched_columns.clone(),
        };
        let live = Guarded::new(source, rooms, deadline, around.outside.clone())?;
        mirror::around(source, around, live)
    }
}
