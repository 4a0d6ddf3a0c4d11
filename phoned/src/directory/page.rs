//! Order of a result list and how pages are cut from it (phoned.md §9.3, §5.3).

use std::ops::Range;

use serde::Deserialize;

use super::rows::Entry;

/// How names are compared (`lookup.collation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Collation {
    /// Without case and accents; equal ones by code point.
    #[default]
    Unicode,
    /// By code point: capitals before small letters, accents last.
    Codepoint,
}

/// Sorts by name, then number.
pub fn sort(entries: &mut [Entry], collation: Collation) {
    match collation {
        Collation::Codepoint => entries.sort(),
        Collation::Unicode => {
            entries.sort_by_cached_key(|entry| (kit::fold::fold(&entry.name), entry.clone()));
        }
    }
}

/// What a make's phones can take in one page.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PageRules {
    /// Rows of a page when the phone asks for no number of its own; 0 = all.
    pub size: usize,
    /// Most rows of a page; 0 = no bound.
    pub cap: usize,
    /// Rows of a page when all rows were to be sent but are more than `cap`; 0 = as many as `cap`.
    pub overflow: usize,
    /// Whether page links count as rows against `cap`.
    pub cap_counts_links: bool,
    /// Most bytes of a document; 0 = no bound. The page is cut shorter until it fits.
    pub max_bytes: usize,
    /// Whether the document has page links.
    pub links: bool,
    /// Whether the phone asks for the next rows by itself, without links.
    pub by_phone: bool,
}

/// A page cut from a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Which rows.
    pub rows: Range<usize>,
    /// Rows of a page as links say it; `None` when there is only one page.
    pub limit: Option<usize>,
    /// Offset of the page before.
    pub previous: Option<usize>,
    /// Offset of the page after.
    pub next: Option<usize>,
}

impl PageRules {
    /// The same rules for a phone that takes no more than `bytes`.
    #[must_use]
    pub fn within(mut self, bytes: Option<usize>) -> Self {
        let bounds = [Some(self.max_bytes).filter(|&most| most > 0), bytes];
        self.max_bytes = bounds.into_iter().flatten().min().unwrap_or(0);
        self
    }

    /// By how many bytes a document of `length` is too large.
    pub fn excess(&self, length: usize) -> usize {
        match self.max_bytes {
            0 => 0,
            most => length.saturating_sub(most),
        }
    }

    /// Whether what one page leaves out is on another.
    pub fn pages_on(&self) -> bool {
        self.links || self.by_phone
    }

    /// Whether rows behind `cut` are shown on no page though the phone did not ask to leave them out.
    pub fn leaves_out(&self, cut: &Cut, limit: Option<usize>) -> bool {
        let shown = cut.rows.len();
        let asked = limit.is_some_and(|limit| limit > 0 && limit <= shown);
        cut.next.is_some() && !self.pages_on() && !asked
    }

    /// Cuts the page at `offset` of a list of `total` rows. A `limit` of `None` or 0 is the make's own.
    pub fn cut(&self, total: usize, limit: Option<usize>, offset: usize) -> Cut {
        let Some(limit) = self.limit(total, limit) else {
            return Cut {
                rows: offset.min(total)..total,
                limit: None,
                previous: None,
                next: None,
            };
        };
        let previous = previous(total, limit, offset);
        let shown = self.room(total, limit, offset, previous.is_some());
        Cut {
            rows: offset.min(total)..offset.saturating_add(shown).min(total),
            limit: Some(limit),
            previous,
            next: Some(offset.saturating_add(shown)).filter(|&next| next < total),
        }
    }

    fn limit(&self, total: usize, limit: Option<usize>) -> Option<usize> {
        let cap = if self.cap == 0 { usize::MAX } else { self.cap };
        match limit.filter(|&limit| limit > 0).unwrap_or(self.size) {
            0 if total <= cap => None,
            0 if self.overflow > 0 => Some(self.overflow),
            0 => Some(cap),
            limit => Some(limit.min(cap)),
        }
    }

    /// Rows that fit beside the links, where links take the place of rows.
    fn room(&self, total: usize, limit: usize, offset: usize, previous: bool) -> usize {
        if !self.cap_counts_links || self.cap == 0 {
            return limit;
        }
        let beside_previous = limit.min(self.cap.saturating_sub(usize::from(previous)));
        let more = offset.saturating_add(beside_previous) < total;
        let beside_both = self
            .cap
            .saturating_sub(usize::from(previous) + usize::from(more));
        beside_previous.min(beside_both).max(1)
    }
}

