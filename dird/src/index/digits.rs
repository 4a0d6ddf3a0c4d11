//! What of a number is dialled: people write the rest to read it better.

/// The digits of a number, after `+` if it begins with one; none if it holds anything but digits and separators. A `(0)` after a
/// calling code is there for readers within the country only.
pub fn digits(number: &str) -> Option<String> {
    let number = number.trim();
    let shortened;
    let number = if number.starts_with('+') || number.starts_with("00") {
        shortened = number.replacen("(0)", "", 1);
        &shortened
    } else {
        number
    };
    let mut digits = String::with_capacity(number.len());
    for character in number.chars() {
        match character {
            '0'..='9' => digits.push(character),
            '+' if digits.is_empty() => digits.push('+'),
            ' ' | '.' | '-' | '/' | '(' | ')' | '\u{a0}' | '\u{202f}' => {}
            _ => return None,
        }
    }
    Some(digits)
}

/// The digits of a number that is written with separators; none of any other text.
pub fn separated(number: &str) -> Option<String> {
    digits(number).filter(|digits| !digits.is_empty() && digits != number)
}
