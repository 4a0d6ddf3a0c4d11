//! Identities of entries (intercom-directory.md §4.4): matched whatever the case, answered as they were spelled.

use serde_json::Value;

/// Why a value names no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::intercom) enum UuidError {
    /// There is none.
    Missing,
    /// It is no uuid, or the empty one.
    Malformed,
}

/// A uuid of the form 8-4-4-4-12 that is not all zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::intercom) struct EntryUuid {
    /// In lower case, as it is compared.
    pub(in crate::intercom) key: String,
    /// As it was spelled.
    pub(in crate::intercom) spelling: String,
}

impl EntryUuid {
    /// A new one.
    pub(in crate::intercom) fn random() -> Self {
        let key = crate::store::model::random_id();
        Self {
            spelling: key.to_ascii_uppercase(),
            key,
        }
    }

    /// The entry that a value names.
    pub(in crate::intercom) fn of(value: Option<&Value>) -> Result<Self, UuidError> {
        match value {
            None | Some(Value::Null) => Err(UuidError::Missing),
            Some(Value::String(text)) => Self::read(text).ok_or(UuidError::Malformed),
            Some(_) => Err(UuidError::Malformed),
        }
    }

    fn read(text: &str) -> Option<Self> {
        let formed = has_form(text) && text.bytes().any(|byte| byte != b'0' && byte != b'-');
        formed.then(|| Self {
            key: text.to_ascii_lowercase(),
            spelling: text.to_owned(),
        })
    }

    /// True if a value asks `create` for a new uuid: nothing, an empty text, all zeroes.
    pub(in crate::intercom) fn is_left_out(value: Option<&Value>) -> bool {
        match value {
            None | Some(Value::Null) => true,
            Some(Value::String(text)) => {
                text.is_empty() || (has_form(text) && Self::read(text).is_none())
            }
            Some(_) => false,
        }
    }
}

fn has_form(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn any_digits_of_the_form_are_a_uuid_but_zeroes() {
        let spelled = json!("01234567-89AB-cdef-0123-456789ABCDEF");
        let uuid = EntryUuid::of(Some(&spelled)).unwrap();
        assert_eq!(uuid.key, "01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(uuid.spelling, spelled);
        for malformed in [
            json!(""),
            json!(7),
            json!("00000000-0000-0000-0000-000000000000"),
            json!("{1234567-89AB-cdef-0123-456789ABCDE}"),
            json!("0123456789ABcdef0123456789ABCDEF"),
            json!("76543210-68FF-18-3210-FEDCBA987654"),
            json!("01234567-89AB-cdef-0123-456789ABCDE\u{e9}"),
        ] {
            let refused = EntryUuid::of(Some(&malformed));
            assert_eq!(refused, Err(UuidError::Malformed), "{malformed}");
        }
        assert_eq!(EntryUuid::of(Some(&Value::Null)), Err(UuidError::Missing));
    }

    #[test]
    fn create_makes_a_uuid_for_what_is_left_out() {
        let zeroes = json!("00000000-0000-0000-0000-000000000000");
        for left_out in [Some(&Value::Null), None, Some(&json!("")), Some(&zeroes)] {
            assert!(EntryUuid::is_left_out(left_out), "{left_out:?}");
        }
        for given in [
            json!(0),
            json!("x"),
            json!("00000000000000000000000000000000"),
        ] {
            assert!(!EntryUuid::is_left_out(Some(&given)), "{given}");
        }
    }
}
