//! The one folding rule (dird-backends.md §1.9, design.md §6): text is compared without case, accents and script, so that
//! "ELODIE" finds "Élodie" and "ivan" finds "Иван". Indexes, stores and queries all use these functions, and only these.

/// Lower-case ASCII form of `text`: case and accents gone, other scripts transliterated, white space collapsed and trimmed.
/// ASCII punctuation of the input stays (a search for `%` is a search for a percent sign); punctuation that only
/// transliteration would bring in (the soft sign of "Ольга") does not.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            push(&mut folded, character.to_ascii_lowercase());
        } else {
            fold_foreign(character, &mut folded);
        }
    }
    if folded.ends_with(' ') {
        folded.pop();
    }
    folded
}

fn fold_foreign(character: char, folded: &mut String) {
    if character.is_whitespace() {
        return push(folded, ' ');
    }
    let ascii = any_ascii::any_ascii_char(character);
    for part in ascii.chars().filter(char::is_ascii_alphanumeric) {
        push(folded, part.to_ascii_lowercase());
    }
}

/// Appends `character`, turning each run of white space into one space and dropping it at the front.
fn push(folded: &mut String, character: char) {
    if !character.is_ascii_whitespace() {
        folded.push(character);
    } else if !folded.is_empty() && !folded.ends_with(' ') {
        folded.push(' ');
    }
}

/// A folded text without its punctuation: "o'brien" becomes "obrien". A text without letters is taken for a number and loses
/// its blanks too: "+33 1 23" becomes "33123".
pub fn squeeze(folded: &str) -> String {
    let numeric = !folded.bytes().any(|byte| byte.is_ascii_alphabetic());
    let mut squeezed = String::with_capacity(folded.len());
    for character in folded.chars() {
        if character.is_ascii_alphanumeric() || (character == ' ' && !numeric) {
            push(&mut squeezed, character);
        }
    }
    if squeezed.ends_with(' ') {
        squeezed.pop();
    }
    squeezed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_accents_and_scripts_fold_away() {
        for (text, expected) in [
            ("ÉLODIE Côté", "elodie cote"),
            ("Müller-Strauß", "muller-strauss"),
            ("Łukasz", "lukasz"),
            ("Иван Ольга", "ivan olga"),
            ("  two \u{a0}\t blanks ", "two blanks"),
            ("100 %", "100 %"),
            ("O\u{2019}Brien", "obrien"),
            ("", ""),
        ] {
            assert_eq!(fold(text), expected, "{text:?}");
        }
    }

    #[test]
    fn squeezing_drops_punctuation_and_the_blanks_of_numbers() {
        for (folded, expected) in [
            ("o'brien", "obrien"),
            ("jean-luc  d'arc", "jeanluc darc"),
            ("+33 (0)1 23-45", "3301 2345".replace(' ', "").as_str()),
            ("%", ""),
        ] {
            assert_eq!(squeeze(folded), expected, "{folded:?}");
        }
    }

    proptest! {
        #[test]
        fn a_part_of_a_text_folds_to_a_part_of_its_fold(
            before in "\\PC{0,8}", part in "\\PC{0,8}", after in "\\PC{0,8}",
        ) {
            let whole = fold(&format!("{before}{part}{after}"));
            prop_assert!(whole.contains(&fold(&part)), "{part:?} in {whole:?}");
        }

        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,20}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
