//! What operators can see and change while phones are served (phoned.md §14, §16.3).

use std::{sync::atomic::Ordering, time::Duration};

use futures_util::future::join_all;
use phoned::gate::{Gate, entry::Entry};
use serde_json::{Value, json};
use tokio::time::sleep_until;

use crate::{
    site::{Site, look},
    stub::USER,
};

fn subnets(entries: &Value) -> Value {
    json!({"rest_api": {"authorized_subnets": entries, "trusted_proxies": ["127.0.0.1"]}})
}

async fn status(site: &Site, phone: &str) -> u16 {
    let headers = format!("X-Forwarded-For: {phone}\r\n");
    site.send(&look("snom", "term=a"), &headers).await.status
}

fn find<'a>(answer: &'a Value, key: &str, value: &str) -> &'a Value {
    let items = answer["items"].as_array().expect("items");
    let found = items.iter().find(|item| item[key] == value);
    found.unwrap_or_else(|| panic!("no {value} in {answer}"))
}

#[tokio::test]
async fn only_tokens_of_the_master_tenant_operate() {
    let site = Site::start().await;
    for (method, target, access) in [
        ("POST", "/0.1/config/reload", "phoned.config.update"),
        ("GET", "/0.1/access/subnets", "phoned.access.read"),
        ("POST", "/0.1/access/check", "phoned.access.read"),
        ("GET", "/0.1/access/rejected", "phoned.access.read"),
        ("DELETE", "/0.1/cache", "phoned.cache.delete"),
    ] {
        for (token, reason) in [
            ("", json!("not_found_or_expired")),
            ("unknown", json!("not_found_or_expired")),
            ("weak", json!("missing_permission_or_invalid_tenant")),
            ("elsewhere", Value::Null),
        ] {
            let answer = site.operate_as(token, method, target, "{}").await;
            assert_eq!(answer.status, 401, "{target} {token}");
            let details = answer.json()["details"].clone();
            assert_eq!(details["reason"], reason, "{target} {token}");
            if !reason.is_null() {
                assert_eq!(details["required_access"], access);
            }
            let masked = token.replace("elsewhere", "Xlsewhere");
            assert_eq!(details["invalid_token"], masked);
        }
        let answer = site.operate(method, target, "{}").await;
        assert!(answer.status < 300, "{target}: {answer:?}");
        assert_eq!(
            site.operate("PATCH", target, "").await.status,
            405,
            "{target}"
        );
    }
    site.stop().await;
}

#[tokio::test]
async fn a_reload_puts_the_new_list_in_force_and_says_what_changed() {
    let site = Site::with(subnets(&json!(["10.1.0.0/16", "10.2.0.0/16"]))).await;
    assert_eq!(
        [
            status(&site, "10.1.0.1").await,
            status(&site, "10.3.0.1").await
        ],
        [200, 403]
    );
    *site.changes.lock().expect("no panic") = subnets(&json!(["10.2.0.0/16", "10.3.0.0/16"]));
    let answer = site.operate("POST", "/0.1/config/reload", "").await;
    assert_eq!(
        answer.json(),
        json!({"applied": true, "generation": 2, "changes": {
            "authorized_subnets": {"added": ["10.3.0.0/16"], "removed": ["10.1.0.0/16"]},
        }})
    );
    assert_eq!(
        [
            status(&site, "10.1.0.1").await,
            status(&site, "10.3.0.1").await
        ],
        [403, 200]
    );
    site.stop().await;
}

#[tokio::test]
async fn a_configuration_with_a_fault_changes_nothing() {
    let site = Site::with(subnets(&json!(["10.1.0.0/16"]))).await;
    for (changes, key) in [
        (
            subnets(&json!(["10.3.0.0/16", "10.4.0.0/77"])),
            "rest_api.authorized_subnets.1",
        ),
        (
            subnets(&json!([{"subnet": "10.3.0.0/16", "locale": "xx"}])),
            "rest_api.authorized_subnets",
        ),
        (
            subnets(
                &json!(["10.3.0.0/16", {"subnet": "10.3.0.0/16", "vendors": ["snom", "cicso"]}]),
            ),
            "rest_api.authorized_subnets.1",
        ),
        (
            json!({"rest_api": {"authorized_subnets_candidate": [{"subnet": "10.3.0.0/16", "vendors": ["cicso"]}]}}),
            "rest_api.authorized_subnets_candidate.0",
        ),
        (
            json!({"rest_api": {"trusted_proxies": ["nobody"]}}),
            "rest_api.trusted_proxies.0",
        ),
        (json!({"templates_dir": "/no/such/folder"}), "templates_dir"),
    ] {
        *site.changes.lock().expect("no panic") = changes;
        let answer = site.operate("POST", "/0.1/config/reload", "").await;
        assert_eq!(
            (answer.status, &answer.json()["error_id"]),
            (400, &json!("invalid-config"))
        );
        assert_eq!(answer.json()["details"][0]["key"], key);
        assert_eq!(
            [
                status(&site, "10.1.0.1").await,
                status(&site, "10.3.0.1").await
            ],
            [200, 403]
        );
    }
    site.stop().await;
}

