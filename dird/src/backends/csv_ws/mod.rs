//! CSV files behind a web service (dird-backends.md §3). The service searches; what it answers is taken as it is.

mod answer;
mod whole;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::guard::{Guarded, Remote};
use super::mirror::Whole;
use super::remote::{CACHE, Clients, Fetched, Redirects, RemoteError, SYNC, Trust, deadline};
use super::{Asker, Entry, OpenError, Source, SourceKind, Surroundings, mirror};
use crate::index::Table;
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
    CACHE,
    SYNC,
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
        source: &Configured,
        around: &Surroundings,
    ) -> Result<Arc<dyn Source>, OpenError> {
        let service = Service::new(source, around.outside.clients())?;
        let deadline = service.deadline;
        let outside = around.outside.clone();
        let live = Guarded::new(source, service, deadline, outside)?;
        mirror::around(source, around, live)
    }
}

/// Longest answer that is read, in bytes.
const LONGEST: usize = 16 << 20;

/// Numbers asked for at once.
const AT_ONCE: usize = 4;

/// Seconds for an answer unless the source says otherwise.
const PATIENCE: f64 = 10.0;

#[derive(Deserialize)]
struct Settings {
    lookup_url: String,
    #[serde(default)]
    list_url: Option<String>,
    #[serde(default)]
    verify_certificate: Trust,
    #[serde(default)]
    delimiter: Option<char>,
    #[serde(default)]
    timeout: Option<f64>,
    #[serde(default)]
    unique_column: Option<String>,
}

struct Service {
    lookup: Url,
    list: Option<Url>,
    trust: Trust,
    delimiter: u8,
    deadline: Duration,
    unique_column: Option<String>,
    searched: Vec<String>,
    matched: Vec<String>,
    clients: Arc<Clients>,
}

impl Service {
    fn new(source: &Configured, clients: Arc<Clients>) -> Result<Self, OpenError> {
        let settings = Settings::deserialize(Json::Object(source.extra.clone()))
            .map_err(|error| OpenError(error.to_string()))?;
        let delimiter = settings.delimiter.unwrap_or(',');
        let delimiter = u8::try_from(delimiter)
            .ok()
            .filter(u8::is_ascii)
            .ok_or_else(|| OpenError(format!("the delimiter {delimiter:?} is not ASCII")))?;
        Ok(Self {
            lookup: address(&settings.lookup_url)?,
            list: settings.list_url.as_deref().map(address).transpose()?,
            trust: settings.verify_certificate,
            delimiter,
            deadline: deadline(settings.timeout.unwrap_or(PATIENCE), PATIENCE),
            unique_column: settings.unique_column,
            searched: source.searched_columns.clone(),
            matched: source.first_matched_columns.clone(),
            clients,
        })
    }

    /// The lookup address that asks for `text` in each of `columns`.
    fn asking(&self, columns: &[String], text: &str) -> Url {
        let mut url = self.lookup.clone();
        if !columns.is_empty() {
            let pairs = columns.iter().map(|column| (column, text));
            url.query_pairs_mut().extend_pairs(pairs);
        }
        url
    }

    async fn fetch(&self, url: Url) -> Result<Arc<Table>, RemoteError> {
        let client = self.clients.get(&self.trust, Redirects::Followed).await?;
        let fetched = Fetched::get(client.get(url), self.deadline, LONGEST).await?;
        match fetched.status {
            200 => {}
            // The usual way to say that nobody was found.
            404 => return Ok(Arc::default()),
            status => return Err(RemoteError::Status(status)),
        }
        let delimiter = self.delimiter;
        let table = tokio::task::spawn_blocking(move || answer::table(&fetched, delimiter)).await;
        let table = table.map_err(|error| RemoteError::Unreadable(error.to_string()))?;
        Ok(Arc::new(table?))
    }

    fn entry(&self, table: &Arc<Table>, row: usize) -> Entry {
        Entry::of_row(Arc::clone(table), row, self.unique_column.as_deref())
    }

    async fn behind(&self, number: String) -> Result<Option<(String, Entry)>, RemoteError> {
        let table = self.fetch(self.asking(&self.matched, &number)).await?;
        let rows = table.rows_of(&self.matched, std::slice::from_ref(&number));
        let row = rows.get(&number);
        Ok(row.map(|&row| (number, self.entry(&table, row))))
    }
}

/// FTP, which the schema allows, is not spoken.
fn address(text: &str) -> Result<Url, OpenError> {
    let url = Url::parse(text).map_err(|error| OpenError(format!("{text:?}: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(OpenError(format!("{} is not supported", url.scheme())));
    }
    Ok(url)
}

#[async_trait]
impl Remote for Service {
    async fn search(&self, term: &str, _asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        let table = self.fetch(self.asking(&self.searched, term)).await?;
        Ok((0..table.len())
            .map(|row| self.entry(&table, row))
            .collect())
    }

    async fn reverse(
        &self,
        numbers: &[String],
        _asker: &Asker,
    ) -> Result<HashMap<String, Entry>, RemoteError> {
        if self.matched.is_empty() {
            return Ok(HashMap::new());
        }
        let found = stream::iter(numbers.to_vec())
            .map(|number| self.behind(number))
            .buffer_unordered(AT_ONCE)
            .try_filter_map(async |found| Ok(found));
        found.try_collect().await
    }

    async fn list(&self, ids: &[String], _asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        let (Some(url), Some(unique)) = (&self.list, &self.unique_column) else {
            return Ok(Vec::new());
        };
        let table = self.fetch(url.clone()).await?;
        let rows = table.rows_with(unique, ids);
        Ok(rows
            .into_iter()
            .map(|row| self.entry(&table, row))
            .collect())
    }

    fn whole(&self) -> Option<&dyn Whole> {
        self.list.as_ref().map(|_| self as &dyn Whole)
    }
}
