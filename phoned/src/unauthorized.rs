//! What the services behind us say of a token that is not good enough (phoned.md §7.1): one that they do not know is exchanged, one
//! without the access is not, because another of ours would not have it either.

use serde::Deserialize;

use crate::surrogates;

/// Why a service refuses a token that it knows.
const LACKS_ACCESS: &str = "missing_permission_or_invalid_tenant";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Unauthorized {
    details: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Details {
    reason: String,
}

/// Whether `body`, of an answer with status 401, says that the token lacks the access.
pub fn lacks_access(body: &[u8]) -> bool {
    let said = surrogates::read::<Unauthorized>(body);
    said.is_ok_and(|said| said.details.reason == LACKS_ACCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_words_for_it_say_that_an_access_is_lacking() {
        let lacks = br#"{"message": "Unauthorized", "details": {"reason": "missing_permission_or_invalid_tenant"}}"#;
        assert!(lacks_access(lacks));
        for other in [
            &b"{}"[..],
            b"",
            b"[]",
            b"<html>",
            br#"{"details": {"reason": "not_found_or_expired"}}"#,
            br#"{"details": "missing_permission_or_invalid_tenant"}"#,
        ] {
            assert!(!lacks_access(other), "{}", String::from_utf8_lossy(other));
        }
    }
}
