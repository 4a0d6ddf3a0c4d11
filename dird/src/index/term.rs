//! What a search looks for, and what a value is looked for in: the one rule of dird (dird-backends.md §1.9), in one place.
//!
//! A value is held as its *normal* form, folded text without punctuation, and, where that differs, its *collapsed* form, in
//! which two vowels that some write for one ("Mueller", "Soeren", "Aarhus") count as the first. A term is cut at blanks; each
//! of its words must be somewhere in the row, in either form, or be there in parts where something joins them ("Jean-Luc"). A
//! term of which folding leaves nothing is taken literally, never as "everything" (O-48).

use kit::fold::{fold, forms, squeeze};

/// Ends each piece of a row's text; no normal form holds it.
pub(super) const PIECE_END: char = '\n';

/// What joins the parts of a name, and may be written as a blank.
const JOINERS: [char; 6] = ['-', '\'', '.', ',', '/', '&'];

/// Letters that few contacts share.
const TELLING: usize = 3;

/// A term, ready to be looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Term {
    /// Rows that have one of the searched columns.
    Everything,
    /// Rows that hold this very text.
    Literal(String),
    /// Rows in which every word is.
    Words(Vec<Word>),
}

/// One word of a term: the ways in which a row may have it, each a list of texts that must all be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) ways: Vec<Vec<String>>,
}

impl Term {
    /// Reads a term.
    pub(super) fn new(term: &str) -> Self {
        if term.is_empty() {
            return Self::Everything;
        }
        let words: Vec<Word> = fold(term).split(' ').filter_map(Word::new).collect();
        if words.is_empty() || term.contains('\0') {
            return Self::Literal(term.to_owned());
        }
        Self::Words(words)
    }
}

impl Term {
    /// A text that is in a form of some value of every contact that the term finds, if there is one that tells much.
    pub(super) fn needle(&self) -> Option<&str> {
        let Self::Words(words) = self else {
            return None;
        };
        let sole = words.iter().filter_map(|word| match word.ways.as_slice() {
            [way] => way.iter().max_by_key(|text| text.len()),
            _ => None,
        });
        let longest = sole.max_by_key(|text| text.len())?;
        (longest.len() >= TELLING).then_some(longest.as_str())
    }
}

impl Word {
    /// None for a word of punctuation: it says nothing beside others.
    fn new(folded: &str) -> Option<Self> {
        let mut ways: Vec<Vec<String>> = forms(folded).map(|form| vec![form]).collect();
        if ways.is_empty() {
            return None;
        }
        let parts: Vec<String> = folded
            .split(JOINERS)
            .map(squeeze)
            .filter(|part| !part.is_empty())
            .collect();
        if parts.len() > 1 {
            ways.push(parts);
        }
        Some(Self { ways })
    }

    /// True if `text`, the pieces of a row, has the word.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let has = |way: &Vec<String>| way.iter().all(|needle| text.contains(needle.as_str()));
        self.ways.iter().any(has)
    }
}

/// Appends the forms of a value, each ended.
pub(super) fn push_pieces(arena: &mut String, value: &str) {
    let before = arena.len();
    for form in forms(value) {
        arena.push_str(&form);
        arena.push(PIECE_END);
    }
    // A value without letters is there all the same: an empty term finds it.
    if arena.len() == before {
        arena.push(PIECE_END);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_may_be_written_in_several_ways() {
        let Term::Words(words) = Term::new("M\u{fc}eller  Jean-Luc, -") else {
            panic!("these are words");
        };
        let ways = |word: &Word| word.ways.clone();
        assert_eq!(ways(&words[0]), [vec!["mueller"], vec!["muller"]]);
        assert_eq!(ways(&words[1]), [vec!["jeanluc"], vec!["jean", "luc"]]);
        assert_eq!(words.len(), 2);
    }

    #[test]
    fn nothing_and_punctuation_are_no_words() {
        assert_eq!(Term::new(""), Term::Everything);
        for literal in ["%", " ", "\u{2026}", "a\0"] {
            assert_eq!(Term::new(literal), Term::Literal(literal.into()));
        }
    }
}
