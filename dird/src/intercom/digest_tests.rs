//! Proofs, counts and nonces of Digest.

use super::*;
use crate::config::{AccountSecret, Privilege};
use crate::intercom::account::hashed;

const TARGET: &str = "/api/dir/get";
const BOTH: [DigestAlgorithm; 2] = [DigestAlgorithm::Md5, DigestAlgorithm::Sha256];

fn digests() -> Digests {
    Digests::new(hmac::Key::new(hmac::HMAC_SHA256, b"key"))
}

fn account(secret: AccountSecret) -> [Account; 1] {
    [Account {
        username: "door".into(),
        directory: "x".into(),
        privilege: Privilege::Control,
        secret,
    }]
}

fn accounts() -> [Account; 1] {
    account(hashed("door", &kit::secret::Secret::new("pass")).unwrap())
}

fn claim(digests: &Digests, accounts: &[Account], count: u32, algorithm: DigestAlgorithm) -> Claim {
    let nonce = digests.nonce();
    let mut claim = Claim::read(&format!(
        "username=\"door\", realm=\"{REALM}\", nonce=\"{nonce}\", uri=\"{TARGET}\", qop=auth, nc={count:08x}, cnonce=\"a,b\""
    ))
    .unwrap();
    let secret = &accounts[0].secret;
    let (name, known) = match algorithm {
        DigestAlgorithm::Md5 => ("MD5", &secret.md5),
        DigestAlgorithm::Sha256 => ("SHA-256", &secret.sha256),
    };
    claim.set("algorithm", name);
    claim.sign(algorithm, known.as_ref().unwrap().expose());
    claim
}

impl Claim {
    fn set(&mut self, name: &str, value: &str) {
        self.parameters.insert(name.into(), value.into());
    }

    fn sign(&mut self, algorithm: DigestAlgorithm, known: &str) {
        let proof = self.proof(algorithm, known, &Method::POST);
        self.set("response", &proof);
    }
}

fn check(digests: &Digests, accounts: &[Account], claim: &Claim) -> &'static str {
    word(&digests.check(accounts, claim, &BOTH, (&Method::POST, TARGET)))
}

fn word(verdict: &Verdict<'_>) -> &'static str {
    match verdict {
        Verdict::Right(_) => "right",
        Verdict::Stale => "stale",
        Verdict::Wrong => "wrong",
    }
}

#[test]
fn the_proof_is_that_of_the_standards() {
    // The examples of RFC 7616 §3.9.1.
    let text = "username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
         nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
         cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth";
    let claim = Claim::read(text).unwrap();
    for (algorithm, expected) in [
        (DigestAlgorithm::Md5, "8ca523f5e9506fed4657c9700eebdbec"),
        (
            DigestAlgorithm::Sha256,
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ] {
        let known = digest(algorithm, "Mufasa:http-auth@example.org:Circle of Life");
        assert_eq!(claim.proof(algorithm, &known, &Method::GET), expected);
    }
}

#[test]
fn a_right_claim_is_taken_once() {
    let (digests, accounts) = (digests(), accounts());
    for algorithm in BOTH {
        let claim = claim(&digests, &accounts, 1, algorithm);
        assert_eq!(check(&digests, &accounts, &claim), "right");
        assert_eq!(check(&digests, &accounts, &claim), "wrong");
    }
}

#[test]
fn counts_may_overtake_one_another_and_not_repeat() {
    let mut counts = Counts {
        highest: 0,
        seen: 1,
    };
    let taken = [3, 1, 2, 1, 3, 0, 70, 6, 7, 8, 7].map(|count| counts.takes(count));
    let expected = [
        true, true, true, false, false, false, true, false, true, true, false,
    ];
    assert_eq!(taken, expected);
}

#[test]
fn what_differs_in_anything_is_wrong() {
    let (digests, accounts) = (digests(), accounts());
    for (name, value) in [
        ("realm", "other"),
        ("uri", "/api/dir/query"),
        ("qop", "auth-int"),
        ("nc", "1"),
        ("nc", "0000000g"),
        ("cnonce", ""),
        ("algorithm", "MD5-sess"),
        ("username", "nobody"),
        ("response", "00"),
    ] {
        let mut claim = claim(&digests, &accounts, 1, DigestAlgorithm::Md5);
        claim.set(name, value);
        assert_eq!(check(&digests, &accounts, &claim), "wrong", "{name}");
    }
    let claim = claim(&digests, &accounts, 1, DigestAlgorithm::Sha256);
    let only = digests.check(&accounts, &claim, &BOTH[..1], (&Method::POST, TARGET));
    assert_eq!(word(&only), "wrong");
    let nobody = account(AccountSecret::default());
    let mut empty = Claim::default();
    empty.parameters.clone_from(&claim.parameters);
    empty.sign(DigestAlgorithm::Sha256, "");
    assert_eq!(check(&digests, &nobody, &empty), "wrong");
}

#[tokio::test(start_paused = true)]
async fn an_old_or_foreign_nonce_is_stale() {
    let (digests, accounts) = (digests(), accounts());
    let old = claim(&digests, &accounts, 1, DigestAlgorithm::Md5);
    tokio::time::advance(LIFE + Duration::from_secs(1)).await;
    assert_eq!(check(&digests, &accounts, &old), "stale");
    let other = Digests::new(hmac::Key::new(hmac::HMAC_SHA256, b"other"));
    let foreign = claim(&other, &accounts, 1, DigestAlgorithm::Md5);
    assert_eq!(check(&digests, &accounts, &foreign), "stale");
    let challenge = &digests.challenges(&BOTH[..1], true)[0];
    assert!(challenge.to_str().unwrap().ends_with(", stale=true"));
}

#[tokio::test(start_paused = true)]
async fn an_account_that_uses_many_nonces_loses_its_oldest_and_no_others() {
    let (digests, mut both) = (digests(), accounts().to_vec());
    let mut other = both[0].clone();
    other.username = "other".into();
    other.secret = hashed("other", &kit::secret::Secret::new("pass")).unwrap();
    both.push(other);
    let next = async || {
        tokio::time::advance(Duration::from_millis(1)).await;
        claim(&digests, &both, 1, DigestAlgorithm::Md5)
    };
    let early = next().await;
    let oldest = next().await;
    assert_eq!(check(&digests, &both, &oldest), "right");
    let mut others = claim(&digests, &both, 1, DigestAlgorithm::Md5);
    others.set("username", "other");
    others.sign(
        DigestAlgorithm::Md5,
        both[1].secret.md5.as_ref().unwrap().expose(),
    );
    assert_eq!(check(&digests, &both, &others), "right");
    for _ in 0..REMEMBERED {
        let claim = next().await;
        assert_eq!(check(&digests, &both, &claim), "right");
        assert_eq!(check(&digests, &both, &claim), "wrong", "it is known");
    }
    for forgotten in [oldest, early] {
        assert_eq!(check(&digests, &both, &forgotten), "stale");
    }
    assert_eq!(check(&digests, &both, &others), "wrong", "it is known yet");
    let kept = digests.used.lock().unwrap();
    assert_eq!(kept["door"].counts.len(), REMEMBERED);
}

#[test]
fn values_are_quoted_or_bare() {
    let claim = Claim::read("a=\"x\\\"y, z\" , B=c,,d=\"\"").unwrap();
    assert_eq!(
        [claim.get("a"), claim.get("b"), claim.get("d")],
        ["x\"y, z", "c", ""]
    );
    assert!(Claim::read("a=\"x").is_none());
    assert!(Claim::read("a").is_none());
}
