//! Filters (dird-backends.md §4). Everything that comes from outside is escaped here, and only here.

use std::fmt::Write;

/// How a term is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    /// The value contains it.
    Contains,
    /// The value is it.
    Equals,
}

/// What the filters of a source are made of.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters {
    /// Attributes that searches look into.
    pub(super) searched: Vec<String>,
    /// Attributes that hold numbers.
    pub(super) matched: Vec<String>,
    /// The operator's own filter; `%Q` stands for the term.
    pub(super) custom: Option<String>,
}

impl Filters {
    /// The filter of a search; none if there is nothing to look into.
    pub(super) fn search(&self, term: &str) -> Option<String> {
        self.filter(&self.searched, term, Match::Contains)
    }

    /// The filter for one number; none if there is nothing to compare.
    pub(super) fn number(&self, number: &str) -> Option<String> {
        self.filter(&self.matched, number, Match::Equals)
    }

    /// The filter for any of several numbers.
    pub(super) fn numbers(&self, numbers: &[String]) -> Option<String> {
        any(numbers.iter().filter_map(|number| self.number(number)))
    }

    /// The filter for everybody that a search or a number may find; none if the operator's filter depends on the term.
    pub(super) fn everybody(&self) -> Option<String> {
        let columns = self.searched.iter().chain(&self.matched);
        let columns = any(columns
            .filter(|column| is_attribute(column))
            .map(|column| comparison(column, "", Match::Contains)));
        match (&self.custom, columns) {
            (Some(custom), _) if custom.contains("%Q") => None,
            (Some(custom), Some(columns)) => Some(format!("(&{custom}{columns})")),
            (custom, columns) => custom.clone().or(columns),
        }
    }

    fn filter(&self, columns: &[String], term: &str, how: Match) -> Option<String> {
        let term = escape(term.as_bytes());
        let columns = columns.iter().filter(|column| is_attribute(column));
        let columns = any(columns.map(|column| comparison(column, &term, how)));
        let custom = self
            .custom
            .as_ref()
            .map(|custom| custom.replace("%Q", &term));
        match (custom, columns) {
            (Some(custom), Some(columns)) => Some(format!("(&{custom}{columns})")),
            (custom, columns) => custom.or(columns),
        }
    }
}

/// The filter for any of several identifiers, which are texts.
pub(super) fn with_ids(column: &str, ids: &[String]) -> Option<String> {
    let equals = |id: &String| comparison(column, &escape(id.as_bytes()), Match::Equals);
    let ids = ids.iter().filter(|id| !id.is_empty());
    any(ids.filter(|_| is_attribute(column)).map(equals))
}

/// The same for identifiers that are UUIDs in binary; others are nobody's.
pub(super) fn with_uuids(column: &str, ids: &[String]) -> Option<String> {
    let uuids = ids.iter().filter_map(|id| uuid::Uuid::parse_str(id).ok());
    let equals = |uuid: uuid::Uuid| format!("({column}={})", hexadecimal(uuid.as_bytes()));
    any(uuids.filter(|_| is_attribute(column)).map(equals))
}

/// An empty term is in every value.
fn comparison(column: &str, escaped: &str, how: Match) -> String {
    match how {
        Match::Contains if escaped.is_empty() => format!("({column}=*)"),
        Match::Contains => format!("({column}=*{escaped}*)"),
        Match::Equals => format!("({column}={escaped})"),
    }
}

fn any(filters: impl Iterator<Item = String>) -> Option<String> {
    let filters: Vec<String> = filters.collect();
    match filters.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        several => Some(format!("(|{})", several.concat())),
    }
}

/// True if `name` can be the name of an attribute: anything else is in no entry, and might be half a filter.
pub(super) fn is_attribute(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b';' | b'_');
    !name.is_empty() && name.bytes().all(fits)
}

