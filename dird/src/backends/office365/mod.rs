//! Contacts of the user's Microsoft account (dird-backends.md §10).

mod graph;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::guard::Guarded;
use super::listing::ListingRules;
use super::remote::{self, Service};
use super::{OpenError, Source, SourceKind, Surroundings, mirror};
use crate::schema::{Field, Kind as Value, Length, Schema};
use crate::store::model::Source as Configured;

/// Where a user's contacts are, unless a source says otherwise.
const CONTACTS: &str = "https://graph.microsoft.com/v1.0/me/contacts";

static SCHEMA: Schema = Schema::new(&[
    remote::AUTH,
    Field::optional(
        "endpoint",
        Value::Text(Length::between(1, 255)),
        "where contacts are read",
    )
    .or(|| json!(CONTACTS)),
    remote::CACHE,
    remote::SYNC,
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

    fn listing(&self) -> Option<ListingRules> {
        Some(ListingRules {
            order: &["name", "firstname", "lastname"],
            filters: &[],
            from_above: false,
            unknown_order_is_null: true,
        })
    }

    fn implicit_reverse(&self) -> Option<&'static str> {
        Some("{givenName}")
    }

    async fn open(
        &self,
        source: &Configured,
        around: &Surroundings,
    ) -> Result<Arc<dyn Source>, OpenError> {
        let settings = Settings::deserialize(Json::Object(source.extra.clone()))
            .map_err(|error| OpenError(error.to_string()))?;
        let graph = graph::Graph {
            auth: settings.auth,
            endpoint: settings.endpoint,
            searched: source.searched_columns.clone(),
            matched: source.first_matched_columns.clone(),
            clients: around.outside.clients(),
        };
        let live = Guarded::new(source, graph, DEADLINE, around.outside.clone())?;
        mirror::around(source, around, live)
    }
}

/// Longest time for a question, all calls included.
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    auth: Service,
    #[serde(default = "graph_contacts")]
    endpoint: String,
}

fn graph_contacts() -> String {
    CONTACTS.to_owned()
}
