//! Which fields of a contact are fields of an intercom's entry (intercom-directory.md §8.3). It is known to the store because
//! every writer of a published phonebook has to tell whether it changed an entry.

use serde::{Deserialize, Serialize};

use super::model::Fields;

/// Destinations of an entry.
pub const DESTINATIONS: usize = 3;

/// Names that are read, beside the mapped one, as a contact's name: the first two joined, else the third.
const OTHER_NAMES: [&str; 3] = ["firstname", "lastname", "displayname"];

/// Names of contact fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Field of the entry's `name`.
    pub name: String,
    /// Field of its `email`.
    pub email: String,
    /// Fields of its destinations' `peer`.
    pub peers: [String; DESTINATIONS],
}

impl Default for Mapping {
    fn default() -> Self {
        Self {
            name: "name".into(),
            email: "email".into(),
            peers: ["number", "mobile", "number_other"].map(str::to_owned),
        }
    }
}

/// What an entry has of a contact.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapped {
    /// Displayed name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Numbers or addresses, in the order of the destinations.
    pub peers: [String; DESTINATIONS],
}

impl Mapping {
    /// The entry's part of a contact.
    pub fn read(&self, fields: &Fields) -> Mapped {
        let text = |name: &str| text(fields, name).to_owned();
        Mapped {
            name: self.name_in(fields),
            email: text(&self.email),
            peers: [0, 1, 2].map(|place| text(&self.peers[place])),
        }
    }

    fn name_in(&self, fields: &Fields) -> String {
        let [first, last, display] = OTHER_NAMES.map(|name| text(fields, name).trim());
        let joined = format!("{first} {last}");
        let choices = [text(fields, &self.name), &joined, display];
        let mut choices = choices.into_iter().map(str::trim);
        let chosen = choices.find(|name| !name.is_empty());
        chosen.unwrap_or_default().to_owned()
    }

    /// Writes what differs between `before` and `after` into a contact that reads as `before`. Without a name it keeps none of
    /// the fields that a name is read from.
    pub fn write(&self, fields: &mut Fields, before: &Mapped, after: &Mapped) {
        if before.name != after.name {
            set(fields, &self.name, &after.name);
            if after.name.is_empty() {
                for other in OTHER_NAMES {
                    fields.shift_remove(other);
                }
            }
        }
        if before.email != after.email {
            set(fields, &self.email, &after.email);
        }
        for (place, key) in self.peers.iter().enumerate() {
            if before.peers[place] != after.peers[place] {
                set(fields, key, &after.peers[place]);
            }
        }
    }
}

fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    let value = fields.get(name).and_then(Option::as_deref);
    value.unwrap_or_default()
}

fn set(fields: &mut Fields, name: &str, value: &str) {
    if value.is_empty() {
        fields.shift_remove(name);
    } else {
        fields.insert(name.to_owned(), Some(value.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let pairs = pairs.iter();
        pairs
            .map(|&(name, value)| (name.to_owned(), Some(value.to_owned())))
            .collect()
    }

    #[test]
    fn a_name_is_the_first_that_says_something() {
        let mapping = Mapping::default();
        let name = |pairs: &[(&str, &str)]| mapping.read(&fields(pairs)).name;
        let all = [
            ("name", " A "),
            ("firstname", "B"),
            ("lastname", "C"),
            ("displayname", "D"),
        ];
        assert_eq!(name(&all), "A");
        assert_eq!(name(&all[1..]), "B C");
        assert_eq!(name(&all[2..]), "C");
        assert_eq!(name(&all[3..]), "D");
        assert_eq!(name(&[("name", " "), ("displayname", "D")]), "D");
        assert_eq!(name(&[]), "");
    }

    #[test]
    fn only_what_changed_is_written_and_other_fields_stay() {
        let mapping = Mapping::default();
        let mut contact = fields(&[
            ("firstname", "B"),
            ("lastname", "C"),
            ("number", " 1 "),
            ("zip", "0"),
        ]);
        let before = mapping.read(&contact);
        let mut after = before.clone();
        after.name = "N".into();
        after.peers[2] = "3".into();
        mapping.write(&mut contact, &before, &after);
        let expected = [
            ("firstname", "B"),
            ("lastname", "C"),
            ("number", " 1 "),
            ("zip", "0"),
            ("name", "N"),
            ("number_other", "3"),
        ];
        assert_eq!(contact, fields(&expected));
        mapping.write(&mut contact, &after, &Mapped::default());
        assert_eq!(contact, fields(&[("zip", "0")]));
    }
}
