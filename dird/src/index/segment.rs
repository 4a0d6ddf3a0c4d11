//! Some contacts of a list, indexed in every way that they are asked for. Immutable once built.

use std::sync::Arc;

use super::{ExactIndex, NumberIndex, SearchIndex, Table, TableBuilder, TooLarge};
use crate::store::Placed;

/// Column that holds a contact's identifier.
pub const ID: &str = "id";

/// What a list's contacts are asked for by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Columns {
    /// Columns that a search looks into.
    pub searched: Vec<String>,
    /// Columns that a reverse lookup compares.
    pub matched: Vec<String>,
    /// Whether fields that hold nothing are left out, as personal sources do.
    pub drop_empty: bool,
}

/// Contacts in the order of their positions.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) search: SearchIndex,
    pub(super) by_id: ExactIndex,
    pub(super) matched: Vec<NumberIndex>,
    pub(super) positions: Vec<i64>,
}

/// Collects contacts, which come in the order of their positions.
#[derive(Debug)]
pub(super) struct SegmentBuilder {
    table: TableBuilder,
    positions: Vec<i64>,
    drop_empty: bool,
}

impl SegmentBuilder {
    pub(super) fn new(columns: &Columns) -> Self {
        Self {
            table: TableBuilder::default(),
            positions: Vec::new(),
            drop_empty: columns.drop_empty,
        }
    }

    pub(super) fn push(&mut self, placed: &Placed) -> Result<(), TooLarge> {
        let fields = placed.contact.fields.iter();
        let fields = fields
            .map(|(name, value)| (name.as_str(), value.as_deref()))
            .filter(|(_, value)| !self.drop_empty || value.is_some_and(|value| !value.is_empty()));
        let id = (ID, Some(placed.contact.uuid.0.as_str()));
        self.table.push(fields.chain([id]))?;
        self.positions.push(placed.position);
        Ok(())
    }

    /// Takes over a contact of another segment.
    pub(super) fn copy(&mut self, from: &Segment, row: usize) -> Result<(), TooLarge> {
        self.table.push(from.table().row(row).fields())?;
        self.positions.push(from.positions[row]);
        Ok(())
    }

    pub(super) fn build(mut self, columns: &Columns) -> Result<Segment, TooLarge> {
        let table = Arc::new(self.table.build());
        let matched = columns.matched.iter();
        let matched = matched
            .map(|column| NumberIndex::build(&table, column))
            .collect();
        self.positions.shrink_to_fit();
        Ok(Segment {
            by_id: ExactIndex::build(&table, ID),
            matched,
            search: SearchIndex::build(table, &columns.searched)?,
            positions: self.positions,
        })
    }
}

impl Segment {
    pub(super) fn table(&self) -> &Arc<Table> {
        self.search.table()
    }

    pub(super) fn len(&self) -> usize {
        self.positions.len()
    }

    /// Memory in use, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let matched: usize = self.matched.iter().map(NumberIndex::bytes).sum();
        self.search.bytes()
            + self.by_id.bytes()
            + matched
            + self.positions.capacity() * size_of::<i64>()
    }
}
