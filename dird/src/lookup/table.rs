//! The result table (dird-api-directories.md §1), written straight to JSON from the contacts and the display.

use std::sync::Arc;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use super::fan_out::Found;
use super::plan::{Plan, PlannedSource};
use crate::backends::{Entry, Field};
use crate::index::Favorites;
use crate::slow_lane::take_turns;
use crate::store::model::DisplayColumn;

/// Rows after which others have their turn.
const TURN: usize = 32;

/// Contacts as a display shows them.
pub struct ResultTable {
    plan: Arc<Plan>,
    found: Vec<Found>,
    favorites: Arc<Favorites>,
    term: Option<String>,
}

impl ResultTable {
    /// What was found; `term` is echoed by the lookups.
    pub(super) fn new(
        plan: Arc<Plan>,
        found: Vec<Found>,
        favorites: Arc<Favorites>,
        term: Option<String>,
    ) -> Self {
        Self {
            plan,
            found,
            favorites,
            term,
        }
    }

    /// How many contacts it shows.
    pub fn len(&self) -> usize {
        self.found.iter().map(|(_, hits)| hits.len()).sum()
    }

    /// True if nobody was found.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a profile's tables show, without any result.
pub struct Headers(pub(super) Arc<Plan>);

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = &self.0.columns;
        let mut table = serializer.serialize_map(Some(2))?;
        table.serialize_entry("column_headers", &Each(columns, |column| &column.title))?;
        table.serialize_entry("column_types", &Each(columns, |column| &column.r#type))?;
        table.end()
    }
}

impl Serialize for ResultTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = &self.plan.columns;
        let mut table = serializer.serialize_map(None)?;
        table.serialize_entry("column_headers", &Each(columns, |column| &column.title))?;
        table.serialize_entry("column_types", &Each(columns, |column| &column.r#type))?;
        table.serialize_entry("results", &Rows(self))?;
        if let Some(term) = &self.term {
            table.serialize_entry("term", term)?;
        }
        table.end()
    }
}

/// One property of every column.
struct Each<'a>(&'a [DisplayColumn], fn(&DisplayColumn) -> &Option<String>);

impl Serialize for Each<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(self.1))
    }
}

struct Rows<'a>(&'a ResultTable);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let columns = &self.0.plan.columns;
        let mut rows = serializer.serialize_seq(Some(self.0.len()))?;
        for (source, hits) in &self.0.found {
            for (done, mut entry) in hits.iter().enumerate() {
                take_turns(done, TURN);
                source.formatter.apply(&mut entry);
                rows.serialize_element(&Row {
                    columns,
                    source,
                    entry: &entry,
                    favorites: &self.0.favorites,
                })?;
            }
        }
        rows.end()
    }
}

struct Row<'a> {
    columns: &'a [DisplayColumn],
    source: &'a PlannedSource,
    entry: &'a Entry,
    favorites: &'a Favorites,
}

impl Row<'_> {
    fn is_favorite(&self) -> bool {
        if !self.source.flagged || self.favorites.is_empty() {
            return false;
        }
        let id = self.entry.relations.source_entry_id.clone();
        id.is_some_and(|id| self.favorites.contains(&(self.source.id.clone(), id)))
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_map(Some(4))?;
        row.serialize_entry("column_values", &Values(self))?;
        row.serialize_entry("relations", &self.entry.relations)?;
        row.serialize_entry("source", &self.source.name)?;
        row.serialize_entry("backend", &self.source.backend)?;
        row.end()
    }
}

struct Values<'a>(&'a Row<'a>);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Row {
            columns,
            source,
            entry,
            ..
        } = self.0;
        let flagged = columns
            .iter()
            .position(|column| is_type(column, "favorite"));
        let mut values = serializer.serialize_seq(Some(columns.len()))?;
        for (position, column) in columns.iter().enumerate() {
            if Some(position) == flagged {
                values.serialize_element(&self.0.is_favorite())?;
            } else if is_type(column, "personal") {
                values.serialize_element(&source.personal)?;
            } else {
                values.serialize_element(&value(column, entry))?;
            }
        }
        values.end()
    }
}

fn is_type(column: &DisplayColumn, name: &str) -> bool {
    column.r#type.as_deref() == Some(name)
}

/// The contact's field if it has one, even an empty one; otherwise the column's default.
fn value<'a>(column: &'a DisplayColumn, entry: &'a Entry) -> Field<'a> {
    let field = column.field.as_deref().and_then(|name| entry.get(name));
    field.unwrap_or_else(|| column.default.as_deref().map_or(Field::Null, Field::Text))
}
