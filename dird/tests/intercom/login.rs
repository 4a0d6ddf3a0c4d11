//! How a client proves who it is (intercom-directory.md §8.1): Digest as its clients speak it, Basic, and slow guessing.

use std::fmt::Write;

use dird::intercom::hashed;
use kit::secret::Secret;
use md5::{Digest, Md5};
use reqwest::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::world::{Door, Plan, error_of, publish, read};

on_plans_of_both_engines!(a_large_body_is_heard_out_before_the_challenge);

const TEMPLATE: &str = "/api/dir/template";

/// An account as the configuration has it.
pub(crate) fn account(name: &str, phonebook: &str, privilege: &str) -> Value {
    let secret = hashed(name, &Secret::new(format!("{name}-pass"))).unwrap();
    let text = |secret: Option<Secret>| secret.unwrap().expose().to_owned();
    json!({"username": name, "directory": phonebook, "privilege": privilege, "secret": {
        "md5": text(secret.md5), "sha256": text(secret.sha256), "argon2": text(secret.argon2),
    }})
}

/// A dird with a reader and a writer.
pub(crate) async fn with_accounts(plan: Plan, changes: Value) -> Door {
    let store = crate::world::open(&plan.uri).await;
    let (tenant, phonebook) = publish(&store, true).await;
    plan.mark(&[&phonebook]);
    let accounts = json!([
        account("reader", &phonebook.0, "monitoring"),
        account("writer", &phonebook.0, "control"),
        account("lost", "10000000-0000-4000-8000-000000000000", "control"),
    ]);
    let plan = plan
        .with(json!({"auth": "digest", "accounts": accounts}))
        .with(changes);
    plan.start(store, tenant, phonebook).await
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut hexadecimal = String::new();
    for byte in bytes {
        write!(hexadecimal, "{byte:02x}").unwrap();
    }
    hexadecimal
}

fn md5(text: &str) -> String {
    hexadecimal(&Md5::digest(text.as_bytes()))
}

fn sha256(text: &str) -> String {
    hexadecimal(&<Sha256 as sha2::Digest>::digest(text.as_bytes()))
}

/// What a client answers to a challenge.
#[derive(Clone)]
pub(crate) struct Answer<'a> {
    pub(crate) name: &'a str,
    pub(crate) password: String,
    pub(crate) nonce: String,
    pub(crate) count: u32,
    pub(crate) uri: &'a str,
    pub(crate) realm: &'a str,
}

impl Answer<'_> {
    pub(crate) fn header(&self, method: &Method) -> String {
        self.hashed(method, ("MD5", md5))
    }

    fn hashed(&self, method: &Method, (algorithm, hash): (&str, fn(&str) -> String)) -> String {
        let Self {
            name,
            password,
            nonce,
            count,
            uri,
            realm,
        } = self;
        let known = hash(&format!("{name}:{realm}:{password}"));
        let request = hash(&format!("{method}:{uri}"));
        let proof = hash(&format!("{known}:{nonce}:{count:08x}:abc:auth:{request}"));
        format!(
            "Digest username=\"{name}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             qop=auth, nc={count:08x}, cnonce=\"abc\", response=\"{proof}\", algorithm=\"{algorithm}\""
        )
    }
}

/// The nonce of a challenge.
pub(crate) fn nonce(response: &Response) -> String {
    let challenge = response.headers()[WWW_AUTHENTICATE].to_str().unwrap();
    assert!(challenge.starts_with("Digest realm=\"dird intercom\", qop=\"auth\", algorithm=MD5"));
    let nonce = challenge.split("nonce=\"").nth(1).unwrap();
    nonce.split('"').next().unwrap().to_owned()
}

/// A challenge, and who could answer it.
async fn challenged<'a>(door: &Door, name: &'a str) -> Answer<'a> {
    let first = door.request(Method::GET, TEMPLATE).send().await.unwrap();
    assert_eq!(first.status(), 401);
    Answer {
        name,
        password: format!("{name}-pass"),
        nonce: nonce(&first),
        count: 1,
        uri: TEMPLATE,
        realm: "dird intercom",
    }
}

