//! What may stand in a phone's document (phoned-vendors.md §1.2, §1.3): five characters are escaped and nothing else; what no
//! XML reader takes is dropped. Also the Latin-1 form for phones that show nothing else (§3.6).

use std::fmt::{self, Write};

use minijinja::{Error, ErrorKind, Output, State, Value};
use unicode_normalization::UnicodeNormalization;

/// Writes `text` escaped and without forbidden characters.
pub fn escape(text: &str, out: &mut impl Write) -> fmt::Result {
    let mut plain = 0;
    for (at, character) in text.char_indices() {
        let replacement = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '"' => "&#34;",
            '\'' => "&#39;",
            '\t' | '\n' | '\r' => " ",
            _ if forbidden(character) => "",
            _ => continue,
        };
        out.write_str(&text[plain..at])?;
        out.write_str(replacement)?;
        plain = at + character.len_utf8();
    }
    out.write_str(&text[plain..])
}

/// Control characters of both ranges and the two non-characters that XML 1.0 excludes.
fn forbidden(character: char) -> bool {
    matches!(character, '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

/// A name as it is kept: forbidden characters gone, each run of line ends and tabs turned into one space.
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut broken = false;
    for character in text.chars() {
        let is_break = matches!(character, '\t' | '\n' | '\r');
        if is_break && !broken {
            clean.push(' ');
        } else if !is_break && !forbidden(character) {
            clean.push(character);
        }
        broken = is_break;
    }
    clean
}

/// The formatter of all templates: whatever is written between braces is escaped.
pub fn format(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    let written = match value.as_str() {
        _ if value.is_none() || value.is_undefined() => Ok(()),
        Some(text) if value.is_safe() => out.write_str(text),
        Some(text) => escape(text, out),
        None => escape(&value.to_string(), out),
    };
    written.map_err(|_| Error::new(ErrorKind::WriteFailure, "cannot write"))
}

/// The ISO-8859-1 bytes of a document. Letters outside are replaced by their closest form, all else by a question mark.
pub fn latin1(document: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(document.len());
    for character in document.nfc() {
        match u8::try_from(u32::from(character)) {
            Ok(byte) => bytes.push(byte),
            Err(_) => bytes.extend_from_slice(closest(character).as_bytes()),
        }
    }
    bytes
}

/// ASCII form of a Latin letter or a punctuation mark outside Latin-1; never one that would have to be escaped.
fn closest(character: char) -> &'static str {
    let latin = matches!(character, '\u{100}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}');
    let marks = matches!(character, '\u{2010}'..='\u{2027}' | '\u{2030}'..='\u{205e}' | '€' | '™');
    let ascii = any_ascii::any_ascii_char(character);
    match ascii {
        "'" => "&#39;",
        "\"" => "&#34;",
        _ if !(latin || marks)
            || ascii.is_empty()
            || ascii.contains(['<', '>', '&', '"', '\'']) =>
        {
            "?"
        }
        _ => ascii,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vendor::check;

    fn escaped(text: &str) -> String {
        let mut out = String::new();
        escape(text, &mut out).expect("a string takes everything");
        out
    }

    #[test]
    fn exactly_five_characters_are_escaped() {
        assert_eq!(
            escaped("a/b & <c> \"d\" 'e' é €"),
            "a/b &amp; &lt;c&gt; &#34;d&#34; &#39;e&#39; é €"
        );
    }

    #[test]
    fn what_no_reader_takes_is_dropped() {
        assert_eq!(escaped("Bob\u{1}x\u{85}y\u{fffe}\u{7f}"), "Bobxy");
        assert_eq!(clean("Line\r\nBreak\tTab\u{1b}[1m"), "Line Break Tab[1m");
    }

    #[test]
    fn latin1_keeps_what_it_can() {
        assert_eq!(latin1("Zoë Jose\u{301} Łódź"), b"Zo\xeb Jos\xe9 L\xf3dz");
        assert_eq!(latin1("\u{2018}a\u{201d} 山田"), b"&#39;a&#34; ??");
    }

    proptest! {
        #[test]
        fn any_text_can_stand_in_a_document(text: String) {
            let escaped = escaped(&text);
            let document = format!("<a b=\"{escaped}\">{escaped}</a>");
            prop_assert_eq!(check::well_formed(&document), Ok(()));
        }

        #[test]
        fn the_latin1_form_is_as_well_formed(text: String) {
            let bytes = latin1(&format!("<a b=\"{0}\">{0}</a>", escaped(&text)));
            let document: String = bytes.into_iter().map(char::from).collect();
            prop_assert_eq!(check::well_formed(&document), Ok(()));
        }

        #[test]
        fn a_clean_name_is_clean(text: String) {
            let once = clean(&text);
            prop_assert!(!once.chars().any(forbidden));
        }
    }
}
