//! Reading the answer of a CSV service: bytes, by their charset, to rows.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use crate::backends::remote::{Fetched, RemoteError};
use crate::index::{Table, TableBuilder};

/// The contacts in an answer. One without text has none.
pub(super) fn table(fetched: &Fetched, delimiter: u8) -> Result<Table, RemoteError> {
    let unreadable = |error: &dyn std::fmt::Display| RemoteError::Unreadable(error.to_string());
    let text = text(fetched);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(text.as_bytes());
    let columns = reader
        .headers()
        .map_err(|error| unreadable(&error))?
        .clone();
    let mut builder = TableBuilder::default();
    let mut record = csv::StringRecord::new();
    while reader
        .read_record(&mut record)
        .map_err(|error| unreadable(&error))?
    {
        let row = columns.iter().zip(record.iter().map(Some));
        builder.push(row).map_err(|error| unreadable(&error))?;
    }
    Ok(builder.build())
}

/// The text of an answer; what its charset does not know becomes U+FFFD. Text without a charset is Latin-1, by the old rule of
/// HTTP; anything else without one is UTF-8 if it can be.
fn text(fetched: &Fetched) -> String {
    let media = fetched.content_type.to_ascii_lowercase();
    let encoding = match charset(&media) {
        Some(named) => named,
        None if media.starts_with("text/") => WINDOWS_1252,
        None if std::str::from_utf8(&fetched.body).is_ok() => UTF_8,
        None => WINDOWS_1252,
    };
    encoding.decode(&fetched.body).0.into_owned()
}

fn charset(media: &str) -> Option<&'static Encoding> {
    let parameters = media.split(';').skip(1);
    let mut named = parameters.filter_map(|parameter| parameter.trim().strip_prefix("charset="));
    Encoding::for_label(named.next()?.trim_matches(['"', '\'', ' ']).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name_in(content_type: &str, body: &[u8]) -> String {
        let fetched = Fetched {
            status: 200,
            tag: String::new(),
            content_type: content_type.to_owned(),
            body: body.to_vec(),
        };
        let table = table(&fetched, b',').unwrap();
        table.row(0).get("fn").unwrap_or("none").to_owned()
    }

    #[test]
    fn an_answer_is_read_by_its_charset() {
        for (content_type, body, expected) in [
            (
                "text/csv; charset=utf-8",
                &b"fn\nAndr\xc3\xa9\n"[..],
                "Andr\u{e9}",
            ),
            (
                "text/csv; Charset=\"ISO-8859-15\"",
                b"fn\n\xa4\n",
                "\u{20ac}",
            ),
            ("text/csv", b"fn\nAndr\xe9\n", "Andr\u{e9}"),
            (
                "text/csv; charset=nonsense",
                b"fn\nAndr\xe9\n",
                "Andr\u{e9}",
            ),
            ("application/csv", b"fn\nAndr\xc3\xa9\n", "Andr\u{e9}"),
            ("", b"fn\nAndr\xe9\n", "Andr\u{e9}"),
            ("text/csv; charset=utf-8", b"fn\nAndr\xe9\n", "Andr\u{fffd}"),
            ("text/csv", b"\xef\xbb\xbffn\nAndr\xc3\xa9\n", "Andr\u{e9}"),
            ("text/csv; charset=utf-16le", b"f\0n\0\n\0A\0", "A"),
        ] {
            assert_eq!(name_in(content_type, body), expected, "{content_type}");
        }
    }

    #[test]
    fn rows_are_read_as_csv() {
        let fetched = |body: &str| Fetched {
            status: 200,
            tag: String::new(),
            content_type: "text/csv; charset=utf-8".to_owned(),
            body: body.as_bytes().to_vec(),
        };
        let rows = table(
            &fetched("id;fn\r\n1;\"two\nlines\"\r\n\r\n2\r\n3;c;extra"),
            b';',
        )
        .unwrap();
        assert_eq!(rows.len(), 3, "empty rows are none");
        assert_eq!(rows.row(0).get("fn"), Some("two\nlines"));
        assert_eq!(rows.row(1).get("fn"), None);
        assert_eq!(rows.row(2).fields().count(), 2);
        assert!(table(&fetched(""), b',').unwrap().is_empty());
        assert!(table(&fetched("\0\u{1}\u{2}"), b',').unwrap().is_empty());
    }
}
