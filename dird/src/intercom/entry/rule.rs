//! What texts may say (intercom-directory.md §4.1). The empty text is always right: it means the default.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Longest plain text, in characters.
const PLAIN: usize = 255;
/// Longest position in the display phonebook, in characters.
const TREE: usize = 1023;
/// Longest picture or set of fingerprints, in bytes of text.
const LARGE: usize = 64 * 1024;

/// Takes base64 with its padding or without.
const PICTURES: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A rule for a text.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    /// Anything of up to 255 characters.
    Opaque,
    /// A name to display.
    Name,
    /// A picture in base64.
    Picture,
    /// Addresses of electronic mail, separated by commas.
    Email,
    /// A position in the display phonebook.
    Tree,
    /// So many digits.
    Digits(usize, usize),
    /// A card: 6 to 32 hexadecimal digits.
    Card,
    /// Fingerprints, which only devices understand.
    Fingerprints,
    /// Seconds since 1970, below 2^32.
    Seconds,
}

impl Rule {
    /// The text that nobody has set.
    pub(super) fn default(self) -> &'static str {
        match self {
            Self::Tree => "/",
            Self::Seconds => "0",
            _ => "",
        }
    }

    /// The text as it is kept; none if it is wrong.
    pub(super) fn keep(self, text: &str) -> Option<String> {
        if text.is_empty() {
            return Some(self.default().to_owned());
        }
        if text
            .chars()
            .any(|character| character < ' ' || character == '\u{7f}')
        {
            return None;
        }
        match self {
            Self::Seconds => {
                let seconds = digits(text, 1, 20).then(|| text.parse::<u32>().ok())??;
                Some(seconds.to_string())
            }
            Self::Card => {
                let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
                (hexadecimal && (6..=32).contains(&text.len())).then(|| text.to_ascii_uppercase())
            }
            other => other.takes(text).then(|| text.to_owned()),
        }
    }

    fn takes(self, text: &str) -> bool {
        let within = |longest| text.chars().count() <= longest;
        match self {
            Self::Opaque => within(PLAIN),
            Self::Name => within(PLAIN) && !text.contains(['<', '>', '/']),
            Self::Picture => text.len() <= LARGE && PICTURES.decode(text).is_ok(),
            Self::Email => within(PLAIN) && text.split(',').all(|part| is_address(part.trim())),
            Self::Tree => within(TREE) && text.starts_with('/'),
            Self::Digits(least, most) => digits(text, least, most),
            Self::Fingerprints => text.len() <= LARGE,
            Self::Card | Self::Seconds => false,
        }
    }
}

fn digits(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Something, an at sign, something; no blanks.
fn is_address(part: &str) -> bool {
    let Some((local, host)) = part.split_once('@') else {
        return false;
    };
    let blank = part.chars().any(char::is_whitespace);
    !local.is_empty() && !host.is_empty() && !host.contains('@') && !blank
}
