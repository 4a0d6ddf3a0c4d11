//! Who may ask, as what, and how often (phoned.md §6). Phones are told apart by what a trusted proxy, the test, says about them.

use std::{net::SocketAddr, sync::atomic::Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    site::{Answer, Site, look},
    stub::{STRANGER, TENANT, USER},
};

/// A site behind a proxy at 127.0.0.1, with `subnets`.
async fn behind_a_proxy(subnets: Value) -> Site {
    Site::with(json!({
        "rest_api": {"authorized_subnets": subnets, "trusted_proxies": ["127.0.0.1"]},
    }))
    .await
}

async fn search(site: &Site, vendor: &str, phone: &str) -> Answer {
    let headers = format!("X-Forwarded-For: {phone}\r\n");
    site.send(&look(vendor, "term=a"), &headers).await
}

#[tokio::test]
async fn the_phone_behind_a_trusted_proxy_is_judged_and_not_the_proxy() {
    let site = behind_a_proxy(json!(["10.20.0.0/16"])).await;
    for (phone, expected) in [
        ("10.20.0.1", 200),
        ("10.21.0.1", 403),
        ("10.20.0.1, 192.0.2.9", 403),
        ("192.0.2.9, 10.20.0.1", 200),
        ("10.20.0.1, 127.0.0.1", 200),
        ("[::ffff:10.20.0.1]:5060", 200),
        ("rubbish, 10.20.0.1", 403),
        ("", 403),
    ] {
        assert_eq!(
            search(&site, "snom", phone).await.status,
            expected,
            "{phone}"
        );
    }
    assert_eq!(
        site.look("snom", "term=a").await.status,
        403,
        "the proxy itself"
    );
    site.stop().await;
}

#[tokio::test]
async fn what_anybody_else_claims_is_ignored() {
    let site = Site::with(json!({"rest_api": {"authorized_subnets": ["10.20.0.0/16"]}})).await;
    for claim in [
        "X-Forwarded-For: 10.20.0.1\r\n",
        "Forwarded: for=10.20.0.1\r\n",
        "X-Real-IP: 10.20.0.1\r\n",
    ] {
        let answer = site.send(&look("snom", "term=a"), claim).await;
        assert_eq!(answer.status, 403, "{claim}");
        assert_eq!(answer.json()["error_id"], "forbidden-address");
    }
    site.stop().await;
    let site = Site::start().await;
    let forged =
        "X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nX-Script-Name: /x\r\n";
    site.stub.world.people.store(40, Ordering::SeqCst);
    let page = site.send(&look("cisco", "term=a"), forged).await;
    assert!(
        page.body.contains("http://pbx.example:9498/0.1/"),
        "{}",
        page.body
    );
    site.stop().await;
}

#[tokio::test]
async fn links_lead_through_the_proxy_that_the_phone_spoke_to() {
    let site = behind_a_proxy(json!(["10.0.0.0/8"])).await;
    site.stub.world.people.store(40, Ordering::SeqCst);
    let front = "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: front.example\r\n\
         X-Forwarded-Port: 8443\r\nX-Script-Name: /phones\r\n";
    let target = look("cisco", "term=a");
    let page = site.send(&target, front).await;
    let link = "https://front.example:8443/phones/0.1/directories/lookup/default/cisco";
    assert!(page.body.contains(link), "{}", page.body);
    let direct = site.send(&target, "X-Forwarded-For: 10.0.0.1\r\n").await;
    assert!(
        direct.body.contains("http://pbx.example:9498/0.1/"),
        "{}",
        direct.body
    );
    site.stop().await;
}

#[tokio::test]
async fn an_entry_decides_which_makes_and_whose_users_its_phones_see() {
    let site = behind_a_proxy(json!([
        "10.0.0.0/8",
        {"subnet": "10.1.0.0/16", "vendors": ["snom"]},
        {"subnet": "10.2.0.0/16", "tenant_uuid": "b0000000-1111-4111-8111-000000000002"},
        {"subnet": "10.3.0.0/16", "tenant_uuid": TENANT},
        {"subnet": "10.4.0.0/16", "action": "deny"},
    ]))
    .await;
    for (phone, vendor, expected) in [
        ("10.3.0.1", "cisco", 200),
        ("10.9.0.1", "cisco", 200),
        ("10.1.0.1", "snom", 200),
        ("10.1.0.1", "cisco", 403),
        ("10.2.0.1", "cisco", 404),
        ("10.4.0.1", "cisco", 403),
    ] {
        let answer = search(&site, vendor, phone).await;
        assert_eq!(answer.status, expected, "{phone} {vendor}");
        if expected == 404 {
            assert_eq!(answer.json()["error_id"], "unknown-user");
        }
    }
    site.stop().await;
}