fn escape(value: &[u8]) -> String {
    let mut escaped = Vec::with_capacity(value.len());
    for &byte in value {
        match byte {
            b'\\' | b'*' | b'(' | b')' | 0 => escaped.extend(hexadecimal(&[byte]).into_bytes()),
            other => escaped.push(other),
        }
    }
    String::from_utf8_lossy(&escaped).into_owned()
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(text, "\\{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    fn filters(searched: &[&str], matched: &[&str], custom: Option<&str>) -> Filters {
        Filters {
            searched: texts(searched),
            matched: texts(matched),
            custom: custom.map(str::to_owned),
        }
    }

    #[test]
    fn filters_are_those_of_the_contract() {
        let one = filters(&["cn"], &["telephoneNumber"], None);
        assert_eq!(one.search("term").as_deref(), Some("(cn=*term*)"));
        assert_eq!(one.search("").as_deref(), Some("(cn=*)"));
        assert_eq!(
            one.number("1001").as_deref(),
            Some("(telephoneNumber=1001)")
        );
        let both = filters(&["givenName", "sn"], &["a", "b"], Some("(l=Qu\u{e9}bec)"));
        assert_eq!(
            both.search("a").as_deref(),
            Some("(&(l=Qu\u{e9}bec)(|(givenName=*a*)(sn=*a*)))")
        );
        assert_eq!(
            both.numbers(&texts(&["1", "2"])).as_deref(),
            Some("(|(&(l=Qu\u{e9}bec)(|(a=1)(b=1)))(&(l=Qu\u{e9}bec)(|(a=2)(b=2))))")
        );
        let custom = filters(&[], &[], Some("(|(cn=*%Q*)(mail=%Q))"));
        assert_eq!(
            custom.search("x*").as_deref(),
            Some("(|(cn=*x\\2a*)(mail=x\\2a))")
        );
        assert_eq!(custom.number("9").as_deref(), Some("(|(cn=*9*)(mail=9))"));
        let nothing = filters(&[], &[], None);
        assert_eq!((nothing.search("x"), nothing.number("1")), (None, None));
        assert_eq!(nothing.numbers(&texts(&["1"])), None);
    }

    #[test]
    fn identifiers_are_escaped_and_binary_ones_parsed() {
        assert_eq!(
            with_ids("uid", &texts(&["*"])).as_deref(),
            Some("(uid=\\2a)")
        );
        assert_eq!(
            with_ids("uid", &texts(&["a", "b)(uid=*", ""])).as_deref(),
            Some("(|(uid=a)(uid=b\\29\\28uid=\\2a))")
        );
        assert_eq!(with_ids("uid", &[]), None);
        let uuid = "f3bc2a00-0000-4000-8000-0000000000ff";
        assert_eq!(
            with_uuids("objectGUID", &texts(&[uuid, "*", "x"])).as_deref(),
            Some("(objectGUID=\\f3\\bc\\2a\\00\\00\\00\\40\\00\\80\\00\\00\\00\\00\\00\\00\\ff)")
        );
        assert_eq!(with_uuids("objectGUID", &texts(&["*"])), None);
    }

    #[test]
    fn a_column_that_is_no_attribute_is_left_out() {
        let odd = filters(&["cn)(a=*", "", "sn"], &[], None);
        assert_eq!(odd.search("x").as_deref(), Some("(sn=*x*)"));
    }

    proptest! {
        #[test]
        fn no_term_changes_the_shape_of_a_filter(term in "\\PC*|[*()\\\\\0a]*") {
            let filter = filters(&["cn"], &[], None).search(&term).unwrap();
            let inside = filter.strip_prefix("(cn=").and_then(|rest| rest.strip_suffix(')')).unwrap();
            prop_assert!(!inside.contains(['(', ')', '\0']));
            prop_assert!(inside.matches('*').count() <= 2);
            prop_assert!(ldap3::parse_filter(&filter).is_ok(), "{filter}");
        }
    }
}
