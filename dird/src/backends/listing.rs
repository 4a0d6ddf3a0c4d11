//! The whole directory behind a source, page by page (dird-api-config.md §5). Only some backends can show it.

use std::cmp::Ordering;

use async_trait::async_trait;
use kit::fold::fold;
use serde_json::{Map, Value};

use super::Asker;
use crate::store::{Listed, Page};

/// A contact as the list shows it.
pub type Contact = Map<String, Value>;

/// What the list of a backend's contacts allows.
#[derive(Debug, Clone, Copy)]
pub struct ListingRules {
    /// Columns it may be sorted by, the first by default.
    pub order: &'static [&'static str],
    /// Columns that may be asked for exactly.
    pub filters: &'static [&'static str],
    /// True if tenants above the source's may ask.
    pub from_above: bool,
    /// True if an unknown order is answered as a missing one is.
    pub unknown_order_is_null: bool,
}

/// Why a directory cannot be listed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ListingError {
    /// The asker has no account there. The name is that of the service as the error spells it.
    #[error("no {0} token")]
    NoToken(&'static str),
    /// The configuration service does not answer: its address, and why.
    #[error("the configuration service does not answer: {1}")]
    Confd(Value, String),
    /// A service elsewhere does not answer: its address, and its status if it has one.
    #[error("{0} does not answer")]
    Endpoint(String, Option<u16>),
}

/// A directory that can be listed.
#[async_trait]
pub trait Listing: Send + Sync {
    /// A page of it.
    async fn contacts(&self, page: &Page, asker: &Asker) -> Result<Listed<Contact>, ListingError>;
}

/// The page of `contacts` that is asked for, sorted by `column` without regard to case and accents; whoever has none comes
/// last, or first when descending (dird-api-semantics.md §5).
pub(super) fn page_of(mut contacts: Vec<Contact>, column: &str, page: &Page) -> Listed<Contact> {
    contacts.sort_by_cached_key(|contact| {
        let key = sort_key(contact.get(column));
        if page.descending {
            Key::Descending(key)
        } else {
            Key::Ascending(key)
        }
    });
    let total = i64::try_from(contacts.len()).unwrap_or(i64::MAX);
    let count = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    let limit = page.limit.map_or(usize::MAX, count);
    let items = contacts
        .into_iter()
        .skip(count(page.offset))
        .take(limit)
        .collect();
    Listed {
        total,
        filtered: total,
        items,
    }
}

/// Emptiness, then text.
type SortKey = (bool, String);

fn sort_key(value: Option<&Value>) -> SortKey {
    let text = match value {
        None | Some(Value::Null | Value::Bool(false)) => String::new(),
        Some(Value::String(text)) => fold(text),
        Some(other) => other.to_string(),
    };
    (text.is_empty(), text)
}

/// Turns the order around while equal elements keep theirs.
#[derive(PartialEq, Eq)]
enum Key {
    Ascending(SortKey),
    Descending(SortKey),
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Descending(one), Self::Descending(other)) => other.cmp(one),
            (
                Self::Ascending(one) | Self::Descending(one),
                Self::Ascending(other) | Self::Descending(other),
            ) => one.cmp(other),
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ids(descending: bool, limit: Option<i64>, offset: i64) -> (i64, Vec<i64>) {
        let names = [
            json!("bob"),
            json!(null),
            json!("\u{c9}tienne"),
            json!("Alice"),
            json!(""),
            json!("BOB"),
        ];
        let contacts = (1..).zip(names).map(|(id, name)| {
            let contact = json!({"id": id, "name": name});
            contact.as_object().unwrap().clone()
        });
        let page = Page {
            descending,
            limit,
            offset,
            ..Page::default()
        };
        let listed = page_of(contacts.collect(), "name", &page);
        let ids = listed
            .items
            .iter()
            .map(|contact| contact["id"].as_i64().unwrap());
        assert_eq!(listed.total, listed.filtered);
        (listed.total, ids.collect())
    }

    #[test]
    fn contacts_are_sorted_like_people_do_and_nameless_ones_come_last() {
        assert_eq!(ids(false, None, 0), (6, vec![4, 1, 6, 3, 2, 5]));
        assert_eq!(ids(true, None, 0), (6, vec![2, 5, 3, 1, 6, 4]));
        assert_eq!(ids(false, Some(2), 1), (6, vec![1, 6]));
        assert_eq!(ids(false, Some(0), 0), (6, vec![]));
        assert_eq!(ids(false, Some(i64::MAX), 9), (6, vec![]));
    }
}
