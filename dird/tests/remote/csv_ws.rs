//! CSV services (dird-backends.md §3).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dird::backends::Source;
use serde_json::{Value, json};

use crate::peer::{Peer, Reply, certificate};
use crate::world::{asker, behind, configured, found, found_again, listed, open, surroundings};

const PEOPLE: &str = "id,fn,num\n1,Andr\u{e9}e,555\n\n2,Bob,\n3,Carl,557\n";

async fn source(url: &str, changes: Value) -> Arc<dyn Source> {
    let mut body = json!({"lookup_url": url, "searched_columns": ["fn", "num"],
        "first_matched_columns": ["num"], "unique_column": "id", "delimiter": ",", "timeout": 5.0});
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    open("csv_ws", body).await
}

#[tokio::test]
async fn the_service_is_asked_for_the_term_in_every_column_and_its_rows_are_taken_as_they_are() {
    let peer = Peer::start(|_| Reply::csv(PEOPLE)).await;
    let source = source(&peer.url("/ws?key=1"), json!({})).await;
    let names = found(&*source, "\u{e9}x &", "fn").await;
    assert_eq!(names, ["Andr\u{e9}e", "Bob", "Carl"]);
    assert_eq!(peer.paths(), ["/ws?key=1&fn=%C3%A9x+%26&num=%C3%A9x+%26"]);
    assert_eq!(peer.asked()[0].header("accept"), "*/*");
    let entries = source.search("x", &asker()).await.unwrap().entries();
    assert_eq!(entries[2].relations.source_entry_id.as_deref(), Some("3"));
}

#[tokio::test]
async fn without_searched_columns_the_service_is_asked_bare() {
    let peer = Peer::start(|_| Reply::csv(PEOPLE)).await;
    let source = source(&peer.url("/ws"), json!({"searched_columns": []})).await;
    assert_eq!(found(&*source, "x", "fn").await.len(), 3);
    assert_eq!(peer.paths(), ["/ws"]);
}

#[tokio::test]
async fn a_number_is_the_one_of_the_first_row_that_equals_it() {
    let peer = Peer::start(|_| Reply::csv("id,num\n1,5570\n2,557\n3,557\n")).await;
    let ours = source(&peer.url("/ws"), json!({})).await;
    assert_eq!(behind(&*ours, "557", "id").await.as_deref(), Some("2"));
    assert_eq!(behind(&*ours, "55", "id").await, None);
    assert_eq!(peer.paths(), ["/ws?num=557", "/ws?num=55"]);
    let numbers = ["557", "5570", "9"].map(str::to_owned);
    let found = ours.reverse(&numbers, &asker()).await.unwrap();
    assert_eq!(found.len(), 2, "one call a number, answers by number");
    assert_eq!(peer.paths().len(), 5);
    let columnless = source(&peer.url("/ws"), json!({"first_matched_columns": []})).await;
    assert_eq!(behind(&*columnless, "557", "id").await, None);
    assert_eq!(peer.paths().len(), 5, "there is nothing to ask");
}

#[tokio::test]
async fn favourites_are_chosen_from_the_whole_list() {
    let peer = Peer::start(|_| Reply::csv(PEOPLE)).await;
    let listing = source(&peer.url("/ws"), json!({"list_url": peer.url("/all")})).await;
    assert_eq!(
        listed(&*listing, &["3", "1", "*", ""], "fn").await,
        ["Andr\u{e9}e", "Carl"]
    );
    assert_eq!(peer.paths(), ["/all"]);
    let none = source(&peer.url("/ws"), json!({})).await;
    assert!(listed(&*none, &["3"], "fn").await.is_empty());
    let changes = json!({"list_url": peer.url("/all"), "unique_column": null});
    let nameless = source(&peer.url("/ws"), changes).await;
    assert!(listed(&*nameless, &["3"], "fn").await.is_empty());
    assert_eq!(peer.paths().len(), 1);
}

#[tokio::test]
async fn another_delimiter_and_charset_are_read() {
    let latin1 = b"id;fn\r\n1;Andr\xe9, \"a\"\r\n".to_vec();
    let peer = Peer::start(move |_| Reply::Whole(200, "text/csv", latin1.clone())).await;
    let source = source(&peer.url("/ws"), json!({"delimiter": ";"})).await;
    assert_eq!(found(&*source, "x", "fn").await, ["Andr\u{e9}, \"a\""]);
}

