//! Which line of a template made a line of a document. A second copy of the templates marks the beginning of each of its lines;
//! what it makes shows where everything comes from. Used only when a document is found to be wrong.

use std::fmt::Write;

use super::{files::Files, registry::is_template};

/// Surround the number of a line; no template has use for these private characters.
const OPEN: char = '\u{f8f0}';
const CLOSE: char = '\u{f8f1}';

/// The templates with their lines marked.
pub fn marked(files: &Files) -> Files {
    let mark = |(name, text): (&String, &String)| {
        let text = if is_template(name) {
            mark_lines(text)
        } else {
            text.clone()
        };
        (name.clone(), text)
    };
    files.iter().map(mark).collect()
}

fn mark_lines(text: &str) -> String {
    let mut marked = String::with_capacity(text.len() * 2);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(marked, "{OPEN}{}{CLOSE}{line}", index + 1);
    }
    marked
}

/// The line of the template that made `line` of a document, both from 1; `document` was made by marked templates.
pub fn origin(document: &str, line: usize) -> Option<usize> {
    // A line of the template that left none in the document has put its mark in front of the next one.
    let text = document.split('\n').nth(line.checked_sub(1)?)?;
    let mark = text.rsplit(OPEN).next()?;
    mark.split_once(CLOSE)?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_document_is_traced_to_its_template() {
        let template = "<a>\n{% if true %}\n<b/>\n{% endif %}\n{% for i in [1, 2] %}\n<c/>\n{% endfor %}\n</a>\n";
        let files = Files::from([("m/results.xml".to_owned(), template.to_owned())]);
        let environment = super::super::registry::environment(&marked(&files)).expect("templates");
        let made = environment
            .get_template("m/results.xml")
            .and_then(|template| template.render(()))
            .expect("a document");
        // <a>, <b/>, <c/>, <c/>, </a>
        let lines: Vec<_> = (1..=5).map(|line| origin(&made, line)).collect();
        assert_eq!(lines, [Some(1), Some(3), Some(6), Some(6), Some(8)]);
        assert_eq!(origin(&made, 99), None);
    }
}
