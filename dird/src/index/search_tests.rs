//! The index against a model of the rule that shares no code with it, and against names that people write in many ways.

use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::names::{ALIKE, APART};
use super::{SearchIndex, TableBuilder};

fn index(rows: &[Vec<(&str, &str)>]) -> SearchIndex {
    let mut builder = TableBuilder::default();
    for row in rows {
        let fields = row.iter().map(|&(name, value)| (name, Some(value)));
        builder.push(fields).unwrap();
    }
    let searched = ["name".to_owned(), "number".to_owned()];
    SearchIndex::build(Arc::new(builder.build()), &searched).unwrap()
}

fn finds(term: &str, value: &str) -> bool {
    index(&[vec![("name", value)]]).search(term) == [0]
}

/// Letters and digits of a text without case and accents, as far as the alphabet of the properties needs it.
fn bare(text: &str) -> String {
    let decomposed = text.nfd().flat_map(char::to_lowercase);
    let plain = decomposed.flat_map(|character| match character {
        '\u{df}' => vec!['s', 's'],
        '\u{f8}' => vec!['o'],
        other if other.is_ascii() => vec![other],
        _ => vec![],
    });
    plain.collect()
}

fn without_punctuation(text: &str) -> String {
    let kept: String = text
        .chars()
        .map(|character| {
            if character.is_ascii_whitespace() {
                ' '
            } else {
                character
            }
        })
        .filter(|character| character.is_ascii_alphanumeric() || *character == ' ')
        .collect();
    let numeric = !kept
        .chars()
        .any(|character| character.is_ascii_alphabetic());
    let words: Vec<&str> = kept.split_whitespace().collect();
    words.join(if numeric { "" } else { " " })
}

fn one_vowel(text: &str) -> String {
    let mut characters = text.chars().peekable();
    let mut collapsed = String::new();
    while let Some(character) = characters.next() {
        collapsed.push(character);
        let next = characters.peek().copied();
        let doubled = matches!(
            (character, next),
            ('a' | 'o' | 'u', Some('e')) | ('a', Some('a'))
        );
        if doubled {
            characters.next();
        }
    }
    collapsed
}

/// The rule, for one contact.
fn matches(term: &str, values: &[&str]) -> bool {
    if term.is_empty() {
        return !values.is_empty();
    }
    let words: Vec<String> = bare(term).split_whitespace().map(str::to_owned).collect();
    let told: Vec<&String> = words
        .iter()
        .filter(|word| !without_punctuation(word).is_empty())
        .collect();
    if told.is_empty() {
        return values.iter().any(|value| value.contains(term));
    }
    let mut texts: HashSet<String> = HashSet::new();
    for value in values {
        let text = without_punctuation(&bare(value));
        texts.insert(one_vowel(&text));
        texts.insert(text);
    }
    let somewhere = |part: &str| texts.iter().any(|text| text.contains(part));
    told.iter().all(|word| {
        let whole = without_punctuation(word);
        let parts = word
            .split(['-', '\'', '.', ',', '/', '&'])
            .map(without_punctuation);
        let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
        somewhere(&whole)
            || somewhere(&one_vowel(&whole))
            || parts.len() > 1 && parts.iter().all(|part| somewhere(part))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_index_answers_as_the_rule_does(
        rows in prop::collection::vec(
            prop::collection::vec(("name|number|note", "[aáAßøeub' %1+-]{0,9}"), 0..3), 0..40),
        term in "[aáAßøeub' %1+-]{0,6}",
    ) {
        let rows: Vec<Vec<(&str, &str)>> = rows
            .iter()
            .map(|row| row.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())
            .collect();
        let index = index(&rows);
        let expected: Vec<u32> = (0..)
            .zip(0..rows.len())
            .filter(|&(_, row)| {
                let row = index.table().row(row);
                let values: Vec<&str> = ["name", "number"].iter().filter_map(|name| row.get(name)).collect();
                matches(&term, &values)
            })
            .map(|(row, _)| row)
            .collect();
        prop_assert_eq!(index.search(&term), expected);
    }

    #[test]
    fn what_the_contract_finds_is_found(before in "\\PC{0,8}", part in "\\PC{1,8}", after in "\\PC{0,8}") {
        let value = format!("{before}{part}{after}");
        prop_assert!(finds(&part, &value), "{:?} in {:?}", part, value);
    }
}

#[test]
fn names_are_found_however_they_are_written() {
    let pairs = ALIKE
        .iter()
        .flat_map(|(name, terms)| terms.iter().map(move |term| (term, name)));
    let missed: Vec<_> = pairs.filter(|(term, name)| !finds(term, name)).collect();
    assert!(missed.is_empty(), "{missed:?}");
    let pairs: usize = ALIKE.iter().map(|(_, terms)| terms.len()).sum();
    assert!(pairs >= 200, "{pairs} pairs");
}

#[test]
fn other_names_are_not_found() {
    let pairs = APART
        .iter()
        .flat_map(|(name, terms)| terms.iter().map(move |term| (term, name)));
    let wrong: Vec<_> = pairs.filter(|(term, name)| finds(term, name)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let pairs: usize = APART.iter().map(|(_, terms)| terms.len()).sum();
    assert!(pairs >= 200, "{pairs} pairs");
}

#[test]
fn words_may_be_in_any_order_and_column() {
    let index = index(&[
        vec![
            ("name", "\u{c9}lodie \u{c7}elik"),
            ("number", "+33 1"),
            ("note", "secret"),
        ],
        vec![("name", "Sin\u{e9}ad"), ("number", "20 33")],
        vec![("note", "no searched column")],
    ]);
    for (term, expected) in [
        ("celik elodie", vec![0]),
        ("33 celik", vec![0]),
        ("33", vec![0, 1]),
        ("", vec![0, 1]),
        ("secret", vec![]),
        ("celik sinead", vec![]),
        ("celik\nsinead", vec![]),
    ] {
        assert_eq!(index.search(term), expected, "{term:?}");
    }
}
