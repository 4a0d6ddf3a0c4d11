//! A contact as a source found it: its raw fields, and room for the columns that templates add (dird-backends.md §1.2).

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::index::Table;

/// What a result says of the person behind it. All keys are always shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Relations {
    /// Identity of the remote platform.
    pub xivo_id: Option<String>,
    /// Agent number of the person.
    pub agent_id: Option<i64>,
    /// User number of the person.
    pub user_id: Option<i64>,
    /// User identifier of the person.
    pub user_uuid: Option<String>,
    /// Line number of the person.
    pub endpoint_id: Option<i64>,
    /// The source's own identifier of the contact.
    pub source_entry_id: Option<String>,
}

/// Value of one field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Field<'a> {
    /// The field is there and holds nothing.
    Null,
    /// Text.
    Text(&'a str),
    /// Anything else that a backend answers.
    Json(&'a Value),
}

impl Field<'_> {
    /// Text form of the value; null has none.
    pub fn to_text(self) -> Option<String> {
        match self {
            Self::Null | Self::Json(Value::Null) => None,
            Self::Text(text) => Some(text.to_owned()),
            Self::Json(Value::String(text)) => Some(text.clone()),
            Self::Json(other) => Some(other.to_string()),
        }
    }
}

impl Serialize for Field<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Json(value) => value.serialize(serializer),
        }
    }
}

#[derive(Debug, Clone)]
enum Raw {
    Row { table: Arc<Table>, row: usize },
    Map(Map<String, Value>),
}

/// A contact found by a source.
#[derive(Debug, Clone)]
pub struct Entry {
    raw: Raw,
    formatted: Vec<(Arc<str>, Option<String>)>,
    /// What the result says of the person.
    pub relations: Relations,
}

impl Entry {
    /// The contact in `row` of a table that is held in memory.
    pub fn of_row(table: Arc<Table>, row: usize, unique_column: Option<&str>) -> Self {
        let id = unique_column
            .and_then(|column| table.row(row).get(column))
            .map(str::to_owned);
        Self {
            raw: Raw::Row { table, row },
            formatted: Vec::new(),
            relations: Relations {
                source_entry_id: id,
                ..Relations::default()
            },
        }
    }

    /// A contact with fields of its own.
    pub fn of_map(fields: Map<String, Value>, relations: Relations) -> Self {
        Self {
            raw: Raw::Map(fields),
            formatted: Vec::new(),
            relations,
        }
    }

    /// Value of a field; formatted columns hide raw fields of the same name.
    pub fn get(&self, name: &str) -> Option<Field<'_>> {
        if let Some((_, text)) = self
            .formatted
            .iter()
            .rev()
            .find(|(column, _)| **column == *name)
        {
            return Some(text.as_deref().map_or(Field::Null, Field::Text));
        }
        match &self.raw {
            Raw::Row { table, row } => {
                let field = table.row(*row).field(name)?;
                Some(field.map_or(Field::Null, Field::Text))
            }
            Raw::Map(fields) => fields.get(name).map(|value| match value {
                Value::Null => Field::Null,
                Value::String(text) => Field::Text(text),
                other => Field::Json(other),
            }),
        }
    }

    /// Adds a formatted column.
    pub fn set(&mut self, column: Arc<str>, text: Option<String>) {
        self.formatted.push((column, text));
    }
}
