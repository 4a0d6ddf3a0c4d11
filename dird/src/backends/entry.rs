//! A contact as a source found it: its raw fields, and room for the columns that templates add (dird-backends.md §1.2).

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::index::Table;

/// What a result says of the person behind it. All keys are always shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// What tells a contact from all others that its source finds at the same time.
#[derive(Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The identifier that its source gives it.
    Named(String),
    /// Where it stands: the address of its table, and its row.
    Row(usize, usize),
    /// All that is known of it.
    Fields(Map<String, Value>),
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

    /// What the contact has in common with itself only, among those that its source finds at one time.
    pub fn identity(&self) -> Identity {
        if let Some(id) = &self.relations.source_entry_id {
            return Identity::Named(id.clone());
        }
        match &self.raw {
            Raw::Row { table, row } => Identity::Row(Arc::as_ptr(table).addr(), *row),
            Raw::Map(fields) => Identity::Fields(fields.clone()),
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

    /// Every field with its value, raw ones first; formatted columns take the place of raw fields of the same name.
    pub fn fields(&self) -> Vec<(&str, Field<'_>)> {
        let mut names: Vec<&str> = match &self.raw {
            Raw::Row { table, row } => table.row(*row).fields().map(|(name, _)| name).collect(),
            Raw::Map(fields) => fields.keys().map(String::as_str).collect(),
        };
        names.extend(self.formatted.iter().map(|(column, _)| &**column));
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(*name));
        names
            .into_iter()
            .filter_map(|name| Some((name, self.get(name)?)))
            .collect()
    }

    /// Memory that its own fields take, in bytes, roughly; for one in a table that of the table is beside it.
    pub(super) fn bytes(&self) -> usize {
        let relations = &self.relations;
        let texts = [
            &relations.xivo_id,
            &relations.user_uuid,
            &relations.source_entry_id,
        ];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let raw = match &self.raw {
            Raw::Row { .. } => 0,
            Raw::Map(fields) => members_bytes(fields),
        };
        size_of::<Self>() + texts + raw
    }

    /// The table that it is in, if it is in one.
    pub(super) fn table(&self) -> Option<&Arc<Table>> {
        match &self.raw {
            Raw::Row { table, .. } => Some(table),
            Raw::Map(_) => None,
        }
    }

    /// Adds a formatted column.
    pub fn set(&mut self, column: Arc<str>, text: Option<String>) {
        self.formatted.push((column, text));
    }
}

/// What a map takes beside keys and values, for each member.
const MEMBER: usize = 64;

fn members_bytes(members: &Map<String, Value>) -> usize {
    let member = |(name, value): (&String, &Value)| MEMBER + name.len() + value_bytes(value);
    members.iter().map(member).sum()
}

fn value_bytes(value: &Value) -> usize {
    let below = match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(value_bytes).sum(),
        Value::Object(members) => members_bytes(members),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + below
}
