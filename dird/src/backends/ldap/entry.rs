//! Entries as the server sends them, and the contacts they are. A value that is no text hides itself and nothing else.

use ldap3::ResultEntry;
use ldap3::asn1::StructureTag;
use serde_json::{Map, Value, json};

use crate::backends::platform::id_text;
use crate::backends::{Entry, Relations};

/// Number of the message that is an entry; references to other servers have another one.
const SEARCH_RESULT_ENTRY: u64 = 4;

/// An entry: attributes in the server's order and spelling, each with its values.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found(Vec<(String, Vec<Vec<u8>>)>);

/// The attribute with the identifier.
#[derive(Debug, Clone)]
pub(super) struct Unique {
    /// Its name.
    pub(super) column: String,
    /// Whether it is a UUID in 16 bytes.
    pub(super) binary: bool,
}

impl Found {
    /// Reads a message; none if it is no entry, has no name or is not written as the protocol wants it.
    pub(super) fn read(message: ResultEntry) -> Option<Self> {
        let mut parts = message
            .0
            .match_id(SEARCH_RESULT_ENTRY)?
            .expect_constructed()?
            .into_iter();
        let name = parts.next()?.expect_primitive()?;
        if name.is_empty() {
            return None;
        }
        let attributes = parts.next()?.expect_constructed()?;
        Some(Self(attributes.into_iter().filter_map(attribute).collect()))
    }

    /// Bytes of names and values.
    pub(super) fn bytes(&self) -> usize {
        let size = |(name, values): &(String, Vec<Vec<u8>>)| {
            name.len() + values.iter().map(Vec::len).sum::<usize>()
        };
        self.0.iter().map(size).sum()
    }

    /// True if one of the values of one of `columns` is `number`.
    pub(super) fn has_number(&self, columns: &[String], number: &str) -> bool {
        let mut attributes = self.0.iter().filter(|(name, _)| columns.contains(name));
        attributes.any(|(_, values)| values.iter().any(|value| value == number.as_bytes()))
    }

    /// Every text of each of `columns`, by column.
    pub(super) fn texts(&self, columns: &[&String]) -> Map<String, Value> {
        let wanted = self.0.iter().filter(|(name, _)| columns.contains(&name));
        let texts = wanted.map(|(name, values)| {
            let texts = values
                .iter()
                .filter_map(|value| std::str::from_utf8(value).ok());
            (name.clone(), texts.map(Value::from).collect())
        });
        texts.collect()
    }

    /// The contact: of each attribute the first value that is text.
    pub(super) fn contact(&self, unique: Option<&Unique>) -> Entry {
        let (fields, relations) = self.shown(unique);
        Entry::of_map(fields, relations)
    }

    /// Fields of the contact, and what a result says of the person.
    pub(super) fn shown(&self, unique: Option<&Unique>) -> (Map<String, Value>, Relations) {
        let mut fields = Map::new();
        for (name, values) in &self.0 {
            let binary = unique.is_some_and(|unique| unique.binary && unique.column == *name);
            let text = if binary {
                values
                    .first()
                    .and_then(|value| uuid::Uuid::from_slice(value).ok())
                    .map(|uuid| uuid.to_string())
            } else {
                values
                    .iter()
                    .find_map(|value| std::str::from_utf8(value).ok())
                    .map(str::to_owned)
            };
            if let Some(text) = text {
                fields.insert(name.clone(), json!(text));
            }
        }
        let relations = Relations {
            source_entry_id: unique.and_then(|unique| id(&fields, unique)),
            ..Relations::default()
        };
        (fields, relations)
    }
}

fn id(fields: &Map<String, Value>, unique: &Unique) -> Option<String> {
    id_text(fields.get(&unique.column))
}

fn attribute(attribute: StructureTag) -> Option<(String, Vec<Vec<u8>>)> {
    let mut parts = attribute.expect_constructed()?.into_iter();
    let name = String::from_utf8(parts.next()?.expect_primitive()?).ok()?;
    let values = parts.next()?.expect_constructed()?.into_iter();
    Some((
        name,
        values.filter_map(StructureTag::expect_primitive).collect(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(attributes: &[(&str, &[&[u8]])]) -> Found {
        let attribute = |(name, values): &(&str, &[&[u8]])| {
            (
                (*name).to_owned(),
                values.iter().map(|value| value.to_vec()).collect(),
            )
        };
        Found(attributes.iter().map(attribute).collect())
    }

    fn fields(found: &Found, unique: Option<&Unique>) -> Value {
        let contact = found.contact(unique);
        let pairs = contact.fields().into_iter();
        Value::Object(
            pairs
                .map(|(name, value)| (name.to_owned(), json!(value)))
                .collect(),
        )
    }

    #[test]
    fn a_contact_has_the_first_text_of_each_attribute() {
        let found = found(&[
            ("cn", &["Zo\u{e9}".as_bytes(), b"Second"]),
            ("jpegPhoto", &[b"\xff\xd8\xff"]),
            ("mixed", &[b"\xff", b"text"]),
            ("empty", &[]),
        ]);
        assert_eq!(
            fields(&found, None),
            json!({"cn": "Zo\u{e9}", "mixed": "text"})
        );
    }

    #[test]
    fn a_binary_identifier_is_shown_as_a_uuid() {
        let unique = Unique {
            column: "objectGUID".into(),
            binary: true,
        };
        let bytes: Vec<u8> = (0..16).collect();
        let entry = found(&[("objectGUID", &[&bytes])]).contact(Some(&unique));
        let uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
        assert_eq!(entry.relations.source_entry_id.as_deref(), Some(uuid));
        let short = found(&[("objectGUID", &[b"abc"])]).contact(Some(&unique));
        assert_eq!(short.relations.source_entry_id, None);
    }

    #[test]
    fn any_value_of_a_column_may_be_the_number() {
        let found = found(&[("mobile", &[b"1", b"2"]), ("pager", &[b"3"])]);
        let columns = ["mobile".to_owned()];
        assert!(found.has_number(&columns, "2"));
        assert!(!found.has_number(&columns, "3"));
    }
}
