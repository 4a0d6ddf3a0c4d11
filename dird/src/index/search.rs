//! Which contacts a term finds: the normal forms of the searched columns of all contacts lie in one arena. Triples of letters
//! give candidates that are looked at; a term without three letters in a row scans the arena (a few milliseconds for a million
//! contacts). [`super::term`] has the rule.

use std::sync::Arc;

use memchr::memmem::Finder;

use super::term::{Term, Word, push_pieces};
use super::trigram::Trigrams;
use super::{Table, TooLarge};
use crate::slow_lane::take_turns;

/// Contacts and the text they are found by.
#[derive(Debug)]
pub struct SearchIndex {
    table: Arc<Table>,
    searched: Vec<String>,
    arena: String,
    row_ends: Vec<u32>,
    trigrams: Trigrams,
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
        let text = |row: usize| text_of(&arena, &row_ends, row);
        let trigrams = Trigrams::build(text, table.len()).map_err(|_| TooLarge)?;
        Ok(Self {
            table,
            searched: searched.to_vec(),
            arena,
            row_ends,
            trigrams,
        })
    }

    /// The contacts.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Memory in use, in bytes.
    pub fn bytes(&self) -> usize {
        self.table.bytes()
            + self.arena.capacity()
            + self.row_ends.capacity() * size_of::<u32>()
            + self.trigrams.bytes()
    }

    /// True if a search for `term` looks at few rows only, so that it is done before anybody waits for it.
    pub fn is_quick(&self, term: &str) -> bool {
        if self.row_ends.len() <= FEW {
            return true;
        }
        match Term::new(term) {
            Term::Words(words) => self.pivot(&words).is_some_and(|(_, cost)| cost <= FEW),
            Term::Everything | Term::Literal(_) => false,
        }
    }

    /// Rows in which `term` is found, in the order of the table.
    pub fn search(&self, term: &str) -> Vec<u32> {
        match Term::new(term) {
            Term::Everything => self.rows_where(|row| !self.text(row).is_empty()),
            Term::Literal(text) => self.rows_where(|row| self.holds(row, &text)),
            Term::Words(words) => self.words(&words),
        }
    }

    fn words(&self, words: &[Word]) -> Vec<u32> {
        let (first, mut rows) = match self.pivot(words) {
            Some((word, _)) => (word, self.candidates(word)),
            None => (&words[0], self.scan(&words[0])),
        };
        let mut looked_at = 0;
        rows.retain(|&row| {
            looked_at += 1;
            take_turns(looked_at, TURN);
            let text = self.text(row);
            first.is_in(text)
                && words
                    .iter()
                    .all(|word| std::ptr::eq(word, first) || word.is_in(text))
        });
        rows
    }

    /// The word that the fewest rows have, and how dear it is, among those of which every way has three letters in a row.
    fn pivot<'a>(&self, words: &'a [Word]) -> Option<(&'a Word, usize)> {
        let priced = words.iter().filter_map(|word| {
            let costs = word
                .ways
                .iter()
                .map(|way| self.cheapest(way).map(|(_, cost)| cost));
            let cost: Option<usize> = costs.sum();
            Some((word, cost?))
        });
        priced.min_by_key(|&(_, cost)| cost)
    }

    fn cheapest<'a>(&self, way: &'a [String]) -> Option<(&'a str, usize)> {
        let priced = way.iter();
        let priced =
            priced.filter_map(|needle| Some((needle.as_str(), self.trigrams.cost(needle)?)));
        priced.min_by_key(|&(_, cost)| cost)
    }

    /// Rows that may have the word, by its triples.
    fn candidates(&self, word: &Word) -> Vec<u32> {
        let mut rows = Vec::new();
        for way in &word.ways {
            let needle = self.cheapest(way).map(|(needle, _)| needle);
            rows.extend(
                needle
                    .and_then(|needle| self.trigrams.candidates(needle))
                    .unwrap_or_default(),
            );
        }
        in_order(rows, word.ways.len())
    }

    /// Rows that have one text of each way of the word, by looking at everything.
    fn scan(&self, word: &Word) -> Vec<u32> {
        let mut rows = Vec::new();
        for way in &word.ways {
            let longest = way.iter().max_by_key(|needle| needle.len());
            if let Some(needle) = longest {
                self.scan_for(needle, &mut rows);
            }
        }
        in_order(rows, word.ways.len())
    }

    fn scan_for(&self, needle: &str, rows: &mut Vec<u32>) {
        let finder = Finder::new(needle);
        let mut position = 0;
        let mut row = 0;
        while let Some(found) = finder.find(&self.arena.as_bytes()[position..]) {
            let found = position + found;
            row += self.row_ends[row..].partition_point(|&end| end as usize <= found);
            rows.push(as_row(row));
            take_turns(rows.len(), TURN);
            position = self.row_ends[row] as usize;
        }
    }

    fn rows_where(&self, holds: impl Fn(u32) -> bool) -> Vec<u32> {
        (0..as_row(self.row_ends.len()))
            .inspect(|&row| take_turns(row as usize, TURN))
            .filter(|&row| holds(row))
            .collect()
    }

    /// True if a searched column of the row holds `text` as it is.
    fn holds(&self, row: u32, text: &str) -> bool {
        let row = self.table.row(row as usize);
        let mut values = self.searched.iter().filter_map(|column| row.get(column));
        values.any(|value| value.contains(text))
    }

    fn text(&self, row: u32) -> &str {
        text_of(&self.arena, &self.row_ends, row as usize)
    }
}

/// Rows, or bytes of postings, that are looked at before anybody waits for it.
const FEW: usize = 20_000;

/// Rows that are looked at before others have their turn.
const TURN: usize = 1_024;

fn text_of<'a>(arena: &'a str, row_ends: &[u32], row: usize) -> &'a str {
    let start = row.checked_sub(1).map_or(0, |before| row_ends[before]);
    &arena[start as usize..row_ends[row] as usize]
}

/// Tables have fewer rows than 32 bits count.
fn as_row(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// Rows that came from several lists, each once, in order.
fn in_order(mut rows: Vec<u32>, lists: usize) -> Vec<u32> {
    if lists > 1 {
        rows.sort_unstable();
        rows.dedup();
    }
    rows
}