#[tokio::test]
async fn answers_that_are_wrong_are_no_rows_and_said() {
    for (reply, expected) in [
        (
            Reply::Whole(404, "text/plain", b"id,fn\n1,x".to_vec()),
            Ok(0),
        ),
        (Reply::csv(""), Ok(0)),
        (
            Reply::Whole(200, "image/png", vec![0, 159, 146, 150]),
            Ok(0),
        ),
        (
            Reply::Whole(503, "text/plain", b"id,fn\n1,x".to_vec()),
            Err("status 503"),
        ),
        (
            Reply::Whole(401, "text/plain", b"id,fn\n1,x".to_vec()),
            Err("status 401"),
        ),
        (Reply::Truncated, Err("connection broke")),
        (Reply::Close, Err("connection broke")),
        (Reply::Endless, Err("longer than 16777216 bytes")),
        (Reply::Moved("/ws".into()), Err("redirect")),
    ] {
        let answer = reply.clone();
        let peer = Peer::start(move |_| answer.clone()).await;
        let source = source(&peer.url("/ws"), json!({})).await;
        let rows = source.search("x", &asker()).await;
        match (rows, expected) {
            (Ok(rows), Ok(count)) => assert_eq!(rows.len(), count, "{reply:?}"),
            (Err(error), Err(words)) => assert!(error.0.contains(words), "{reply:?}: {error}"),
            (rows, _) => panic!("{reply:?}: {} rows", rows.map_or(0, |rows| rows.len())),
        }
        peer.at_rest(1).await;
    }
}

#[tokio::test]
async fn a_slow_answer_ends_at_the_timeout_however_it_is_slow() {
    for reply in [
        Reply::Hang,
        Reply::Trickle("id,fn\n1,Slow and long enough to miss it\n", 50),
    ] {
        let answer = reply.clone();
        let peer = Peer::start(move |_| answer.clone()).await;
        let source = source(&peer.url("/ws"), json!({"timeout": 0.3})).await;
        let started = Instant::now();
        let error = source.search("x", &asker()).await.unwrap_err();
        assert!(error.0.contains("in time"), "{error}");
        assert!(started.elapsed() >= Duration::from_millis(300), "{reply:?}");
        peer.at_rest(0).await;
    }
}

#[tokio::test]
async fn a_service_that_is_gone_is_named_so_and_seen_again_when_it_is_back() {
    let peer = Peer::start(|_| Reply::csv(PEOPLE)).await;
    let (addr, url) = (peer.addr, peer.url("/ws"));
    let source = source(&url, json!({})).await;
    assert_eq!(found(&*source, "x", "fn").await.len(), 3);
    drop(peer);
    let mut refused = false;
    for _ in 0..10 {
        let error = source.search("x", &asker()).await.unwrap_err();
        refused |= error.0.contains("refuses connections");
    }
    assert!(refused);
    let _peer = Peer::start_at(addr, |_| Reply::csv(PEOPLE)).await;
    assert_eq!(found_again(&*source, "x", "fn").await.len(), 3);
}

#[tokio::test]
async fn a_certificate_is_verified_unless_it_is_told_otherwise() {
    let peer = Peer::start_tls(|_| Reply::csv(PEOPLE)).await;
    let url = format!("https://{}/ws", peer.addr);
    let strict = source(&url, json!({"verify_certificate": true})).await;
    let error = strict.search("x", &asker()).await.unwrap_err();
    assert!(error.0.contains("no secure connection"), "{error}");
    let careless = source(&url, json!({"verify_certificate": false})).await;
    assert_eq!(found(&*careless, "x", "fn").await.len(), 3);
    let own = certificate("first.crt");
    let trusting = source(&url, json!({"verify_certificate": own})).await;
    assert_eq!(found(&*trusting, "x", "fn").await.len(), 3);
    let other = source(
        &url,
        json!({"verify_certificate": certificate("second.crt")}),
    )
    .await;
    assert!(other.search("x", &asker()).await.is_err());
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(own, folder.path().join("one.pem")).unwrap();
    let of_folder = source(&url, json!({"verify_certificate": folder.path()})).await;
    assert_eq!(found(&*of_folder, "x", "fn").await.len(), 3);
    let absent = source(&url, json!({"verify_certificate": "/no/such.pem"})).await;
    let error = absent.search("x", &asker()).await.unwrap_err();
    assert!(error.0.contains("/no/such.pem"), "{error}");
}

#[tokio::test]
async fn redirects_are_followed_without_the_password_of_the_first_host() {
    let target = Peer::start(|_| Reply::csv(PEOPLE)).await;
    let to = format!("http://localhost:{}/there", target.addr.port());
    let moved = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&moved);
    let peer = Peer::start(move |asked| {
        assert_eq!(asked.header("authorization"), "Basic dXNlcjpwYXNz");
        seen.store(true, Ordering::SeqCst);
        Reply::Moved(to.clone())
    })
    .await;
    let url = format!("http://user:pass@{}/ws", peer.addr);
    let source = source(&url, json!({})).await;
    assert_eq!(found(&*source, "x", "fn").await.len(), 3);
    assert!(moved.load(Ordering::SeqCst));
    assert_eq!(target.asked()[0].header("authorization"), "");
    assert_eq!(target.asked()[0].header("referer"), "");
}

#[tokio::test]
async fn a_source_that_can_never_work_does_not_open() {
    let around = surroundings().await;
    for changes in [
        json!({"lookup_url": "ftp://127.0.0.1/x"}),
        json!({"lookup_url": "http://127.0.0.1/x", "delimiter": "\u{a7}"}),
        json!({"lookup_url": "nonsense"}),
    ] {
        let source = configured("csv_ws", &changes);
        let opened = dird::backends::kind("csv_ws")
            .unwrap()
            .open(&source, &around)
            .await;
        assert!(opened.is_err(), "{changes}");
    }
}
