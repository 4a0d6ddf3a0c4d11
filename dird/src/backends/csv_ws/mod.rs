//! CSV files behind a web service (dird-backends.md §3).

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use super::{OpenError, Source, SourceKind, Surroundings, not_asked_yet};
use crate::schema::{Field, Kind as Value, Length, Range, Schema};
use crate::store::model::Source as Configured;

static SCHEMA: Schema = Schema::new(&[
    Field::required("lookup_url", Value::Url, "answers searches"),
    Field::optional("list_url", Value::Url, "answers the whole directory")
        .or(|| json!(null))
        .or_null(),
    Field::optional(
        "verify_certificate",
        Value::Certificate,
        "whether, or by which CA file, the peer is verified",
    )
    .or(|| json!(true)),
    Field::optional(
        "delimiter",
        Value::Text(Length::between(1, 1)),
        "between cells",
    )
    .or(|| json!(",")),
    Field::optional(
        "timeout",
        Value::Number(Range::NotNegative),
        "seconds for an answer",
    )
    .or(|| json!(10.0)),
    Field::optional(
        "unique_column",
        Value::Text(Length::between(1, 128)),
        "column with the identifier",
    )
    .or(|| json!(null))
    .or_null(),
]);

/// Registers the backend.
pub(super) struct Kind;

#[async_trait]
impl SourceKind for Kind {
    fn name(&self) -> &'static str {
        "csv_ws"
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn columns(&self) -> &'static [&'static str] {
        &["name", "lookup_url", "list_url"]
    }

    async fn open(
        &self,
        _source: &Configured,
        _around: &Surroundings,
    ) -> Result<Arc<dyn Source>, OpenError> {
        Err(not_asked_yet("csv_ws"))
    }
}
