//! Cards of a file as contacts.

use super::{ANY_FIELD, PLAIN};
use crate::store::model::{Contact, ContactId, Fields, random_id};

/// A card of a file: the line it begins in, and its contact or what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Line, from 1.
    pub line: u64,
    /// The contact; names of properties that it has no field for come with it.
    pub read: Result<(Contact, Vec<String>), String>,
}

/// The cards of a text.
pub fn read(text: &str) -> Vec<Card> {
    let mut cards = Vec::new();
    let mut open: Option<(u64, Vec<Property>)> = None;
    for (line, content) in unfolded(text) {
        let Some(property) = Property::read(&content) else {
            continue;
        };
        match (
            property.name.as_str(),
            property.value.to_ascii_uppercase().as_str(),
        ) {
            ("BEGIN", "VCARD") => {
                if let Some((line, _)) = open.replace((line, Vec::new())) {
                    cards.push(unended(line));
                }
            }
            ("END", "VCARD") => {
                if let Some((line, properties)) = open.take() {
                    cards.push(card(line, properties));
                }
            }
            _ => {
                if let Some((_, properties)) = &mut open {
                    properties.push(property);
                }
            }
        }
    }
    if let Some((line, _)) = open {
        cards.push(unended(line));
    }
    cards
}

fn unended(line: u64) -> Card {
    Card {
        line,
        read: Err("the card has no end".into()),
    }
}

/// Lines with their numbers; those that begin with a blank go on with the line before.
fn unfolded(text: &str) -> Vec<(u64, String)> {
    let mut lines: Vec<(u64, String)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(rest), Some((_, last))) => last.push_str(rest),
            _ => lines.push((number, line.to_owned())),
        }
    }
    lines
}

/// A line of a card.
#[derive(Debug)]
struct Property {
    name: String,
    parameters: Vec<(String, String)>,
    value: String,
}

impl Property {
    fn read(line: &str) -> Option<Self> {
        let (head, value) = split_unquoted(line, ':')?;
        let mut parts = split_all_unquoted(head, ';').into_iter();
        let name = parts.next()?;
        // A group, as in `item1.TEL`, says nothing that a contact could hold.
        let name = name
            .rsplit('.')
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        let parameter = |part: &str| match part.split_once('=') {
            Some((name, value)) => (
                name.to_ascii_uppercase(),
                value.trim_matches('"').to_owned(),
            ),
            None => ("TYPE".to_owned(), part.to_owned()),
        };
        Some(Self {
            name,
            parameters: parts.map(parameter).collect(),
            value: value.to_owned(),
        })
    }

    fn is_of_type(&self, wanted: &[&str]) -> bool {
        let types = self.parameters.iter().filter(|(name, _)| name == "TYPE");
        let mut types = types.flat_map(|(_, value)| value.split(','));
        types.any(|kind| {
            wanted
                .iter()
                .any(|wanted| kind.trim().eq_ignore_ascii_case(wanted))
        })
    }

    fn parameter(&self, wanted: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    }
}

fn split_unquoted(text: &str, separator: char) -> Option<(&str, &str)> {
    let mut quoted = false;
    let at = text.find(|character| {
        quoted ^= character == '"';
        character == separator && !quoted
    })?;
    Some((&text[..at], &text[at + separator.len_utf8()..]))
}

fn split_all_unquoted(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((part, after)) = split_unquoted(rest, separator) {
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    parts
}

/// The components of a value, without their escapes.
fn components(value: &str) -> Vec<String> {
    let mut components = vec![String::new()];
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        let plain = match character {
            '\\' => match characters.next() {
                Some('n' | 'N') => '\n',
                Some(other) => other,
                None => '\\',
            },
            ';' => {
                components.push(String::new());
                continue;
            }
            other => other,
        };
        if let Some(last) = components.last_mut() {
            last.push(plain);
        }
    }
    components
}

fn card(line: u64, properties: Vec<Property>) -> Card {
    let mut fields = Fields::new();
    let mut left_out = Vec::new();
    for property in properties {
        let value = components(&property.value);
        let whole = value.join(";");
        match property.name.as_str() {
            "VERSION" => {}
            "N" => {
                put(
                    &mut fields,
                    "lastname",
                    value.first().cloned().unwrap_or_default(),
                );
                put(
                    &mut fields,
                    "firstname",
                    value.get(1).cloned().unwrap_or_default(),
                );
            }
            "FN" if property.parameter("X-MADE").is_some() => {}
            "FN" => put(&mut fields, "name", whole),
            "TEL" => put(&mut fields, number_field(&property), number(&whole)),
            "ORG" => put(
                &mut fields,
                "company",
                value.into_iter().next().unwrap_or_default(),
            ),
            "ADR" => put(&mut fields, "address", joined(&value)),
            ANY_FIELD => {
                if let Some(name) = property.parameter("NAME").filter(|name| !name.is_empty()) {
                    fields.insert(name.to_owned(), Some(whole));
                }
            }
            name => match PLAIN.iter().find(|(_, known)| *known == name) {
                Some((field, _)) => put(&mut fields, field, whole),
                None => left_out.push(name.to_owned()),
            },
        }
    }
    let read = if fields.is_empty() {
        Err("the card holds nothing that a contact could".into())
    } else {
        let uuid = ContactId(random_id());
        Ok((Contact { uuid, fields }, left_out))
    };
    Card { line, read }
}

/// Sets a field; further values of the same kind are `field_2`, `field_3` and so on.
fn put(fields: &mut Fields, name: &str, value: String) {
    if value.trim().is_empty() {
        return;
    }
    let mut field = name.to_owned();
    let mut count = 1;
    while fields.contains_key(&field) {
        count += 1;
        field = format!("{name}_{count}");
    }
    fields.insert(field, Some(value));
}

fn number_field(property: &Property) -> &'static str {
    if property.is_of_type(&["fax"]) {
        "fax"
    } else if property.is_of_type(&["cell", "mobile"]) {
        "mobile"
    } else {
        "number"
    }
}

/// A number without the scheme that 4.0 may put before it.
fn number(value: &str) -> String {
    value.strip_prefix("tel:").unwrap_or(value).to_owned()
}

fn joined(components: &[String]) -> String {
    let given: Vec<&str> = components
        .iter()
        .map(|component| component.trim())
        .filter(|component| !component.is_empty())
        .collect();
    given.join(", ")
}
