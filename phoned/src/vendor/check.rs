//! A strict reader for the documents that templates make. The XML reader alone would let pass what a phone's parser refuses:
//! control characters, unknown entities, two roots, unquoted or repeated attributes.

use quick_xml::{
    Reader,
    events::{BytesRef, BytesStart, Event},
};

/// What is wrong with a document and on which of its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Line of the document, from 1.
    pub line: usize,
    /// What a strict reader says.
    pub what: String,
}

/// Reads `document` to its end as a strict reader would.
pub fn well_formed(document: &str) -> Result<(), Flaw> {
    if let Some(at) = document.find(not_xml) {
        return Err(flaw(
            document,
            at,
            "a character that XML excludes".to_owned(),
        ));
    }
    let mut reader = Reader::from_str(document);
    let mut place = Place::default();
    loop {
        let start = position(&reader);
        let event = reader
            .read_event()
            .map_err(|error| flaw(document, start, error.to_string()))?;
        if matches!(event, Event::Eof) {
            break;
        }
        place
            .step(&event)
            .map_err(|what| flaw(document, start, what))?;
    }
    match place {
        Place { depth: 0, roots: 1 } => Ok(()),
        _ => Err(flaw(
            document,
            document.len(),
            "not one closed root element".to_owned(),
        )),
    }
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

fn flaw(document: &str, at: usize, what: String) -> Flaw {
    let before = document.get(..at).unwrap_or(document);
    Flaw {
        line: before.matches('\n').count() + 1,
        what,
    }
}

fn not_xml(character: char) -> bool {
    !matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[derive(Default)]
struct Place {
    depth: usize,
    roots: usize,
}

impl Place {
    fn step(&mut self, event: &Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(element) => {
                self.open()?;
                self.depth += 1;
                attributes(element)
            }
            Event::Empty(element) => {
                self.open()?;
                attributes(element)
            }
            Event::End(_) => {
                self.depth -= 1;
                Ok(())
            }
            Event::GeneralRef(reference) => self.reference(reference),
            Event::Text(text) => self.text(text),
            Event::CData(_) if self.depth == 0 => Err("text outside the root element".to_owned()),
            Event::Decl(_) | Event::DocType(_) if self.roots > 0 => {
                Err("a declaration inside the document".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self) -> Result<(), String> {
        if self.depth == 0 {
            self.roots += 1;
        }
        if self.roots > 1 {
            Err("a second root element".to_owned())
        } else {
            Ok(())
        }
    }

    fn text(&self, text: &str) -> Result<(), String> {
        if self.depth == 0 && !text.bytes().all(|byte| byte.is_ascii_whitespace()) {
            return Err("text outside the root element".to_owned());
        }
        if text.contains("]]>") {
            return Err("]]> in text".to_owned());
        }
        Ok(())
    }

    fn reference(&self, reference: &BytesRef<'_>) -> Result<(), String> {
        if self.depth == 0 {
            return Err("text outside the root element".to_owned());
        }
        known_entity(reference)
    }
}

fn attributes(element: &BytesStart<'_>) -> Result<(), String> {
    for attribute in element.attributes().with_checks(true) {
        let attribute = attribute.map_err(|error| error.to_string())?;
        let value = &attribute.value;
        if value.contains('<') {
            return Err("< in an attribute".to_owned());
        }
        for piece in value.split('&').skip(1) {
            let name = piece.split_once(';').ok_or("a bare & in an attribute")?.0;
            known_entity(name)?;
        }
    }
    Ok(())
}

fn known_entity(name: &str) -> Result<(), String> {
    let number = name
        .strip_prefix('#')
        .and_then(|number| match number.strip_prefix('x') {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        });
    let character = number
        .and_then(char::from_u32)
        .filter(|&character| !not_xml(character));
    if character.is_some() || matches!(name, "amp" | "lt" | "gt" | "quot" | "apos") {
        return Ok(());
    }
    Err(format!("the unknown entity &{name};"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_documents_pass() {
        for document in [
            "<a/>",
            "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<a b=\"&amp;&#34;\">\n <c /> &lt;\u{e9}</a>",
            "<!DOCTYPE HTML PUBLIC \"x\" \"y\">\n<html><br /></html>",
        ] {
            assert_eq!(well_formed(document), Ok(()), "{document}");
        }
    }

    #[test]
    fn bad_documents_are_refused_with_their_line() {
        for document in [
            "",
            "text",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>text",
            "<a>&nope;</a>",
            "<a>&</a>",
            "<a>a & b</a>",
            "<a>\u{1}</a>",
            "<a>\u{ffff}</a>",
            "<a b=c/>",
            "<a b=\"1\" b=\"2\"/>",
            "<a b=\"&x\"/>",
            "<a b=\"&nope;\"/>",
            "<a b=\"<\"/>",
            "<a>]]></a>",
            "<a>&#1;</a>",
            "<a><?xml version=\"1.0\"?></a>",
        ] {
            assert!(well_formed(document).is_err(), "{document:?}");
        }
        let flaw = well_formed("<a>\n<b>\n&nope;</b></a>").expect_err("an unknown entity");
        assert_eq!(flaw.line, 3);
    }
}