#[tokio::test]
async fn a_reload_changes_pages_and_keeps_results() {
    let site = Site::start().await;
    let target = look("cisco", "term=a");
    let before = site.get(&target).await.body;
    *site.changes.lock().expect("no panic") = json!({"vendors": {"cisco": {"page_size": 2}}});
    assert_eq!(
        site.operate("POST", "/0.1/config/reload", "").await.status,
        200
    );
    let after = site.get(&target).await.body;
    assert_eq!(
        [
            before.matches("<Name>Person").count(),
            after.matches("<Name>Person").count()
        ],
        [3, 2]
    );
    assert_eq!(site.stub.world.searched(), 1, "the rows were known");
    site.stop().await;
}

/// From one request of the phones to the next: 200 in a second, whether or not those before are answered.
const PACE: Duration = Duration::from_millis(5);
const REQUESTS: u32 = 400;
const RELOADS: u32 = 10;

#[tokio::test]
async fn no_request_fails_while_the_list_is_exchanged_again_and_again() {
    // Each list lets the phone in by an entry of its own, so that half of either would shut it out.
    let lists = [json!(["10.0.0.0/8"]), json!(["10.1.0.0/16", "10.2.0.0/16"])];
    let site = Site::with(subnets(&lists[0])).await;
    let start = tokio::time::Instant::now();
    let phone = async |number: u32| {
        sleep_until(start + PACE * number).await;
        let host = number % 250;
        if number.is_multiple_of(2) {
            assert_eq!(status(&site, &format!("10.1.0.{host}")).await, 200);
        } else {
            assert_eq!(status(&site, &format!("192.0.2.{host}")).await, 403);
        }
    };
    let reloads = async {
        for turn in 1..=RELOADS {
            sleep_until(start + PACE * (REQUESTS / RELOADS) * (turn - 1)).await;
            let list = &lists[usize::from(turn % 2 == 1)];
            *site.changes.lock().expect("no panic") = subnets(list);
            let reloaded = site.operate("POST", "/0.1/config/reload", "").await;
            assert_eq!(reloaded.json()["generation"], turn + 1);
        }
    };
    tokio::join!(join_all((0..REQUESTS).map(phone)), reloads);
    site.stop().await;
}

#[tokio::test]
async fn entries_show_how_often_they_decided_also_after_a_reload() {
    let site = Site::with(subnets(
        &json!([{"subnet": "10.1.0.0/16", "label": "hall"}, "10.2.0.0/16"]),
    ))
    .await;
    for _ in 0..3 {
        status(&site, "10.1.0.1").await;
    }
    site.operate("POST", "/0.1/config/reload", "").await;
    let answer = site.operate("GET", "/0.1/access/subnets", "").await.json();
    let hall = find(&answer, "subnet", "10.1.0.0/16");
    assert_eq!(
        (&hall["hits"], &hall["label"], &hall["never_hit"]),
        (&json!(3), &json!("hall"), &json!(false))
    );
    assert!(hall["last_hit"].is_number());
    assert_eq!(find(&answer, "subnet", "10.2.0.0/16")["never_hit"], true);
    site.stop().await;
}

#[tokio::test]
async fn refused_addresses_are_listed_with_the_entry_that_was_probably_meant() {
    let site = Site::with(subnets(
        &json!(["10.1.0.0/16", "192.168.0.0/24", {"subnet": "10.1.9.0/24", "action": "deny"}]),
    ))
    .await;
    for phone in ["192.168.1.7", "10.1.9.7", "192.168.1.7"] {
        assert_eq!(status(&site, phone).await, 403);
    }
    let answer = site.operate("GET", "/0.1/access/rejected", "").await.json();
    assert_eq!(
        answer["items"][0]["address"], "192.168.1.7",
        "the latest first"
    );
    let item = find(&answer, "address", "192.168.1.7");
    assert_eq!(
        [
            &item["count"],
            &item["reason"],
            &item["route"],
            &item["vendor"],
            &item["nearest_entry"]
        ],
        [
            &json!(2),
            &json!("not_listed"),
            &json!("phone"),
            &json!("snom"),
            &json!("192.168.0.0/24")
        ]
    );
    assert_eq!(find(&answer, "address", "10.1.9.7")["reason"], "denied");
    let one = site
        .operate("GET", "/0.1/access/rejected?limit=1", "")
        .await
        .json();
    assert_eq!(one["total"], 1);
    assert_eq!(
        site.operate("GET", "/0.1/access/rejected?limit=x", "")
            .await
            .status,
        400
    );
    site.stop().await;
}

