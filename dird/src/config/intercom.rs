//! `intercom`: the directory functions of an intercom (intercom-directory.md §8.4).

use std::net::IpAddr;
use std::path::PathBuf;

use kit::config::{ConfigError, Loaded};
use kit::secret::Secret;
use kit::subnet::Allowlist;
use serde::Deserialize;

use super::Config;

/// Which connections are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Encrypted ones.
    Tls,
    /// All.
    Any,
}

/// How clients without a token prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IntercomAuth {
    /// They need not.
    None,
    /// By a password that they send.
    Basic,
    /// By a password that they do not send.
    Digest,
}

/// What a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Privilege {
    /// Read.
    Monitoring,
    /// Read and write.
    Control,
}

/// What is answered of access data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// Everything.
    Full,
    /// What opens doors is taken, and answered as if it was not set.
    WriteOnly,
    /// There is none.
    Off,
}

/// Algorithms of Digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum DigestAlgorithm {
    /// What clients speak.
    #[serde(rename = "MD5")]
    Md5,
    /// What they should speak.
    #[serde(rename = "SHA-256")]
    Sha256,
}

/// What is known of an account's password.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSecret {
    /// For Digest with MD5: hexadecimal hash of name, realm and password.
    pub md5: Option<Secret>,
    /// The same with SHA-256.
    pub sha256: Option<Secret>,
    /// For Basic: Argon2 hash of the password.
    pub argon2: Option<Secret>,
}

/// Somebody who may use a directory.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// Name.
    pub username: String,
    /// Identifier of the phonebook.
    pub directory: String,
    /// What he may do with it.
    pub privilege: Privilege,
    /// How he proves who he is.
    pub secret: AccountSecret,
}

/// `intercom.limits`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
pub struct IntercomLimits {
    /// Bytes of a body.
    pub body_bytes: u64,
    /// Elements of `users`.
    pub entries_per_call: usize,
    /// Elements of `fields`.
    pub fields_per_call: usize,
    /// Characters of one of them.
    pub path_length: usize,
    /// Bytes of a stored entry.
    pub entry_bytes: usize,
    /// Entries of a directory.
    pub entries: i64,
    /// Tombstones of a directory.
    pub tombstones: i64,
    /// Requests per second of an account.
    pub requests: u32,
    /// Requests at once of an account.
    pub burst: u32,
    /// Writes of a directory at once.
    pub writes: usize,
    /// Wrong passwords in a minute.
    pub failed_logins: u32,
}

/// `intercom`.
#[expect(clippy::struct_excessive_bools, reason = "each is a key of the file")]
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
pub struct Intercom {
    /// Whether there are such functions.
    pub enabled: bool,
    /// Address of a listener of their own.
    pub listen: Option<IpAddr>,
    /// Its port.
    pub port: u16,
    /// PEM file with its certificate chain.
    pub certificate: Option<PathBuf>,
    /// PEM file with its private key.
    pub private_key: Option<PathBuf>,
    /// Which connections are taken.
    pub transport: Transport,
    /// Whose word on the client's connection is taken.
    pub trusted_proxies: Vec<String>,
    /// How clients prove who they are.
    pub auth: IntercomAuth,
    /// Algorithms that are offered, the preferred one first.
    pub digest_algorithms: Vec<DigestAlgorithm>,
    /// Whether passwords may be sent without TLS.
    pub allow_plain_basic: bool,
    /// Who may use a directory.
    pub accounts: Vec<Account>,
    /// Identifier of the phonebook that everybody may use.
    pub open_directory: Option<String>,
    /// What everybody may do with it.
    pub open_privilege: Privilege,
    /// Where clients may come from.
    pub allowed_subnets: Vec<String>,
    /// What is answered of access data.
    pub access: Shown,
    /// File with the key that access data is stored with.
    pub secret_key_file: Option<PathBuf>,
    /// Whether a first query has tombstones.
    pub full_query_tombstones: bool,
    /// Whether a database in another place counts as restored.
    pub instance_check: bool,
    /// Folder for what must outlive a restored database.
    pub state_directory: PathBuf,
    /// Bounds.
    pub limits: IntercomLimits,
}

/// What types cannot say about these keys.
pub(super) fn check(loaded: &Loaded<Config>) -> Result<(), ConfigError> {
    let intercom = &loaded.config.intercom;
    for (key, subnets) in [
        ("trusted_proxies", &intercom.trusted_proxies),
        ("allowed_subnets", &intercom.allowed_subnets),
    ] {
        if let Err(bad) = Allowlist::parse(subnets) {
            let key = format!("intercom.{key}.{}", bad.index);
            return Err(loaded.fault(&key, bad.problem()));
        }
    }
    if intercom.listen.is_some()
        && (intercom.certificate.is_none() || intercom.private_key.is_none())
    {
        let problem = "a listener of its own speaks TLS; certificate and private_key are needed";
        return Err(loaded.fault("intercom.listen", problem));
    }
    if intercom.auth == IntercomAuth::None && intercom.open_directory.is_none() {
        let problem =
            "with auth none everybody uses one directory; the phonebook's identifier is needed";
        return Err(loaded.fault("intercom.open_directory", problem));
    }
    if intercom.auth == IntercomAuth::Digest && intercom.digest_algorithms.is_empty() {
        let problem = "Digest needs an algorithm; MD5, SHA-256 or both are right";
        return Err(loaded.fault("intercom.digest_algorithms", problem));
    }
    check_limits(loaded)?;
    check_accounts(loaded)
}

fn check_limits(loaded: &Loaded<Config>) -> Result<(), ConfigError> {
    let limits = &loaded.config.intercom.limits;
    let positive = [
        ("requests", limits.requests > 0),
        ("burst", limits.burst > 0),
        ("writes", limits.writes > 0),
        ("failed_logins", limits.failed_logins > 0),
        ("entries", limits.entries > 0),
        ("tombstones", limits.tombstones > 0),
    ];
    match positive.into_iter().find(|(_, positive)| !positive) {
        Some((key, _)) => {
            let problem = "nobody could do anything; a number above 0 is right";
            Err(loaded.fault(&format!("intercom.limits.{key}"), problem))
        }
        None => Ok(()),
    }
}

/// Names are used once, and everybody has what the kind of proof needs.
fn check_accounts(loaded: &Loaded<Config>) -> Result<(), ConfigError> {
    let intercom = &loaded.config.intercom;
    for (index, account) in intercom.accounts.iter().enumerate() {
        let fault = |key: &str, problem: &str| {
            Err(loaded.fault(&format!("intercom.accounts.{index}.{key}"), problem))
        };
        let name = &account.username;
        if name.is_empty() || name.contains([':', '"', '\\']) {
            return fault(
                "username",
                "a name without colon, quote and backslash is needed",
            );
        }
        let mut others = intercom.accounts[..index].iter();
        if others.any(|other| other.username == *name) {
            return fault("username", "another account has this name");
        }
        let secret = &account.secret;
        let lacks = match intercom.auth {
            IntercomAuth::None => None,
            IntercomAuth::Basic => secret.argon2.is_none().then_some("argon2"),
            IntercomAuth::Digest => intercom.digest_algorithms.iter().find_map(|algorithm| {
                let (known, name) = match algorithm {
                    DigestAlgorithm::Md5 => (&secret.md5, "md5"),
                    DigestAlgorithm::Sha256 => (&secret.sha256, "sha256"),
                };
                known.is_none().then_some(name)
            }),
        };
        if let Some(lacks) = lacks {
            let problem = format!("{lacks} is needed; `dird intercom account` prints it");
            return fault("secret", &problem);
        }
    }
    Ok(())
}
