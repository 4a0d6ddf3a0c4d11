//! The lines of a result list as templates get them: one per number, or in `rich` documents one per person with all numbers
//! (phoned-vendors.md §8.5, §9.4, §11.4). Names too long for a field are cut here (§1.3, item 4).

use std::{borrow::Cow, collections::HashMap, ops::Range};

use minijinja::{Value, value::Serde};
use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;

use super::manifest::Download;
use crate::directory::rows::Entry;

/// All lines of a result, before a page is cut.
pub enum Lines<'a> {
    /// One per number.
    Numbers(&'a [Entry]),
    /// One per person.
    People(Vec<Vec<&'a Entry>>),
}

#[derive(Serialize)]
struct NumberLine<'a> {
    name: Cow<'a, str>,
    number: &'a str,
}

#[derive(Serialize)]
struct PersonLine<'a> {
    id: String,
    name: Cow<'a, str>,
    number: &'a str,
    numbers: Vec<Titled<'a>>,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
}

#[derive(Serialize)]
struct Titled<'a> {
    number: &'a str,
    title: &'a str,
}

impl<'a> Lines<'a> {
    /// One line per entry, or per person.
    pub fn of(entries: &'a [Entry], people: bool) -> Self {
        if people {
            Self::People(grouped(entries.iter()))
        } else {
            Self::Numbers(entries)
        }
    }

    /// The people that fit into a file for download: numbers that are too long for it are left out.
    pub fn downloaded(entries: &'a [Entry], download: &Download) -> Self {
        let fits = |entry: &&Entry| entry.number.chars().count() <= download.number;
        Self::People(grouped(entries.iter().filter(fits)))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        match self {
            Self::Numbers(entries) => entries.len(),
            Self::People(people) => people.len(),
        }
    }

    /// Those of `range` for a template, names having at most `longest` characters; also whether one was cut.
    pub fn value(&self, range: Range<usize>, longest: Option<usize>) -> (Value, bool) {
        let mut cut = false;
        let mut name = |entry: &'a Entry, text: &'a str| {
            let name = longest.map_or(Cow::Borrowed(text), |most| {
                shortened(text, entry.plain, most)
            });
            cut |= matches!(name, Cow::Owned(_));
            name
        };
        let value = match self {
            Self::Numbers(entries) => Value::from(Serde(
                entries[range]
                    .iter()
                    .map(|entry| NumberLine {
                        name: name(entry, &entry.name),
                        number: &entry.number,
                    })
                    .collect::<Vec<_>>(),
            )),
            Self::People(people) => Value::from(Serde(
                people[range]
                    .iter()
                    .filter_map(|entries| person(entries, &mut name))
                    .collect::<Vec<_>>(),
            )),
        };
        (value, cut)
    }
}

/// Entries of the same person together, people in the order of their first entry.
fn grouped<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Vec<&'a Entry>> {
    let mut people: Vec<Vec<&Entry>> = Vec::new();
    let mut places = HashMap::new();
    for entry in entries {
        let place = *places.entry(entry.person).or_insert_with(|| {
            people.push(Vec::new());
            people.len() - 1
        });
        people[place].push(entry);
    }
    people
}

fn person<'a>(
    entries: &[&'a Entry],
    name: &mut impl FnMut(&'a Entry, &'a str) -> Cow<'a, str>,
) -> Option<PersonLine<'a>> {
    let first = *entries.first()?;
    let parts = first.parts.as_deref();
    let titled = |entry: &&'a Entry| Titled {
        number: &entry.number,
        title: &entry.title,
    };
    // The entry that has the plain name is the first number of the person, whatever the order of names made of it.
    let mut numbers: Vec<&Entry> = entries.to_vec();
    numbers.sort_by_key(|entry| entry.name.len() != entry.plain);
    Some(PersonLine {
        id: first.person.to_string(),
        name: name(first, first.plain_name()),
        number: &numbers.first()?.number,
        numbers: numbers.iter().map(titled).collect(),
        first_name: parts.map(|parts| parts.0.as_str()),
        last_name: parts.map(|parts| parts.1.as_str()),
    })
}

/// `name` with at most `most` characters as people count them. What follows the first `plain` bytes, ` (mobile)` for instance,
/// is kept and the name in front of it is cut, unless hardly any room were left for the name.
pub fn shortened(name: &str, plain: usize, most: usize) -> Cow<'_, str> {
    let fits = |text: &str, most: usize| text.graphemes(true).nth(most).is_none();
    if name.len() <= most || fits(name, most) {
        return Cow::Borrowed(name);
    }
    let (front, suffix) = name.split_at_checked(plain).unwrap_or((name, ""));
    let taken = suffix.graphemes(true).count();
    let (front, suffix, room) = match most.checked_sub(taken + 1) {
        Some(room) if room >= most / 3 => (front, suffix, room),
        _ => (name, "", most.saturating_sub(1)),
    };
    let kept: String = front.graphemes(true).take(room).collect();
    Cow::Owned(format!("{}.{suffix}", kept.trim_end()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(name: &str, plain: usize, number: &str, person: usize) -> Entry {
        Entry {
            plain,
            person,
            ..Entry::alone(name, number)
        }
    }

    #[test]
    fn the_name_is_cut_and_the_title_behind_it_kept() {
        let name = "Maximiliane Overlong (mobile)";
        assert_eq!(shortened(name, 20, 23), "Maximiliane O. (mobile)");
        assert_eq!(shortened(name, 20, 29), name);
        assert_eq!(shortened("Maximiliane", 11, 5), "Maxi.");
        assert_eq!(shortened("Ada (a very long title)", 3, 8), "Ada (a.");
    }

    #[test]
    fn a_character_of_several_code_points_is_not_split() {
        let family = "👩‍👩‍👧 and e\u{301}lodie";
        assert_eq!(shortened(family, family.len(), 2), "👩‍👩‍👧.");
        assert_eq!(shortened("e\u{301}e\u{301}e\u{301}", 9, 2), "e\u{301}.");
    }

    #[test]
    fn people_keep_all_their_numbers_in_order() {
        let entries = [
            entry("Ada", 3, "9", 7),
            entry("Ada", 3, "1", 2),
            entry("Ada (mobile)", 3, "0", 2),
        ];
        let lines = Lines::of(&entries, true);
        assert_eq!(lines.count(), 2);
        let value = lines.value(0..2, None).0;
        let text = value.to_string();
        let both = "'numbers': [{'number': '1', 'title': ''}, {'number': '0'";
        assert!(text.contains(both), "{text}");
    }

    proptest! {
        #[test]
        fn a_name_is_never_longer_than_its_field(name in "\\PC{0,60}", at in 0_usize..60, most in 2_usize..40) {
            let plain = name.char_indices().nth(at).map_or(name.len(), |(at, _)| at);
            let short = shortened(&name, plain, most);
            prop_assert!(short.graphemes(true).count() <= most, "{short}");
        }
    }
}