async fn answered(door: &Door, answer: &Answer<'_>) -> (u16, Value) {
    let request = door.request(Method::GET, TEMPLATE);
    let request = request.header(AUTHORIZATION, answer.header(&Method::GET));
    read(request.send().await.unwrap()).await
}

#[tokio::test]
async fn a_challenge_can_be_answered_once_for_each_count() {
    let door = with_accounts(Plan::sqlite(), json!({})).await;
    let mut answer = challenged(&door, "reader").await;
    for count in 1..4 {
        answer.count = count;
        assert_eq!(answered(&door, &answer).await.0, 200);
        let (status, again) = answered(&door, &answer).await;
        assert_eq!(
            (status, error_of(&again).0),
            (401, 9),
            "count {count} again"
        );
    }
}

#[tokio::test]
async fn what_does_not_fit_the_challenge_is_refused() {
    let door = with_accounts(Plan::sqlite(), json!({})).await;
    let right = challenged(&door, "reader").await;
    let wrong = [
        Answer {
            password: "guess".into(),
            ..right.clone()
        },
        Answer {
            name: "nobody",
            ..right.clone()
        },
        Answer {
            uri: "/api/dir/query",
            ..right.clone()
        },
        Answer {
            realm: "other",
            ..right.clone()
        },
    ];
    for answer in wrong {
        let (status, told) = answered(&door, &answer).await;
        assert_eq!((status, error_of(&told).0), (401, 9));
    }
    let foreign = Answer {
        nonce: "AAAA.BBBB".into(),
        ..right.clone()
    };
    let request = door.request(Method::GET, TEMPLATE);
    let request = request.header(AUTHORIZATION, foreign.header(&Method::GET));
    let stale = request.send().await.unwrap();
    let challenge = stale.headers()[WWW_AUTHENTICATE].to_str().unwrap();
    assert!(challenge.ends_with("stale=true"), "{challenge}");
    let retried = Answer {
        nonce: nonce(&stale),
        ..right
    };
    assert_eq!(answered(&door, &retried).await.0, 200);
}

#[tokio::test]
async fn both_algorithms_may_be_offered() {
    let door = with_accounts(
        Plan::sqlite(),
        json!({"digest_algorithms": ["MD5", "SHA-256"]}),
    )
    .await;
    let first = door.request(Method::GET, TEMPLATE).send().await.unwrap();
    let offered = first.headers().get_all(WWW_AUTHENTICATE).iter();
    let offered: Vec<&str> = offered.map(|one| one.to_str().unwrap()).collect();
    assert_eq!(offered.len(), 2);
    assert!(offered[1].contains("algorithm=SHA-256"));
    let mut answer = challenged(&door, "reader").await;
    for (algorithm, hash) in [("MD5", md5 as fn(&str) -> String), ("SHA-256", sha256)] {
        for (said, status) in [(algorithm, 200), ("SHA-1", 401)] {
            let header = answer.hashed(&Method::GET, (said, hash));
            let request = door.request(Method::GET, TEMPLATE);
            let told = request.header(AUTHORIZATION, header).send().await.unwrap();
            assert_eq!(told.status(), status, "{said} by {algorithm}");
            answer.count += 1;
        }
    }
}

#[tokio::test]
async fn an_algorithm_that_is_not_offered_is_refused() {
    let door = with_accounts(Plan::sqlite(), json!({})).await;
    let answer = challenged(&door, "reader").await;
    let header = answer.hashed(&Method::GET, ("SHA-256", sha256));
    let request = door.request(Method::GET, TEMPLATE);
    let (status, told) = read(request.header(AUTHORIZATION, header).send().await.unwrap()).await;
    assert_eq!((status, error_of(&told).0), (401, 9));
}

