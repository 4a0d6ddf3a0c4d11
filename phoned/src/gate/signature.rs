//! Signed links (phoned.md §20.12): a phone shows by its link that it was provisioned for the user that the link names. The signature
//! is of make, profile and user, and of a subnet if the link is to be good only there. Links in pages carry it on.

use std::{
    fs,
    net::IpAddr,
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ipnet::IpNet;
use kit::subnet::canonical;
use ring::hmac;
use serde::Deserialize;

use super::GateFault;

/// The parameter that holds a signature.
pub const PARAMETER: &str = "sig";
/// Key of the file in the configuration.
const KEY: &str = "rest_api.signed_links.key_file";
/// Least characters of the key.
const LEAST: usize = 32;
/// Between the signature and its subnet; needs no encoding in addresses.
const SEPARATOR: char = '~';

/// What is made of links without a good signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Signatures are not looked at.
    None,
    /// They are answered, counted and logged.
    Warn,
    /// They are refused.
    Required,
}

/// `rest_api.signed_links`.
#[derive(Debug, Clone, Deserialize)]
pub struct SignedLinks {
    /// What is made of links without a good signature.
    pub mode: Mode,
    /// The file with the key.
    pub key_file: Option<PathBuf>,
}

/// What a link is signed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Make of phone.
    pub vendor: &'a str,
    /// Profile; empty = the link switches do-not-disturb.
    pub profile: &'a str,
    /// The user.
    pub user: &'a str,
}

/// Why a link is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It has no signature.
    Missing,
    /// It is signed for something else, or by somebody else.
    Wrong,
    /// It is good in another subnet.
    Elsewhere,
}

impl Flaw {
    /// The word in metrics and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Wrong => "wrong",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// Makes signatures and knows its own.
#[derive(Debug)]
pub struct Signer(hmac::Key);

impl Signer {
    /// The one whose key is in the file of `settings`; the error names the file, never the key. Blocks.
    pub fn read(settings: &SignedLinks) -> Result<Self, GateFault> {
        let file = settings.key_file.as_deref();
        let file = file.ok_or_else(|| fault("name the file with the key".to_owned()))?;
        let text = fs::read_to_string(file);
        let text = text.map_err(|error| fault(format!("{}: {error}", file.display())))?;
        Self::new(text.trim(), file)
    }

    fn new(key: &str, file: &Path) -> Result<Self, GateFault> {
        if key.len() < LEAST {
            let problem = format!("{}: a key has {LEAST} characters at least", file.display());
            return Err(fault(problem));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())))
    }

    /// The signature of `claim`, as addresses hold it; with a subnet it is good only there.
    pub fn sign(&self, claim: Claim<'_>, subnet: Option<IpNet>) -> String {
        let place = subnet.map(|net| net.trunc().to_string());
        let tag = hmac::sign(&self.0, &signed(claim, place.as_deref()));
        let mut text = URL_SAFE_NO_PAD.encode(tag);
        if let Some(place) = place {
            text.push(SEPARATOR);
            text.push_str(&place);
        }
        text
    }

    /// Whether `signature` is of `claim`, and good for a phone at `address`.
    pub fn check(
        &self,
        claim: Claim<'_>,
        signature: Option<&str>,
        address: IpAddr,
    ) -> Result<(), Flaw> {
        let signature = signature.filter(|signature| !signature.is_empty());
        let signature = signature.ok_or(Flaw::Missing)?;
        let (tag, place) = match signature.split_once(SEPARATOR) {
            Some((tag, place)) => (tag, Some(place)),
            None => (signature, None),
        };
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| Flaw::Wrong)?;
        let verified = hmac::verify(&self.0, &signed(claim, place), &tag);
        verified.map_err(|_| Flaw::Wrong)?;
        let Some(place) = place else { return Ok(()) };
        let net: IpNet = place.parse().map_err(|_| Flaw::Wrong)?;
        let inside = net.contains(&canonical(address));
        inside.then_some(()).ok_or(Flaw::Elsewhere)
    }
}

