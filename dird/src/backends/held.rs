//! What sources over lists of the store have in common: their contacts are in memory.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Entry, SourceError};
use crate::index::{HeldList, ID};
use crate::store::StoreError;

/// Contacts that contain `term`.
pub(super) fn matching(held: &HeldList, term: &str) -> Vec<Entry> {
    let rows = held.search.search(term);
    rows.into_iter().map(|row| entry(held, row)).collect()
}

/// Contacts with these identifiers, in the order of the list.
pub(super) fn with_ids(held: &HeldList, ids: &[String]) -> Vec<Entry> {
    let table = held.search.table();
    let mut rows: Vec<usize> = ids
        .iter()
        .flat_map(|id| held.by_id.find(table, id))
        .collect();
    rows.sort_unstable();
    rows.dedup();
    rows.into_iter().map(|row| entry(held, row)).collect()
}

/// The first contact behind each of `numbers`, by equality.
pub(super) fn numbered(held: &HeldList, numbers: &[String]) -> HashMap<String, Entry> {
    let table = held.search.table();
    let found = numbers.iter().filter_map(|number| {
        let rows = held.matched.iter();
        let first = rows.flat_map(|column| column.find(table, number)).min()?;
        Some((number.clone(), entry(held, first)))
    });
    found.collect()
}

/// Every contact.
pub(super) fn all(held: &HeldList) -> Vec<Entry> {
    let count = held.search.table().len();
    (0..count).map(|row| entry(held, row)).collect()
}

fn entry(held: &HeldList, row: usize) -> Entry {
    Entry::of_row(Arc::clone(held.search.table()), row, Some(ID))
}

impl From<Arc<StoreError>> for SourceError {
    fn from(error: Arc<StoreError>) -> Self {
        Self(error.to_string())
    }
}

impl From<StoreError> for SourceError {
    fn from(error: StoreError) -> Self {
        Self(error.to_string())
    }
}
