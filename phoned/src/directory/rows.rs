//! From dird's rows to the names and numbers a phone shows (phoned.md §9.1, §9.2): tolerant, because one odd row must not hide
//! the others (D14).

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::vendor::xml;

/// One line of a result list. Ordered by name, then number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Entry {
    /// What is shown.
    pub name: String,
    /// What is dialled.
    pub number: String,
    /// How many bytes of `name` are the name alone, without the title of the number behind it.
    pub plain: usize,
    /// Which row of dird's answer it comes from: entries of one person have the same.
    pub person: usize,
    /// Title of the number's column, in small letters.
    pub title: Arc<str>,
    /// First and last name, when the profile has columns for them.
    pub parts: Option<Arc<(String, String)>>,
}

impl Entry {
    /// An entry of its own: a person with one number, or a text that stands in a list.
    pub fn alone(name: impl Into<String>, number: impl Into<String>) -> Self {
        let name = name.into();
        Self {
            plain: name.len(),
            name,
            number: number.into(),
            ..Self::default()
        }
    }

    /// The name alone.
    pub fn plain_name(&self) -> &str {
        self.name.get(..self.plain).unwrap_or(&self.name)
    }
}

/// dird's answer to a lookup, as far as phones need it; anything odd inside is skipped rather than refused.
#[derive(Debug, Deserialize)]
pub struct LookupAnswer {
    /// Titles of the columns.
    pub column_headers: Vec<Value>,
    /// Types of the columns: `name`, `number` and others.
    pub column_types: Vec<Value>,
    /// The people found.
    pub results: Vec<LookupRow>,
}

/// One person of a [`LookupAnswer`].
#[derive(Debug, Deserialize)]
pub struct LookupRow {
    /// Values in the order of the columns.
    #[serde(default)]
    pub column_values: Vec<Value>,
}

/// dird's answer to the question who has a number.
#[derive(Debug, Deserialize)]
pub struct ReverseAnswer {
    /// The name; null when nobody has the number.
    #[serde(default)]
    pub display: Value,
    /// All fields of the contact.
    #[serde(default)]
    pub fields: Value,
}

/// The one entry of `answer`, or none.
pub fn named(answer: &ReverseAnswer, number: &str) -> Vec<Entry> {
    let field = |name: &str| answer.fields.get(name).and_then(text);
    let name = text(&answer.display).map(|name| xml::clean(&name));
    let name = name.filter(|name| !name.trim().is_empty());
    let parts = field("firstname").zip(field("lastname"));
    let entry = |name: String| Entry {
        parts: parts.map(|(first, last)| Arc::new((xml::clean(&first), xml::clean(&last)))),
        ..Entry::alone(name, number)
    };
    name.map(entry).into_iter().collect()
}

/// The entries of `answer` in dird's order; `prefix` replaces the plus of `+33(0)1…` (`numbers.international_prefix`).
pub fn entries(answer: &LookupAnswer, prefix: &str) -> Vec<Entry> {
    let columns = Columns::of(answer);
    let mut entries = Vec::with_capacity(answer.results.len());
    for (person, row) in answer.results.iter().enumerate() {
        columns.read(person, &row.column_values, prefix, &mut entries);
    }
    entries
}

/// Which columns hold what.
struct Columns {
    names: Vec<usize>,
    /// Position and title of each number column.
    numbers: Vec<(usize, Arc<str>)>,
    /// Positions of first and last name.
    parts: Option<(usize, usize)>,
}

impl Columns {
    fn of(answer: &LookupAnswer) -> Self {
        let typed = |wanted: &str| {
            let types = answer.column_types.iter().enumerate();
            types
                .filter(|(_, kind)| kind.as_str() == Some(wanted))
                .map(|(index, _)| index)
                .collect::<Vec<_>>()
        };
        let title = |index: usize| {
            let title = answer
                .column_headers
                .get(index)
                .and_then(Value::as_str)
                .unwrap_or("");
            title.trim().to_lowercase()
        };
        let numbers = typed("number").into_iter();
        let only = |kind: &str| typed(kind).first().copied();
        Self {
            names: name_columns(answer, &typed),
            numbers: numbers.map(|index| (index, title(index).into())).collect(),
            parts: only("firstname").zip(only("lastname")),
        }
    }

