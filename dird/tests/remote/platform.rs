//! Users and conference rooms of a platform (dird-backends.md §7, §8), with auth and confd behind one address.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use dird::backends::{Source, kind};
use dird::store::Page;
use serde_json::{Value, json};

use crate::peer::{Asked, Peer, Reply};
use crate::world::{TENANT, asker, behind, configured, fields, found, listed, surroundings};

fn users() -> Value {
    json!({"total": 3, "items": [
        {"id": 1, "uuid": "7ca4", "line_id": 2, "agent_id": 3, "firstname": "John", "lastname": "Do\u{eb}",
         "email": "john@doe.test", "exten": "1234", "mobile_phone_number": "+1418", "voicemail_number": null,
         "userfield": null, "description": null, "links": []},
        {"id": 2, "firstname": "Mary", "exten": "1235", "mobile_phone_number": "1234"},
        {"id": 3, "firstname": null, "lastname": null, "email": "nobody@doe.test"},
    ]})
}

fn rooms() -> Value {
    json!({"total": 2, "items": [
        {"id": 4, "name": "R\u{e9}union", "extensions": [{"id": 1, "context": "default", "exten": "4001"}],
         "incalls": [{"id": 1, "extensions": [{"id": 2, "context": "in", "exten": "8001"}, {"context": "in", "exten": "8002"}]}]},
        {"id": 5, "name": "Empty", "extensions": [], "incalls": []},
    ]})
}

fn platform(asked: &Asked) -> Reply {
    let path = asked.line.split([' ', '?']).nth(1).unwrap();
    match path {
        "/0.1/token" => Reply::json(200, &json!({"data": {"token": "tok-service"}})),
        _ if asked.header("x-auth-token") != "tok-service" => Reply::json(401, &json!({})),
        "/1.1/infos" => Reply::json(200, &json!({"uuid": "the-platform"})),
        "/1.1/users" => Reply::json(200, &users()),
        "/1.1/conferences" => Reply::json(200, &rooms()),
        _ => Reply::json(404, &json!({})),
    }
}

fn body(peer: &Peer, changes: &Value) -> Value {
    let service = |version: &str| json!({"host": "127.0.0.1", "port": peer.addr.port(), "https": false, "prefix": null, "version": version});
    let mut auth = service("0.1");
    auth["username"] = json!("svc");
    auth["password"] = json!("s3cret");
    let mut body = json!({"auth": auth, "confd": service("1.1"),
        "searched_columns": ["full_name", "exten"], "first_matched_columns": ["exten", "mobile_phone_number"]});
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Object(members) => members
                .iter()
                .for_each(|(name, value)| body[key][name] = value.clone()),
            _ => body[key] = value.clone(),
        }
    }
    body
}

async fn source(backend: &str, peer: &Peer, changes: Value) -> Arc<dyn Source> {
    crate::world::open(backend, body(peer, &changes)).await
}