#[tokio::test]
async fn basic_wants_encryption_unless_it_is_told_otherwise() {
    let door = with_accounts(Plan::sqlite(), json!({"auth": "basic"})).await;
    let request = door.request(Method::GET, TEMPLATE);
    let request = request.basic_auth("reader", Some("reader-pass"));
    let (status, told) = read(request.send().await.unwrap()).await;
    assert_eq!((status, error_of(&told).0), (200, 7));
    let door = with_accounts(
        Plan::sqlite(),
        json!({"auth": "basic", "allow_plain_basic": true}),
    )
    .await;
    for (password, status) in [("reader-pass", 200), ("reader-pass", 200), ("guess", 401)] {
        let request = door.request(Method::GET, TEMPLATE);
        let answer = request
            .basic_auth("reader", Some(password))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "{password}");
    }
    for header in ["Basic", "Basic !", "Basic bm9jb2xvbg=="] {
        let request = door
            .request(Method::GET, TEMPLATE)
            .header(AUTHORIZATION, header);
        let answer = request.send().await.unwrap();
        let challenge = answer.headers()[WWW_AUTHENTICATE]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(error_of(&read(answer).await.1).0, 9, "{header}");
        assert_eq!(
            challenge,
            "Basic realm=\"dird intercom\", charset=\"UTF-8\""
        );
    }
}

#[tokio::test]
async fn another_kind_of_proof_is_refused_as_such() {
    for (auth, header) in [
        ("digest", "Basic eDp5"),
        ("basic", "Digest a=b"),
        ("digest", "Bearer x"),
    ] {
        let door = with_accounts(
            Plan::sqlite(),
            json!({"auth": auth, "allow_plain_basic": true}),
        )
        .await;
        let request = door
            .request(Method::GET, TEMPLATE)
            .header(AUTHORIZATION, header);
        let answer = request.send().await.unwrap();
        let challenge = answer.headers()[WWW_AUTHENTICATE]
            .to_str()
            .unwrap()
            .to_lowercase();
        assert!(challenge.starts_with(auth));
        let (status, told) = read(answer).await;
        assert_eq!((status, error_of(&told).0), (401, 8));
    }
}

#[tokio::test]
async fn guessing_is_slow() {
    let changes =
        json!({"auth": "basic", "allow_plain_basic": true, "limits": {"failed_logins": 2}});
    let door = with_accounts(Plan::sqlite(), changes).await;
    let login = async |password: &str| {
        let request = door.request(Method::GET, TEMPLATE);
        let answer = request
            .basic_auth("reader", Some(password))
            .send()
            .await
            .unwrap();
        let retry = answer.headers().contains_key(RETRY_AFTER);
        let (status, body) = read(answer).await;
        (status, retry, body)
    };
    assert_eq!(login("one").await.0, 401);
    assert_eq!(login("two").await.0, 401);
    let (status, retry, told) = login("reader-pass").await;
    assert_eq!((status, retry, error_of(&told).0), (429, true, 18));
}

async fn a_large_body_is_heard_out_before_the_challenge(plan: Plan) {
    let door = with_accounts(plan, json!({})).await;
    let mut answer = challenged(&door, "writer").await;
    answer.uri = "/api/dir/create";
    let body = json!({"users": vec![json!({"name": "x".repeat(200)}); 2000]}).to_string();
    assert!(body.len() > 400_000);
    let unproven = door.request(Method::PUT, answer.uri).body(body.clone());
    assert_eq!(unproven.send().await.unwrap().status(), 401);
    let proven = door.request(Method::PUT, answer.uri).body(body);
    let proven = proven.header(AUTHORIZATION, answer.header(&Method::PUT));
    let (_, created) = read(proven.send().await.unwrap()).await;
    assert_eq!(created["result"]["users"][1999]["timestamp"], 2000);
}

#[tokio::test]
async fn guesses_that_come_at_once_are_no_more_than_others() {
    let changes =
        json!({"auth": "basic", "allow_plain_basic": true, "limits": {"failed_logins": 1}});
    let door = with_accounts(Plan::sqlite(), changes).await;
    let guess = async |number: u32| {
        let request = door.request(Method::GET, TEMPLATE);
        let request = request.basic_auth("reader", Some(format!("guess {number}")));
        request.send().await.unwrap().status().as_u16()
    };
    let told = futures_util::future::join_all((0..24).map(guess)).await;
    let tried = told.iter().filter(|&&status| status == 401).count();
    // As many are compared at once.
    assert!((1..=4).contains(&tried), "{told:?}");
    assert!(told.iter().all(|status| [401, 429].contains(status)));
}
