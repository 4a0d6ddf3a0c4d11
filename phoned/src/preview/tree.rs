//! A document as a tree of elements, as a phone's parser sees it.

use quick_xml::{
    Reader,
    escape::unescape,
    events::{BytesStart, Event},
};

use crate::vendor::check;

/// Deeper documents do not exist.
const DEEPEST: usize = 32;

/// An element.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Element {
    /// Its name.
    pub(super) name: String,
    /// Its attributes.
    pub(super) attributes: Vec<(String, String)>,
    /// Its own text, blanks around it removed.
    pub(super) text: String,
    /// The elements in it.
    pub(super) children: Vec<Element>,
}

impl Element {
    /// The element itself and all inside it, in order.
    pub(super) fn all(&self) -> Vec<&Element> {
        let mut found = vec![self];
        for child in &self.children {
            found.extend(child.all());
        }
        found
    }

    /// What is at `place`: the text of a child at any depth, of an attribute (`@name`) or its own (`.`).
    pub(super) fn at(&self, place: &str) -> Option<&str> {
        if place == "." {
            return Some(&self.text);
        }
        if let Some(name) = place.strip_prefix('@') {
            let attribute = self.attributes.iter().find(|(key, _)| key == name);
            return attribute.map(|(_, value)| value.as_str());
        }
        let inside = self.all().into_iter().skip(1);
        let mut named = inside.filter(|element| element.name == place);
        named.next().map(|element| element.text.as_str())
    }
}

/// Reads `document` strictly; the error says what a phone could not read.
pub(super) fn parse(document: &str) -> Result<Element, String> {
    check::well_formed(document).map_err(|flaw| format!("line {}: {}", flaw.line, flaw.what))?;
    let mut reader = Reader::from_str(document);
    let mut open = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(start) => open.push(element(&start)),
            Event::Empty(start) => close(&mut open, element(&start)),
            Event::End(_) => {
                let done = open.pop().unwrap_or_default();
                close(&mut open, done);
            }
            Event::Text(text) => push(&mut open, &text),
            Event::GeneralRef(name) => push(&mut open, &plain(&format!("&{};", &*name))),
            Event::Eof => break,
            _ => {}
        }
        if open.len() > DEEPEST {
            return Err("too many elements inside each other".to_owned());
        }
    }
    let root = open.pop().and_then(|mut outside| outside.children.pop());
    root.ok_or_else(|| "no element".to_owned())
}

fn element(start: &BytesStart<'_>) -> Element {
    let attributes = start.attributes().flatten();
    Element {
        name: String::from_utf8_lossy(start.name().as_ref().as_bytes()).into_owned(),
        attributes: attributes
            .map(|attribute| {
                let name = String::from_utf8_lossy(attribute.key.as_ref().as_bytes()).into_owned();
                (name, plain(&attribute.value))
            })
            .collect(),
        ..Element::default()
    }
}

fn plain(text: &str) -> String {
    unescape(text).map_or_else(|_| text.to_owned(), std::borrow::Cow::into_owned)
}

fn push(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}

fn close(open: &mut [Element], mut done: Element) {
    done.text.truncate(done.text.trim_end().len());
    done.text
        .drain(..done.text.len() - done.text.trim_start().len());
    if let Some(parent) = open.last_mut() {
        parent.children.push(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_attributes_and_inner_elements_are_found() {
        let root =
            parse("<a>\n<b x=\"1&amp;2\"> c &#34;d&#34; &lt;<e>f</e></b></a>").expect("a tree");
        let inner = &root.children[0];
        assert_eq!(inner.at("@x"), Some("1&2"));
        assert_eq!(inner.at("."), Some("c \"d\" <"));
        assert_eq!(inner.at("e"), Some("f"));
        assert_eq!(root.at("e"), Some("f"));
        assert_eq!(root.at("z"), None);
        assert!(parse("<a><b></a>").is_err());
    }
}
