//! LDAP directories (dird-backends.md §4): [`filter`] says what is asked, [`connections`] asks, [`entry`] reads the answers.

mod address;
mod connections;
mod entry;
mod filter;
mod source;
mod whole;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;

use self::source::Directory;
use super::guard::Guarded;
use super::remote::{CACHE, SYNC};
use super::{OpenError, Source, SourceKind, Surroundings, mirror};
use crate::schema::{Field, Kind as Value, Length, Range, Schema};
use crate::store::model::Source as Configured;

static SCHEMA: Schema = Schema::new(&[
    Field::required(
        "ldap_uri",
        Value::Text(Length::between(1, 256)),
        "address of the server",
    ),
    Field::required(
        "ldap_base_dn",
        Value::Text(Length::between(1, 1024)),
        "where searches start",
    ),
    Field::optional(
        "ldap_username",
        Value::Text(Length::at_least(1)),
        "DN to bind with",
    )
    .or(|| json!(null))
    .or_null(),
    Field::optional(
        "ldap_password",
        Value::Text(Length::at_least(1)),
        "password to bind with",
    )
    .or(|| json!(null))
    .or_null(),
    Field::optional(
        "ldap_custom_filter",
        Value::Text(Length::between(1, 1024)),
        "filter; %Q is the term",
    )
    .or(|| json!(null))
    .or_null(),
    Field::optional(
        "ldap_network_timeout",
        Value::Number(Range::NotNegative),
        "seconds to connect",
    )
    .shown_as(|| json!(0.3)),
    Field::optional(
        "ldap_timeout",
        Value::Number(Range::NotNegative),
        "seconds for an answer",
    )
    .shown_as(|| json!(1.0)),
    Field::optional(
        "unique_column",
        Value::Text(Length::between(1, 128)),
        "attribute with the identifier",
    )
    .or(|| json!(null))
    .or_null(),
    Field::optional(
        "unique_column_format",
        Value::Choice(&["string", "binary_uuid"]),
        "form of the identifier",
    )
    .or(|| json!("string")),
    Field::optional(
        "verify_certificate",
        Value::Certificate,
        "whether, or by which CA file, the server is verified over ldaps",
    ),
    CACHE,
    SYNC,
]);

/// Registers the backend.
pub(super) struct Kind;

#[async_trait]
impl SourceKind for Kind {
    fn name(&self) -> &'static str {
        "ldap"
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn columns(&self) -> &'static [&'static str] {
        &["name", "ldap_uri", "ldap_base_dn", "ldap_username"]
    }

    async fn open(
        &self,
        source: &Configured,
        around: &Surroundings,
    ) -> Result<Arc<dyn Source>, OpenError> {
        let directory = Directory::new(source, &around.outside)?;
        let deadline = directory.deadline();
        let live = Guarded::new(source, directory, deadline, around.outside.clone())?;
        mirror::around(source, around, live)
    }
}
