//! A strict XML reader: what it accepts, every phone's parser accepts.
//!
//! Beyond well-formedness it refuses comments, processing instructions, document types and entities other
//! than the five of XML: no page of ours has any, and the parsers of desk phones know no more.

use anyhow::{Context, Result, bail, ensure};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// One element with all that is below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// The tag.
    pub name: String,
    /// Attributes in document order.
    pub attributes: Vec<(String, String)>,
    /// Child elements in document order.
    pub children: Vec<Element>,
    /// The element's own text, children's excluded.
    pub text: String,
}

impl Element {
    /// The children with that tag.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child with that tag.
    pub fn first(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the first child with that tag; its absence is an error.
    pub fn text_of(&self, name: &str) -> Result<&str> {
        self.first(name)
            .map(|child| child.text.as_str())
            .with_context(|| format!("<{}> without <{name}>", self.name))
    }
}

/// Reads one document.
pub fn parse(document: &str) -> Result<Element> {
    ensure!(
        document.starts_with("<?xml version=\"1.0\""),
        "no XML declaration at the first byte"
    );
    parse_element(document)
}

/// Reads a page of a browser that takes XML under the name of HTML: a document type, then one element.
pub fn parse_html(document: &str) -> Result<Element> {
    let (kind, rest) = document.split_once('\n').context("one line only")?;
    ensure!(
        kind.starts_with("<!DOCTYPE ") && kind.ends_with('>'),
        "no document type at the first byte"
    );
    parse_element(rest)
}

fn parse_element(document: &str) -> Result<Element> {
    if let Some(bad) = document.chars().find(|&c| !is_xml_char(c)) {
        bail!("the character {bad:?} is not allowed in XML");
    }
    let mut reader = Reader::from_str(document);
    let config = reader.config_mut();
    config.check_end_names = true;
    config.allow_dangling_amp = false;
    let mut builder = Builder::default();
    loop {
        match reader
            .read_event()
            .with_context(|| format!("at byte {}", reader.error_position()))?
        {
            Event::Eof => return builder.finish(),
            event => builder
                .take(event)
                .with_context(|| format!("at byte {}", reader.buffer_position()))?,
        }
    }
}

/// The elements open at this point of the document, outermost first.
#[derive(Default)]
struct Builder {
    open: Vec<Element>,
    root: Option<Element>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) -> Result<()> {
        match event {
            Event::Decl(_) => Ok(()),
            Event::Start(start) => {
                ensure!(self.root.is_none(), "a second root element");
                self.open.push(element(&start)?);
                Ok(())
            }
            Event::Empty(start) => {
                ensure!(self.root.is_none(), "a second root element");
                self.close(element(&start)?);
                Ok(())
            }
            Event::End(_) => {
                let element = self.open.pop().context("an end tag without a start")?;
                self.close(element);
                Ok(())
            }
            Event::Text(text) => self.text(&text),
            Event::GeneralRef(reference) => self.text(&resolve(&reference)?),
            other => bail!("a phone knows no {other:?}"),
        }
    }

    fn text(&mut self, text: &str) -> Result<()> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None => ensure!(
                text.chars().all(|c| matches!(c, '\n' | '\r' | ' ' | '\t')),
                "text outside the root: {text:?}"
            ),
        }
        Ok(())
    }

    fn close(&mut self, element: Element) {
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn finish(self) -> Result<Element> {
        if let Some(element) = self.open.last() {
            bail!("<{}> is never closed", element.name);
        }
        self.root.context("no element at all")
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element> {
    let name = start.name().as_ref().to_owned();
    let mut attributes = Vec::new();
    for attribute in start.attributes().with_checks(true) {
        let attribute = attribute?;
        let key = attribute.key.as_ref().to_owned();
        let raw: &str = &attribute.value;
        ensure!(!raw.contains('<'), "a bare < in the attribute {key}");
        attributes.push((key, unescape(raw)?));
    }
    Ok(Element {
        name,
        attributes,
        ..Element::default()
    })
}

fn unescape(raw: &str) -> Result<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('&') {
        let (reference, tail) = after.split_once(';').context("a bare & in an attribute")?;
        text.push_str(before);
        text.push_str(&resolve(reference)?);
        rest = tail;
    }
    text.push_str(rest);
    Ok(text)
}

fn resolve(reference: &str) -> Result<String> {
    let known = match reference {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        other => numeric(other).with_context(|| format!("a phone does not know &{other};"))?,
    };
    Ok(known.to_string())
}

fn numeric(reference: &str) -> Option<char> {
    let digits = reference.strip_prefix('#')?;
    let code = match digits.strip_prefix('x') {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    char::from_u32(code).filter(|&c| is_xml_char(c))
}

fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Element> {
        parse(&format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n{body}"
        ))
    }

    #[test]
    fn a_page_is_read_whole() {
        let root =
            read("<A b=\"1 &amp; 2\">\n <N>x &#34;y&#34; &lt;z&gt;</N>\n <N/>\n</A>").unwrap();
        assert_eq!(root.attributes, [("b".to_owned(), "1 & 2".to_owned())]);
        assert_eq!(
            root.all("N").map(|n| n.text.as_str()).collect::<Vec<_>>(),
            ["x \"y\" <z>", ""]
        );
    }

    #[test]
    fn what_a_phone_would_refuse_is_refused() {
        for bad in [
            "<A>1 & 2</A>",
            "<A>&nbsp;</A>",
            "<A><B></A></B>",
            "<A>",
            "<A/><A/>",
            "<A/>tail",
            "<A>\u{1}</A>",
            "<A>&#1;</A>",
            "<A b=\"1\" b=\"2\"/>",
            "<A b=\"1 & 2\"/>",
            "<A b=1/>",
            "<A><!-- c --></A>",
            "<!DOCTYPE A><A/>",
            "<A>1 < 2</A>",
            "",
        ] {
            assert!(read(bad).is_err(), "accepted: {bad:?}");
        }
    }
}
