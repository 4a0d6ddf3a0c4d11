//! Where an answer came from, and how old it is, as an operator sees it.

use serde_json::{Value, json};

use crate::peer::{Peer, Reply};
use crate::rest::Dird;
use crate::sync::until;

/// Sources of one service, in this order: one that is asked, one that keeps its answers, one whose answers are old at once, one
/// that is mirrored.
async fn four(dird: &Dird, peer: &Peer) -> Vec<String> {
    let mut uuids = Vec::new();
    for (name, option, value) in [
        ("asked", "timeout", json!(2.0)),
        ("kept", "cache", json!({"ttl": 3600.0})),
        (
            "old",
            "cache",
            json!({"ttl": 0.001, "stale_if_error": 3600.0}),
        ),
        ("mirrored", "sync", json!({"interval": 3600})),
    ] {
        let mut source = json!({"name": name, "lookup_url": peer.url("/live"), "list_url": peer.url("/all"),
            "searched_columns": ["fn"], "unique_column": "id"});
        source[option] = value;
        uuids.push(dird.source("csv_ws", &source).await);
    }
    uuids
}

/// For each source where its answer comes from, and whether that has an age.
async fn origins(dird: &Dird) -> Vec<(String, bool)> {
    let asked = json!({"profile": "default", "term": "bob"});
    let explained = dird.send("/directories/explain", &asked).await;
    let sources = explained["sources"].as_array().unwrap().iter();
    let origin = |source: &Value| {
        let from = source["from"].as_str().unwrap();
        (from.to_owned(), source["age"].is_f64())
    };
    sources.map(origin).collect()
}

#[tokio::test]
async fn where_an_answer_came_from_and_how_old_it_is_can_be_seen() {
    let dird = Dird::start().await;
    let peer = Peer::start(|_| Reply::csv("id,fn\n1,Bob\n")).await;
    let sources = four(&dird, &peer).await;
    dird.profile(&sources, 5.0).await;
    let [live, mirror, copy] = [("live", false), ("mirror", true), ("copy", true)]
        .map(|(from, has_age)| (from.to_owned(), has_age));
    until("the mirror and a kept answer", async || {
        let wanted = [live.clone(), copy.clone(), live.clone(), mirror.clone()];
        (origins(&dird).await == wanted).then_some(())
    })
    .await;
    let (_, status) = dird.get("/status").await;
    assert_eq!(status.get("sources"), None, "all answer for themselves");

    drop(peer);
    until("an old answer", async || {
        let wanted = [copy.clone(), copy.clone(), mirror.clone()];
        (origins(&dird).await[1..] == wanted).then_some(())
    })
    .await;
    let (_, status) = dird.get("/status").await;
    assert_eq!(status["sources"]["status"], "fail", "{status}");
    let stale = status["sources"]["stale"].as_object().unwrap();
    assert_eq!(stale.keys().collect::<Vec<_>>(), ["csv_ws"]);
    assert!(stale["csv_ws"].as_f64().unwrap() > 0.0);
}