/// The bytes that are signed. Each part stands behind its length, so that no two claims are the same bytes.
fn signed(claim: Claim<'_>, place: Option<&str>) -> Vec<u8> {
    let parts = [
        claim.vendor,
        claim.profile,
        claim.user,
        place.unwrap_or_default(),
    ];
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(part.len().to_string().as_bytes());
        bytes.push(b':');
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

fn fault(problem: String) -> GateFault {
    GateFault {
        key: KEY.to_owned(),
        problem,
    }
}

/// The signatures that the gate looks at.
#[derive(Debug)]
pub struct Signatures {
    /// Whether links without a good one are refused.
    pub required: bool,
    /// Who knows them.
    pub signer: Signer,
}

impl Signatures {
    /// As `settings` say; `None` = they are not looked at. Blocks.
    pub fn read(settings: &SignedLinks) -> Result<Option<Self>, GateFault> {
        if settings.mode == Mode::None {
            return Ok(None);
        }
        Ok(Some(Self {
            required: settings.mode == Mode::Required,
            signer: Signer::read(settings)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLAIM: Claim<'static> = Claim {
        vendor: "cisco",
        profile: "default",
        user: "u",
    };

    fn signer(key: &str) -> Signer {
        Signer::new(&key.repeat(LEAST), Path::new("key")).expect("a key")
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn a_signature_is_good_for_its_own_claim_and_key_only() {
        let (signer, phone) = (signer("k"), address("10.0.0.1"));
        let signature = signer.sign(CLAIM, None);
        let check = |claim| signer.check(claim, Some(&signature), phone);
        assert_eq!(check(CLAIM), Ok(()));
        for other in [
            Claim {
                vendor: "snom",
                ..CLAIM
            },
            Claim {
                profile: "other",
                ..CLAIM
            },
            Claim {
                profile: "",
                ..CLAIM
            },
            Claim { user: "v", ..CLAIM },
            Claim {
                profile: "defaul",
                user: "tu",
                ..CLAIM
            },
        ] {
            assert_eq!(check(other), Err(Flaw::Wrong), "{other:?}");
        }
        let foreign = super::tests::signer("x").sign(CLAIM, None);
        for (wrong, flaw) in [
            (Some(foreign.as_str()), Flaw::Wrong),
            (Some("rubbish"), Flaw::Wrong),
            (Some(&signature[1..]), Flaw::Wrong),
            (Some(""), Flaw::Missing),
            (None, Flaw::Missing),
        ] {
            assert_eq!(signer.check(CLAIM, wrong, phone), Err(flaw), "{wrong:?}");
        }
    }

    #[test]
    fn a_signature_with_a_subnet_is_good_there_and_cannot_be_moved() {
        let signer = signer("k");
        let net: IpNet = "10.20.3.4/16".parse().expect("a subnet");
        let signature = signer.sign(CLAIM, Some(net));
        assert!(signature.ends_with("~10.20.0.0/16"), "{signature}");
        let check =
            |signature: &str, phone: &str| signer.check(CLAIM, Some(signature), address(phone));
        assert_eq!(check(&signature, "10.20.9.9"), Ok(()));
        assert_eq!(check(&signature, "::ffff:10.20.9.9"), Ok(()));
        assert_eq!(check(&signature, "10.21.0.1"), Err(Flaw::Elsewhere));
        let moved = signature.replace("10.20.0.0", "10.21.0.0");
        assert_eq!(check(&moved, "10.21.0.1"), Err(Flaw::Wrong));
        let (everywhere, _) = signature.split_once(SEPARATOR).expect("a subnet");
        assert_eq!(check(everywhere, "10.20.9.9"), Err(Flaw::Wrong));
    }

    #[test]
    fn a_key_that_is_short_or_not_there_is_a_fault_that_does_not_show_it() {
        let short = Signer::new("hunter2", Path::new("/k")).expect_err("too short");
        let text = short.to_string();
        assert!(text.contains("/k") && !text.contains("hunter2"), "{text}");
        let settings = |file: Option<&str>| SignedLinks {
            mode: Mode::Warn,
            key_file: file.map(Into::into),
        };
        for file in [None, Some("/nonexistent")] {
            let fault = Signatures::read(&settings(file)).expect_err("no key");
            assert_eq!(fault.key, KEY);
        }
        let none = SignedLinks {
            mode: Mode::None,
            key_file: None,
        };
        assert!(Signatures::read(&none).expect("nothing to read").is_none());
    }
}
