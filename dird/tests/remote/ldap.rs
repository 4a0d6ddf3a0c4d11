//! LDAP sources against a real server (dird-backends.md §4).

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dird::backends::Source;
use e2e::slapd::{BASE, LOGIN, Slapd, person};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::peer::certificate;
use crate::world::{
    asker, behind, configured, fields, found, found_again, listed, open, surroundings,
};

async fn source(uri: &str, changes: Value) -> Arc<dyn Source> {
    let mut body = json!({
        "ldap_uri": uri, "ldap_base_dn": BASE, "ldap_username": LOGIN.0, "ldap_password": LOGIN.1,
        "ldap_network_timeout": 5.0, "ldap_timeout": 20.0,
        "searched_columns": ["cn", "mail"], "first_matched_columns": ["telephoneNumber", "mobile"],
        "unique_column": "uid", "format_columns": {"name": "{cn} {sn}", "reverse": "{cn}"},
    });
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    open("ldap", body).await
}

/// Few people, each with something odd.
fn few() -> String {
    [
        person(
            1,
            "Alice",
            "1001",
            "mail: al@example.test\nmail: alice@example.test\ntitle: Boss\n",
        ),
        person(2, "Bob", "1002", "jpegPhoto:: /9j/4A==\n"),
        person(3, "Bobby (x*)", "1002", "mobile: 0601\nmobile: 0602\n"),
        person(
            4,
            "Zo\u{e9}",
            "1004",
            "objectGUID:: AAECAwQFBgcICQoLDA0ODw==\n",
        ),
    ]
    .concat()
}

#[tokio::test]
async fn people_are_found_by_part_of_a_column_with_the_attributes_that_templates_name() {
    let slapd = Slapd::start(&few(), "").await.unwrap();
    let ours = source(&slapd.uri(), json!({})).await;
    let entries = ours.search("ALI", &asker()).await.unwrap().entries();
    assert_eq!(
        entries.iter().map(fields).collect::<Vec<_>>(),
        [json!({"uid": "u1", "cn": "Alice", "sn": "Alice", "telephoneNumber": "1001"})]
    );
    assert_eq!(entries[0].relations.source_entry_id.as_deref(), Some("u1"));
    assert_eq!(
        found(&*ours, "alice@", "uid").await,
        ["u1"],
        "a second value is searched too"
    );
    assert_eq!(found(&*ours, "bob", "uid").await, ["u2", "u3"]);
    assert_eq!(found(&*ours, "", "uid").await.len(), 4);
}

#[tokio::test]
async fn signs_with_a_meaning_in_filters_are_only_themselves() {
    let slapd = Slapd::start(&few(), "").await.unwrap();
    let ours = source(&slapd.uri(), json!({})).await;
    assert_eq!(found(&*ours, "(x*)", "uid").await, ["u3"]);
    assert_eq!(found(&*ours, "*", "uid").await, ["u3"]);
    for term in ["*)(uid=*", "\\", ")(", "\u{1f600}"] {
        assert!(found(&*ours, term, "uid").await.is_empty(), "{term:?}");
    }
    assert!(
        listed(&*ours, &["*", "u*", "u1)(uid=*"], "uid")
            .await
            .is_empty(),
        "O-52"
    );
    assert_eq!(behind(&*ours, "*", "uid").await, None);
}

#[tokio::test]
async fn all_attributes_come_without_templates_and_one_that_is_no_text_hides_itself_alone() {
    let slapd = Slapd::start(&few(), "").await.unwrap();
    let ours = source(
        &slapd.uri(),
        json!({"format_columns": {}, "unique_column": "entryUUID"}),
    )
    .await;
    let entries = ours.search("bob", &asker()).await.unwrap().entries();
    let bob = fields(&entries[0]);
    assert_eq!((&bob["cn"], bob.get("jpegPhoto")), (&json!("Bob"), None));
    let id = entries[0].relations.source_entry_id.clone().unwrap();
    assert_eq!(listed(&*ours, &[&id], "cn").await, ["Bob"]);
}

