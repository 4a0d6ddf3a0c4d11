//! Every function with every method, kind of caller and kind of connection (intercom-directory.md §3.4, §8.1): what is told is
//! what the order of checks says, and only who may write does.

use reqwest::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::access::{FUNCTIONS, outcome, writes};
use crate::login::{Answer, nonce, with_accounts};
use crate::world::{Door, Plan, certificate, merge};

/// Who asks, and how.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Caller {
    Nobody,
    /// A name, and whether the password is right.
    Basic(&'static str, bool),
    Digest(&'static str, bool),
    Token,
    WrongToken,
}

const CALLERS: [Caller; 9] = [
    Caller::Nobody,
    Caller::Basic("reader", true),
    Caller::Basic("writer", true),
    Caller::Basic("writer", false),
    Caller::Digest("reader", true),
    Caller::Digest("writer", true),
    Caller::Digest("writer", false),
    Caller::Token,
    Caller::WrongToken,
];

/// What a site is set to, and what a request comes over.
#[derive(Debug, Clone, Copy)]
struct Setting {
    auth: &'static str,
    transport: &'static str,
    tls: bool,
}

#[tokio::test]
async fn with_digest_every_caller_is_told_what_the_checks_say() {
    every_caller("digest", "any").await;
}

#[tokio::test]
async fn with_basic_every_caller_is_told_what_the_checks_say() {
    every_caller("basic", "any").await;
}

#[tokio::test]
async fn where_encryption_is_asked_for_every_caller_is_told_what_the_checks_say() {
    every_caller("digest", "tls").await;
    every_caller("basic", "tls").await;
}

/// Every function with every method, by every caller.
fn questions() -> impl Iterator<Item = ((&'static str, Method), Caller)> {
    let methods = || {
        [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ]
    };
    let asked = FUNCTIONS
        .into_iter()
        .flat_map(move |function| methods().map(|method| (function, method)));
    asked.flat_map(|asked| CALLERS.map(|caller| (asked.clone(), caller)))
}

async fn every_caller(auth: &'static str, transport: &'static str) {
    let mut changes =
        json!({"auth": auth, "transport": transport, "limits": {"failed_logins": 100_000}});
    merge(&mut changes, certificate());
    let door = with_accounts(Plan::sqlite(), changes).await;
    let token = door.token(door.tenant.id(), &["dird.#"]).await;
    let mut written = 0;
    for tls in [false, true] {
        let setting = Setting {
            auth,
            transport,
            tls,
        };
        let mut client = Client {
            door: &door,
            tls,
            token: &token,
            nonce: None,
            count: 0,
        };
        for ((function, method), caller) in questions() {
            let told = outcome(client.request(caller, function, &method).await).await;
            let expected = expected(setting, function, &method, caller);
            assert_eq!(told, expected, "{setting:?} {method} {function} {caller:?}");
            written += usize::from(function == "create" && told == (200, 0));
        }
    }
    let contents = door.store.contents(&door.tenant, &door.list()).await;
    assert_eq!(contents.unwrap().contacts.len(), written);
    assert!(written > 1);
}

/// Status and code by the order of checks; 0 for success.
fn expected(setting: Setting, function: &str, method: &Method, caller: Caller) -> (u16, u64) {
    let taken = match function {
        "template" => matches!(*method, Method::GET | Method::POST),
        _ if writes(function) => *method == Method::PUT,
        _ => *method == Method::POST,
    };
    if !taken {
        return (200, 3);
    }
    if setting.transport == "tls" && !setting.tls {
        return (200, 7);
    }
    let name = match (caller, setting.auth) {
        (Caller::Token, _) => return (200, 0),
        (Caller::WrongToken, _) => return (401, 9),
        (_, "basic") if !setting.tls => return (200, 7),
        (Caller::Basic(..), "digest") | (Caller::Digest(..), "basic") => return (401, 8),
        (Caller::Basic(name, true) | Caller::Digest(name, true), _) => name,
        _ => return (401, 9),
    };
    let refused = name == "reader" && writes(function);
    (200, if refused { 10 } else { 0 })
}

/// Asks over one kind of connection.
struct Client<'a> {
    door: &'a Door,
    tls: bool,
    token: &'a str,
    nonce: Option<String>,
    count: u32,
}

impl Client<'_> {
    fn plain(&self, function: &str, method: &Method) -> RequestBuilder {
        let (scheme, address) = if self.tls {
            ("https", self.door.tls.unwrap())
        } else {
            ("http", self.door.address)
        };
        let url = format!("{scheme}://{address}/api/dir/{function}");
        let request = self.door.client.request(method.clone(), url);
        request.body(json!({"users": [{"name": "N"}]}).to_string())
    }

    async fn request(&mut self, caller: Caller, function: &str, method: &Method) -> RequestBuilder {
        let request = self.plain(function, method);
        let password = |name: &str, right: bool| {
            let right = right.then(|| format!("{name}-pass"));
            right.unwrap_or_else(|| "guess".to_owned())
        };
        match caller {
            Caller::Nobody => request,
            Caller::Basic(name, right) => request.basic_auth(name, Some(password(name, right))),
            Caller::Token => request.header("X-Auth-Token", self.token),
            Caller::WrongToken => request.header("X-Auth-Token", "unknown"),
            Caller::Digest(name, right) => {
                let nonce = self.challenge().await;
                self.count += 1;
                let uri = format!("/api/dir/{function}");
                let answer = Answer {
                    name,
                    password: password(name, right),
                    nonce,
                    count: self.count,
                    uri: &uri,
                    realm: "dird intercom",
                };
                request.header(AUTHORIZATION, answer.header(method))
            }
        }
    }

    /// A nonce, made up where no challenge is to be had.
    async fn challenge(&mut self) -> String {
        if self.nonce.is_none() {
            let asked = self.plain("template", &Method::GET).send().await.unwrap();
            let challenge = asked.headers().get(WWW_AUTHENTICATE);
            let digest = challenge.is_some_and(|said| said.as_bytes().starts_with(b"Digest"));
            self.nonce = digest.then(|| nonce(&asked));
        }
        self.nonce.clone().unwrap_or_else(|| "none".to_owned())
    }
}
