//! A list's contacts in memory: a large segment as it was read, a small one with what has changed since, and the rows of the
//! large one that no longer hold (design.md §3). Every change makes a new value, so whoever searches has one state of the list.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::segment::{Columns, ID, Segment, SegmentBuilder};
use super::{Table, TooLarge};
use crate::store::model::ContactId;
use crate::store::{Placed, Standing};

/// Changed contacts beyond which the list is better read anew.
const LARGEST_TAIL: usize = 4_096;

/// Contacts of a list, ready to be asked for.
#[derive(Debug)]
pub struct HeldList {
    pub(super) standing: Standing,
    /// The generation of contents at which the list was last known to be the newest.
    checked: AtomicU64,
    base: Arc<Segment>,
    tail: Arc<Segment>,
    gone: HashSet<u32>,
}

/// Where a contact of a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    in_tail: bool,
    row: u32,
}

impl HeldList {
    /// The list as it was read.
    pub(super) fn new(
        standing: Standing,
        generation: u64,
        base: Segment,
        columns: &Columns,
    ) -> Result<Self, TooLarge> {
        Ok(Self {
            standing,
            checked: AtomicU64::new(generation),
            base: Arc::new(base),
            tail: Arc::new(SegmentBuilder::new(columns).build(columns)?),
            gone: HashSet::new(),
        })
    }

    /// True if the list was the newest at this generation of contents, or at a later one.
    pub(super) fn is_checked_since(&self, generation: u64) -> bool {
        self.checked.load(Ordering::Acquire) >= generation
    }

    /// Notes that it was.
    pub(super) fn check(&self, generation: u64) {
        self.checked.fetch_max(generation, Ordering::AcqRel);
    }

    /// The list after changes; none when they are so many that it is better read anew.
    pub(super) fn after(
        &self,
        (standing, generation): (Standing, u64),
        mut written: Vec<Placed>,
        removed: &[ContactId],
        columns: &Columns,
    ) -> Result<Option<Self>, TooLarge> {
        let ids: HashSet<&str> = written
            .iter()
            .map(|placed| placed.contact.uuid.0.as_str())
            .chain(removed.iter().map(|id| id.0.as_str()))
            .collect();
        let mut gone = self.gone.clone();
        for id in &ids {
            let rows = self.base.by_id.find(self.base.table(), id);
            gone.extend(rows.filter_map(|row| u32::try_from(row).ok()));
        }
        let kept = (0..self.tail.len()).filter(|&row| {
            let id = self.tail.table().row(row).get(ID);
            id.is_none_or(|id| !ids.contains(id))
        });
        let kept: Vec<usize> = kept.collect();
        if kept.len() + written.len() > LARGEST_TAIL || gone.len() > LARGEST_TAIL {
            return Ok(None);
        }
        written.sort_by_key(|placed| placed.position);
        let tail = self.merged_tail(&kept, &written, columns)?;
        Ok(Some(Self {
            standing,
            checked: AtomicU64::new(generation),
            base: Arc::clone(&self.base),
            tail: Arc::new(tail),
            gone,
        }))
    }

    fn merged_tail(
        &self,
        kept: &[usize],
        written: &[Placed],
        columns: &Columns,
    ) -> Result<Segment, TooLarge> {
        let mut builder = SegmentBuilder::new(columns);
        let mut written = written.iter().peekable();
        for &row in kept {
            let position = self.tail.positions[row];
            while let Some(placed) = written.next_if(|placed| placed.position < position) {
                builder.push(placed)?;
            }
            builder.copy(&self.tail, row)?;
        }
        for placed in written {
            builder.push(placed)?;
        }
        builder.build(columns)
    }

    /// Contacts in the large segment or the small one; `id` names the field that identifies a contact.
    pub fn table(&self, place: Place) -> (&Arc<Table>, usize) {
        let segment = if place.in_tail {
            &self.tail
        } else {
            &self.base
        };
        (segment.table(), place.row as usize)
    }

    /// True if a search for `term` is done before anybody waits for it.
    pub fn is_quick(&self, term: &str) -> bool {
        self.base.search.is_quick(term)
    }

    /// Contacts that `term` finds, by position.
    pub fn search(&self, term: &str) -> Vec<Place> {
        let base = self.base.search.search(term).into_iter();
        self.in_order(base, self.tail.search.search(term))
    }

    /// Contacts with one of these identifiers, by position.
    pub fn with_ids(&self, ids: &[String]) -> Vec<Place> {
        let rows = |segment: &Segment| {
            let found = ids
                .iter()
                .flat_map(|id| segment.by_id.find(segment.table(), id));
            sorted(found)
        };
        self.in_order(rows(&self.base).into_iter(), rows(&self.tail))
    }

    /// The first contact of which a matched column is `number`: exactly, else but for the case of letters.
    pub fn numbered(&self, number: &str) -> Option<Place> {
        let rows = |segment: &Segment, exact: bool| {
            let columns = segment.matched.iter();
            sorted(columns.flat_map(|column| column.find(segment.table(), number, exact)))
        };
        let first = |exact| {
            let places =
                self.in_order(rows(&self.base, exact).into_iter(), rows(&self.tail, exact));
            places.into_iter().next()
        };
        first(true).or_else(|| first(false))
    }

    /// The first contact of which a matched column is written with separators and is `digits` without them.
    pub fn separated(&self, digits: &str) -> Option<Place> {
        let rows = |segment: &Segment| {
            let columns = segment.matched.iter();
            sorted(columns.flat_map(|column| column.find_separated(segment.table(), digits)))
        };
        let places = self.in_order(rows(&self.base).into_iter(), rows(&self.tail));
        places.into_iter().next()
    }