#[tokio::test]
async fn a_number_of_two_people_is_the_first_ones_and_many_are_asked_at_once() {
    let slapd = Slapd::start(&few(), "").await.unwrap();
    let ours = source(&slapd.uri(), json!({})).await;
    assert_eq!(behind(&*ours, "1001", "cn").await.as_deref(), Some("Alice"));
    assert_eq!(
        behind(&*ours, "1002", "cn").await.as_deref(),
        Some("Bob"),
        "O-51"
    );
    assert_eq!(behind(&*ours, "100", "cn").await, None);
    let numbers = ["1001", "0602", "1004", "9"].map(str::to_owned);
    let known = ours.reverse(&numbers, &asker()).await.unwrap();
    let known: HashMap<_, _> = known
        .iter()
        .map(|(number, entry)| (&**number, fields(entry)["uid"].clone()))
        .collect();
    let expected = [
        ("1001", json!("u1")),
        ("0602", json!("u3")),
        ("1004", json!("u4")),
    ];
    assert_eq!(known, HashMap::from(expected));
    let columnless = source(&slapd.uri(), json!({"first_matched_columns": []})).await;
    assert_eq!(behind(&*columnless, "1001", "cn").await, None);
}

#[tokio::test]
async fn identifiers_may_be_texts_or_binary_uuids() {
    let slapd = Slapd::start(&few(), "").await.unwrap();
    let ours = source(&slapd.uri(), json!({})).await;
    assert_eq!(
        listed(&*ours, &["u4", "u1", "u9", ""], "cn").await,
        ["Alice", "Zo\u{e9}"]
    );
    let changes = json!({"unique_column": "objectGUID", "unique_column_format": "binary_uuid"});
    let binary = source(&slapd.uri(), changes).await;
    let uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
    let zoe = binary.search("zo\u{e9}", &asker()).await.unwrap().entries();
    assert_eq!(zoe[0].relations.source_entry_id.as_deref(), Some(uuid));
    assert_eq!(
        listed(&*binary, &[uuid, "*", "x"], "cn").await,
        ["Zo\u{e9}"]
    );
}

