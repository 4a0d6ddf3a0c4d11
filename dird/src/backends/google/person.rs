//! A person of Google's People API as a contact (dird-backends.md §9).

use serde_json::{Map, Value, json};

use crate::backends::listing::Contact;

/// Labels of which a contact knows all numbers but theirs.
const LABELS: [&str; 9] = [
    "home",
    "work",
    "mobile",
    "other",
    "main",
    "home_fax",
    "work_fax",
    "google_voice",
    "pager",
];

/// What is asked for, of every person.
pub(super) const MASK: &str =
    "names,emailAddresses,phoneNumbers,addresses,organizations,biographies";

/// The contact that `person` is.
pub(super) fn contact(person: &Value) -> Contact {
    let names = person.pointer("/names/0");
    let numbers = numbers_by_label(person);
    let mut contact = Map::new();
    contact.insert("id".into(), id(names));
    let name = text(names, "displayName").or_else(|| text(names, "unstructuredName"));
    contact.insert("name".into(), json!(name.unwrap_or_default()));
    contact.insert(
        "firstname".into(),
        json!(text(names, "givenName").unwrap_or_default()),
    );
    contact.insert(
        "lastname".into(),
        json!(text(names, "familyName").unwrap_or_default()),
    );
    contact.insert("numbers_by_label".into(), object(&numbers));
    contact.insert("numbers".into(), json!(mobile_last(&numbers)));
    contact.insert("numbers_except_label".into(), numbers_except(&numbers));
    contact.insert("emails".into(), emails(person));
    contact.insert("organizations".into(), organizations(person));
    contact.insert("addresses".into(), addresses(person));
    let note = text(person.pointer("/biographies/0"), "value");
    contact.insert("note".into(), json!(note.unwrap_or_default()));
    contact
}

fn text<'a>(of: Option<&'a Value>, name: &str) -> Option<&'a str> {
    of?.get(name)?.as_str()
}

/// Null without a name, empty without a source of the name.
fn id(name: Option<&Value>) -> Value {
    let Some(name) = name else {
        return Value::Null;
    };
    let id = name.pointer("/metadata/source/id").and_then(Value::as_str);
    json!(id.unwrap_or_default())
}

fn all<'a>(person: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    let items = person.get(name).and_then(Value::as_array);
    items.into_iter().flatten()
}

fn label(item: &Value) -> &str {
    text(Some(item), "type").unwrap_or("other")
}

/// The last number of each label, in the order in which labels came.
fn numbers_by_label(person: &Value) -> Vec<(String, String)> {
    let mut numbers: Vec<(String, String)> = Vec::new();
    for item in all(person, "phoneNumbers") {
        let Some(number) = text(Some(item), "value") else {
            continue;
        };
        let number = number.replace([' ', '-', '(', ')'], "");
        match numbers.iter_mut().find(|(known, _)| known == label(item)) {
            Some((_, last)) => *last = number,
            None => numbers.push((label(item).to_owned(), number)),
        }
    }
    numbers
}

fn object(numbers: &[(String, String)]) -> Value {
    let pairs = numbers
        .iter()
        .map(|(label, number)| (label.clone(), json!(number)));
    Value::Object(pairs.collect())
}

fn mobile_last(numbers: &[(String, String)]) -> Vec<&str> {
    let (mobile, others): (Vec<_>, Vec<_>) =
        numbers.iter().partition(|(label, _)| label == "mobile");
    others
        .into_iter()
        .chain(mobile)
        .map(|(_, number)| number.as_str())
        .collect()
}

fn numbers_except(numbers: &[(String, String)]) -> Value {
    let except = |own: &str| {
        let others = numbers.iter().filter(|(label, _)| label != own);
        let others: Vec<&str> = others.map(|(_, number)| number.as_str()).collect();
        json!(others)
    };
    let pairs = LABELS
        .iter()
        .map(|&label| (label.to_owned(), except(label)));
    Value::Object(pairs.collect())
}

fn emails(person: &Value) -> Value {
    let email = |item: &Value| {
        let address = text(Some(item), "value").filter(|address| !address.is_empty())?;
        Some(json!({"address": address, "label": label(item)}))
    };
    all(person, "emailAddresses").filter_map(email).collect()
}

fn organizations(person: &Value) -> Value {
    let organization = |item: &Value| {
        let member = |name: &str| item.get(name).cloned().unwrap_or(Value::Null);
        json!({"name": member("name"), "title": member("title")})
    };
    all(person, "organizations").map(organization).collect()
}

fn addresses(person: &Value) -> Value {
    let address = |item: &Value| {
        let address = text(Some(item), "formattedValue")?;
        Some(json!({"address": address, "label": label(item)}))
    };
    all(person, "addresses").filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_becomes_a_contact_with_every_field() {
        let person = json!({
            "names": [{"displayName": "Mario Rossi", "givenName": "Mario", "familyName": "Rossi",
                "metadata": {"source": {"id": "38ad74eb"}}}],
            "phoneNumbers": [{"value": "555-555-1234", "type": "work"}, {"value": "(555) 555-8888", "type": "mobile"},
                {"value": "555-555-4321", "type": "home"}, {"value": "5", "type": "work"}, {"type": "pager"}],
            "emailAddresses": [{"value": "mario@example.test", "type": "work"}, {"type": "home"}, {"value": "m@x.test"}],
            "organizations": [{"name": "Acme", "title": "Plumber"}],
            "addresses": [{"formattedValue": "1 Main St", "type": "home"}],
            "biographies": [{"value": "met in May"}],
        });
        let expected = json!({
            "id": "38ad74eb", "name": "Mario Rossi", "firstname": "Mario", "lastname": "Rossi",
            "numbers_by_label": {"work": "5", "mobile": "5555558888", "home": "5555554321"},
            "numbers": ["5", "5555554321", "5555558888"],
            "numbers_except_label": {
                "home": ["5", "5555558888"], "work": ["5555558888", "5555554321"], "mobile": ["5", "5555554321"],
                "other": ["5", "5555558888", "5555554321"], "main": ["5", "5555558888", "5555554321"],
                "home_fax": ["5", "5555558888", "5555554321"], "work_fax": ["5", "5555558888", "5555554321"],
                "google_voice": ["5", "5555558888", "5555554321"], "pager": ["5", "5555558888", "5555554321"]},
            "emails": [{"address": "mario@example.test", "label": "work"}, {"address": "m@x.test", "label": "other"}],
            "organizations": [{"name": "Acme", "title": "Plumber"}],
            "addresses": [{"address": "1 Main St", "label": "home"}],
            "note": "met in May",
        });
        assert_eq!(Value::Object(contact(&person)), expected);
    }

    #[test]
    fn a_person_of_whom_nothing_is_known_is_an_empty_contact() {
        let empty = contact(&json!({"names": "odd", "phoneNumbers": {"value": 1}}));
        assert_eq!(empty["id"], Value::Null);
        assert_eq!(
            (&empty["name"], &empty["numbers"], &empty["note"]),
            (&json!(""), &json!([]), &json!(""))
        );
        let unstructured = contact(&json!({"names": [{"unstructuredName": "Ann"}]}));
        assert_eq!(
            (&unstructured["id"], &unstructured["name"]),
            (&json!(""), &json!("Ann"))
        );
    }
}
