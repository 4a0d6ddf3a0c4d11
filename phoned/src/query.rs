//! The target of a request as phones write it (phoned.md §5.1): `+` is a space, the first of several values wins, and bytes
//! that are no UTF-8 are what old phones type, Windows-1252.

use std::borrow::Cow;

use percent_encoding::{percent_decode, percent_decode_str};

/// More pieces than any phone sends.
const MOST_PARAMETERS: usize = 64;

/// What Windows-1252 shows for 0x80 to 0x9F; its five holes stay the C1 controls they are in ISO-8859-1.
const WINDOWS_1252: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

/// The decoded parameters of one request.
#[derive(Debug, Default)]
pub struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Query<'a> {
    /// Decodes `raw`, the part of the target after the question mark.
    pub fn parse(raw: &'a str) -> Self {
        let pieces = raw.split('&').filter(|piece| !piece.is_empty());
        let pairs = pieces.take(MOST_PARAMETERS).map(|piece| {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            (decode(name), decode(value))
        });
        Self {
            pairs: pairs.collect(),
        }
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_ref())
    }
}

fn decode(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| byte == b'+' || byte == b'%') {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    let bytes: Vec<u8> = percent_decode(spaced.as_bytes()).collect();
    Cow::Owned(decode_bytes(bytes))
}

/// The segment of `path` after so many slashes, decoded; empty when there is none.
pub fn segment(path: &str, index: usize) -> String {
    let raw = path.split('/').nth(index).unwrap_or("");
    decode_bytes(percent_decode_str(raw).collect())
}

/// Text from bytes that a phone sent: UTF-8, else Windows-1252 (phoned.md §5.1, D3).
pub fn decode_bytes(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| {
        error
            .as_bytes()
            .iter()
            .map(|&byte| windows_1252(byte))
            .collect()
    })
}

fn windows_1252(byte: u8) -> char {
    match byte {
        0x80..=0x9f => WINDOWS_1252[usize::from(byte - 0x80)],
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_decoded_as_phones_send_them() {
        for (raw, expected) in [
            ("term=be%20ta", Some("be ta")),
            ("term=gam+ma", Some("gam ma")),
            ("term=del%2Bta", Some("del+ta")),
            ("term=m%C3%A9n", Some("mén")),
            ("term=o%E9p", Some("oép")),
            ("term=%80n", Some("€n")),
            ("term=c%zzd", Some("c%zzd")),
            ("term=u;v", Some("u;v")),
            ("term=w=x", Some("w=x")),
            ("&&term=a&&term=b&", Some("a")),
            ("term", Some("")),
            ("TERM=a", None),
            ("", None),
        ] {
            assert_eq!(Query::parse(raw).get("term"), expected, "{raw}");
        }
    }

    #[test]
    fn pieces_after_the_sixty_fourth_are_not_read() {
        let raw = format!("{}term=late", "x=1&".repeat(64));
        assert_eq!(Query::parse(&raw).get("term"), None);
    }

    proptest! {
        #[test]
        fn no_query_is_too_strange(raw in "\\PC{0,60}") {
            let _ = Query::parse(&raw).get("term");
        }
    }
}