#[tokio::test]
async fn old_results_too_are_for_the_phones_of_their_tenant_alone() {
    let site = Site::with(json!({
        "rest_api": {"trusted_proxies": ["127.0.0.1"], "authorized_subnets": [
            {"subnet": "10.2.0.0/16", "tenant_uuid": "b0000000-1111-4111-8111-000000000002"},
            {"subnet": "10.3.0.0/16", "tenant_uuid": TENANT},
        ]},
        "cache": {"lookup_ttl": 0, "user_tenant_ttl": 0},
    }))
    .await;
    assert_eq!(search(&site, "cisco", "10.3.0.1").await.status, 200);
    for failing in [&site.stub.world.auth_fails, &site.stub.world.dird_fails] {
        failing.store(500, Ordering::SeqCst);
    }
    let old = search(&site, "cisco", "10.3.0.1").await;
    assert!(old.head.contains("\r\nwarning: 110"), "{}", old.head);
    let kept = search(&site, "cisco", "10.2.0.1").await;
    assert_eq!(kept.status, 503);
    assert!(!kept.body.contains("Person"), "{}", kept.body);
    site.stop().await;
}

#[tokio::test]
async fn an_entry_gives_its_phones_language_and_documents() {
    let site = behind_a_proxy(json!([
        "10.0.0.0/8",
        {"subnet": "10.1.0.0/16", "locale": "fr", "documents": "rich"},
    ]))
    .await;
    let form = format!("/0.1/directories/input/default/cisco?xivo_user_uuid={USER}");
    let ask = |phone: &str, more: &str| {
        let headers = format!("X-Forwarded-For: {phone}\r\n{more}");
        let form = form.clone();
        let site = &site;
        async move { site.send(&form, &headers).await.body }
    };
    let plain = ask("10.9.0.1", "").await;
    let french = ask("10.9.0.1", "Accept-Language: fr\r\n").await;
    assert_ne!(plain, french);
    let usual = ask("10.1.0.1", "").await;
    let english = ask("10.1.0.1", "Accept-Language: en\r\n").await;
    assert_ne!(usual, english, "the header beats the entry");
    let title = |page: &str| {
        page.split("<Title>")
            .nth(1)
            .map(|rest| rest.split('<').next().map(str::to_owned))
    };
    assert_eq!(title(&usual), title(&french));
    assert_eq!(title(&english), title(&plain));
    let page = search(&site, "cisco", "10.1.0.1").await;
    assert!(
        page.head.contains("\r\nexpires: "),
        "rich pages of Cisco expire: {}",
        page.head
    );
    assert!(
        !search(&site, "cisco", "10.9.0.1")
            .await
            .head
            .contains("\r\nexpires: ")
    );
    site.stop().await;
}

/// Seconds after which a phone is told to come back.
fn retry_after(answer: &Answer) -> u64 {
    let after = answer.head.split("\r\nretry-after: ").nth(1);
    let seconds = after.and_then(|rest| rest.split("\r\n").next()?.parse().ok());
    seconds.unwrap_or_else(|| panic!("no time: {}", answer.head))
}

#[tokio::test]
async fn a_phone_that_asks_too_often_has_to_wait_and_others_have_not() {
    let limit = json!({"per_phone": "1/m", "burst": 2});
    let site = behind_a_proxy(json!([{"subnet": "10.0.0.0/8", "rate_limit": limit}])).await;
    for expected in [200, 200, 429] {
        assert_eq!(search(&site, "snom", "10.0.0.1").await.status, expected);
    }
    let answer = search(&site, "snom", "10.0.0.1").await;
    assert_eq!(answer.json()["error_id"], "too-many-requests");
    let wait = retry_after(&answer);
    // The third request left the bucket as it was: another fits in it within a minute.
    assert!((2..=60).contains(&wait), "{wait}");
    let headers = "X-Forwarded-For: 10.0.0.1\r\nUser-Agent: snom710\r\n";
    let screen = site.send(&look("snom", "term=a"), headers).await;
    assert_eq!(screen.status, 429);
    assert!(screen.body.contains("<SnomIPPhoneText"), "{}", screen.body);
    assert_eq!(search(&site, "snom", "10.0.0.2").await.status, 200);
    site.stop().await;
}