#[tokio::test]
async fn a_list_can_be_tried_before_it_shuts_phones_out() {
    let site = Site::with(subnets(&json!(["10.0.0.0/8"]))).await;
    for phone in ["10.1.0.1", "10.1.0.2", "10.2.0.1"] {
        status(&site, phone).await;
    }
    let question = json!({"addresses": ["10.1.0.1", "2001:db8::7", "10.2.0.1"], "authorized_subnets": ["10.1.0.0/16"]});
    let answer = site
        .operate("POST", "/0.1/access/check", &question.to_string())
        .await
        .json();
    assert_eq!(
        answer["recently_seen"],
        json!({"total": 3, "newly_refused": 1})
    );
    let decisions = |address: &str| {
        let item = find(&answer, "address", address);
        [
            item["current"]["decision"].clone(),
            item["candidate"]["decision"].clone(),
        ]
    };
    assert_eq!(decisions("10.1.0.1"), ["allowed", "allowed"]);
    assert_eq!(decisions("10.2.0.1"), ["allowed", "refused"]);
    assert_eq!(decisions("2001:db8::7"), ["refused", "refused"]);
    assert_eq!(
        find(&answer, "address", "10.1.0.1")["candidate"]["entry"],
        "10.1.0.0/16"
    );
    for bad in [
        "",
        "[]",
        r#"{"addresses": ["office"]}"#,
        r#"{"authorized_subnets": ["10/99"]}"#,
        r#"{"authorized_subnets": [{"subnet": "10/8", "vendors": ["cicso"]}]}"#,
        r#"{"colour": 1}"#,
    ] {
        let answer = site.operate("POST", "/0.1/access/check", bad).await;
        assert_eq!(
            (answer.status, &answer.json()["error_id"]),
            (400, &json!("invalid-data")),
            "{bad}"
        );
    }
    site.stop().await;
}

/// What this thread has computed so far, whoever else wants the machine.
fn computed() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a thread");
    let nanos = stat.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("its time"))
}

/// The server of the test shares its one thread, so that a check there would keep the thread at least for as long as reading and
/// sorting the list takes.
#[tokio::test]
async fn a_long_list_is_tried_without_holding_up_anybody() {
    let site = Site::start().await;
    let entry = |number: u32| format!("10.{}.{}.0/24", number / 256, number % 256);
    let list: Vec<String> = (0..1 << 16).map(entry).collect();
    let question = json!({"addresses": ["10.0.0.1"], "authorized_subnets": list}).to_string();
    let started = computed();
    let mut read: Value = serde_json::from_str(&question).expect("JSON");
    let entries: Vec<Entry> =
        serde_json::from_value(read["authorized_subnets"].take()).expect("entries");
    Gate::candidate(&entries).expect("a list");
    let alone = computed().saturating_sub(started);
    let mut longest = Duration::ZERO;
    let ticking = async {
        loop {
            let before = computed();
            tokio::task::yield_now().await;
            longest = longest.max(computed().saturating_sub(before));
        }
    };
    let answer = tokio::select! {
        answer = site.operate("POST", "/0.1/access/check", &question) => answer.json(),
        () = ticking => unreachable!("it ticks for ever"),
    };
    assert_eq!(answer["items"][0]["candidate"]["decision"], "allowed");
    assert!(longest < alone * 2 / 3, "{longest:?}, alone {alone:?}");
    site.stop().await;
}

#[tokio::test]
async fn the_cache_can_be_emptied_whole_or_for_a_user_or_a_tenant() {
    let site = Site::start().await;
    let world = &site.stub.world;
    let target = look("cisco", "term=a");
    site.get(&target).await;
    let other = "a0000000-1111-4111-8111-0000000000ff";
    for (query, again) in [
        ("", true),
        (&format!("?user_uuid={USER}") as &str, true),
        ("?tenant_uuid=a0000000-1111-4111-8111-000000000002", true),
        (&format!("?tenant_uuid={other}"), false),
        (&format!("?user_uuid={other}"), false),
        (&format!("?user_uuid={USER}&tenant_uuid={other}"), false),
    ] {
        let before = world.searches.lock().expect("no panic").len();
        let answer = site
            .operate("DELETE", &format!("/0.1/cache{query}"), "")
            .await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
        assert_eq!(site.get(&target).await.status, 200);
        let asked = world.searches.lock().expect("no panic").len() - before;
        assert_eq!(asked, usize::from(again), "{query}");
    }
    assert!(world.user_calls.load(Ordering::SeqCst) >= 1);
    site.stop().await;
}
