//! Contacts as cards.

use super::{ANY_FIELD, PLAIN};
use crate::store::model::Contact;

/// Version of the cards that are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// RFC 2426.
    V3,
    /// RFC 6350.
    V4,
}

/// Longest line that is written, in bytes.
pub(super) const LINE: usize = 75;

/// Fields that are telephone numbers, and the type that tells them.
const NUMBERS: [(&str, &str); 3] = [("number", "voice"), ("mobile", "cell"), ("fax", "fax")];

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
