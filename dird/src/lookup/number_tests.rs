//! Numbers of many countries, each in every way it is written there.

use super::*;

/// Country, and spellings of one number as people there write it.
const SAME: [(&str, &[&str]); 24] = [
    (
        "FR",
        &[
            "+33 1 23 45 67 89",
            "0033 1 23 45 67 89",
            "01 23 45 67 89",
            "01.23.45.67.89",
            "+33 (0)1 23 45 67 89",
        ],
    ),
    (
        "DE",
        &[
            "+49 30 1234567",
            "0049301234567",
            "030/1234567",
            "030 1234567",
            "(030) 12345-67",
        ],
    ),
    (
        "GB",
        &[
            "+44 20 7946 0018",
            "0044 20 7946 0018",
            "020 7946 0018",
            "(020) 7946 0018",
        ],
    ),
    (
        "US",
        &[
            "+1 212-555-0123",
            "011 1 212 555 0123",
            "1-212-555-0123",
            "(212) 555-0123",
        ],
    ),
    (
        "CA",
        &[
            "+1 514 555 0199",
            "01115145550199",
            "15145550199",
            "514-555-0199",
        ],
    ),
    ("ES", &["+34 912 345 678", "0034912345678", "912 345 678"]),
    (
        "IT",
        &["+39 06 1234 5678", "00390612345678", "06 1234 5678"],
    ),
    ("PT", &["+351 212 345 678", "00351212345678", "212345678"]),
    ("BE", &["+32 2 123 45 67", "003221234567", "02 123 45 67"]),
    ("NL", &["+31 20 123 4567", "0031201234567", "020-1234567"]),
    (
        "CH",
        &["+41 44 123 45 67", "0041441234567", "044 123 45 67"],
    ),
    ("AT", &["+43 1 5123456", "004315123456", "01 5123456"]),
    ("PL", &["+48 22 123 45 67", "0048221234567", "22 123 45 67"]),
    ("CZ", &["+420 212 345 678", "00420212345678", "212345678"]),
    ("DK", &["+45 32 12 34 56", "004532123456", "32 12 34 56"]),
    ("NO", &["+47 22 12 34 56", "004722123456", "22123456"]),
    (
        "SE",
        &["+46 8 123 456 78", "0046812345678", "08-123 456 78"],
    ),
    ("HU", &["+36 1 234 5678", "003612345678", "06 1 234 5678"]),
    (
        "RU",
        &[
            "+7 495 123-45-67",
            "810 7 495 123 45 67",
            "8 (495) 123-45-67",
        ],
    ),
    (
        "AU",
        &["+61 2 9876 5432", "0011 61 2 9876 5432", "02 9876 5432"],
    ),
    (
        "JP",
        &["+81 3-1234-5678", "010 81 3 1234 5678", "03-1234-5678"],
    ),
    (
        "KR",
        &["+82 2 1234 5678", "001 82 2 1234 5678", "02-1234-5678"],
    ),
    (
        "BR",
        &["+55 11 91234-5678", "0055 11 91234 5678", "0 11 91234 5678"],
    ),
    ("IN", &["+91 98765 43210", "00919876543210", "098765 43210"]),
];

fn known(code: &str) -> &'static Region {
    Region::named(code).unwrap_or_else(|| panic!("{code}"))
}

#[test]
fn every_spelling_of_a_number_is_one_number() {
    for (code, spellings) in SAME {
        let region = known(code);
        let first = region.international(spellings[0]);
        assert!(first.is_some(), "{code}");
        for spelling in spellings {
            assert_eq!(region.international(spelling), first, "{code}: {spelling}");
        }
    }
}

#[test]
fn a_number_is_looked_for_in_the_ways_that_it_is_stored() {
    let french = known("FR");
    assert_eq!(
        french.spellings("+33 1 23 45 67 89"),
        ["+33123456789", "0033123456789", "0123456789"]
    );
    assert_eq!(
        french.spellings("0123456789"),
        ["+33123456789", "0033123456789"]
    );
    assert_eq!(french.spellings("0049301234567"), ["+49301234567"]);
    let american = ["+12125550123", "01112125550123", "12125550123"];
    assert_eq!(known("US").spellings("2125550123"), american);
    assert_eq!(
        known("ES").spellings("+34912345678"),
        ["0034912345678", "912345678"]
    );
}

#[test]
fn an_extension_stays_what_it_is() {
    for region in &REGIONS {
        for extension in [
            "1", "1001", "0123", "00331", "123456", "+1001", "*98", "#31#1001", "",
        ] {
            let other = region.spellings(extension);
            assert!(other.is_empty(), "{}: {extension}: {other:?}", region.code);
        }
    }
}

#[test]
fn what_may_be_several_numbers_is_not_guessed() {
    for (code, number) in [
        // Without area code, or without the prefix that tells what follows.
        ("FR", "23456789"),
        ("FR", "123456789"),
        ("FR", "33123456789"),
        ("DE", "1234567"),
        ("GB", "79460018"),
        ("US", "5550123"),
        ("RU", "4951234567"),
        // Too long or too short to be of the country.
        ("FR", "01234567890"),
        ("ES", "91234567"),
        ("FR", "+0123456789"),
        ("FR", "+1234567890123456"),
        ("FR", "sip:0123456789"),
        ("FR", "01+23456789"),
    ] {
        assert!(known(code).spellings(number).is_empty(), "{code}: {number}");
    }
}

#[test]
fn countries_are_known_by_one_code_each() {
    let codes: Vec<&str> = REGIONS.iter().map(|region| region.code).collect();
    assert_eq!(codes, CODES);
    assert_eq!(Region::named("fr"), Some(known("FR")));
    assert_eq!(Region::named("XX"), None);
}
