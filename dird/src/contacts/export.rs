//! Contacts as CSV (dird-api-contacts.md §1.4): a header with every name of a field, sorted, then a row for each contact.

use std::collections::BTreeSet;

use csv::{QuoteStyle, Terminator, WriterBuilder};

use crate::store::model::Contact;

/// What makes a spreadsheet take a cell for a formula.
const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// `contacts` as CSV, lines ended by CR LF. `safe` puts a quote before cells that a spreadsheet would run as formulas, so that
/// what is read back may differ.
pub fn csv_of(contacts: &[Contact], safe: bool) -> Result<Vec<u8>, csv::Error> {
    let names: BTreeSet<&str> = contacts
        .iter()
        .flat_map(|contact| contact.fields.keys().map(String::as_str))
        .chain(["id"])
        .collect();
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .quote_style(QuoteStyle::Necessary)
        .from_writer(Vec::new());
    let cell = |text: &str| {
        if safe {
            neutralised(text)
        } else {
            text.to_owned()
        }
    };
    writer.write_record(names.iter().map(|name| cell(name)))?;
    for contact in contacts {
        writer.write_record(names.iter().map(|&name| cell(value(contact, name))))?;
    }
    writer
        .into_inner()
        .map_err(|error| error.into_error().into())
}

fn value<'a>(contact: &'a Contact, name: &str) -> &'a str {
    if name == "id" {
        return &contact.uuid.0;
    }
    let field = contact.fields.get(name);
    field.and_then(|value| value.as_deref()).unwrap_or_default()
}

/// `text` as it is shown and never run.
fn neutralised(text: &str) -> String {
    if text.starts_with(FORMULA_STARTS) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::model::ContactId;

    fn contact(id: &str, fields: &[(&str, Option<&str>)]) -> Contact {
        let fields = fields.iter();
        Contact {
            uuid: ContactId(id.into()),
            fields: fields
                .map(|&(name, value)| (name.into(), value.map(str::to_owned)))
                .collect(),
        }
    }

    #[test]
    fn names_are_sorted_and_cells_quoted_where_needed() {
        let contacts = [
            contact(
                "1",
                &[("number", Some("a,b")), ("firstname", Some("say \"hi\""))],
            ),
            contact("2", &[("zip", None), ("number", Some("x\ny"))]),
        ];
        let text = String::from_utf8(csv_of(&contacts, false).unwrap()).unwrap();
        let expected =
            "firstname,id,number,zip\r\n\"say \"\"hi\"\"\",1,\"a,b\",\r\n,2,\"x\ny\",\r\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn formulas_are_neutralised_on_request_only() {
        let contacts = [contact("1", &[("a", Some("=1+1")), ("b", Some("+33"))])];
        let plain = csv_of(&contacts, false).unwrap();
        assert!(
            String::from_utf8(plain)
                .unwrap()
                .contains("\r\n=1+1,+33,1\r\n")
        );
        let safe = csv_of(&contacts, true).unwrap();
        assert!(
            String::from_utf8(safe)
                .unwrap()
                .contains("\r\n'=1+1,'+33,1\r\n")
        );
    }
}
