//! Sources over CSV files (dird-backends.md §2). A file is read whole, again whenever its modification time or size changes;
//! while it is missing or broken the last good content stays.

mod file;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use self::file::{Content, Format, Stamp};
use super::{Asker, Entry, Hits, OpenError, Source, SourceError, SourceKind, Surroundings, scan};
use crate::schema::{Field, Kind as Kinds, Length, Schema};
use crate::slow_lane::SlowLane;
use crate::store::model::Source as Configured;

/// Registers the backend.
pub(super) struct Kind;

#[derive(Deserialize)]
struct Settings {
    file: PathBuf,
    #[serde(default = "comma")]
    separator: char,
    #[serde(default)]
    unique_column: Option<String>,
}

fn comma() -> char {
    ','
}

static SCHEMA: Schema = Schema::new(&[
    Field::required(
        "file",
        Kinds::Text(Length::at_least(1)),
        "path of the file on this server",
    ),
    Field::optional(
        "separator",
        Kinds::Text(Length::between(1, 1)),
        "between cells",
    )
    .or(|| json!(",")),
    Field::optional(
        "unique_column",
        Kinds::Text(Length::between(1, 128)),
        "column with the identifier",
    )
    .or(|| json!(null))
    .or_null(),
]);

#[async_trait]
impl SourceKind for Kind {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn schema(&self) -> &'static Schema {
        &SCHEMA
    }

    fn columns(&self) -> &'static [&'static str] {
        &["name", "file"]
    }

    async fn open(
        &self,
        source: &Configured,
        around: &Surroundings,
    ) -> Result<Arc<dyn Source>, OpenError> {
        let settings = Settings::deserialize(Value::Object(source.extra.clone()))
            .map_err(|error| OpenError(error.to_string()))?;
        let format = Format::new(
            settings.separator,
            source.searched_columns.clone(),
            source.first_matched_columns.clone(),
        )?;
        let opened = CsvSource {
            name: source.name.clone(),
            unique_column: settings.unique_column,
            path: settings.file,
            format,
            read: ArcSwap::default(),
            slow_lane: around.lists.slow_lane().clone(),
        };
        opened.refresh().await;
        Ok(Arc::new(opened))
    }
}

/// What was read last, and what the file looked like then.
#[derive(Default)]
struct Read {
    stamp: Stamp,
    content: Option<Arc<Content>>,
}

struct CsvSource {
    name: String,
    path: PathBuf,
    format: Format,
    unique_column: Option<String>,
    read: ArcSwap<Read>,
    slow_lane: SlowLane,
}

impl CsvSource {
    /// The content of the file as it is now, or the last good one.
    async fn refresh(&self) -> Option<Arc<Content>> {
        let stamp = file::stamp(&self.path).await;
        let before = self.read.load_full();
        if before.stamp == stamp {
            return before.content.clone();
        }
        let content = match file::read(&self.path, &self.format).await {
            Ok(content) => {
                self.warn_of_absent_columns(&content);
                Some(Arc::new(content))
            }
            Err(error) => {
                let (source, path) = (&self.name, self.path.display());
                tracing::error!(source, %path, %error, "the CSV file cannot be used");
                before.content.clone()
            }
        };
        self.read.store(Arc::new(Read {
            stamp,
            content: content.clone(),
        }));
        content
    }

    fn entry(&self, content: &Content, row: usize) -> Entry {
        let table = Arc::clone(content.index.table());
        Entry::of_row(table, row, self.unique_column.as_deref())
    }

    /// Said once for each version of the file.
    fn warn_of_absent_columns(&self, content: &Content) {
        let table = content.index.table();
        for column in self
            .format
            .searched
            .iter()
            .filter(|column| !table.has_column(column))
        {
            tracing::info!(source = self.name, column, "no such column in the CSV file");
        }
    }
}

#[async_trait]
impl Source for CsvSource {
    async fn search(&self, term: &str, _asker: &Asker) -> Result<Hits, SourceError> {
        let Some(content) = self.refresh().await else {
            return Ok(Hits::default());
        };
        let table = Arc::clone(content.index.table());
        let rows = if content.index.is_quick(term) {
            content.index.search(term)
        } else {
            let term = term.to_owned();
            let search = move || content.index.search(&term);
            self.slow_lane.run(search).await?
        };
        Ok(Hits::of_rows(table, rows, self.unique_column.clone()))
    }

    async fn reverse(
        &self,
        numbers: &[String],
        _asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError> {
        let Some(content) = self.refresh().await else {
            return Ok(HashMap::new());
        };
        let known = numbers.iter().filter_map(|number| {
            let row = content.numbered(number)?;
            Some((number.clone(), self.entry(&content, row)))
        });
        Ok(known.collect())
    }

    async fn separated(
        &self,
        digits: &[String],
        _asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError> {
        let Some(content) = self.refresh().await else {
            return Ok(HashMap::new());
        };
        let known = digits.iter().filter_map(|digits| {
            let row = content.separated(digits)?;
            Some((digits.clone(), self.entry(&content, row)))
        });
        Ok(known.collect())
    }

    async fn typed(&self, keys: &str, _asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        let Some(content) = self.refresh().await else {
            return Ok(Vec::new());
        };
        let (table, unique) = (content.index.table(), self.unique_column.as_deref());
        let searched = &self.format.searched;
        scan::typed(table, searched, keys, unique, &self.slow_lane).await
    }

    async fn mentioning(&self, text: &str, _asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        let Some(content) = self.refresh().await else {
            return Ok(Vec::new());
        };
        let unique = self.unique_column.as_deref();
        let table = content.index.table();
        scan::mentioning(table, text, unique, &self.slow_lane).await
    }

    fn is_held(&self) -> bool {
        true
    }

    async fn list(&self, ids: &[String], _asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        let (Some(content), Some(unique)) = (self.refresh().await, &self.unique_column) else {
            return Ok(Vec::new());
        };
        let rows = content.index.table().rows_with(unique, ids);
        Ok(rows
            .into_iter()
            .map(|row| self.entry(&content, row))
            .collect())
    }
}
