//! Sorting and cutting lists that are in memory (dird-api-semantics.md §5).

use std::cmp::Reverse;

use crate::store::{Listed, Page};

/// The page of `filtered` items, sorted by the transliterated text of `key`; equal ones keep their order in both directions.
pub fn listed<T>(
    total: usize,
    mut filtered: Vec<T>,
    page: &Page,
    key: impl Fn(&T) -> String,
) -> Listed<T> {
    let text = |item: &T| {
        let text = any_ascii::any_ascii(&key(item));
        // What is empty comes after everything.
        (text.is_empty(), text)
    };
    if page.descending {
        filtered.sort_by_cached_key(|item| Reverse(text(item)));
    } else {
        filtered.sort_by_cached_key(text);
    }
    let count = filtered.len();
    let offset = usize::try_from(page.offset).unwrap_or(usize::MAX);
    let limit = page.limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let items = filtered.into_iter().skip(offset).take(limit).collect();
    Listed {
        total: as_count(total),
        filtered: as_count(count),
        items,
    }
}

fn as_count(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_stably_and_cut() {
        let items = vec!["Éve", "", "Bob", "alice", "Bob"];
        let page = Page {
            limit: Some(3),
            offset: 1,
            ..Page::default()
        };
        let listed = listed(9, items.clone(), &page, |item| (*item).to_owned());
        assert_eq!((listed.total, listed.filtered), (9, 5));
        assert_eq!(listed.items, ["Bob", "Éve", "alice"]);
        let page = Page {
            descending: true,
            ..Page::default()
        };
        assert_eq!(
            super::listed(5, items, &page, |item| (*item).to_owned()).items,
            ["", "alice", "Éve", "Bob", "Bob"]
        );
    }
}
