//! Remotes that fail in every way, asked many times: what that takes is bounded, and given back.

use std::time::Duration;

use dird::backends::Source;
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::runtime::Handle;

use crate::peer::{Peer, Reply};
use crate::sync::until;
use crate::world::{asker, open};

/// Questions to each remote, and how many at once.
const LOOKUPS: usize = 1000;
const AT_ONCE: usize = 50;

/// Connections to one remote that may wait for another request.
const IDLE: usize = 16;

/// Tasks that the runtime and its clients keep.
const KEPT: usize = 4 * IDLE;

async fn ask_often(source: &dyn Source) -> usize {
    let questions = stream::iter(0..LOOKUPS).map(async |number| {
        let answered = source.search(&format!("term {number}"), &asker()).await;
        usize::from(answered.is_ok())
    });
    let answers: Vec<usize> = questions.buffer_unordered(AT_ONCE).collect().await;
    answers.into_iter().sum()
}

#[tokio::test]
async fn a_thousand_lookups_of_a_failing_remote_leave_nothing_behind() {
    let before = Handle::current().metrics().num_alive_tasks();
    for (reply, most_asked) in [
        (Reply::Hang, 100),
        (Reply::Trickle("id,fn\n1,Much too slow\n", 60), 100),
        (Reply::Close, 100),
        (Reply::Truncated, 100),
        (Reply::Whole(500, "text/csv", Vec::new()), LOOKUPS),
        (
            Reply::Whole(200, "application/json", b"{".to_vec()),
            LOOKUPS,
        ),
    ] {
        let answer = reply.clone();
        let peer = Peer::start(move |_| answer.clone()).await;
        let body =
            json!({"lookup_url": peer.url("/ws"), "searched_columns": ["fn"], "timeout": 0.5});
        let source = open("csv_ws", body).await;
        ask_often(&*source).await;
        let asked = peer.asked().len();
        assert!((1..=most_asked).contains(&asked), "{reply:?}: {asked}");
        peer.at_rest(IDLE).await;
        drop((source, peer));
    }
    until("the end of all tasks", async || {
        let now = Handle::current().metrics().num_alive_tasks();
        (now <= before + KEPT).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_remote_that_is_away_costs_a_thousand_lookups_little_and_is_seen_again() {
    let peer = Peer::start(|_| Reply::csv("id,fn\n1,Bob\n")).await;
    let (addr, url) = (peer.addr, peer.url("/ws"));
    drop(peer);
    let body = json!({"lookup_url": url, "searched_columns": ["fn"], "timeout": 5.0});
    let source = open("csv_ws", body).await;
    assert_eq!(ask_often(&*source).await, 0);
    let health = source.health().unwrap();
    assert_eq!(health.standing, dird::backends::Standing::Resting);
    assert_eq!(health.answered, None);
    let _peer = Peer::start_at(addr, |_| Reply::csv("id,fn\n1,Bob\n")).await;
    until("an answer", async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        source.search("bob", &asker()).await.ok()
    })
    .await;
    assert!(source.health().unwrap().answered.is_some());
}
