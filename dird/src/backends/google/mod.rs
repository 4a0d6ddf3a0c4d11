//! Contacts of the user's Google account (dird-backends.md §9).

use std::sync::Arc;

use async_trait::async_trait;

use super::{OpenError, Source, SourceKind, Surroundings, not_asked_yet, remote};
use crate::schema::Schema;
use crate::store::model::Source as Configured;

static SCHEMA: Schema = Schema::new(&[remote::AUTH]);

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

    async fn open(
        &self,
        _source: &Configured,
        _around: &Surroundings,
    ) -> Result<Arc<dyn Source>, OpenError> {
        Err(not_asked_yet("google"))
    }
}
