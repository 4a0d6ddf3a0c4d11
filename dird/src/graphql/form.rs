//! Fields of HTML forms, url-encoded and multipart. What is no field of text is left out.

use serde_json::{Map, Value};

use crate::api::call::Query;

/// Fields of an url-encoded form.
pub(super) fn urlencoded(body: &[u8]) -> Map<String, Value> {
    let fields = Query::of_text(&String::from_utf8_lossy(body));
    fields
        .into_pairs()
        .map(|(name, value)| (name, value.into()))
        .collect()
}

/// Fields of a multipart form.
pub(super) fn multipart(content_type: &str, body: &[u8]) -> Map<String, Value> {
    let Some(boundary) = parameter(content_type, "boundary") else {
        return Map::new();
    };
    let text = String::from_utf8_lossy(body);
    // The line break before a boundary belongs to it; the first boundary may lack it.
    let text = format!("\r\n{text}");
    let boundary = format!("\r\n--{boundary}");
    text.split(&*boundary).skip(1).filter_map(field).collect()
}

/// Name and value of a part; none for the end mark and for what has no name.
fn field(part: &str) -> Option<(String, Value)> {
    let (head, value) = part.strip_prefix("\r\n")?.split_once("\r\n\r\n")?;
    let disposition = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition")
            .then_some(value)
    })?;
    Some((parameter(disposition, "name")?.to_owned(), value.into()))
}

/// A parameter of a header's value.
fn parameter<'a>(value: &'a str, wanted: &str) -> Option<&'a str> {
    value.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let found = name.trim().eq_ignore_ascii_case(wanted);
        found.then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_of_both_kinds_of_form_are_read() {
        let read = urlencoded(b"query=%7B+hello+%7D&variables=%7B%7D&empty");
        let fields = json!({"query": "{ hello }", "variables": "{}", "empty": ""});
        assert_eq!(Value::from(read), fields);
        let body = "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\n{ a\r\n}\r\n\
            --b\r\ncontent-disposition: form-data; name=operationName\r\nX: y\r\n\r\nn\r\n--b--\r\n";
        let read = multipart("multipart/form-data; boundary=\"b\"", body.as_bytes());
        let fields = json!({"query": "{ a\r\n}", "operationName": "n"});
        assert_eq!(Value::from(read), fields);
    }

    #[test]
    fn a_form_that_is_none_has_no_fields() {
        assert!(multipart("multipart/form-data", b"--b\r\n").is_empty());
        assert!(multipart("multipart/form-data; boundary=b", b"query").is_empty());
        assert!(multipart("multipart/form-data; boundary=b", b"--b\r\n\r\nx\r\n--b--").is_empty());
    }
}
