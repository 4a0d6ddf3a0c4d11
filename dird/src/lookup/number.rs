//! Telephone numbers as people of a country write them: `+33 1 23 45 67 89`, `0033 1 23 45 67 89` and `01 23 45 67 89` are one
//! number in France. What is short, holds anything but digits and separators, or could be several numbers stays as it is.

use crate::index::digits;

/// Numbers up to so many digits are extensions.
const LONGEST_EXTENSION: usize = 6;

/// Lengths of an international number without its prefix, in digits.
const INTERNATIONAL: std::ops::RangeInclusive<usize> = 8..=15;

/// How numbers are written in a country.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// ISO 3166 code of the country.
    code: &'static str,
    /// What follows `+`.
    calling: &'static str,
    /// What precedes a number within the country; empty where nothing does.
    trunk: &'static str,
    /// What stands for `+`.
    international: &'static [&'static str],
    /// Fewest and most digits of a number without any prefix.
    length: (usize, usize),
}

const fn region(
    code: &'static str,
    calling: &'static str,
    trunk: &'static str,
    international: &'static [&'static str],
    length: (usize, usize),
) -> Region {
    Region {
        code,
        calling,
        trunk,
        international,
        length,
    }
}

const ZEROS: &[&str] = &["00"];

/// The countries that are known.
static REGIONS: [Region; 44] = [
    region("AE", "971", "0", ZEROS, (8, 9)),
    region("AR", "54", "0", ZEROS, (10, 10)),
    region("AT", "43", "0", ZEROS, (7, 13)),
    region("AU", "61", "0", &["0011"], (9, 9)),
    region("BE", "32", "0", ZEROS, (8, 9)),
    region("BG", "359", "0", ZEROS, (7, 9)),
    region("BR", "55", "0", ZEROS, (10, 11)),
    region("CA", "1", "1", &["011"], (10, 10)),
    region("CH", "41", "0", ZEROS, (9, 9)),
    region("CN", "86", "0", ZEROS, (9, 11)),
    region("CZ", "420", "", ZEROS, (9, 9)),
    region("DE", "49", "0", ZEROS, (7, 12)),
    region("DK", "45", "", ZEROS, (8, 8)),
    region("EE", "372", "", ZEROS, (7, 8)),
    region("EG", "20", "0", ZEROS, (8, 10)),
    region("ES", "34", "", ZEROS, (9, 9)),
    region("FI", "358", "0", ZEROS, (7, 11)),
    region("FR", "33", "0", ZEROS, (9, 9)),
    region("GB", "44", "0", ZEROS, (9, 10)),
    region("GR", "30", "", ZEROS, (10, 10)),
    region("HR", "385", "0", ZEROS, (8, 9)),
    region("HU", "36", "06", ZEROS, (8, 9)),
    region("IE", "353", "0", ZEROS, (7, 9)),
    region("IL", "972", "0", ZEROS, (8, 9)),
    region("IN", "91", "0", ZEROS, (10, 10)),
    region("IT", "39", "", ZEROS, (8, 11)),
    region("JP", "81", "0", &["010"], (9, 10)),
    region("KR", "82", "0", &["00700", "001", "002"], (8, 10)),
    region("LU", "352", "", ZEROS, (8, 9)),
    region("MA", "212", "0", ZEROS, (9, 9)),
    region("MX", "52", "", ZEROS, (10, 10)),
    region("NL", "31", "0", ZEROS, (9, 9)),
    region("NO", "47", "", ZEROS, (8, 8)),
    region("NZ", "64", "0", ZEROS, (8, 10)),
    region("PL", "48", "", ZEROS, (9, 9)),
    region("PT", "351", "", ZEROS, (9, 9)),
    region("RO", "40", "0", ZEROS, (9, 9)),
    region("RU", "7", "8", &["810"], (10, 10)),
    region("SE", "46", "0", ZEROS, (7, 9)),
    region("SK", "421", "0", ZEROS, (9, 9)),
    region("TR", "90", "0", ZEROS, (10, 10)),
    region("UA", "380", "0", ZEROS, (9, 9)),
    region("US", "1", "1", &["011"], (10, 10)),
    region("ZA", "27", "0", ZEROS, (9, 9)),
];

/// Codes of the countries that are known, as a profile may name them.
pub(crate) const CODES: &[&str] = &[
    "AE", "AR", "AT", "AU", "BE", "BG", "BR", "CA", "CH", "CN", "CZ", "DE", "DK", "EE", "EG", "ES",
    "FI", "FR", "GB", "GR", "HR", "HU", "IE", "IL", "IN", "IT", "JP", "KR", "LU", "MA", "MX", "NL",
    "NO", "NZ", "PL", "PT", "RO", "RU", "SE", "SK", "TR", "UA", "US", "ZA",
];

impl Region {
    /// The country with this code, in any case.
    pub(crate) fn named(code: &str) -> Option<&'static Self> {
        let mut regions = REGIONS.iter();
        regions.find(|region| region.code.eq_ignore_ascii_case(code))
    }

    /// Other ways to write `number`, which would reach the same line from here: with `+`, with each international prefix, and
    /// as within the country if it is one of the country's. None if it is not sure what the number means.
    pub(super) fn spellings(&self, number: &str) -> Vec<String> {
        let Some(digits) = self.international(number) else {
            return Vec::new();
        };
        let mut spellings = vec![format!("+{digits}")];
        let prefixes = self.international.iter();
        spellings.extend(prefixes.map(|prefix| format!("{prefix}{digits}")));
        if let Some(own) = digits.strip_prefix(self.calling)
            && self.fits(own)
        {
            spellings.push(format!("{}{own}", self.trunk));
            // Where the trunk prefix is the calling code itself, people leave it out.
            if self.trunk == self.calling {
                spellings.push(own.to_owned());
            }
        }
        spellings.retain(|spelling| spelling != number);
        spellings
    }

    /// The number without any prefix, calling code first; none if it is an extension or not sure.
    fn international(&self, number: &str) -> Option<String> {
        let digits = digits(number)?;
        if let Some(digits) = digits.strip_prefix('+') {
            return sound(digits);
        }
        if digits.len() <= LONGEST_EXTENSION {
            return None;
        }
        let mut prefixes = self.international.iter();
        if let Some(rest) = prefixes.find_map(|prefix| digits.strip_prefix(prefix)) {
            return sound(rest);
        }
        let own = digits.strip_prefix(self.trunk).filter(|own| self.fits(own));
        let bare = || (self.trunk == self.calling && self.fits(&digits)).then_some(&*digits);
        let own = own.or_else(bare)?;
        Some(format!("{}{own}", self.calling))
    }

    /// True if a number of the country, without any prefix, may be as long.
    fn fits(&self, own: &str) -> bool {
        let (fewest, most) = self.length;
        (fewest..=most).contains(&own.len())
    }
}

/// An international number, if it can be one.
fn sound(digits: &str) -> Option<String> {
    let whole = INTERNATIONAL.contains(&digits.len()) && !digits.starts_with('0');
    whole.then(|| digits.to_owned())
}

#[cfg(test)]
#[path = "number_tests.rs"]
mod tests;
