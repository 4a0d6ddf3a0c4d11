//! Which contacts of a remote service a source keeps (dird-backends.md §1.9): the services search by rules of their own, and a
//! source only answers what its own columns hold. Lists match by any of their elements.

use std::collections::{HashMap, HashSet};

use kit::fold::{fold, squeeze};
use serde_json::Value;

use super::{Entry, Field};

/// A term, folded once.
pub(super) struct Term {
    folded: String,
    squeezed: String,
    literal: String,
}

impl Term {
    /// Prepares `term`.
    pub(super) fn new(term: &str) -> Self {
        let folded = fold(term);
        Self {
            squeezed: squeeze(&folded),
            folded,
            literal: term.trim().to_owned(),
        }
    }

    /// True if one of `columns` holds the term; an empty term is in every column that holds anything.
    pub(super) fn is_in(&self, entry: &Entry, columns: &[String]) -> bool {
        let mut values = columns.iter().filter_map(|column| entry.get(column));
        values.any(|value| field_texts(value).iter().any(|text| self.is_in_text(text)))
    }

    fn is_in_text(&self, text: &str) -> bool {
        if self.folded.is_empty() {
            return text.contains(&self.literal);
        }
        let value = fold(text);
        value.contains(&self.folded)
            || !self.squeezed.is_empty() && squeeze(&value).contains(&self.squeezed)
    }
}

fn field_texts(field: Field<'_>) -> Vec<String> {
    match field {
        Field::Null => Vec::new(),
        Field::Text(text) => vec![text.to_owned()],
        Field::Json(value) => texts(value),
    }
}

/// Texts in which a value is searched: of a list its elements, of an object in a list its values, of an object its keys.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(element_texts).collect(),
        Value::Object(members) => members.keys().cloned().collect(),
        other => vec![other.to_string()],
    }
}

fn element_texts(element: &Value) -> Vec<String> {
    match element {
        Value::Object(members) => members.values().flat_map(texts).collect(),
        other => texts(other),
    }
}

/// How two numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Equality {
    /// As they are.
    Exact,
    /// Without regard to case.
    Caseless,
    /// As directory servers compare telephone numbers: without regard to case, spaces and hyphens.
    Dialled,
}

impl Equality {
    /// What is the same for two numbers that are equal.
    pub(super) fn form(self, text: &str) -> String {
        match self {
            Self::Exact => text.to_owned(),
            Self::Caseless => text.to_lowercase(),
            Self::Dialled => text.to_lowercase().replace([' ', '-'], ""),
        }
    }
}

/// For each of `numbers` the first of `entries` of which one of `columns` equals it.
pub(super) fn first_by_number(
    entries: Vec<Entry>,
    columns: &[String],
    numbers: &[String],
    equality: Equality,
) -> HashMap<String, Entry> {
    let mut wanted: HashMap<String, Vec<&String>> = HashMap::new();
    for number in numbers {
        wanted
            .entry(equality.form(number))
            .or_default()
            .push(number);
    }
    let mut found = HashMap::new();
    for entry in entries {
        let values = columns.iter().filter_map(|column| entry.get(column));
        let held: Vec<String> = values.flat_map(field_texts).collect();
        for text in held {
            for number in wanted.remove(&equality.form(&text)).unwrap_or_default() {
                found.insert(number.clone(), entry.clone());
            }
        }
    }
    found
}

/// Those of `entries` whose identifier is one of `ids`.
pub(super) fn with_ids(mut entries: Vec<Entry>, ids: &[String]) -> Vec<Entry> {
    let wanted: HashSet<&str> = ids.iter().map(String::as_str).collect();
    entries.retain(|entry| {
        let id = entry.relations.source_entry_id.as_deref();
        id.is_some_and(|id| wanted.contains(id))
    });
    entries
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::backends::Relations;

    fn entry(id: &str, fields: &Value) -> Entry {
        let relations = Relations {
            source_entry_id: Some(id.to_owned()),
            ..Relations::default()
        };
        Entry::of_map(fields.as_object().unwrap().clone(), relations)
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn a_term_is_looked_for_in_texts_elements_and_keys_of_the_columns_alone() {
        let fields = json!({"name": "Zo\u{e9} O'Brien", "note": "hidden", "none": null, "id": 42,
            "numbers": ["+1 555", "600"], "labels": {"Work": "1"}, "emails": [{"address": "Zoe@x.test"}]});
        let entry = entry("1", &fields);
        let columns = texts(&[
            "name", "none", "id", "numbers", "labels", "emails", "absent",
        ]);
        for (term, expected) in [
            ("zoe", true),
            ("\u{c9} o", true),
            ("obrien", true),
            ("1555", true),
            ("60", true),
            ("work", true),
            ("@X", true),
            ("42", true),
            ("", true),
            ("hidden", false),
            ("null", false),
            ("\u{2026}", false),
        ] {
            assert_eq!(
                Term::new(term).is_in(&entry, &columns),
                expected,
                "{term:?}"
            );
        }
        assert!(!Term::new("").is_in(&entry, &texts(&["none", "absent"])));
    }

    #[test]
    fn the_first_contact_with_a_number_has_it() {
        let entries = || {
            vec![
                entry("1", &json!({"num": null, "exten": ["A1", "200"]})),
                entry("2", &json!({"num": "200"})),
                entry("3", &json!({"num": "a1"})),
            ]
        };
        let ids = |numbers: &[&str], equality| {
            let columns = texts(&["num", "exten"]);
            let found = first_by_number(entries(), &columns, &texts(numbers), equality);
            let mut ids: Vec<_> = found
                .into_iter()
                .map(|(number, entry)| (number, entry.relations.source_entry_id.unwrap()))
                .collect();
            ids.sort();
            ids
        };
        let pair = |number: &str, id: &str| (number.to_owned(), id.to_owned());
        assert_eq!(
            ids(&["200", "a1", "20"], Equality::Exact),
            [pair("200", "1"), pair("a1", "3")]
        );
        assert_eq!(
            ids(&["a1", "A1"], Equality::Caseless),
            [pair("A1", "1"), pair("a1", "1")]
        );
    }

    #[test]
    fn contacts_are_chosen_by_whole_identifiers() {
        let entries = vec![entry("1", &json!({})), entry("12", &json!({}))];
        let chosen = with_ids(entries, &texts(&["12", "*", ""]));
        assert_eq!(chosen.len(), 1);
        assert_eq!(chosen[0].relations.source_entry_id.as_deref(), Some("12"));
    }
}
