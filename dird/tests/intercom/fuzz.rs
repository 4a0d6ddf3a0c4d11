//! Whatever is sent, an envelope answers: documents that were changed here and there, in each of the ways in which documents
//! come (intercom-directory.md §3.2, §9.2).

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use dird::identity::{Authority, Refusal, TenantEntry, TenantId, Token, TokenInfo};
use dird::intercom::{Intercom, router};
use dird::slow_lane::SlowLane;
use e2e::random::Random;
use http_body_util::BodyExt;
use kit::serve::Peer;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::world::{Plan, method_of, open, publish, read};

const FUNCTIONS: [&str; 6] = ["create", "update", "delete", "get", "query", "template"];

/// How documents come.
const KINDS: [&str; 3] = [
    "application/json",
    "multipart/form-data; boundary=b1",
    "text/plain",
];

/// Documents that are changed.
const DOCUMENTS: [&str; 4] = [
    r#"{"users":[{"uuid":"01234567-89AB-CDEF-0123-456789ABCDEF","name":"A","callPos":[{"peer":"1"}],"access.code[1]":"11"}],"force":true}"#,
    r#"{"fields":["name","callPos[1].grouped"],"series":"1","iterator":{"timestamp":3},"owner":"x"}"#,
    r#"{"users":[{"uuid":"01234567-89AB-CDEF-0123-456789ABCDEF"},{},{"uuid":"","treepath":"/","deleted":false,"timestamp":0}],"fields":[]}"#,
    r#"{"force":"1","users":[{"owner":"O","email":"a@b,c@d","virtNumber":7,"access":{"pin":2580,"card":["CAFE01",null],"validTo":"9"},"callPos":[{},null]}]}"#,
];

/// A request of a function whose body may be anything.
struct Mutant {
    function: &'static str,
    kind: &'static str,
    body: Vec<u8>,
}

/// A fixed sequence of requests of a function: a failure can be seen again.
struct Mutants {
    function: &'static str,
    random: Random,
    made: usize,
}

impl Mutants {
    fn of(function: &'static str) -> Self {
        Self {
            function,
            random: Random(0x2545_f491_4f6c_dd1d ^ function.len() as u64),
            made: 0,
        }
    }

    /// The next one; kinds take turns.
    fn next(&mut self) -> Mutant {
        let kind = KINDS[self.made % KINDS.len()];
        self.made += 1;
        let document = DOCUMENTS[self.random.below(DOCUMENTS.len())];
        let mut body = match kind {
            "multipart/form-data; boundary=b1" => {
                let name = ["blob-json", "blob-dir_new"][self.random.below(2)];
                format!("--b1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{document}\r\n--b1--\r\n")
            }
            _ => document.to_owned(),
        }
        .into_bytes();
        for _ in 0..=self.random.below(4) {
            if body.is_empty() {
                break;
            }
            let place = self.random.below(body.len());
            match self.random.below(5) {
                0 => body[place] = u8::try_from(self.random.below(256)).unwrap(),
                1 => drop(body.remove(place)),
                2 => body.truncate(place),
                // A digit, a letter or a sign for another leaves a document that is read.
                3 => body[place] = b"0189afAF-/\"x"[self.random.below(12)],
                _ => body.insert(place, b"\"{}[]:,0.\\"[self.random.below(10)]),
            }
        }
        Mutant {
            function: self.function,
            kind,
            body,
        }
    }
}

impl Mutant {
    fn assert_answered(&self, status: u16, answer: &Value) {
        let shown = String::from_utf8_lossy(&self.body);
        let about = format!("{} {} {shown}: {answer}", self.function, self.kind);
        assert_eq!(status, 200, "{about}");
        let told = match answer["success"].as_bool() {
            Some(true) => answer["result"]["series"].is_string(),
            Some(false) => answer["error"]["code"].is_u64(),
            None => false,
        };
        assert!(told, "{about}");
    }
}

#[tokio::test]
async fn mutated_documents_are_answered_with_an_envelope() {
    let door = Plan::sqlite().open().await;
    for function in FUNCTIONS {
        let mut mutants = Mutants::of(function);
        for _ in 0..90 {
            let mutant = mutants.next();
            let request = door.request(method_of(function), &format!("/api/dir/{function}"));
            let request = request.header(CONTENT_TYPE, mutant.kind);
            let answer = request.body(mutant.body.clone()).send().await.unwrap();
            let (status, answer) = read(answer).await;
            mutant.assert_answered(status, &answer);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes an hour"]
async fn a_million_mutated_documents_of_each_function_are_answered_with_an_envelope() {
    let asked = FUNCTIONS.map(|function| tokio::spawn(ask(function, 1_000_000)));
    for asked in asked {
        asked.await.unwrap();
    }
}

/// Nobody has a token, and nobody needs one.
struct Nobody;

#[async_trait]
impl Authority for Nobody {
    async fn check(&self, _: &Token, _: &str, _: Option<&TenantId>) -> Result<(), Refusal> {
        Err(Refusal::UnknownToken)
    }
    async fn describe(&self, _: &Token) -> Result<TokenInfo, Refusal> {
        Err(Refusal::UnknownToken)
    }
    async fn tenants_below(&self, _: &Token, _: &TenantId) -> Result<Vec<TenantEntry>, Refusal> {
        Err(Refusal::UnknownToken)
    }
    async fn all_tenants_below(&self, _: &TenantId) -> Result<Vec<TenantEntry>, Refusal> {
        Err(Refusal::UnknownToken)
    }
    fn master_tenant(&self) -> Option<TenantId> {
        None
    }
    fn forget(&self) {}
    fn address(&self) -> (String, u16) {
        (String::new(), 0)
    }
}

/// Asks a function so many times without a socket, which would take most of the time.
async fn ask(function: &'static str, count: usize) {
    let plan = Plan::sqlite();
    let store = open(&plan.uri).await;
    let (_, phonebook) = publish(&store, true).await;
    let intercom = json!({
        "enabled": true, "transport": "any", "auth": "none", "open_directory": phonebook.0,
        "open_privilege": "control", "access": "full",
        // So few that a query of all of them stays short.
        "limits": {"requests": 1_000_000_000, "burst": 1_000_000_000, "entries": 50, "tombstones": 50},
    });
    let loaded = dird::config::load(
        Path::new("/nonexistent"),
        json!({ "intercom": intercom }),
        false,
    );
    let config = loaded.unwrap().config.intercom;
    let authority: Arc<dyn Authority> = Arc::new(Nobody);
    let (lane, checked) = (SlowLane::default(), Arc::new(AtomicBool::new(true)));
    let intercom = Intercom::new(&config, &store, &authority, (&lane, checked)).unwrap();
    let router: Router = router(&intercom);
    let mut mutants = Mutants::of(function);
    let known = Mutant {
        function: "create",
        kind: KINDS[0],
        body: DOCUMENTS[0].into(),
    };
    for number in 0..count {
        // Some of them find the entry that they name.
        if number % 50 == 0 {
            answered(router.clone(), &known).await;
        }
        let mutant = mutants.next();
        let (status, answer) = answered(router.clone(), &mutant).await;
        mutant.assert_answered(status, &answer);
    }
}

async fn answered(router: Router, mutant: &Mutant) -> (u16, Value) {
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let request = http::Request::builder()
        .method(method_of(mutant.function))
        .uri(format!("/api/dir/{}", mutant.function))
        .header(CONTENT_TYPE, mutant.kind)
        .extension(Peer {
            remote: address,
            local: address,
            tls: false,
        });
    let request = request.body(Body::from(mutant.body.clone())).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}
