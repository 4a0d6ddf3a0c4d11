//! Invented people in any number, always the same ones, for trying dird at the size of a real site.

use crate::store::model::{Contact, ContactId, Fields};

const FIRST: [&str; 24] = [
    "Amélie",
    "Björn",
    "Chloé",
    "Dimitri",
    "Élodie",
    "Fatma",
    "Giorgos",
    "Hélène",
    "Íñigo",
    "Jürgen",
    "Katarzyna",
    "Łukasz",
    "Møller",
    "Nguyễn",
    "Ólafur",
    "Pınar",
    "Quentin",
    "Róisín",
    "Søren",
    "Thérèse",
    "Ülkü",
    "Vojtěch",
    "Wanjiru",
    "Zoë",
];
const SYLLABLES: [&str; 20] = [
    "ba", "ced", "dor", "fel", "gan", "hil", "jan", "kor", "lem", "mar", "nov", "ost", "per",
    "quin", "ros", "sten", "tol", "ulf", "ver", "zak",
];
const COMPANIES: [&str; 6] = [
    "Papier Göteborg",
    "Kartónka",
    "Møller Maskiner",
    "Tinta y Cía.",
    "Holz & Söhne",
    "Fermes du Lac",
];

/// `count` people with names, numbers and companies that repeat as those of real sites do.
pub(super) fn generated(count: usize) -> Vec<Contact> {
    (0..count).map(person).collect()
}

fn person(index: usize) -> Contact {
    let pick = |list: &[&'static str], step: usize| list[(index / step) % list.len()];
    let scattered = index.wrapping_mul(7919) % 8000;
    let lastname = format!(
        "{}{}{}",
        SYLLABLES[scattered % 20],
        SYLLABLES[(scattered / 20) % 20],
        SYLLABLES[(scattered / 400) % 20],
    );
    let fields: Fields = [
        ("firstname", pick(&FIRST, 1).to_owned()),
        ("lastname", lastname),
        ("number", format!("+1555{index:07}")),
        (
            "mobile",
            if index.is_multiple_of(3) {
                format!("+4470{index:08}")
            } else {
                String::new()
            },
        ),
        ("email", format!("person{index}@example.org")),
        ("company", pick(&COMPANIES, 24).to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), Some(value)))
    .collect();
    // Made of the number alone, so that the same people have the same identifiers on every site.
    Contact {
        uuid: ContactId(format!("00000000-0000-4000-8000-{index:012x}")),
        fields,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_the_same_each_time_and_differ_from_each_other() {
        let people = generated(1000);
        assert_eq!(people, generated(1000));
        let numbers: std::collections::HashSet<&str> = people
            .iter()
            .map(|person| person.fields["number"].as_deref().unwrap_or_default())
            .collect();
        assert_eq!(numbers.len(), 1000);
    }
}
