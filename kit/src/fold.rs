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

/// Hyphens and dashes of typesetters, which are punctuation as the plain one is.
const DASHES: std::ops::RangeInclusive<char> = '\u{2010}'..='\u{2015}';

fn fold_foreign(character: char, folded: &mut String) {
    if character.is_whitespace() {
        return push(folded, ' ');
    }
    if DASHES.contains(&character) {
        return push(folded, '-');
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

/// Pairs of vowels that some write for one: "Mueller", "Soeren", "Aarhus".
const DIGRAPHS: [&str; 4] = ["ae", "oe", "ue", "aa"];

/// The forms in which a value is looked for, none of them empty: folded without punctuation, and, where that differs, with one vowel for each
/// pair that stands for one.
pub fn forms(value: &str) -> impl Iterator<Item = String> {
    let normal = squeeze(&fold(value));
    let collapsed = collapse(&normal);
    let differs = collapsed != normal;
    let forms = [Some(normal), differs.then_some(collapsed)];
    forms.into_iter().flatten().filter(|form| !form.is_empty())
}

fn collapse(normal: &str) -> String {
    let mut collapsed = String::with_capacity(normal.len());
    let mut rest = normal;
    while let Some(first) = rest.chars().next() {
        collapsed.push(first);
        let pair = DIGRAPHS.iter().any(|pair| rest.starts_with(pair));
        rest = &rest[if pair { 2 } else { first.len_utf8() }..];
    }
    collapsed
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
            ("Jean\u{2011}Luc", "jean-luc"),
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

    #[test]
    fn a_value_has_one_form_or_two() {
        for (value, expected) in [
            ("M\u{fc}ller", vec!["muller"]),
            ("Mueller-Aa", vec!["muelleraa", "mullera"]),
            ("%", vec![]),
        ] {
            assert_eq!(forms(value).collect::<Vec<_>>(), expected, "{value:?}");
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
