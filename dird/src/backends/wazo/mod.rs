//! Users of a wazo-confd (dird-backends.md §7).

mod users;

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::OnceCell;

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
        "wazo"
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn listing(&self) -> Option<ListingRules> {
        Some(ListingRules {
            order: &["firstname", "lastname"],
            filters: &["uuid", "firstname", "lastname"],
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
        let users = users::Users {
            confd,
            searched: source.searched_columns.clone(),
            matched: source.first_matched_columns.clone(),
            identity: OnceCell::new(),
        };
        let live = Guarded::new(source, users, deadline, around.outside.clone())?;
        mirror::around(source, around, live)
    }
}
