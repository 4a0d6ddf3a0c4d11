//! vCard 3.0 and 4.0, in and out. A card becomes a contact with the field names that phones and displays use; fields that no
//! property stands for travel in `X-FIELD`, so that an export read back is the same contact.

mod read;
mod write;

pub use read::{Card, read};
pub use write::{Version, write};

/// Fields and the properties that hold nothing else, in the order they are written.
const PLAIN: [(&str, &str); 5] = [
    ("email", "EMAIL"),
    ("company", "ORG"),
    ("title", "TITLE"),
    ("note", "NOTE"),
    ("url", "URL"),
];

/// Carries a field of any name.
const ANY_FIELD: &str = "X-FIELD";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::write::LINE;
    use super::*;
    use crate::store::model::{Contact, ContactId, Fields};

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let pairs = pairs.iter();
        pairs
            .map(|&(name, value)| (name.into(), Some(value.into())))
            .collect()
    }

    fn only(text: &str) -> (Fields, Vec<String>) {
        let mut cards = read(text);
        assert_eq!(cards.len(), 1);
        let (contact, left_out) = cards.remove(0).read.unwrap();
        (contact.fields, left_out)
    }

    #[test]
    fn a_card_becomes_the_fields_that_phones_know() {
        let text = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:\u{c7}elik;\u{c9}lodie;;;\r\nFN:\u{c9}lodie\r\n  \u{c7}elik\r\n\
            item1.TEL;TYPE=WORK,VOICE:+33 1\r\nTEL;CELL:06\r\nTEL;TYPE=\"fax\":tel:09\r\nTEL:02\r\n\
            EMAIL;TYPE=INTERNET:e@x.test\r\nORG:Papier\\; Co;Sales\r\nADR:;;1 Rue;Lyon;;69000;\r\n\
            NOTE:a\\nb\\, c\r\nBDAY:2000\r\nEND:VCARD\r\n";
        let (found, left_out) = only(text);
        let expected = fields(&[
            ("lastname", "\u{c7}elik"),
            ("firstname", "\u{c9}lodie"),
            ("name", "\u{c9}lodie \u{c7}elik"),
            ("number", "+33 1"),
            ("mobile", "06"),
            ("fax", "09"),
            ("number_2", "02"),
            ("email", "e@x.test"),
            ("company", "Papier; Co"),
            ("address", "1 Rue, Lyon, 69000"),
            ("note", "a\nb, c"),
        ]);
        assert_eq!(found, expected);
        assert_eq!(left_out, ["BDAY"]);
    }

    #[test]
    fn what_is_no_card_is_said_with_its_line() {
        let text =
            "x\nBEGIN:VCARD\nN:a\nBEGIN:VCARD\nVERSION:4.0\nEND:VCARD\nEND:VCARD\nBEGIN:VCARD\n";
        let cards: Vec<(u64, bool)> = read(text)
            .iter()
            .map(|card| (card.line, card.read.is_ok()))
            .collect();
        assert_eq!(cards, [(2, false), (4, false), (8, false)]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            values in prop::collection::btree_map(
                "firstname|lastname|name|number|mobile|fax|email|company|title|note|url|[a-z%: ;,]{1,9}",
                "[^\\s\\pC][^\\pC]{0,90}", 1..6),
            third in any::<bool>(),
        ) {
            let fields: Fields = values.iter().map(|(name, value)| (name.clone(), Some(value.trim_end().to_owned()))).collect();
            prop_assume!(fields.keys().all(|name| !name.trim().is_empty()));
            let contact = Contact { uuid: ContactId("1".into()), fields };
            let version = if third { Version::V3 } else { Version::V4 };
            let text = write(std::slice::from_ref(&contact), version);
            prop_assert!(text.lines().all(|line| line.len() <= LINE));
            let (mut found, left_out) = only(&text);
            prop_assert!(left_out.is_empty());
            let mut sent = contact.fields.clone();
            found.sort_keys();
            sent.sort_keys();
            prop_assert_eq!(found, sent);
        }
    }
}
