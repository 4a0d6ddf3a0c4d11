//! What a source found. Contacts that are held in memory are not copied: each becomes an [`Entry`] only while it is looked at,
//! so that an answer takes no more memory than itself.

use std::sync::Arc;

use super::Entry;
use crate::index::{HeldList, ID, Place, Table};

/// Contacts that a source found, in its order.
#[derive(Debug, Clone, Default)]
pub struct Hits(Found);

#[derive(Debug, Clone)]
enum Found {
    Entries(Vec<Entry>),
    Rows {
        table: Arc<Table>,
        rows: Vec<u32>,
        unique_column: Option<String>,
    },
    Places {
        list: Arc<HeldList>,
        places: Vec<Place>,
    },
}

impl Default for Found {
    fn default() -> Self {
        Self::Entries(Vec::new())
    }
}

impl Hits {
    /// Rows of a table, which `unique_column` identifies.
    pub fn of_rows(table: Arc<Table>, rows: Vec<u32>, unique_column: Option<String>) -> Self {
        Self(Found::Rows {
            table,
            rows,
            unique_column,
        })
    }

    /// Contacts of a list.
    pub fn of_list(list: Arc<HeldList>, places: Vec<Place>) -> Self {
        Self(Found::Places { list, places })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Found::Entries(entries) => entries.len(),
            Found::Rows { rows, .. } => rows.len(),
            Found::Places { places, .. } => places.len(),
        }
    }

    /// True if nothing was found.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The contact at `index`, which must be below [`Hits::len`].
    pub fn entry(&self, index: usize) -> Entry {
        match &self.0 {
            Found::Entries(entries) => entries[index].clone(),
            Found::Rows {
                table,
                rows,
                unique_column,
            } => Entry::of_row(
                Arc::clone(table),
                rows[index] as usize,
                unique_column.as_deref(),
            ),
            Found::Places { list, places } => {
                let (table, row) = list.table(places[index]);
                Entry::of_row(Arc::clone(table), row, Some(ID))
            }
        }
    }

    /// The contacts, copied out.
    pub fn entries(&self) -> Vec<Entry> {
        self.iter().collect()
    }

    /// The contacts, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = Entry> {
        (0..self.len()).map(|index| self.entry(index))
    }
}

impl From<Vec<Entry>> for Hits {
    fn from(entries: Vec<Entry>) -> Self {
        Self(Found::Entries(entries))
    }
}
