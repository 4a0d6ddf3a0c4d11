//! What phones get while backends fail, and how little backends are asked (phoned.md §14); the figures about it (§16.4).

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures_util::{StreamExt, future::join_all, stream::FuturesUnordered};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    access::exchange,
    site::{Site, look, request},
    stub::{Stub, USER},
};

#[tokio::test]
async fn another_dird_answers_when_the_first_does_not() {
    let second = Stub::start();
    // The second knows the tokens that the first one's auth makes: it has made as many.
    second.world.tokens.store(1, Ordering::SeqCst);
    let others = json!([{"host": "127.0.0.1", "port": second.address.port()}]);
    let site = Site::with(json!({"dird": {"others": others}})).await;
    assert_eq!(site.look("cisco", "term=a").await.status, 200);
    assert_eq!(second.world.searched(), 0, "the first one is well");
    site.stub.world.dird_fails.store(503, Ordering::SeqCst);
    for term in ["b", "c", "d"] {
        let answer = site.look("cisco", &format!("term={term}")).await;
        assert_eq!(answer.status, 200);
        assert!(
            !answer.head.contains("\r\nwarning: "),
            "fresh, not remembered"
        );
    }
    assert_eq!(second.world.searched(), 3);
    site.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn with_every_dird_gone_phones_get_what_was_remembered_marked_as_old() {
    let others = json!([{"host": "127.0.0.1", "port": 9}]);
    let site = Site::with(json!({"dird": {"others": others}, "cache": {"lookup_ttl": 0}})).await;
    assert_eq!(site.look("cisco", "term=a").await.status, 200);
    site.stub.world.dird_fails.store(500, Ordering::SeqCst);
    let old = site.look("cisco", "term=a").await;
    assert_eq!(old.status, 200);
    assert!(old.head.contains("\r\nwarning: 110"), "{}", old.head);
    assert_eq!(site.look("cisco", "term=other").await.status, 503);
    site.stop().await;
}

#[tokio::test]
async fn that_there_is_no_such_profile_is_no_help_in_bad_times() {
    let cache = json!({"lookup_ttl": 0, "unknown_profile_ttl": 0});
    let site = Site::with(json!({"cache": cache})).await;
    let nowhere = look("cisco", "term=a").replace("/default/", "/nowhere/");
    assert_eq!(site.get(&nowhere).await.status, 404);
    site.stub.world.dird_fails.store(500, Ordering::SeqCst);
    assert_eq!(site.get(&nowhere).await.status, 503);
    site.stop().await;
}

#[tokio::test]
async fn what_was_searched_before_is_answered_while_dirds_go_and_come_back() {
    let first = Stub::start();
    let mut second = first.twin();
    let others = json!([{"host": "127.0.0.1", "port": second.address.port()}]);
    let changes = json!({"dird": {"others": others}, "cache": {"lookup_ttl": 0}});
    let mut site = Site::over(first, changes).await;
    let targets = ["a", "b", "c", "d"].map(|term| look("cisco", &format!("term={term}")));
    for target in &targets {
        assert_eq!(site.get(target).await.status, 200);
    }
    let (address, fresh, stale) = (site.address, AtomicUsize::new(0), AtomicUsize::new(0));
    let phone = async |target: &String| {
        loop {
            let answer = request(address, "GET", target, "").await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let is_old = answer.head.contains("\r\nwarning: 110");
            let kind = if is_old { &stale } else { &fresh };
            kind.fetch_add(1, Ordering::SeqCst);
        }
    };
    let more = async |kind: &AtomicUsize| {
        let enough = kind.load(Ordering::SeqCst) + 20;
        while kind.load(Ordering::SeqCst) < enough {
            tokio::task::yield_now().await;
        }
    };
    let outages = async {
        more(&fresh).await;
        // auth goes with the first one.
        site.stub.close().await;
        more(&fresh).await;
        second.close().await;
        more(&stale).await;
        site.stub.open();
        more(&fresh).await;
        second.open();
        more(&fresh).await;
    };
    tokio::select! {
        () = outages => {}
        _phones = join_all(targets.iter().map(phone)) => {}
    }
    site.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn one_search_finds_out_whether_a_dird_is_back() {
    let site = Site::with(json!({"dird": {"timeout": 60}, "lookup": {"deadline": 60}})).await;
    let world = &site.stub.world;
    world.dird_fails.store(503, Ordering::SeqCst);
    assert_eq!(site.look("cisco", "term=a").await.status, 503);
    world.dird_fails.store(0, Ordering::SeqCst);
    world.hold.store(true, Ordering::SeqCst);
    let targets: Vec<String> = (0..20)
        .map(|n| look("cisco", &format!("term={n}")))
        .collect();
    let mut answers: FuturesUnordered<_> = targets.iter().map(|target| site.get(target)).collect();
    for _ in 1..20 {
        let answer = answers.next().await.expect("an answer");
        assert_eq!(answer.json()["error_id"], "dird-unreachable");
    }
    assert_eq!(world.searched(), 2, "the first one and the probe");
    world.hold.store(false, Ordering::SeqCst);
    world.release.notify_one();
    assert_eq!(answers.next().await.expect("the probe").status, 200);
    assert_eq!(site.look("cisco", "term=b").await.status, 200);
    drop(answers);
    site.stop().await;
}

#[tokio::test]
async fn every_time_of_0_switches_that_memory_off() {
    let off = json!({"lookup_ttl": 0, "empty_ttl": 0, "stale_if_error": 0, "user_tenant_ttl": 0});
    let site = Site::with(json!({"cache": off})).await;
    for _ in 0..2 {
        assert_eq!(site.look("cisco", "term=a").await.status, 200);
    }
    let world = &site.stub.world;
    assert_eq!(
        (world.searched(), world.user_calls.load(Ordering::SeqCst)),
        (2, 2)
    );
    world.dird_fails.store(500, Ordering::SeqCst);
    assert_eq!(site.look("cisco", "term=a").await.status, 503);
    site.stop().await;
}

#[tokio::test]
async fn five_hundred_phones_that_search_the_same_at_once_are_one_search() {
    let changes = json!({
        "lookup": {"deadline": 60}, "dird": {"timeout": 60}, "metrics": {"port": 0},
        "rest_api": {"authorized_subnets": [{"subnet": "127.0.0.1", "label": "crowd"}]},
    });
    let site = Site::with(changes).await;
    let (world, monitor) = (&site.stub.world, site.monitor().expect("a listener"));
    world.hold.store(true, Ordering::SeqCst);
    let target = look("snom", "term=a");
    let asked = join_all((0..500).map(|_| request(site.address, "GET", &target, "")));
    let released = async {
        let all = "phoned_access_total{decision=\"allow\",label=\"crowd\"} 500";
        while world.searched() == 0 || !figures(monitor).await.lines().any(|line| line == all) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.hold.store(false, Ordering::SeqCst);
        world.release.notify_one();
    };
    let (answers, ()) = tokio::join!(asked, released);
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(world.searched(), 1);
    let shared = "phoned_cache_total{cache=\"lookup\",result=\"coalesced\"} ";
    let figures = figures(monitor).await;
    let shared = figures.lines().find_map(|line| line.strip_prefix(shared));
    assert!(shared.is_some(), "{figures}");
    site.stop().await;
}

#[tokio::test]
async fn a_listener_asks_for_so_many_requests_at_once_and_answers_the_others_from_memory() {
    let changes = json!({
        "rest_api": {"max_threads": 1}, "lookup": {"queued": 0, "deadline": 60},
        "dird": {"timeout": 60}, "cache": {"stale_if_error": 60},
    });
    let site = Site::with(changes).await;
    let world = &site.stub.world;
    assert_eq!(site.look("snom", "term=known").await.status, 200);
    world.hold.store(true, Ordering::SeqCst);
    let meanwhile = async {
        while world.searched() < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let refused = site.look("snom", "term=other").await;
        assert_eq!(refused.status, 503);
        assert_eq!(refused.json()["error_id"], "overloaded");
        assert!(
            refused.head.contains("\r\nretry-after: 2"),
            "{}",
            refused.head
        );
        let target = look("snom", "term=other");
        let page = site.send(&target, "User-Agent: snom360-SIP\r\n").await;
        assert_eq!(page.status, 200, "a telephone shows why");
        assert!(
            page.head.contains("x-phoned-error: overloaded"),
            "{}",
            page.head
        );
        assert_eq!(site.look("snom", "term=known").await.status, 200);
        let key = format!("/0.1/yealink/users/{USER}/services/dnd/enable");
        assert_eq!(site.get(&key).await.json()["error_id"], "overloaded");
        assert_eq!(world.searched(), 2);
        world.hold.store(false, Ordering::SeqCst);
        world.release.notify_waiters();
    };
    let (first, ()) = tokio::join!(site.look("snom", "term=first"), meanwhile);
    assert_eq!(first.status, 200);
    assert_eq!(site.look("snom", "term=other").await.status, 200);
    site.stop().await;
}

#[tokio::test]
async fn connections_beyond_those_configured_are_closed_at_once() {
    let request = "GET /0.1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let site = Site::with(json!({"rest_api": {"max_connections": 1}})).await;
    let held = TcpStream::connect(site.address)
        .await
        .expect("a connection");
    // Connections are accepted in their order.
    let refused = exchange(site.address, request.as_bytes()).await;
    assert_eq!(refused, "");
    drop(held);
    site.stop().await;

    let changes = json!({"rest_api": {
        "authorized_subnets": ["10.20.0.0/16"], "trusted_proxies": ["127.0.0.1"],
        "http": {"proxy_protocol": "required"}, "max_connections_per_address": 1,
    }});
    let site = Site::with(changes).await;
    let line = |phone: u8| format!("PROXY TCP4 10.20.0.{phone} 10.0.0.1 5060 9498\r\n");
    let mut held = TcpStream::connect(site.address)
        .await
        .expect("a connection");
    let kept = request.replace("Connection: close\r\n", "");
    let first = format!("{}{kept}", line(1));
    held.write_all(first.as_bytes()).await.expect("sent");
    assert!(held.read_u8().await.is_ok(), "it is served");
    for (phone, expected) in [(1, ""), (2, "HTTP/1.1 200")] {
        let sent = format!("{}{request}", line(phone));
        let answer = exchange(site.address, sent.as_bytes()).await;
        assert!(answer.starts_with(expected), "{phone}: {answer}");
        assert_eq!(answer.is_empty(), expected.is_empty(), "{phone}: {answer}");
    }
    site.stop().await;
}

#[tokio::test]
async fn listeners_have_their_connections_together_and_operators_have_theirs() {
    let changes = json!({"metrics": {"port": 0}, "rest_api": {
        "http": {"listen": ["127.0.0.1", "127.0.0.2"]}, "max_connections": 1,
    }});
    let site = Site::with(changes).await;
    let [first, second] = site.addresses() else {
        panic!("two listeners");
    };
    let mut held = TcpStream::connect(*first).await.expect("a connection");
    let request = "GET /0.1/status HTTP/1.1\r\nHost: x\r\n\r\n";
    held.write_all(request.as_bytes()).await.expect("sent");
    assert!(held.read_u8().await.is_ok(), "it is served");
    let refused = exchange(*second, request.as_bytes()).await;
    assert_eq!(refused, "");
    assert!(
        !figures(site.monitor().expect("a listener"))
            .await
            .is_empty()
    );
    drop(held);
    site.stop().await;
}

/// What operators see.
async fn figures(monitor: std::net::SocketAddr) -> String {
    request(monitor, "GET", "/metrics", "").await.body
}

#[tokio::test]
async fn dird_is_told_of_the_trace_that_a_request_belongs_to() {
    let site = Site::start().await;
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let header = format!("traceparent: 00-{trace}-{parent}-01\r\n");
    site.send(&look("snom", "term=a"), &header).await;
    site.look("snom", "term=b").await;
    site.send(&look("snom", "term=c"), "traceparent: rubbish\r\n")
        .await;
    let traces = site.stub.world.traces.lock().expect("no panic").clone();
    assert_eq!(traces[1..], ["", ""]);
    let told: Vec<&str> = traces[0].split('-').collect();
    assert_eq!((told[1], told[3]), (trace, "01"));
    assert_ne!(told[2], parent, "our own span is dird's parent");
    site.stop().await;
}

#[tokio::test]
async fn a_list_on_trial_is_counted_and_decides_nothing() {
    let changes = json!({"metrics": {"port": 0}, "rest_api": {
        "authorized_subnets_candidate": ["192.0.2.0/24"],
    }});
    let site = Site::with(changes).await;
    assert_eq!(site.look("snom", "term=a").await.status, 200);
    let figures = request(site.monitor().expect("a listener"), "GET", "/metrics", "").await;
    let line = "phoned_access_candidate_total{decision=\"deny\"} 1";
    assert!(
        figures.body.lines().any(|shown| shown == line),
        "{}",
        figures.body
    );
    site.stop().await;
}

#[tokio::test]
async fn operators_see_figures_and_nobody_in_them() {
    let changes = json!({"metrics": {"port": 0}, "rest_api": {
        "authorized_subnets": [{"subnet": "127.0.0.1", "label": "figures"}],
    }});
    let site = Site::with(changes).await;
    site.look("snom", "term=Quuxelberg").await;
    site.look("snom", "term=Quuxelberg").await;
    let monitor = site.monitor().expect("a listener");
    assert_eq!(request(monitor, "GET", "/healthz", "").await.body, "ok\n");
    let figures = request(monitor, "GET", "/metrics", "").await;
    assert!(
        figures
            .head
            .contains("content-type: text/plain; version=0.0.4")
    );
    for wanted in [
        "phoned_access_total{decision=\"allow\",label=\"figures\"} 2",
        "phoned_requests_total{vendor=\"snom\",step=\"lookup\",status=\"200\"} ",
        "phoned_request_seconds_count{vendor=\"snom\",step=\"lookup\"} ",
        "phoned_backend_seconds_count{backend=\"dird\",outcome=\"answered\"} ",
        "phoned_cache_total{cache=\"document\",result=\"hit\"} ",
        "phoned_cache_total{cache=\"lookup\",result=\"miss\"} ",
        "phoned_config_generation 1",
        "phoned_bus_connected 0",
        "phoned_dirds_up 1",
        "phoned_token_expires_seconds ",
        "phoned_cache_bytes ",
    ] {
        assert!(
            figures.body.lines().any(|line| line.starts_with(wanted)),
            "{wanted} in {}",
            figures.body
        );
    }
    for private in ["Quuxelberg", "5f0c8a52", "127.0.0.1", "5550"] {
        assert!(
            !figures.body.contains(private),
            "{private} in {}",
            figures.body
        );
    }
    site.stop().await;
}
