//! What dird says of a profile that it does not know (phoned.md §7.4). A 404 of something in between, a proxy with a wrong path for
//! instance, names none: it answers the one search, and is not taken for a fact about the profile.

use serde::Deserialize;

use crate::surrogates;

/// The words of both shapes of dird's errors.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Missing {
    message: String,
    reason: Vec<String>,
}

/// Whether `body`, of an answer with status 404, names `profile`.
pub(super) fn names(body: &[u8], profile: &str) -> bool {
    let said = surrogates::read::<Missing>(body).unwrap_or_default();
    let mut words = said.reason.iter().chain([&said.message]);
    words.any(|words| words.contains(profile))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_name_the_profile_are_about_it() {
        for missing in [
            &br#"{"reason": ["The profile `sales` does not exist"], "status_code": 404}"#[..],
            br#"{"message": "No such profile: \"sales\"", "error_id": "unknown-profile"}"#,
        ] {
            assert!(names(missing, "sales"));
            assert!(!names(missing, "support"));
        }
        for other in [
            &b""[..],
            b"{}",
            b"<html>sales</html>",
            br#"{"reason": "sales"}"#,
            br#"{"reason": ["Not Found"]}"#,
        ] {
            assert!(!names(other, "sales"), "{}", String::from_utf8_lossy(other));
        }
    }
}