#[tokio::test]
async fn a_phone_that_tries_users_is_stopped_and_others_are_not() {
    let other = |number: u32| format!("5f0c8a52-1111-4222-8333-{number:012}");
    let nobody = |number: u32| format!("nobody-{number}");
    for (limits, tried) in [
        (
            json!({"new_users": 3, "unknown_users": 0}),
            [
                (USER.to_owned(), 200),
                (other(1), 200),
                (other(2), 200),
                (other(3), 429),
                (other(1), 200),
            ],
        ),
        (
            json!({"new_users": 0, "unknown_users": 2}),
            [
                (USER.to_owned(), 200),
                (nobody(1), 404),
                (STRANGER.to_owned(), 404),
                (other(1), 429),
                (USER.to_owned(), 200),
            ],
        ),
    ] {
        let rest_api =
            json!({"authorized_subnets": ["10.0.0.0/8"], "trusted_proxies": ["127.0.0.1"]});
        let site = Site::with(json!({"limits": limits, "rest_api": rest_api})).await;
        let ask = async |phone: &str, user: &str| {
            let target = look("snom", "term=a").replace(USER, user);
            let headers = format!("X-Forwarded-For: {phone}\r\n");
            site.send(&target, &headers).await.status
        };
        for (user, expected) in &tried {
            assert_eq!(ask("10.0.0.1", user).await, *expected, "{limits} {user}");
        }
        assert_eq!(ask("10.0.0.2", &other(3)).await, 200);
        let key = format!("/0.1/yealink/users/{}/services/dnd/enable", other(4));
        let switch = site.send(&key, "X-Forwarded-For: 10.0.0.1\r\n").await;
        assert_eq!(switch.status, 429, "{limits}");
        let wait = retry_after(&switch);
        assert!((1..=60).contains(&wait), "{wait}");
        site.stop().await;
    }
}

#[tokio::test]
async fn a_file_adds_subnets_and_its_bad_lines_are_named() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("voice.txt");
    std::fs::write(&file, "# voice\n10.20.0.0/16\n").expect("written");
    let changes = json!({"rest_api": {
        "authorized_subnets": [], "authorized_subnets_file": file, "trusted_proxies": ["127.0.0.1"],
    }});
    let site = Site::with(changes.clone()).await;
    assert_eq!(search(&site, "snom", "10.20.0.9").await.status, 200);
    assert_eq!(search(&site, "snom", "10.21.0.9").await.status, 403);
    site.stop().await;
    std::fs::write(&file, "10.20.0.0/16\n10.21.0.0/99\n").expect("written");
    let config = crate::site::config(&folder, ([127, 0, 0, 1], 9).into(), &changes);
    let error = phoned::prepare(config)
        .await
        .err()
        .expect("it must not start");
    assert_eq!(error.exit_code(), 2);
    let text = error.to_string();
    assert!(text.contains("voice.txt:2: \"10.21.0.0/99\""), "{text}");
}

/// Sends `bytes` and reads to the end.
pub(crate) async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    // The server may close at the first byte that it does not like.
    let _sent = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _end = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_listener_behind_a_balancer_believes_its_proxy_header_and_wants_one() {
    let site = Site::with(json!({"rest_api": {
        "authorized_subnets": ["10.20.0.0/16"], "trusted_proxies": ["127.0.0.1"],
        "http": {"proxy_protocol": "required"},
    }}))
    .await;
    let request = "GET /0.1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    for (line, expected) in [
        (
            "PROXY TCP4 10.20.0.1 10.0.0.1 5060 9498\r\n",
            "HTTP/1.1 200",
        ),
        (
            "PROXY TCP4 10.21.0.1 10.0.0.1 5060 9498\r\n",
            "HTTP/1.1 403",
        ),
        ("PROXY UNKNOWN\r\n", "HTTP/1.1 403"),
        ("PROXY nonsense\r\n", ""),
        ("", ""),
    ] {
        let answer = exchange(site.address, format!("{line}{request}").as_bytes()).await;
        assert!(answer.starts_with(expected), "{line:?}: {answer}");
        assert_eq!(answer.is_empty(), expected.is_empty(), "{line:?}: {answer}");
    }
    site.stop().await;
    let site = Site::with(json!({"rest_api": {"http": {"proxy_protocol": "required"}}})).await;
    let line = "PROXY TCP4 127.0.0.1 10.0.0.1 5060 9498\r\n";
    let answer = exchange(site.address, format!("{line}{request}").as_bytes()).await;
    assert_eq!(answer, "", "nobody is trusted");
    site.stop().await;
}
