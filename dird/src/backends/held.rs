//! What sources over lists of the store have in common: their contacts are in memory, or soon will be.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Entry, Hits, SourceError, scan};
use crate::index::{HeldList, ID, ListKey, Lists, Place, Row};
use crate::slow_lane::Undone;
use crate::store::StoreError;

/// Contacts of a list that contain `term`. A search that looks at much takes the slow lane.
pub(super) async fn matching(
    lists: &Arc<Lists>,
    key: &ListKey,
    term: &str,
) -> Result<Hits, SourceError> {
    let held = lists.finding(key, term).await?;
    let places = if held.is_quick(term) {
        held.search(term)
    } else {
        let (list, term) = (Arc::clone(&held), term.to_owned());
        lists.slow_lane().run(move || list.search(&term)).await?
    };
    Ok(Hits::of_list(held, places))
}

/// Contacts of a list with these identifiers, in its order.
pub(super) async fn with_ids(
    lists: &Arc<Lists>,
    key: &ListKey,
    ids: &[String],
) -> Result<Vec<Entry>, SourceError> {
    let held = lists.identified(key, ids).await?;
    let places = held.with_ids(ids).into_iter();
    Ok(places.map(|place| entry(&held, place)).collect())
}

/// The first contact behind each of `numbers`.
pub(super) async fn numbered(
    lists: &Arc<Lists>,
    key: &ListKey,
    numbers: &[String],
) -> Result<HashMap<String, Entry>, SourceError> {
    let held = lists.numbered(key, numbers).await?;
    let known = numbers.iter().filter_map(|number| {
        let place = held.numbered(number)?;
        Some((number.clone(), entry(&held, place)))
    });
    Ok(known.collect())
}

/// The first contact behind each of `digits` whose number is written with separators.
pub(super) async fn separated(
    lists: &Arc<Lists>,
    key: &ListKey,
    digits: &[String],
) -> Result<HashMap<String, Entry>, SourceError> {
    let held = lists.whole(key).await?;
    let known = digits.iter().filter_map(|digits| {
        let place = held.separated(digits)?;
        Some((digits.clone(), entry(&held, place)))
    });
    Ok(known.collect())
}

/// Contacts of a list of which a searched column is typed with `keys`.
pub(super) async fn typed(
    lists: &Arc<Lists>,
    key: &ListKey,
    keys: &str,
) -> Result<Vec<Entry>, SourceError> {
    let wanted = scan::is_typed(&key.columns.searched, keys);
    scanned(lists, key, usize::MAX, wanted).await
}

/// The first contacts of a list that have each word of `text` in any column.
pub(super) async fn mentioning(
    lists: &Arc<Lists>,
    key: &ListKey,
    text: &str,
) -> Result<Vec<Entry>, SourceError> {
    scanned(lists, key, scan::MENTIONED, scan::mentions(text)).await
}

/// Looks at every contact of a list, on the slow lane.
async fn scanned(
    lists: &Arc<Lists>,
    key: &ListKey,
    most: usize,
    wanted: impl Fn(Row<'_>) -> bool + Send + 'static,
) -> Result<Vec<Entry>, SourceError> {
    let held = lists.whole(key).await?;
    let scan = move || {
        let places = held.all().into_iter().filter(|&place| {
            let (table, row) = held.table(place);
            wanted(table.row(row))
        });
        places.take(most).map(|place| entry(&held, place)).collect()
    };
    Ok(lists.slow_lane().run(scan).await?)
}

/// Every contact of a list.
pub(super) async fn all(lists: &Arc<Lists>, key: &ListKey) -> Result<Hits, SourceError> {
    let held = lists.whole(key).await?;
    let places = held.all();
    Ok(Hits::of_list(held, places))
}

fn entry(held: &HeldList, place: Place) -> Entry {
    let (table, row) = held.table(place);
    Entry::of_row(Arc::clone(table), row, Some(ID))
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

impl From<Undone> for SourceError {
    fn from(error: Undone) -> Self {
        Self(error.to_string())
    }
}
