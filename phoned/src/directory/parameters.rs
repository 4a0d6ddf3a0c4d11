//! Checks the parameters of a lookup and reports all faults at once (phoned.md §5.2, §5.3).

use serde_json::{Map, Value, json};

use crate::{
    directory::rows::clean_number,
    error::{PhoneError, rule},
    query::Query,
    vendor::manifest::{CallerSearch, ParameterNames},
};

/// Longest search text, in characters; the rest is cut off.
const LONGEST_TERM: usize = 128;
/// What some phones send when there was nothing to put in its place.
const UNREPLACED: &str = "#SEARCH";

/// Collects what is wrong with a request.
#[derive(Debug, Default)]
pub struct Faults(Map<String, Value>);

impl Faults {
    /// The value of a parameter that must be there.
    pub fn required<'a>(&mut self, name: &str, value: Option<&'a str>) -> &'a str {
        if value.is_none() {
            let message = "Missing data for required field.";
            self.0
                .extend(rule(name, message, "required", &json!("required")));
        }
        value.unwrap_or("")
    }

    /// The value of a parameter that counts; `None` when absent.
    pub fn count(&mut self, name: &str, value: Option<&str>) -> Option<usize> {
        let Some(number) = integer(value?) else {
            self.0.extend(rule(
                name,
                "Not a valid integer.",
                "type",
                &json!("integer"),
            ));
            return None;
        };
        let Ok(count) = usize::try_from(number) else {
            let message = "Must be greater than or equal to 0.";
            self.0
                .extend(rule(name, message, "range", &json!({"min": 0})));
            return None;
        };
        Some(count)
    }

    /// All faults as one error, if there are any.
    pub fn result(self) -> Result<(), PhoneError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(PhoneError::Invalid(self.0))
        }
    }
}

/// A decimal integer with an optional sign, blanks around it allowed.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    text.strip_prefix('+')
        .filter(|rest| !rest.starts_with(['+', '-']))
        .unwrap_or(text)
        .parse()
        .ok()
}

/// What a lookup asks for, apart from profile and user.
#[derive(Debug, PartialEq, Eq)]
pub struct Terms {
    /// The search text, trimmed and cut.
    pub term: String,
    /// Rows wanted.
    pub limit: Option<usize>,
    /// First row wanted, from 0.
    pub offset: usize,
    /// Most bytes that the phone takes.
    pub bytes: Option<usize>,
}

impl Terms {
    /// Reads them from `query`; `optional` says whether the search text may be absent.
    pub fn read(
        query: &Query<'_>,
        names: &ParameterNames,
        optional: bool,
        faults: &mut Faults,
    ) -> Self {
        let term = query.get(&names.term);
        let term = if optional {
            term.unwrap_or("")
        } else {
            faults.required(&names.term, term)
        };
        let limit = faults.count(&names.limit, query.get(&names.limit));
        let offset = faults
            .count(&names.offset, query.get(&names.offset))
            .unwrap_or(0);
        let bytes = names
            .bytes
            .as_ref()
            .and_then(|name| integer(query.get(name)?));
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        Self {
            term: searched(term, names, query),
            limit,
            offset: offset.saturating_sub(names.first),
            bytes: bytes.filter(|bytes| *bytes >= names.least_bytes),
        }
    }
}

/// The search text: that of `term` without wildcards, or of several parameters together.
fn searched(term: &str, names: &ParameterNames, query: &Query<'_>) -> String {
    let plain = |text: &str| tidy(&text.replace(|c| names.wildcards.contains(c), ""));
    let term = plain(term);
    if !term.is_empty() {
        return term;
    }
    let parts = names.term_parts.iter().filter_map(|name| query.get(name));
    let parts: Vec<String> = parts.map(plain).filter(|part| !part.is_empty()).collect();
    tidy(&parts.join(" "))
}

/// The parameter with the number of a caller and that number, if `query` asks for its name (phoned-vendors.md §8.4).
pub fn caller<'a>(
    search: &'a CallerSearch,
    query: &Query<'_>,
    names: &ParameterNames,
    prefix: &str,
) -> Option<(&'a str, String)> {
    let number = |name: &'a String| {
        let number = clean_number(query.get(name)?, prefix);
        let number = number.replace(|c| names.wildcards.contains(c), "");
        number
            .contains(|digit: char| digit.is_ascii_digit())
            .then_some((name.as_str(), number))
    };
    let marked = search
        .when
        .iter()
        .all(|(name, value)| query.get(name) == Some(value));
    if marked {
        return search.numbers.iter().find_map(number);
    }
    let term = query.get(&names.term).unwrap_or("");
    let searches = term.contains(|c: char| !names.wildcards.contains(c));
    search
        .or_alone
        .as_ref()
        .filter(|_| !searches)
        .and_then(number)
}

fn tidy(term: &str) -> String {
    let term = term.trim();
    if term == UNREPLACED {
        return String::new();
    }
    term.chars().take(LONGEST_TERM).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Terms, PhoneError> {
        let mut faults = Faults::default();
        let terms = Terms::read(
            &Query::parse(query),
            &ParameterNames::default(),
            false,
            &mut faults,
        );
        faults.result().map(|()| terms)
    }

    fn details(query: &str) -> Value {
        let Err(PhoneError::Invalid(details)) = read(query) else {
            return Value::Null;
        };
        Value::Object(details)
    }

    #[test]
    fn counts_are_integers_with_a_sign_at_most() {
        for (query, limit) in [
            ("term=a&limit=1", Some(1)),
            ("term=a&limit=%201%20", Some(1)),
            ("term=a&limit=%2B1", Some(1)),
            ("term=a&limit=001", Some(1)),
            ("term=a&limit=-0", Some(0)),
            ("term=a", None),
        ] {
            assert_eq!(read(query).expect(query).limit, limit, "{query}");
        }
        for bad in [
            "abc",
            "",
            "1.5",
            "0x10",
            "99999999999999999999",
            "1e1",
            "true",
            "%2B-1",
        ] {
            let details = details(&format!("term=a&limit={bad}"));
            assert_eq!(details["limit"]["message"], "Not a valid integer.", "{bad}");
        }
    }

    #[test]
    fn all_faults_are_reported_at_once() {
        let range = json!({"message": "Must be greater than or equal to 0.", "constraint_id": "range", "constraint": {"min": 0}});
        let details = details("limit=-1&offset=x");
        assert_eq!(details["limit"], range);
        assert_eq!(details["offset"]["constraint"], "integer");
        assert_eq!(details["term"]["constraint_id"], "required");
    }

    #[test]
    fn a_term_is_trimmed_cut_and_may_be_the_unreplaced_token() {
        assert_eq!(read("term=++ada+").expect("terms").term, "ada");
        assert_eq!(read("term=%23SEARCH").expect("terms").term, "");
        let long = format!("term={}", "é".repeat(400));
        assert_eq!(read(&long).expect("terms").term.chars().count(), 128);
    }
}