#[tokio::test]
async fn users_are_searched_by_the_service_and_kept_if_a_column_of_the_source_has_the_term() {
    let peer = Peer::start(platform).await;
    let ours = source("wazo", &peer, json!({})).await;
    let entries = ours.search("DOE", &asker()).await.unwrap().entries();
    assert_eq!(
        entries.iter().map(fields).collect::<Vec<_>>(),
        [
            json!({"id": 1, "exten": "1234", "firstname": "John", "lastname": "Do\u{eb}", "userfield": null,
            "email": "john@doe.test", "description": null, "mobile_phone_number": "+1418",
            "voicemail_number": null, "full_name": "John Do\u{eb}"})
        ],
        "the address of the third is in no searched column"
    );
    assert_eq!(
        json!(entries[0].relations),
        json!({"xivo_id": "the-platform", "agent_id": 3, "user_id": 1, "user_uuid": "7ca4", "endpoint_id": 2,
            "source_entry_id": "1"})
    );
    found(&*ours, "", "id").await;
    assert_eq!(
        peer.paths(),
        [
            "/0.1/token",
            "/1.1/infos",
            "/1.1/users?view=directory&recurse=True&search=DOE",
            "/1.1/users?view=directory&recurse=True"
        ],
        "token and identity are asked for once"
    );
    let asked = peer.asked();
    assert_eq!(asked[0].header("authorization"), "Basic c3ZjOnMzY3JldA==");
    assert_eq!(asked[0].body, r#"{"expiration":21600}"#);
    assert_eq!(
        (
            asked[2].header("wazo-tenant"),
            asked[2].header("user-agent")
        ),
        ("", "wazo-dird")
    );
}

#[tokio::test]
async fn with_a_key_file_the_tenant_is_named_and_the_file_is_read_when_it_is_there() {
    let peer = Peer::start(platform).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.yml");
    let changes = json!({"auth": {"key_file": file, "username": null}});
    let ours = source("wazo", &peer, changes).await;
    let error = ours.search("doe", &asker()).await.unwrap_err();
    assert!(error.0.contains("no token"), "{error}");
    std::fs::write(&file, "service_id: svc\nservice_key: s3cret\n").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(found(&*ours, "doe", "id").await, ["1"]);
    assert_eq!(peer.asked().last().unwrap().header("wazo-tenant"), TENANT);
}

#[tokio::test]
async fn numbers_are_compared_exactly_one_or_many() {
    let peer = Peer::start(platform).await;
    let ours = source("wazo", &peer, json!({})).await;
    assert_eq!(behind(&*ours, "1234", "id").await.as_deref(), Some("1"));
    assert_eq!(behind(&*ours, "123", "id").await, None);
    let numbers = ["1235", "+1418", "9"].map(str::to_owned);
    let known = ours.reverse(&numbers, &asker()).await.unwrap();
    let known: HashMap<_, _> = known
        .iter()
        .map(|(number, entry)| (&**number, fields(entry)["id"].clone()))
        .collect();
    assert_eq!(
        known,
        HashMap::from([("1235", json!(2)), ("+1418", json!(1))])
    );
    let mut last = peer.paths().split_off(4);
    last.sort();
    assert_eq!(
        last,
        [
            "/1.1/users?view=directory&recurse=True&exten=1235%2C%2B1418%2C9",
            "/1.1/users?view=directory&recurse=True&mobile_phone_number=1235%2C%2B1418%2C9"
        ],
        "one question a column"
    );
    let by_name = source(
        "wazo",
        &peer,
        json!({"first_matched_columns": ["firstname"]}),
    )
    .await;
    assert_eq!(by_name.reverse(&numbers, &asker()).await.unwrap().len(), 0);
    assert_eq!(
        listed(&*ours, &["2", "12", "*"], "firstname").await,
        ["Mary"]
    );
}

#[tokio::test]
async fn a_term_beside_rooms_is_found_in_names_and_extensions() {
    let peer = Peer::start(platform).await;
    let changes = json!({"searched_columns": ["name", "extensions", "incalls"], "first_matched_columns": ["extensions", "incalls"]});
    let ours = source("conference", &peer, changes).await;
    let entries = ours.search("reunion", &asker()).await.unwrap().entries();
    assert_eq!(
        entries.iter().map(fields).collect::<Vec<_>>(),
        [
            json!({"id": 4, "name": "R\u{e9}union", "extensions": ["4001"], "incalls": ["8001", "8002"]})
        ]
    );
    assert_eq!(found(&*ours, "800", "id").await, ["4"]);
    assert_eq!(found(&*ours, "", "id").await, ["4", "5"]);
    assert_eq!(behind(&*ours, "8002", "id").await.as_deref(), Some("4"));
    assert_eq!(behind(&*ours, "800", "id").await, None);
    assert_eq!(listed(&*ours, &["5"], "name").await, ["Empty"]);
    assert!(
        peer.paths()[1..]
            .iter()
            .all(|path| path == "/1.1/conferences?recurse=False")
    );
}

#[tokio::test]
async fn sources_with_the_same_credentials_share_one_token() {
    let peer = Peer::start(platform).await;
    let around = surroundings().await;
    let mut sources = Vec::new();
    for backend in ["wazo", "conference", "wazo"] {
        let source = configured(backend, &body(&peer, &json!({"searched_columns": ["id"]})));
        sources.push(kind(backend).unwrap().open(&source, &around).await.unwrap());
    }
    for source in &sources {
        source.search("4", &asker()).await.unwrap().entries();
    }
    let tokens = || {
        peer.paths()
            .iter()
            .filter(|path| *path == "/0.1/token")
            .count()
    };
    assert_eq!(tokens(), 1);
    let other = configured(
        "wazo",
        &body(&peer, &json!({"auth": {"password": "other"}})),
    );
    let other = kind("wazo").unwrap().open(&other, &around).await.unwrap();
    other.search("4", &asker()).await.unwrap().entries();
    assert_eq!(tokens(), 2, "other credentials are another account");
    drop((sources, other));
    let again = configured("wazo", &body(&peer, &json!({})));
    let again = kind("wazo").unwrap().open(&again, &around).await.unwrap();
    again.search("4", &asker()).await.unwrap().entries();
    assert_eq!(tokens(), 3, "the token went with the last of its sources");
}

#[tokio::test]
async fn a_refused_token_is_replaced_within_the_same_question() {
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    let peer = Peer::start(move |asked| {
        if asked.line == "POST /0.1/token" {
            let number = count.fetch_add(1, Ordering::SeqCst);
            return Reply::json(200, &json!({"data": {"token": format!("tok-{number}")}}));
        }
        match asked.header("x-auth-token") {
            "tok-0" => Reply::json(401, &json!({})),
            _ => Reply::json(200, &rooms()),
        }
    })
    .await;
    let ours = source("conference", &peer, json!({"searched_columns": ["name"]})).await;
    assert_eq!(found(&*ours, "reunion", "id").await, ["4"]);
    assert_eq!(made.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_token_never_follows_a_redirect() {
    let target = Peer::start(platform).await;
    let to = target.url("/1.1/conferences");
    let peer = Peer::start(move |asked| match &*asked.line {
        "POST /0.1/token" => Reply::json(200, &json!({"data": {"token": "tok-service"}})),
        _ => Reply::Moved(to.clone()),
    })
    .await;
    let ours = source("conference", &peer, json!({})).await;
    let error = ours.search("x", &asker()).await.unwrap_err();
    assert!(error.0.contains("status 302"), "{error}");
    assert!(target.asked().is_empty());
}

#[tokio::test]
async fn answers_that_are_wrong_are_no_rows_and_said() {
    for (reply, words) in [
        (Reply::json(500, &json!({})), "status 500"),
        (Reply::json(429, &json!({})), "status 429"),
        (Reply::json(404, &json!({})), "status 404"),
        (
            Reply::Whole(200, "application/json", b"{\"items\": 3}".to_vec()),
            "cannot be read",
        ),
        (
            Reply::Whole(200, "application/json", b"{\"items\": [".to_vec()),
            "cannot be read",
        ),
        (
            Reply::Whole(200, "application/json", vec![0xff; 100]),
            "cannot be read",
        ),
        (Reply::Truncated, "connection broke"),
        (Reply::Close, "connection broke"),
        (Reply::Endless, "longer than"),
        (Reply::Hang, "in time"),
    ] {
        let answer = reply.clone();
        let peer = Peer::start(move |asked| match &*asked.line {
            "POST /0.1/token" => Reply::json(200, &json!({"data": {"token": "tok-service"}})),
            _ => answer.clone(),
        })
        .await;
        let timeout = if matches!(reply, Reply::Hang) {
            0.5
        } else {
            10.0
        };
        let ours = source("conference", &peer, json!({"confd": {"timeout": timeout}})).await;
        let error = ours.search("x", &asker()).await.unwrap_err();
        assert!(error.0.contains(words), "{reply:?}: {error}");
    }
}

#[tokio::test]
async fn lists_are_paged_by_the_service() {
    let peer = Peer::start(platform).await;
    let page = Page {
        order: "lastname",
        descending: true,
        limit: Some(2),
        offset: 1,
        search: Some("a b".into()),
        recurse: true,
        filters: vec![("uuid", "1,2".into())],
    };
    let ours = source(
        "wazo",
        &peer,
        json!({"extra_search_params": {"foo": "bar"}}),
    )
    .await;
    let listed = ours
        .listing()
        .unwrap()
        .contacts(&page, &asker())
        .await
        .unwrap();
    assert_eq!(
        (listed.total, listed.filtered, listed.items.len()),
        (3, 3, 3)
    );
    assert_eq!(
        json!(listed.items[1]),
        json!({"id": 2, "uuid": null, "firstname": "Mary", "lastname": null, "email": null, "exten": "1235",
            "mobile_phone_number": "1234", "voicemail_number": null})
    );
    assert_eq!(
        peer.paths().last().unwrap(),
        "/1.1/users?view=directory&foo=bar&recurse=True&order=lastname&direction=desc&offset=1&limit=2&search=a+b&uuid=1%2C2"
    );
}

#[tokio::test]
async fn a_list_that_cannot_be_had_says_why() {
    let broken = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&broken);
    let peer = Peer::start(move |asked| {
        if now.load(Ordering::SeqCst) {
            Reply::json(500, &json!({}))
        } else {
            platform(asked)
        }
    })
    .await;
    let rooms = source("conference", &peer, json!({})).await;
    let listed = rooms
        .listing()
        .unwrap()
        .contacts(&Page::default(), &asker())
        .await
        .unwrap();
    assert_eq!(
        json!(listed.items[0]),
        json!({"id": 4, "name": "R\u{e9}union", "extensions": [{"context": "default", "exten": "4001"}],
            "incalls": [{"context": "in", "exten": "8001"}, {"context": "in", "exten": "8002"}]})
    );
    broken.store(true, Ordering::SeqCst);
    let error = rooms
        .listing()
        .unwrap()
        .contacts(&Page::default(), &asker())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("status 500"), "{error}");
}