/// The page before, or for an offset beyond the end the last page that has rows.
fn previous(total: usize, limit: usize, offset: usize) -> Option<usize> {
    if offset == 0 || total == 0 {
        return None;
    }
    let before = offset.saturating_sub(limit);
    let last = (total - 1) / limit * limit;
    Some(if offset >= total {
        before.min(last)
    } else {
        before
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(name: &str, number: &str) -> Entry {
        Entry::alone(name, number)
    }

    fn names(collation: Collation) -> Vec<String> {
        let mut entries: Vec<Entry> = ["émile", "alice", "Zoe", "Alice", "Emile", "Élodie"]
            .map(|name| entry(name, "1"))
            .into();
        sort(&mut entries, collation);
        entries.into_iter().map(|entry| entry.name).collect()
    }

    #[test]
    fn names_are_ordered_as_people_or_as_code_points() {
        assert_eq!(
            names(Collation::Unicode),
            ["Alice", "alice", "Élodie", "Emile", "émile", "Zoe"]
        );
        assert_eq!(
            names(Collation::Codepoint),
            ["Alice", "Emile", "Zoe", "alice", "Élodie", "émile"]
        );
    }

    #[test]
    fn equal_names_are_ordered_by_number() {
        let mut entries = vec![entry("A", "2"), entry("A", "10")];
        sort(&mut entries, Collation::Unicode);
        assert_eq!(entries[0].number, "10");
    }

    fn rules(size: usize, cap: usize, overflow: usize) -> PageRules {
        PageRules {
            size,
            cap,
            overflow,
            ..PageRules::default()
        }
    }

    fn cut(rows: Range<usize>, limit: usize, previous: Option<usize>, next: Option<usize>) -> Cut {
        Cut {
            rows,
            limit: Some(limit),
            previous,
            next,
        }
    }

    #[test]
    fn pages_link_to_their_neighbours() {
        let rules = rules(32, 32, 0);
        assert_eq!(rules.cut(3, Some(1), 1), cut(1..2, 1, Some(0), Some(2)));
        assert_eq!(rules.cut(40, None, 0), cut(0..32, 32, None, Some(32)));
        assert_eq!(rules.cut(40, Some(0), 32), cut(32..40, 32, Some(0), None));
        assert_eq!(rules.cut(40, Some(1000), 0), cut(0..32, 32, None, Some(32)));
        assert_eq!(rules.cut(3, Some(2), 1), cut(1..3, 2, Some(0), None));
    }

    #[test]
    fn beyond_the_end_previous_is_the_last_page_with_rows() {
        let rules = rules(16, 30, 0);
        assert_eq!(rules.cut(3, Some(1), 7), cut(3..3, 1, Some(2), None));
        assert_eq!(rules.cut(3, Some(2), 9), cut(3..3, 2, Some(2), None));
        assert_eq!(rules.cut(0, Some(2), 9), cut(0..0, 2, None, None));
    }

    #[test]
    fn a_make_without_pages_gets_all_rows_up_to_its_cap() {
        assert_eq!(rules(0, 100, 90).cut(100, None, 0).rows, 0..100);
        assert_eq!(
            rules(0, 100, 90).cut(101, None, 0),
            cut(0..90, 90, None, Some(90))
        );
        assert_eq!(rules(0, 500, 0).cut(510, None, 0).rows, 0..500);
        assert_eq!(rules(0, 0, 0).cut(9999, None, 1).rows, 1..9999);
    }

    #[test]
    fn links_may_take_the_place_of_rows() {
        let rules = PageRules {
            cap_counts_links: true,
            ..rules(16, 30, 0)
        };
        assert_eq!(rules.cut(60, Some(30), 0), cut(0..29, 30, None, Some(29)));
        assert_eq!(
            rules.cut(60, Some(30), 29),
            cut(29..57, 30, Some(0), Some(57))
        );
        assert_eq!(rules.cut(30, Some(30), 0), cut(0..30, 30, None, None));
    }

    proptest! {
        #[test]
        fn following_next_shows_every_row_once(total in 0_usize..300, limit in 0_usize..50, cap in 3_usize..40, links: bool) {
            let rules = PageRules { cap_counts_links: links, ..rules(16, cap, 0) };
            let mut shown = Vec::new();
            let mut offset = Some(0);
            while let Some(at) = offset {
                let page = rules.cut(total, Some(limit), at);
                shown.extend(page.rows.clone());
                prop_assert!(page.next.is_none_or(|next| next > at));
                offset = page.next;
            }
            prop_assert_eq!(shown, (0..total).collect::<Vec<_>>());
        }
    }
}
