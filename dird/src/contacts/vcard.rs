//! vCard 3.0 and 4.0, in and out. A card becomes a contact with the field names that phones and displays use; fields that no
//! property stands for travel in `X-FIELD`, so that an export read back is the same contact.

use crate::store::model::{Contact, ContactId, Fields, random_id};

/// Version of the cards that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// RFC 2426.
    V3,
    /// RFC 6350.
    V4,
}

/// A card of a file: the line it begins in, and its contact or what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Line, from 1.
    pub line: u64,
    /// The contact; names of properties that it has no field for come with it.
    pub read: Result<(Contact, Vec<String>), String>,
}

/// Longest line that is written, in bytes.
const LINE: usize = 75;

/// Fields and the properties that hold nothing else, in the order they are written.
const PLAIN: [(&str, &str); 5] = [
    ("email", "EMAIL"),
    ("company", "ORG"),
    ("title", "TITLE"),
    ("note", "NOTE"),
    ("url", "URL"),
];

/// Fields that are telephone numbers, and the type that tells them.
const NUMBERS: [(&str, &str); 3] = [("number", "voice"), ("mobile", "cell"), ("fax", "fax")];

/// Carries a field of any name.
const ANY_FIELD: &str = "X-FIELD";

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

/// `contacts` as cards, lines ended by CR LF.
pub fn write(contacts: &[Contact], version: Version) -> String {
    let mut text = String::new();
    for contact in contacts {
        write_card(&mut text, contact, version);
    }
    text
}

fn write_card(text: &mut String, contact: &Contact, version: Version) {
    let field = |name: &str| contact.fields.get(name).and_then(|value| value.as_deref());
    let given = |name: &str| field(name).filter(|value| !value.trim().is_empty());
    let (first, last) = (given("firstname"), given("lastname"));
    push_line(text, "BEGIN:VCARD");
    let number = if version == Version::V3 { "3.0" } else { "4.0" };
    push_line(text, &format!("VERSION:{number}"));
    if first.is_some() || last.is_some() || version == Version::V3 {
        let part = |part: Option<&str>| escaped(part.unwrap_or_default());
        push_line(text, &format!("N:{};{};;;", part(last), part(first)));
    }
    // Every card has a formatted name; one that is made up here is not a field of the contact.
    let both = [first, last]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    let fallback = given("company").or_else(|| given("number")).unwrap_or("?");
    match given("name") {
        Some(name) => push_line(text, &format!("FN:{}", escaped(name))),
        None if both.is_empty() => push_line(text, &format!("FN;X-MADE=1:{}", escaped(fallback))),
        None => push_line(text, &format!("FN;X-MADE=1:{}", escaped(&both))),
    }
    for (name, value) in &contact.fields {
        let value = value.as_deref().unwrap_or_default();
        if !value.trim().is_empty() && !["name", "firstname", "lastname"].contains(&name.as_str()) {
            push_line(text, &property_line(name, value));
        }
    }
    push_line(text, "END:VCARD");
}

fn property_line(name: &str, value: &str) -> String {
    let value = escaped(value);
    if let Some((_, kind)) = NUMBERS.iter().find(|(field, _)| *field == name) {
        return format!("TEL;TYPE={kind}:{value}");
    }
    if let Some((_, property)) = PLAIN.iter().find(|(field, _)| *field == name) {
        return format!("{property}:{value}");
    }
    // A parameter cannot hold a quote or a line break.
    let name = name.replace(['"', '\n', '\r'], "_");
    format!("{ANY_FIELD};NAME=\"{name}\":{value}")
}

fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' | ',' | ';' => escaped.extend(['\\', character]),
            '\n' => escaped.push_str("\\n"),
            '\r' => {}
            other => escaped.push(other),
        }
    }
    escaped
}

/// Appends a line, folded where it is too long, never within a character.
fn push_line(text: &mut String, line: &str) {
    let mut used = 0;
    for character in line.chars() {
        if used + character.len_utf8() > LINE {
            text.push_str("\r\n ");
            used = 1;
        }
        text.push(character);
        used += character.len_utf8();
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let pairs = pairs.iter();
        pairs
            .map(|&(name, value)| (name.into(), Some(value.into())))
            .collect()
    }

    fn only(text: &str) -> (Fields, Vec<String>) {
        let mut cards = read(text);
        assert_eq!(cards.len(), 1);
        let (contact, left_out) = cards.remove(0).read.unwrap();
        (contact.fields, left_out)
    }

    #[test]
    fn a_card_becomes_the_fields_that_phones_know() {
        let text = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:\u{c7}elik;\u{c9}lodie;;;\r\nFN:\u{c9}lodie\r\n  \u{c7}elik\r\n\
            item1.TEL;TYPE=WORK,VOICE:+33 1\r\nTEL;CELL:06\r\nTEL;TYPE=\"fax\":tel:09\r\nTEL:02\r\n\
            EMAIL;TYPE=INTERNET:e@x.test\r\nORG:Papier\\; Co;Sales\r\nADR:;;1 Rue;Lyon;;69000;\r\n\
            NOTE:a\\nb\\, c\r\nBDAY:2000\r\nEND:VCARD\r\n";
        let (found, left_out) = only(text);
        let expected = fields(&[
            ("lastname", "\u{c7}elik"),
            ("firstname", "\u{c9}lodie"),
            ("name", "\u{c9}lodie \u{c7}elik"),
            ("number", "+33 1"),
            ("mobile", "06"),
            ("fax", "09"),
            ("number_2", "02"),
            ("email", "e@x.test"),
            ("company", "Papier; Co"),
            ("address", "1 Rue, Lyon, 69000"),
            ("note", "a\nb, c"),
        ]);
        assert_eq!(found, expected);
        assert_eq!(left_out, ["BDAY"]);
    }

    #[test]
    fn what_is_no_card_is_said_with_its_line() {
        let text =
            "x\nBEGIN:VCARD\nN:a\nBEGIN:VCARD\nVERSION:4.0\nEND:VCARD\nEND:VCARD\nBEGIN:VCARD\n";
        let cards: Vec<(u64, bool)> = read(text)
            .iter()
            .map(|card| (card.line, card.read.is_ok()))
            .collect();
        assert_eq!(cards, [(2, false), (4, false), (8, false)]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            values in prop::collection::btree_map(
                "firstname|lastname|name|number|mobile|fax|email|company|title|note|url|[a-z%: ;,]{1,9}",
                "[^\\s\\pC][^\\pC]{0,90}", 1..6),
            third in any::<bool>(),
        ) {
            let fields: Fields = values.iter().map(|(name, value)| (name.clone(), Some(value.trim_end().to_owned()))).collect();
            prop_assume!(fields.keys().all(|name| !name.trim().is_empty()));
            let contact = Contact { uuid: ContactId("1".into()), fields };
            let version = if third { Version::V3 } else { Version::V4 };
            let text = write(std::slice::from_ref(&contact), version);
            prop_assert!(text.lines().all(|line| line.len() <= LINE));
            let (mut found, left_out) = only(&text);
            prop_assert!(left_out.is_empty());
            let mut sent = contact.fields.clone();
            found.sort_keys();
            sent.sort_keys();
            prop_assert_eq!(found, sent);
        }
    }
}