    fn read(&self, person: usize, values: &[Value], prefix: &str, entries: &mut Vec<Entry>) {
        let name = self.name(values);
        let parts = self.parts(values);
        let mut suffixed = false;
        for (index, title) in &self.numbers {
            let raw = values
                .get(*index)
                .and_then(text)
                .filter(|raw| !raw.is_empty());
            let Some(raw) = raw else { continue };
            // A number that cleaning leaves empty has still used up the plain name (phoned.md §9.1, item 4).
            let suffix = if std::mem::replace(&mut suffixed, true) && !title.is_empty() {
                format!(" ({title})")
            } else {
                String::new()
            };
            let number = clean_number(&raw, prefix);
            if number.is_empty() {
                continue;
            }
            let (plain, name) = if name.is_empty() {
                (number.len(), number.clone())
            } else {
                (name.len(), format!("{name}{suffix}"))
            };
            entries.push(Entry {
                name,
                number,
                plain,
                person,
                title: Arc::clone(title),
                parts: parts.clone(),
            });
        }
    }

    fn parts(&self, values: &[Value]) -> Option<Arc<(String, String)>> {
        let (first, last) = self.parts?;
        let part = |index: usize| {
            values
                .get(index)
                .and_then(text)
                .map(|part| xml::clean(&part))
        };
        let (first, last) = (
            part(first).unwrap_or_default(),
            part(last).unwrap_or_default(),
        );
        (!first.is_empty() || !last.is_empty()).then(|| Arc::new((first, last)))
    }

    fn name(&self, values: &[Value]) -> String {
        let parts = self
            .names
            .iter()
            .filter_map(|&index| values.get(index).and_then(text));
        let parts: Vec<String> = parts
            .map(|part| xml::clean(&part))
            .filter(|part| !part.trim().is_empty())
            .collect();
        parts.join(" ")
    }
}