    /// Every contact, by position.
    pub fn all(&self) -> Vec<Place> {
        let every = |segment: &Segment| sorted(0..segment.len());
        self.in_order(every(&self.base).into_iter(), every(&self.tail))
    }

    /// Rows of both segments as one list, without those that no longer hold.
    fn in_order(&self, base: impl Iterator<Item = u32>, tail: Vec<u32>) -> Vec<Place> {
        let mut tail = tail.into_iter().peekable();
        let mut places = Vec::with_capacity(base.size_hint().0 + tail.len());
        let placed = |in_tail, row| Place { in_tail, row };
        for row in base.filter(|row| !self.gone.contains(row)) {
            let position = self.base.positions[row as usize];
            while let Some(earlier) =
                tail.next_if(|&row| self.tail.positions[row as usize] < position)
            {
                places.push(placed(true, earlier));
            }
            places.push(placed(false, row));
        }
        places.extend(tail.map(|row| placed(true, row)));
        places
    }

    /// Memory in use, in bytes.
    pub fn bytes(&self) -> usize {
        self.base.bytes() + self.tail.bytes() + self.gone.capacity() * size_of::<u32>()
    }
}

fn sorted(rows: impl Iterator<Item = usize>) -> Vec<u32> {
    let mut rows: Vec<u32> = rows.filter_map(|row| u32::try_from(row).ok()).collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::store::model::Contact;

    fn columns() -> Columns {
        Columns {
            searched: vec!["name".into()],
            matched: vec!["number".into()],
            drop_empty: false,
        }
    }

    fn placed(position: i64, id: &str, name: &str) -> Placed {
        let fields = [("name", name), ("number", name)]
            .map(|(field, value)| (field.to_owned(), Some(value.to_owned())));
        Placed {
            position,
            contact: Contact {
                uuid: ContactId(id.to_owned()),
                fields: fields.into_iter().collect(),
            },
        }
    }

    fn held(contacts: &[Placed]) -> HeldList {
        let mut builder = SegmentBuilder::new(&columns());
        for contact in contacts {
            builder.push(contact).unwrap();
        }
        let standing = Standing {
            version: 0,
            sequence: 0,
        };
        let base = builder.build(&columns()).unwrap();
        HeldList::new(standing, 0, base, &columns()).unwrap()
    }

    fn ids(list: &HeldList, places: &[Place]) -> Vec<String> {
        let id = |&place: &Place| {
            let (table, row) = list.table(place);
            table.row(row).get(ID).unwrap().to_owned()
        };
        places.iter().map(id).collect()
    }

    #[derive(Debug, Clone)]
    enum Change {
        Write(u8, String),
        Remove(u8),
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            3 => (0_u8..12, "[ab]{1,4}").prop_map(|(id, name)| Change::Write(id, name)),
            1 => (0_u8..12).prop_map(Change::Remove),
        ]
    }

    proptest! {
        #[test]
        fn a_list_that_followed_every_change_is_the_list_read_anew(
            start in prop::collection::btree_map(0_u8..12, "[ab]{1,4}", 0..8),
            steps in prop::collection::vec(prop::collection::vec(change(), 1..4), 0..6),
            term in "[abz]{0,4}",
        ) {
            let mut model: BTreeMap<i64, (String, String)> = BTreeMap::new();
            for (position, (id, name)) in (0..).zip(&start) {
                model.insert(position, (id.to_string(), name.clone()));
            }
            let contacts = |model: &BTreeMap<i64, (String, String)>| -> Vec<Placed> {
                model.iter().map(|(&position, (id, name))| placed(position, id, name)).collect()
            };
            let mut list = held(&contacts(&model));
            let mut next = 100;
            for step in steps {
                let (mut written, mut removed) = (BTreeMap::new(), Vec::new());
                for change in step {
                    let (Change::Write(id, _) | Change::Remove(id)) = &change;
                    let id = id.to_string();
                    let at = model.iter().find(|(_, (known, _))| *known == id).map(|(&at, _)| at);
                    written.remove(&id);
                    if let Change::Write(_, name) = change {
                        let position = at.unwrap_or_else(|| { next += 1; next });
                        model.insert(position, (id.clone(), name.clone()));
                        removed.retain(|known: &ContactId| known.0 != id);
                        written.insert(id.clone(), placed(position, &id, &name));
                    } else if let Some(at) = at {
                        model.remove(&at);
                        removed.push(ContactId(id));
                    }
                }
                let written = written.into_values().collect();
                list = list.after((list.standing, 0), written, &removed, &columns()).unwrap().unwrap();
            }
            let fresh = held(&contacts(&model));
            let same = |one: Vec<Place>, other: Vec<Place>| (ids(&list, &one), ids(&fresh, &other));
            for (one, other) in [
                same(list.search(&term), fresh.search(&term)),
                same(list.all(), fresh.all()),
                same(list.with_ids(&["3".into(), "9".into()]), fresh.with_ids(&["3".into(), "9".into()])),
                same(list.numbered(&term).into_iter().collect(), fresh.numbered(&term).into_iter().collect()),
            ] {
                prop_assert_eq!(one, other);
            }
        }
    }

    #[test]
    fn numbers_are_compared_exactly_before_the_case_of_letters_is_ignored() {
        let list = held(&[placed(1, "a", "X1"), placed(2, "b", "x1")]);
        let found = |number| {
            ids(
                &list,
                &list.numbered(number).into_iter().collect::<Vec<_>>(),
            )
        };
        assert_eq!(found("x1"), ["b"]);
        assert_eq!(found("X1"), ["a"]);
        assert!(held(&[placed(1, "a", "X1")]).numbered("x1").is_some());
        assert!(found("1").is_empty());
    }
}
