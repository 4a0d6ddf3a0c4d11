//! HTTP Digest (RFC 7616, and RFC 2617 for MD5): the client proves that it knows the password without sending it. Nonces are
//! signed and live for minutes; of each that was used it is remembered which counts have come.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, Method};
use ring::hmac;
use subtle::ConstantTimeEq;
use tokio::time::Instant;

use super::account::{REALM, digest, named};
use crate::config::{Account, DigestAlgorithm};

/// How long a nonce is good.
const LIFE: Duration = Duration::from_secs(300);
/// Nonces of one account whose counts are remembered.
const REMEMBERED: usize = 2_000;
/// Counts below the highest that may still come: requests overtake one another.
const WINDOW: u32 = 64;

/// What a request claims.
#[derive(Debug, Default)]
pub(super) struct Claim {
    parameters: HashMap<String, String>,
}

/// What became of a claim.
#[derive(Debug)]
pub(super) enum Verdict<'a> {
    /// It is this account.
    Right(&'a Account),
    /// It is right, but for a nonce that is too old or not ours.
    Stale,
    /// It is wrong.
    Wrong,
}

impl Claim {
    /// What stands behind `Digest`.
    pub(super) fn read(mut text: &str) -> Option<Self> {
        let mut parameters = HashMap::new();
        loop {
            text = text.trim_start_matches([' ', '\t', ',']);
            if text.is_empty() {
                return Some(Self { parameters });
            }
            let (name, rest) = text.split_once('=')?;
            let (value, rest) = value(rest.trim_start())?;
            parameters.insert(name.trim().to_ascii_lowercase(), value);
            text = rest;
        }
    }

    fn get(&self, name: &str) -> &str {
        self.parameters.get(name).map_or("", String::as_str)
    }

    /// Who claims to be there.
    pub(super) fn username(&self) -> &str {
        self.get("username")
    }

    fn algorithm(&self, offered: &[DigestAlgorithm]) -> Option<DigestAlgorithm> {
        let asked = match self.get("algorithm").to_ascii_uppercase().as_str() {
            "" | "MD5" => DigestAlgorithm::Md5,
            "SHA-256" => DigestAlgorithm::Sha256,
            _ => return None,
        };
        offered.contains(&asked).then_some(asked)
    }

    /// The proof that somebody who knows the password would have sent.
    fn proof(&self, algorithm: DigestAlgorithm, known: &str, method: &Method) -> String {
        let request = digest(algorithm, &format!("{method}:{}", self.get("uri")));
        let [nonce, count, own] = ["nonce", "nc", "cnonce"].map(|name| self.get(name));
        let text = format!("{known}:{nonce}:{count}:{own}:auth:{request}");
        digest(algorithm, &text)
    }
}