/// The first `name` column; without one first and last name; without those the first column that is neither a number nor a
/// switch.
fn name_columns(answer: &LookupAnswer, typed: &impl Fn(&str) -> Vec<usize>) -> Vec<usize> {
    if let Some(&first) = typed("name").first() {
        return vec![first];
    }
    let both: Vec<usize> = ["firstname", "lastname"]
        .iter()
        .filter_map(|kind| typed(kind).first().copied())
        .collect();
    if !both.is_empty() {
        return both;
    }
    let textual = answer.column_types.iter().position(|kind| {
        !matches!(
            kind.as_str(),
            Some("number" | "favorite" | "personal" | "agent" | "callable" | "email")
        )
    });
    textual.into_iter().collect()
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The dialable form of a number (phoned.md §9.2); empty when nothing in it can be dialled.
pub fn clean_number(raw: &str, prefix: &str) -> String {
    let kept: String = raw.chars().filter_map(dialable).collect();
    if let Some((country, rest)) = international(&kept) {
        return format!("{prefix}{country}{rest}");
    }
    kept.replace(['(', ')'], "")
}

/// The character itself or, for the decimal digits of other scripts, the ASCII digit.
fn dialable(character: char) -> Option<char> {
    match character {
        '0'..='9' | '*' | '#' | '+' | '(' | ')' => Some(character),
        _ if character.is_numeric() && !character.is_ascii() => decimal_digit(character),
        _ => None,
    }
}

/// Decimal digits come in runs of ten in order, so the distance to the start of the run is the value.
fn decimal_digit(character: char) -> Option<char> {
    const ZEROS: [u32; 24] = [
        0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6,
        0x0d66, 0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1b50,
        0xa8d0, 0xff10,
    ];
    let code = u32::from(character);
    let zero = ZEROS
        .iter()
        .find(|&&zero| (zero..zero + 10).contains(&code))?;
    char::from_digit(code - zero, 10)
}

/// Splits `+33(0)123` into `33` and `123`.
fn international(number: &str) -> Option<(&str, &str)> {
    let (country, rest) = number.strip_prefix('+')?.split_once('(')?;
    let (trunk, rest) = rest.split_once(')')?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(country) && digits(trunk) && digits(rest)).then_some((country, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(answer: Value) -> Vec<(String, String)> {
        let answer: LookupAnswer = serde_json::from_value(answer).expect("an answer");
        entries(&answer, "00")
            .into_iter()
            .map(|entry| (entry.name, entry.number))
            .collect()
    }

    fn pair(name: &str, number: &str) -> (String, String) {
        (name.to_owned(), number.to_owned())
    }

    #[test]
    fn numbers_are_cleaned_as_the_table_says() {
        for (raw, expected) in [
            ("+33(0)123456789", "0033123456789"),
            ("+33 (0)1 23 45 67 89", "0033123456789"),
            ("(555) 555-5555", "5555555555"),
            ("+1 555", "+1555"),
            ("ext. 12#4*5", "12#4*5"),
            ("00 1", "001"),
            ("abc", ""),
            ("-", ""),
            ("()", ""),
            ("٥٥٥٠١", "55501"),
            ("５５５０２", "55502"),
            ("+()", "+"),
        ] {
            assert_eq!(clean_number(raw, "00"), expected, "{raw}");
        }
        assert_eq!(clean_number("+33(0)1", "011"), "011331");
    }

    #[test]
    fn later_numbers_of_a_person_carry_the_title_of_their_column() {
        let rows = read(json!({
            "column_headers": ["Nom", "Numéro", "Mobile", null],
            "column_types": ["name", "number", "number", "number"],
            "results": [
                {"column_values": ["Test User1", "+33(0)123456789", "5555555555", "7"]},
                {"column_values": ["Test User2", null, "", "1000"]},
                {"column_values": ["Test User3", "n/a", "2000", null]},
                {"column_values": ["Nobody", null, null, null]},
            ],
        }));
        assert_eq!(
            rows,
            [
                pair("Test User1", "0033123456789"),
                pair("Test User1 (mobile)", "5555555555"),
                pair("Test User1", "7"),
                pair("Test User2", "1000"),
                pair("Test User3 (mobile)", "2000"),
            ]
        );
    }

    #[test]
    fn a_row_without_a_name_shows_its_number() {
        let rows = read(json!({
            "column_headers": ["Name", "Number"],
            "column_types": ["name", "number"],
            "results": [{"column_values": [null, "1"]}, {"column_values": ["", 2]}, {"column_values": [3, "4"]}, {}],
        }));
        assert_eq!(rows, [pair("1", "1"), pair("2", "2"), pair("3", "4")]);
    }

    #[test]
    fn without_a_name_column_first_and_last_name_or_any_text_serve() {
        let types = json!(["number", "firstname", "lastname"]);
        let rows = read(json!({
            "column_headers": ["", "", ""], "column_types": types,
            "results": [{"column_values": ["1", "Ada", "Quill"]}, {"column_values": ["2", null, "Marsh"]}],
        }));
        assert_eq!(rows, [pair("Ada Quill", "1"), pair("Marsh", "2")]);
        let rows = read(json!({
            "column_headers": ["", ""], "column_types": ["number", null],
            "results": [{"column_values": ["1", "Shop"]}],
        }));
        assert_eq!(rows, [pair("Shop", "1")]);
    }

    proptest! {
        #[test]
        fn a_clean_number_holds_only_what_can_be_dialled(raw in "\\PC{0,20}") {
            let clean = clean_number(&raw, "00");
            prop_assert!(clean.chars().all(|c| c.is_ascii_digit() || "*#+".contains(c)), "{clean}");
        }
    }
}
