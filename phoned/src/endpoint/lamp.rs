//! Names of the custom devices whose state lamps show (phoned.md §13): what a phone's key would dial for a feature of a user, for
//! instance `*735123***221*1001` for "all calls of user 123 go to 1001". Pure text, no network.

use std::collections::HashMap;

use super::confd::Feature;

/// The feature whose extension all device names begin with.
const PREFIX: &str = "phoneprogfunckey";

/// Why there is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LampError {
    /// confd has no such feature.
    #[error("there is no extension for the feature {0}")]
    NoFeature(&'static str),
    /// A part has characters that must not reach the exchange's command line.
    #[error("a part has characters that no extension has")]
    BadPart,
}

/// The feature extensions.
#[derive(Debug, Clone, Default)]
pub struct Features(HashMap<String, String>);

impl Features {
    pub(super) fn new(features: Vec<Feature>) -> Self {
        let cleaned = |feature: Feature| (feature.feature, clean(feature.exten.as_deref()));
        Self(features.into_iter().map(cleaned).collect())
    }

    fn get(&self, feature: &'static str) -> Result<&str, LampError> {
        let found = self.0.get(feature).map(String::as_str);
        found.ok_or(LampError::NoFeature(feature))
    }

    /// The device for `feature` of the user numbered `user`, towards `destination` if that is not empty.
    pub fn device(
        &self,
        feature: &'static str,
        user: &str,
        destination: &str,
    ) -> Result<String, LampError> {
        let prefix = self.get(PREFIX)?;
        let (user, destination) = (clean(Some(user)), clean(Some(destination)));
        let parts = [user.as_str(), self.get(feature)?, &destination];
        if [prefix].iter().chain(&parts).any(|part| !is_plain(part)) {
            return Err(LampError::BadPart);
        }
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        let parts = parts.enumerate();
        let parts: Vec<String> = parts
            .map(|(index, part)| part.replace('*', &format!("**{}", index + 1)))
            .collect();
        Ok(format!("{prefix}{}", parts.join("*")))
    }
}

/// The fixed beginning of an extension that may be a pattern.
fn clean(exten: Option<&str>) -> String {
    let exten = exten.unwrap_or("");
    let Some(pattern) = exten.strip_prefix('_') else {
        return exten.to_owned();
    };
    let fixed = pattern.split(['[', 'N', 'X', 'Z', '!', '.']).next();
    fixed.unwrap_or("").to_owned()
}

/// Whether `part` is safe inside a command.
fn is_plain(part: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"*#+_-".contains(&byte);
    part.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(pairs: &[(&str, Option<&str>)]) -> Features {
        let feature = |&(feature, exten): &(&str, Option<&str>)| Feature {
            feature: feature.to_owned(),
            exten: exten.map(str::to_owned),
        };
        Features::new(pairs.iter().map(feature).collect())
    }

    fn usual() -> Features {
        features(&[
            (PREFIX, Some("_*735.")),
            ("enablednd", Some("*25")),
            ("fwdunc", Some("_*21.")),
            ("odd", Some("_8[1-3]XZ")),
            ("blank", None),
        ])
    }

    #[test]
    fn devices_are_called_as_the_keys_of_phones_dial() {
        for (feature, user, destination, device) in [
            ("enablednd", "123", "", "*735123***225"),
            ("fwdunc", "123", "1001", "*735123***221*1001"),
            ("fwdunc", "123", "", "*735123***221"),
            ("fwdunc", "123", "_10X.", "*735123***221*10"),
            ("fwdunc", "", "*9", "*735**121***29"),
            ("odd", "7", "", "*7357*8"),
            ("blank", "7", "5", "*7357*5"),
        ] {
            let made = usual().device(feature, user, destination);
            assert_eq!(made.as_deref(), Ok(device), "{feature} {user}");
        }
    }

    #[test]
    fn a_missing_feature_is_named() {
        let missing = Err(LampError::NoFeature("fwdbusy"));
        assert_eq!(usual().device("fwdbusy", "1", ""), missing);
        let without = features(&[("fwdbusy", Some("*23"))]);
        let missing = Err(LampError::NoFeature(PREFIX));
        assert_eq!(without.device("fwdbusy", "1", ""), missing);
    }

    #[test]
    fn nothing_but_extensions_reaches_the_command_line() {
        for bad in ["1 2", "1\n2", "1;2", "1,2", "é", "1@x", "a/b"] {
            let made = usual().device("fwdunc", "1", bad);
            assert_eq!(made, Err(LampError::BadPart), "{bad:?}");
            assert_eq!(
                usual().device("fwdunc", bad, ""),
                Err(LampError::BadPart),
                "{bad:?}"
            );
        }
    }
}
