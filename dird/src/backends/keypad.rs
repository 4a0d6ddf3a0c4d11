//! Names by the letters of a keypad: who types 629 may mean "Max". A term of digits also finds those whose name, from the start
//! of one of its words, is typed with these keys.

/// Shortest term that is taken for keys, in digits.
const SHORTEST: usize = 3;

/// The keys of letters, from `a` on.
const KEYS: &[u8; 26] = b"22233344455566677778889999";

/// The term, if it may be typed letters.
pub fn keys(term: &str) -> Option<&str> {
    let term = term.trim();
    let digits = term.bytes().all(|byte| byte.is_ascii_digit());
    (term.len() >= SHORTEST && digits).then_some(term)
}

/// True if `text` can be typed with `keys` from the start of one of its words on; the space between words needs no key, and a
/// text without letters is no name.
pub fn types(text: &str, keys: &str) -> bool {
    let folded = kit::fold::fold(text);
    if !folded.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return false;
    }
    let mut typed = String::with_capacity(folded.len());
    let mut starts = Vec::new();
    let mut within = false;
    for byte in folded.bytes() {
        let key = match byte {
            b'a'..=b'z' => KEYS[usize::from(byte - b'a')],
            b'0'..=b'9' => byte,
            // An apostrophe does not end a word.
            b'\'' => continue,
            _ => {
                within = false;
                continue;
            }
        };
        if !within {
            starts.push((typed.len(), byte.is_ascii_alphabetic()));
            within = true;
        }
        typed.push(char::from(key));
    }
    let mut starts = starts.into_iter().filter(|(_, letter)| *letter);
    starts.any(|(start, _)| typed[start..].starts_with(keys))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_more_are_keys() {
        assert_eq!(keys(" 629 "), Some("629"));
        for term in ["62", "62a", "+629", "6 29", ""] {
            assert_eq!(keys(term), None, "{term}");
        }
    }

    #[test]
    fn a_name_is_typed_from_the_start_of_any_of_its_words() {
        for (name, keys) in [
            ("Max", "629"),
            ("Zoé Adams", "963"),
            ("Zoé Adams", "23267"),
            ("Zoé Adams", "96323"),
            ("Jean-Luc", "582"),
            ("O'Brien", "6274"),
            ("Müller", "6855"),
            ("Łukasz", "585"),
            ("Иван", "482"),
            ("Pqrs Wxyz", "77779999"),
        ] {
            assert!(types(name, keys), "{name}: {keys}");
        }
    }

    #[test]
    fn what_does_not_begin_a_word_or_is_no_name_is_not_typed() {
        for (name, keys) in [
            ("Adams", "326"),
            ("Max", "6290"),
            ("629", "629"),
            ("Room 629", "629"),
            ("", "629"),
        ] {
            assert!(!types(name, keys), "{name}: {keys}");
        }
    }
}