#[tokio::test]
async fn the_operators_own_filter_is_kept_to() {
    let slapd = Slapd::start(&few(), "").await.unwrap();
    let ours = source(&slapd.uri(), json!({"ldap_custom_filter": "(title=Boss)"})).await;
    assert_eq!(found(&*ours, "", "uid").await, ["u1"]);
    assert_eq!(behind(&*ours, "1002", "uid").await, None);
    let changes = json!({"searched_columns": [], "first_matched_columns": [], "ldap_custom_filter": "(|(cn=%Q*)(mobile=%Q))"});
    let alone = source(&slapd.uri(), changes).await;
    assert_eq!(found(&*alone, "bob", "uid").await, ["u2", "u3"]);
    assert_eq!(behind(&*alone, "0601", "uid").await.as_deref(), Some("u3"));
    let around = surroundings().await;
    let nothing = configured(
        "ldap",
        &json!({"ldap_uri": slapd.uri(), "ldap_base_dn": BASE}),
    );
    assert!(
        dird::backends::kind("ldap")
            .unwrap()
            .open(&nothing, &around)
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_large_directory_is_read_by_pages_and_a_limit_leaves_what_came_before_it() {
    let mut many = String::new();
    for id in 0..20_000 {
        write!(
            many,
            "{}",
            person(id, &format!("Person {id}"), &format!("5{id:05}"), "")
        )
        .unwrap();
    }
    let limits = "limits * size.soft=700 size.hard=700 size.prtotal=unlimited";
    let slapd = Slapd::start(&many, limits).await.unwrap();
    let ours = source(&slapd.uri(), json!({})).await;
    let uids = found(&*ours, "person", "uid").await;
    assert_eq!(
        (uids.len(), &*uids[0], &*uids[19_999]),
        (20_000, "u0", "u19999")
    );
    assert_eq!(found(&*ours, "son 1999", "uid").await.len(), 11);
    assert_eq!(
        behind(&*ours, "519999", "uid").await.as_deref(),
        Some("u19999")
    );
    drop(slapd);
    let slapd = Slapd::start(
        &many,
        "limits * size.soft=700 size.hard=700 size.prtotal=700",
    )
    .await
    .unwrap();
    let capped = source(&slapd.uri(), json!({})).await;
    assert_eq!(found(&*capped, "person", "uid").await.len(), 700);
}

#[tokio::test]
async fn a_certificate_is_verified_unless_it_is_told_otherwise() {
    let slapd = Slapd::start(&few(), "").await.unwrap();
    let strict = source(&slapd.secure_uri(), json!({})).await;
    let error = strict.search("alice", &asker()).await.unwrap_err();
    assert!(error.0.contains("no secure connection"), "{error}");
    for verify in [json!(false), json!(certificate("first.crt"))] {
        let trusting = source(&slapd.secure_uri(), json!({"verify_certificate": verify})).await;
        assert_eq!(found(&*trusting, "alice", "uid").await, ["u1"]);
    }
    let other = json!({"verify_certificate": certificate("second.crt")});
    let other = source(&slapd.secure_uri(), other).await;
    assert!(other.search("alice", &asker()).await.is_err());
}

#[tokio::test]
async fn a_refused_bind_is_not_tried_again_at_once() {
    let mut slapd = Slapd::start(&few(), "").await.unwrap();
    let ours = source(&slapd.uri(), json!({"ldap_password": "wrong"})).await;
    let error = ours.search("alice", &asker()).await.unwrap_err();
    assert!(
        error
            .0
            .contains("refuses the bind: invalid credentials (49)"),
        "{error}"
    );
    slapd.kill().unwrap();
    for _ in 0..10 {
        let error = ours.search("alice", &asker()).await.unwrap_err();
        assert!(
            error.0.contains("refuses the bind"),
            "the server was asked again: {error}"
        );
    }
}

#[tokio::test]
async fn a_server_that_restarts_is_asked_again() {
    let mut slapd = Slapd::start(&few(), "").await.unwrap();
    let ours = source(&slapd.uri(), json!({})).await;
    assert_eq!(found(&*ours, "alice", "uid").await, ["u1"]);
    slapd.kill().unwrap();
    slapd.restart().await.unwrap();
    assert_eq!(
        found(&*ours, "alice", "uid").await,
        ["u1"],
        "the old connection is replaced in the same search"
    );
    slapd.kill().unwrap();
    for _ in 0..5 {
        assert!(ours.search("alice", &asker()).await.is_err());
    }
    slapd.restart().await.unwrap();
    assert_eq!(found_again(&*ours, "alice", "uid").await, ["u1"]);
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let slapd = Slapd::start(&few(), "").await.unwrap();
    for (changes, words) in [
        (
            json!({"ldap_base_dn": "dc=nowhere,dc=test"}),
            "no such base",
        ),
        (
            json!({"ldap_custom_filter": "(cn=a"}),
            "filter is malformed",
        ),
        (
            json!({"ldap_uri": "ldap://no-such-host.invalid"}),
            "cannot be resolved",
        ),
        (
            json!({"ldap_uri": "ldap://127.0.0.1:1"}),
            "refuses connections",
        ),
    ] {
        let ours = source(&slapd.uri(), changes.clone()).await;
        let error = ours.search("alice", &asker()).await.unwrap_err();
        assert!(error.0.contains(words), "{changes}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_is_silent_or_speaks_nonsense_ends_in_time() {
    for nonsense in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x05\x02\x01\x01\x65\x00",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("ldap://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let mut streams = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                drop(stream.write_all(nonsense).await);
                streams.push(stream);
            }
        });
        let ours = source(&uri, json!({"ldap_timeout": 0.3})).await;
        let started = Instant::now();
        let error = ours.search("alice", &asker()).await.unwrap_err();
        assert!(
            started.elapsed() < Duration::from_secs(3),
            "{nonsense:?}: {error}"
        );
        serving.abort();
    }
}
