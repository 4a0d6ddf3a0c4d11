//! The list of contacts that a lookup of numbers answers, and its pages in the manner of Relay (dird-api-graphql.md §4).

use async_graphql::SimpleObject;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::contact::ContactInterface;

const PREFIX: &str = "arrayconnection:";

/// Contacts in the order of the numbers.
#[derive(SimpleObject)]
pub(super) struct ContactConnection {
    /// What is before and after the edges.
    page_info: PageInfo,
    /// One edge a number.
    edges: Vec<Option<ContactEdge>>,
}

/// A number that was asked for.
#[derive(SimpleObject)]
pub(super) struct ContactEdge {
    /// The contact behind the number, if there is one.
    node: Option<ContactInterface>,
    /// Where the edge is.
    cursor: String,
}

/// What is before and after the edges.
#[derive(SimpleObject)]
pub(super) struct PageInfo {
    /// True if `first` left edges out.
    has_next_page: bool,
    /// True if `last` left edges out.
    has_previous_page: bool,
    /// Cursor of the first edge.
    start_cursor: Option<String>,
    /// Cursor of the last edge.
    end_cursor: Option<String>,
}

/// Which edges are wanted.
#[derive(Debug, Default)]
pub(super) struct Slice {
    /// Only those before this cursor.
    pub(super) before: Option<String>,
    /// Only those after this cursor.
    pub(super) after: Option<String>,
    /// Of these, only so many from the start.
    pub(super) first: Option<i32>,
    /// Of these, only so many from the end.
    pub(super) last: Option<i32>,
}

/// The part of a list that a [`Slice`] picks.
#[derive(Debug, PartialEq, Eq)]
struct Range {
    start: usize,
    end: usize,
    more_before: bool,
    more_after: bool,
}

impl Slice {
    fn of(&self, length: usize) -> Result<Range, String> {
        let (first, last) = (count("first", self.first)?, count("last", self.last)?);
        let after = self.after.as_deref().and_then(position);
        let before = self.before.as_deref().and_then(position);
        let lower = after.map_or(0, |after| after.saturating_add(1)).min(length);
        let upper = before
            .map_or(length, |before| before.min(length))
            .max(lower);
        let end = first.map_or(upper, |first| lower.saturating_add(first).min(upper));
        let start = last.map_or(lower, |last| end.saturating_sub(last).max(lower));
        Ok(Range {
            start,
            end,
            more_before: last.is_some() && start > lower,
            more_after: first.is_some() && end < upper,
        })
    }
}

fn count(name: &str, given: Option<i32>) -> Result<Option<usize>, String> {
    let wrong = |_| format!("Argument '{name}' must be a non-negative integer.");
    given.map(usize::try_from).transpose().map_err(wrong)
}

fn cursor(position: usize) -> String {
    STANDARD.encode(format!("{PREFIX}{position}"))
}

/// The place that a cursor names; nonsense names none.
fn position(cursor: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(PREFIX)?.parse().ok()
}

impl ContactConnection {
    /// The edges of `nodes` that `slice` picks.
    pub(super) fn new(nodes: Vec<Option<ContactInterface>>, slice: &Slice) -> Result<Self, String> {
        let range = slice.of(nodes.len())?;
        let picked = nodes.into_iter().enumerate();
        let edges: Vec<_> = picked
            .skip(range.start)
            .take(range.end - range.start)
            .map(|(place, node)| {
                let cursor = cursor(place);
                Some(ContactEdge { node, cursor })
            })
            .collect();
        let some = !edges.is_empty();
        Ok(Self {
            page_info: PageInfo {
                has_next_page: range.more_after,
                has_previous_page: range.more_before,
                start_cursor: some.then(|| cursor(range.start)),
                end_cursor: some.then(|| cursor(range.end - 1)),
            },
            edges,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(slice: &Slice) -> (usize, usize, bool, bool) {
        let range = slice.of(4).unwrap_or_else(|error| panic!("{error}"));
        (range.start, range.end, range.more_before, range.more_after)
    }

    fn slice(after: Option<usize>, before: Option<usize>) -> Slice {
        Slice {
            after: after.map(cursor),
            before: before.map(cursor),
            ..Slice::default()
        }
    }

    #[test]
    fn first_last_before_and_after_pick_as_relay_says() {
        assert_eq!(range(&Slice::default()), (0, 4, false, false));
        let first = |first, slice: Slice| Slice { first, ..slice };
        let last = |last, slice: Slice| Slice { last, ..slice };
        assert_eq!(
            range(&first(Some(1), Slice::default())),
            (0, 1, false, true)
        );
        assert_eq!(
            range(&first(Some(9), Slice::default())),
            (0, 4, false, false)
        );
        assert_eq!(range(&last(Some(1), Slice::default())), (3, 4, true, false));
        assert_eq!(range(&slice(Some(0), None)), (1, 4, false, false));
        assert_eq!(range(&slice(None, Some(2))), (0, 2, false, false));
        assert_eq!(
            range(&first(Some(1), slice(Some(0), Some(3)))),
            (1, 2, false, true)
        );
        assert_eq!(
            range(&last(Some(1), slice(Some(0), Some(3)))),
            (2, 3, true, false)
        );
        assert_eq!(range(&slice(Some(9), Some(1))), (4, 4, false, false));
        assert_eq!(range(&slice(Some(usize::MAX), None)), (4, 4, false, false));
        assert!(first(Some(-1), Slice::default()).of(4).is_err());
    }

    #[test]
    fn cursors_are_those_of_other_servers_and_nonsense_names_no_place() {
        assert_eq!(cursor(0), "YXJyYXljb25uZWN0aW9uOjA=");
        assert_eq!(position("YXJyYXljb25uZWN0aW9uOjI="), Some(2));
        assert_eq!(position("nonsense"), None);
    }
}
