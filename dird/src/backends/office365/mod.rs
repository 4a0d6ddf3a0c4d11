//! Contacts of the user's Microsoft account (dird-backends.md §10).

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use super::{OpenError, Source, SourceKind, Surroundings, not_asked_yet, remote};
use crate::schema::{Field, Kind as Value, Length, Schema};
use crate::store::model::Source as Configured;

static SCHEMA: Schema = Schema::new(&[
    remote::AUTH,
    Field::optional(
        "endpoint",
        Value::Text(Length::between(1, 255)),
        "where contacts are read",
    )
    .or(|| json!("https://graph.microsoft.com/v1.0/me/contacts")),
]);

/// Registers the backend.
pub(super) struct Kind;

#[async_trait]
impl SourceKind for Kind {
    fn name(&self) -> &'static str {
        "office365"
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    async fn open(
        &self,
        _source: &Configured,
        _around: &Surroundings,
    ) -> Result<Arc<dyn Source>, OpenError> {
        Err(not_asked_yet("office365"))
    }
}