/// A value, quoted or bare, and what follows it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        return Some((text[..end].trim().to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((place, character)) = characters.next() {
        match character {
            '"' => return Some((value, &quoted[place + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// Nonces that an account has used, by when they were made.
#[derive(Default)]
struct Used {
    counts: BTreeMap<(Duration, String), Counts>,
    /// Those that were made by then, and are not among them, are good no more: what has come with them may be forgotten.
    forgotten: Option<Duration>,
}

/// Counts that came with a nonce.
struct Counts {
    highest: u32,
    /// Bit n: the highest count less n has come.
    seen: u64,
}

/// Makes challenges and checks claims.
pub(super) struct Digests {
    key: hmac::Key,
    began: Instant,
    /// By account: what one does takes nothing from another.
    used: Mutex<HashMap<String, Used>>,
}

impl Digests {
    /// Signs nonces with a key that nobody else has.
    pub(super) fn new(key: hmac::Key) -> Self {
        Self {
            key,
            began: Instant::now(),
            used: Mutex::default(),
        }
    }

    /// What a client needs to make a claim, for each algorithm.
    pub(super) fn challenges(&self, offered: &[DigestAlgorithm], stale: bool) -> Vec<HeaderValue> {
        let nonce = self.nonce();
        let stale = if stale { ", stale=true" } else { "" };
        let challenge = |algorithm: &DigestAlgorithm| {
            let name = match algorithm {
                DigestAlgorithm::Md5 => "MD5",
                DigestAlgorithm::Sha256 => "SHA-256",
            };
            let text = format!(
                "Digest realm=\"{REALM}\", qop=\"auth\", algorithm={name}, nonce=\"{nonce}\"{stale}"
            );
            HeaderValue::from_str(&text).ok()
        };
        offered.iter().filter_map(challenge).collect()
    }

    /// Checks a claim for a request to `target`.
    pub(super) fn check<'a>(
        &self,
        accounts: &'a [Account],
        claim: &Claim,
        offered: &[DigestAlgorithm],
        (method, target): (&Method, &str),
    ) -> Verdict<'a> {
        let count = u32::from_str_radix(claim.get("nc"), 16).ok();
        let fits = claim.get("realm") == REALM
            && claim.get("qop") == "auth"
            && claim.get("uri") == target
            && claim.get("nc").len() == 8
            && !claim.get("cnonce").is_empty();
        let (Some(algorithm), Some(count), true) = (claim.algorithm(offered), count, fits) else {
            return Verdict::Wrong;
        };
        let account = named(accounts, claim.username());
        let known = account.and_then(|account| match algorithm {
            DigestAlgorithm::Md5 => account.secret.md5.as_ref(),
            DigestAlgorithm::Sha256 => account.secret.sha256.as_ref(),
        });
        // Without an account the same is computed, for nothing.
        let hash = known.map_or(String::new(), |known| known.expose().to_ascii_lowercase());
        let proof = claim.proof(algorithm, &hash, method);
        let sent = claim.get("response").to_ascii_lowercase();
        let right = bool::from(proof.as_bytes().ct_eq(sent.as_bytes()));
        match account.filter(|_| right && known.is_some()) {
            None => Verdict::Wrong,
            Some(account) => self.count(claim.get("nonce"), count, account),
        }
    }

    /// Refuses a nonce that is not good any more, and a count that has come before.
    fn count<'a>(&self, nonce: &str, count: u32, account: &'a Account) -> Verdict<'a> {
        let now = self.began.elapsed();
        let made = self.made(nonce);
        let Some(made) = made.filter(|made| now.saturating_sub(*made) <= LIFE) else {
            return Verdict::Stale;
        };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let used = used.entry(account.username.clone()).or_default();
        match used.takes((made, nonce.to_owned()), count, now) {
            None => Verdict::Stale,
            Some(true) => Verdict::Right(account),
            Some(false) => Verdict::Wrong,
        }
    }

    fn nonce(&self) -> String {
        let mut bytes = [0_u8; 16];
        let age = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        bytes[..8].copy_from_slice(&age.to_be_bytes());
        // Two nonces of one moment may be the same: the counts of both are one's.
        let _ = getrandom::fill(&mut bytes[8..]);
        let tag = hmac::sign(&self.key, &bytes);
        let mut text = URL_SAFE_NO_PAD.encode(bytes);
        text.push('.');
        text.push_str(&URL_SAFE_NO_PAD.encode(&tag.as_ref()[..16]));
        text
    }

    /// When a nonce of our own was made, after this began.
    fn made(&self, nonce: &str) -> Option<Duration> {
        let (bytes, tag) = nonce.split_once('.')?;
        let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let (bytes, tag) = (decode(bytes), decode(tag));
        let own = hmac::sign(&self.key, &bytes);
        let signed: bool = own.as_ref()[..16].ct_eq(&tag).into();
        let made = bytes.first_chunk::<8>().filter(|_| signed)?;
        Some(Duration::from_millis(u64::from_be_bytes(*made)))
    }
}

impl Used {
    /// Whether a count has not come before; none if that is not known any more.
    fn takes(&mut self, nonce: (Duration, String), count: u32, now: Duration) -> Option<bool> {
        if !self.counts.contains_key(&nonce) {
            if self.forgotten.is_some_and(|forgotten| nonce.0 <= forgotten) {
                return None;
            }
            self.make_room(now);
        }
        let counts = self.counts.entry(nonce).or_insert(Counts {
            highest: 0,
            seen: 1,
        });
        Some(counts.takes(count))
    }

    /// Forgets what is too old, and the oldest one if there are too many.
    fn make_room(&mut self, now: Duration) {
        while let Some(oldest) = self.counts.first_entry() {
            let made = oldest.key().0;
            if now.saturating_sub(made) <= LIFE {
                break;
            }
            oldest.remove();
        }
        if self.counts.len() >= REMEMBERED
            && let Some(((made, _), _)) = self.counts.pop_first()
        {
            self.forgotten = Some(made);
        }
    }
}

impl Counts {
    fn takes(&mut self, count: u32) -> bool {
        if count > self.highest {
            let step = count - self.highest;
            self.seen = self.seen.checked_shl(step).unwrap_or(0) | 1;
            self.highest = count;
            return true;
        }
        let back = self.highest - count;
        if back >= WINDOW || self.seen & (1 << back) != 0 {
            return false;
        }
        self.seen |= 1 << back;
        true
    }
}

#[cfg(test)]
#[path = "digest_tests.rs"]
mod tests;
