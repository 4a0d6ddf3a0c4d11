//! Each user's own contacts (dird-api-semantics.md §4.4).

use std::sync::Arc;

use async_trait::async_trait;

use super::{OpenError, Source, SourceKind, Surroundings, not_asked_yet};
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
        _source: &Configured,
        _around: &Surroundings,
    ) -> Result<Arc<dyn Source>, OpenError> {
        Err(not_asked_yet("personal"))
    }
}
