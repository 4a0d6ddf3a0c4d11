//! Which contacts contain a term: the folded text of the searched columns of all contacts lies in one arena, which is scanned
//! for the folded term (a few milliseconds for a million contacts). The rule: the fold of the term is part of the
//! fold of a value, or is so once punctuation is left out of both. An empty term is found in any value; a term of punctuation
//! or blanks alone is taken literally (O-48).

use std::sync::Arc;

use kit::fold::{fold, squeeze};
use memchr::memmem::Finder;

use super::{Table, TooLarge};

/// Ends each piece of folded text; folding never yields it.
const PIECE_END: char = '\n';

/// Contacts and the folded text they are found by.
#[derive(Debug)]
pub struct SearchIndex {
    table: Arc<Table>,
    searched: Vec<String>,
    arena: String,
    row_ends: Vec<u32>,
}

/// What a term is looked for as: its fold, and the fold without punctuation where that differs.
struct Needles {
    folded: String,
    squeezed: Option<String>,
}

impl Needles {
    fn new(term: &str) -> Self {
        let folded = fold(term);
        let squeezed = squeeze(&folded);
        let differs = !squeezed.is_empty() && squeezed != folded;
        Self {
            squeezed: differs.then_some(squeezed),
            folded,
        }
    }
}

impl SearchIndex {
    /// Indexes the `searched` columns of `table`.
    pub fn build(table: Arc<Table>, searched: &[String]) -> Result<Self, TooLarge> {
        let mut arena = String::new();
        let mut row_ends = Vec::with_capacity(table.len());
        for index in 0..table.len() {
            let row = table.row(index);
            for value in searched.iter().filter_map(|column| row.get(column)) {
                push_pieces(&mut arena, value);
            }
            row_ends.push(u32::try_from(arena.len()).map_err(|_| TooLarge)?);
        }
        arena.shrink_to_fit();
        Ok(Self {
            table,
            searched: searched.to_vec(),
            arena,
            row_ends,
        })
    }

    /// The contacts.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Memory in use, in bytes.
    pub fn bytes(&self) -> usize {
        self.table.bytes() + self.arena.capacity() + self.row_ends.capacity() * size_of::<u32>()
    }

    /// Rows that contain `term` in a searched column, in the order of the table. An empty term is in every row that has one of
    /// the columns.
    pub fn search(&self, term: &str) -> Vec<usize> {
        if term.is_empty() {
            return self.rows_with_text();
        }
        let needles = Needles::new(term);
        if needles.folded.is_empty() || term.contains('\0') {
            return self.literal(term);
        }
        let mut rows = self.scan(&needles.folded);
        if let Some(squeezed) = needles.squeezed {
            rows.extend(self.scan(&squeezed));
            rows.sort_unstable();
            rows.dedup();
        }
        rows
    }

    /// Rows that hold a text of which folding leaves nothing, such as "…", as it is.
    fn literal(&self, term: &str) -> Vec<usize> {
        let holds = |&row: &usize| {
            let row = self.table.row(row);
            let mut values = self.searched.iter().filter_map(|column| row.get(column));
            values.any(|value| value.contains(term))
        };
        (0..self.table.len()).filter(holds).collect()
    }

    fn rows_with_text(&self) -> Vec<usize> {
        let start = |row: usize| row.checked_sub(1).map_or(0, |before| self.row_ends[before]);
        (0..self.row_ends.len())
            .filter(|&row| start(row) < self.row_ends[row])
            .collect()
    }

    fn scan(&self, needle: &str) -> Vec<usize> {
        let finder = Finder::new(needle);
        let mut rows = Vec::new();
        let mut position = 0;
        while let Some(found) = finder.find(&self.arena.as_bytes()[position..]) {
            let found = position + found;
            let row = self.row_ends.partition_point(|&end| end as usize <= found);
            rows.push(row);
            position = self.row_ends[row] as usize;
        }
        rows
    }
}

fn push_pieces(arena: &mut String, value: &str) {
    let folded = fold(value);
    let squeezed = squeeze(&folded);
    arena.push_str(&folded);
    arena.push(PIECE_END);
    if squeezed != folded {
        arena.push_str(&squeezed);
        arena.push(PIECE_END);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::TableBuilder;

    /// The rule at the head of this module, for one value and without an index.
    fn matches(term: &str, value: &str) -> bool {
        if !term.is_empty() && fold(term).is_empty() {
            return value.contains(term);
        }
        let (term, value) = (fold(term), fold(value));
        let (bare_term, bare_value) = (squeeze(&term), squeeze(&value));
        value.contains(&term)
            || !term.is_empty() && bare_value.contains(&term)
            || !bare_term.is_empty()
                && (bare_value.contains(&bare_term) || value.contains(&bare_term))
    }

    fn index(rows: &[Vec<(&str, &str)>]) -> SearchIndex {
        let mut builder = TableBuilder::default();
        for row in rows {
            let fields = row.iter().map(|&(name, value)| (name, Some(value)));
            builder.push(fields).unwrap();
        }
        let searched = ["name".to_owned(), "number".to_owned()];
        SearchIndex::build(Arc::new(builder.build()), &searched).unwrap()
    }

    #[test]
    fn accents_case_and_punctuation_do_not_matter() {
        let index = index(&[
            vec![("name", "Élodie Çelik"), ("number", "+33 (0)1 23-45")],
            vec![("name", "Sinéad O'Brien"), ("note", "celik")],
            vec![("name", "100 %")],
            vec![("note", "no searched column")],
        ]);
        for (term, expected) in [
            ("celik", vec![0]),
            ("ÉLODIE C", vec![0]),
            ("012345", vec![0]),
            ("3301", vec![0]),
            ("obrien", vec![1]),
            ("o\u{2019}brien", vec![1]),
            ("%", vec![2]),
            ("", vec![0, 1, 2]),
            ("nobody", vec![]),
            ("a\0", vec![]),
            (" ", vec![0, 1, 2]),
            ("\u{2026}", vec![]),
            ("celik\nsinead", vec![]),
        ] {
            assert_eq!(index.search(term), expected, "{term:?}");
        }
    }

    proptest! {
        #[test]
        fn the_index_answers_as_the_rule_does(
            rows in prop::collection::vec(
                prop::collection::vec(("name|number|note", "[aàAßo' %1+-]{0,5}"), 0..3), 0..8),
            term in "[aàAßo' %1+-]{0,3}",
        ) {
            let rows: Vec<Vec<(&str, &str)>> = rows
                .iter()
                .map(|row| row.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
                .collect();
            let index = index(&rows);
            let expected: Vec<usize> = (0..rows.len())
                .filter(|&row| {
                    let row = index.table().row(row);
                    ["name", "number"].iter().filter_map(|name| row.get(name))
                        .any(|value| matches(&term, value))
                })
                .collect();
            prop_assert_eq!(index.search(&term), expected);
        }
    }
}
