//! Half characters in JSON: `\\ud83d` without its other half is no text, and a strict reader refuses the whole answer for it. One
//! spoiled name must not hide all others (phoned-vendors.md §1.3), so the halves are taken out of answers that cannot be read.

/// The answer of a service as a value; halves of surrogate pairs in its strings are dropped when they are in the way.
pub fn read<T: serde::de::DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(body).or_else(|_| serde_json::from_slice(&without_halves(body)))
}

/// The same JSON text without escapes that are half a character.
fn without_halves(body: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(body.len());
    let mut at = 0;
    while let Some(&byte) = body.get(at) {
        let length = match (byte, unit(body, at), unit(body, at + 6)) {
            (_, Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (_, Some(0xd800..=0xdfff), _) => {
                at += 6;
                continue;
            }
            // The character behind a backslash is no beginning of an escape.
            (b'\\', ..) => 2,
            _ => 1,
        };
        let end = body.len().min(at + length);
        kept.extend_from_slice(&body[at..end]);
        at = end;
    }
    kept
}

/// The UTF-16 unit that the escape at `at` stands for.
fn unit(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(json: &str) -> Option<String> {
        read(json.as_bytes()).ok()
    }

    #[test]
    fn half_a_character_is_dropped_and_whole_ones_stay() {
        for (json, expected) in [
            (r#""Bob \ud83d!""#, "Bob !"),
            (r#""\udca9Bob\ud83d\ud83d\udca9""#, "Bob\u{1f4a9}"),
            (r#""\\ud83d \ud83d""#, r"\ud83d "),
            (r#""\ud83d\n\u00e9""#, "\n\u{e9}"),
        ] {
            assert_eq!(text(json).as_deref(), Some(expected), "{json}");
        }
        assert_eq!(text("nonsense"), None);
        assert_eq!(text(r#""\ud8"#), None);
    }

    proptest! {
        #[test]
        fn what_can_be_read_stays_as_it_is(name: String) {
            let json = serde_json::to_string(&name).expect("JSON");
            prop_assert_eq!(without_halves(json.as_bytes()), json.as_bytes());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>) {
            prop_assert!(without_halves(&bytes).len() <= bytes.len());
        }
    }
}
