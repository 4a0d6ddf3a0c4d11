//! How much is done at once, and for how long a connection is served (phoned.md §2.1, §15).

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use serde_json::json;

use crate::{
    access::exchange,
    changes::until,
    site::{Site, look},
};

/// How long a search waits for its turn.
const PATIENCE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn so_many_searches_are_under_way_so_many_wait_for_a_second_and_others_are_sent_away() {
    let lookup = json!({"concurrent": 2, "queued": 1, "deadline": 60});
    let site = Site::with(json!({"lookup": lookup})).await;
    let world = &site.stub.world;
    world.hold.store(true, Ordering::SeqCst);
    let targets: Vec<String> = (0..4)
        .map(|number| look("snom", &format!("term={number}")))
        .collect();
    let (under_way, beyond) = targets.split_at(2);
    let crowd = async {
        until(|| world.searched() == 2).await;
        let sent = Instant::now();
        let mut refused: FuturesUnordered<_> =
            beyond.iter().map(|target| site.get(target)).collect();
        let mut waited = Vec::new();
        while let Some(answer) = refused.next().await {
            assert_eq!(answer.status, 503);
            assert_eq!(answer.json()["error_id"], "overloaded");
            assert!(answer.head.contains("\r\nretry-after: 2\r\n"));
            waited.push(sent.elapsed());
        }
        assert!(waited[1] >= PATIENCE, "one of them may wait: {waited:?}");
        assert_eq!(world.searched(), 2, "dird is spared");
        world.hold.store(false, Ordering::SeqCst);
        world.release.notify_waiters();
    };
    let served = under_way.iter().map(|target| site.get(target));
    let (served, ()) = tokio::join!(futures_util::future::join_all(served), crowd);
    assert!(served.iter().all(|answer| answer.status == 200));
    for target in beyond {
        assert_eq!(site.get(target).await.status, 200, "all is quiet again");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_connection_ends_with_the_last_request_that_it_may_have() {
    let limits = json!({"max_requests_per_connection": 3});
    let site = Site::with(json!({"rest_api": limits})).await;
    let request = "GET /0.1/status HTTP/1.1\r\nHost: x\r\n\r\n";
    let answers = exchange(site.address, request.repeat(5).as_bytes()).await;
    let answers: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).collect();
    assert_eq!(answers.len(), 3, "{answers:?}");
    for (number, answer) in answers.iter().enumerate() {
        assert!(answer.starts_with("200"), "{answer}");
        let says_so = answer.to_lowercase().contains("\r\nconnection: close\r\n");
        assert_eq!(says_so, number == 2, "{answer}");
    }
    site.stop().await;
}
