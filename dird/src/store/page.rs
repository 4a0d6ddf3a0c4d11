//! What a list request wants, and what it gets.

use serde::Serialize;

/// Order, bounds and filters of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Column to sort by.
    pub order: &'static str,
    /// Whether the greatest comes first.
    pub descending: bool,
    /// How many at most.
    pub limit: Option<i64>,
    /// How many to leave out first.
    pub offset: i64,
    /// Text to be contained.
    pub search: Option<String>,
    /// Whether tenants below the request's are looked into.
    pub recurse: bool,
    /// Columns and the values they must have.
    pub filters: Vec<(&'static str, String)>,
}

impl Page {
    /// The value that `column` must have, if any.
    pub fn filter(&self, column: &str) -> Option<&str> {
        let found = self.filters.iter().find(|(name, _)| *name == column);
        found.map(|(_, value)| value.as_str())
    }

    /// Whether the smallest names come first.
    pub fn is_by_name(&self) -> bool {
        self.order == "name" && !self.descending
    }

    /// The folded text to be contained.
    pub fn folded_search(&self) -> Option<String> {
        let search = self.search.as_deref()?;
        let folded = kit::fold::fold(search);
        // What folds to nothing is in no folded text; it must not find everything.
        Some(if folded.is_empty() {
            search.trim().to_owned()
        } else {
            folded
        })
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed<T> {
    /// Everything that could be listed.
    pub total: i64,
    /// What is left by filters and search.
    pub filtered: i64,
    /// The page.
    pub items: Vec<T>,
}

impl<T> Listed<T> {
    /// A list of `total` items, none of which is left by filters and search.
    pub(super) fn none_of(total: i64) -> Self {
        Self {
            total,
            filtered: 0,
            items: Vec::new(),
        }
    }

    /// The same page of other items.
    pub fn map<U>(self, shape: impl FnMut(T) -> U) -> Listed<U> {
        let items = self.items.into_iter().map(shape).collect();
        Listed {
            total: self.total,
            filtered: self.filtered,
            items,
        }
    }
}
