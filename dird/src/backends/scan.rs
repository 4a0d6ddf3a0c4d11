//! Looking at every contact that is in memory, for questions that no index answers. It takes its time and goes by the
//! slow lane.

use std::sync::Arc;

use kit::fold::fold;

use super::{Entry, SourceError, keypad};
use crate::index::{Row, Table};
use crate::slow_lane::SlowLane;

/// Contacts that [`mentioning`] shows at most.
pub(super) const MENTIONED: usize = 20;

/// True of contacts of which a column of `searched` is typed with `keys`.
pub(super) fn is_typed(
    searched: &[String],
    keys: &str,
) -> impl Fn(Row<'_>) -> bool + Send + 'static {
    let (searched, keys) = (searched.to_vec(), keys.to_owned());
    move |row| {
        let mut texts = searched.iter().filter_map(|column| row.get(column));
        texts.any(|text| keypad::types(text, &keys))
    }
}

/// True of contacts that have each word of `text` in any column.
pub(super) fn mentions(text: &str) -> impl Fn(Row<'_>) -> bool + Send + 'static {
    let wanted = fold(text);
    move |row| {
        let texts: Vec<String> = row
            .fields()
            .filter_map(|(_, text)| text.map(fold))
            .collect();
        let mut words = wanted.split_whitespace();
        words.all(|word| texts.iter().any(|text| text.contains(word)))
    }
}

/// Contacts of a table of which a column of `searched` is typed with `keys`.
pub(super) async fn typed(
    table: &Arc<Table>,
    searched: &[String],
    keys: &str,
    unique: Option<&str>,
    lane: &SlowLane,
) -> Result<Vec<Entry>, SourceError> {
    scan(table, unique, usize::MAX, is_typed(searched, keys), lane).await
}

/// The first contacts of a table that have each word of `text` in any column.
pub(super) async fn mentioning(
    table: &Arc<Table>,
    text: &str,
    unique: Option<&str>,
    lane: &SlowLane,
) -> Result<Vec<Entry>, SourceError> {
    scan(table, unique, MENTIONED, mentions(text), lane).await
}

async fn scan(
    table: &Arc<Table>,
    unique: Option<&str>,
    most: usize,
    wanted: impl Fn(Row<'_>) -> bool + Send + 'static,
    lane: &SlowLane,
) -> Result<Vec<Entry>, SourceError> {
    let (table, unique) = (Arc::clone(table), unique.map(str::to_owned));
    let scanned = lane.run(move || {
        let rows = (0..table.len())
            .filter(|row| wanted(table.row(*row)))
            .take(most);
        rows.map(|row| Entry::of_row(Arc::clone(&table), row, unique.as_deref()))
            .collect()
    });
    Ok(scanned.await?)
}
