//! Mirrored directories: searched without asking the remote, renewed, kept over restarts and failures.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dird::backends::{MirrorHealth, Source, kind};
use dird::identity::{SystemAuthority, TenantId};
use dird::store::Store;
use e2e::slapd::{BASE, LOGIN, Slapd, person};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::peer::{Asked, Peer, Reply};
use crate::world::{TENANT, asker, behind, configured, found, listed, surroundings_on};

/// A fresh store, and the folder that it is in.
pub(crate) async fn fresh() -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("sqlite:{}", folder.path().join("dird.db").display());
    (dird::store::open(&uri).await.unwrap(), folder)
}

/// Opens a mirrored source of this store, with Google at `people_api`.
pub(crate) async fn mirrored(
    store: &Store,
    backend: &str,
    mut body: Value,
    people_api: &str,
) -> Arc<dyn Source> {
    body["sync"] = json!({"interval": 1});
    let source = configured(backend, &body);
    let scope = SystemAuthority::new("tests").tenant(TenantId::new(TENANT).unwrap());
    // It is there already when a test opens it again.
    let _ = store.create_source(&scope, &source).await;
    let mut around = surroundings_on(Arc::clone(store));
    around.outside = around.outside.with_people_api(people_api);
    kind(backend).unwrap().open(&source, &around).await.unwrap()
}

/// Waits for something that happens aside.
pub(crate) async fn until<T>(what: &str, mut come: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(value) = come().await {
            return value;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} does not happen");
}

fn mirror(source: &dyn Source) -> Option<MirrorHealth> {
    source.health().unwrap().mirror
}

/// Waits for the first mirror.
async fn mirror_of(source: &dyn Source) -> MirrorHealth {
    until("the mirror", async || mirror(source)).await
}

/// What a server answers from now on.
pub(crate) type Script = Arc<Mutex<Reply>>;

/// A server that answers as it is told.
pub(crate) async fn scripted(reply: Reply) -> (Peer, Script) {
    let script = Arc::new(Mutex::new(reply));
    let played = Arc::clone(&script);
    let peer = Peer::start(move |_: &Asked| played.lock().unwrap().clone()).await;
    (peer, script)
}

fn csv(peer: &Peer) -> Value {
    json!({"lookup_url": peer.url("/live"), "list_url": peer.url("/all"), "unique_column": "id",
        "searched_columns": ["fn"], "first_matched_columns": ["num"], "timeout": 5.0})
}

fn people(names: &[&str]) -> Reply {
    let rows = names
        .iter()
        .enumerate()
        .map(|(id, name)| format!("{id},{name},55{id}\n"));
    let text = format!("id,fn,num\n{}", rows.collect::<String>());
    Reply::Tagged("\"one\"", text.into_bytes())
}

#[tokio::test]
async fn a_mirrored_list_answers_without_the_service_and_is_fetched_again_when_it_changed() {
    let (peer, script) = scripted(people(&["Andr\u{e9}e", "Bob"])).await;
    let (store, _folder) = fresh().await;
    let ours = mirrored(&store, "csv_ws", csv(&peer), "").await;
    assert_eq!(mirror_of(&*ours).await.contacts, 2);
    *script.lock().unwrap() = Reply::Whole(304, "text/csv", Vec::new());
    assert_eq!(found(&*ours, "andree", "id").await, ["0"]);
    assert_eq!(found(&*ours, "", "id").await, ["0", "1"]);
    assert_eq!(behind(&*ours, "551", "fn").await.as_deref(), Some("Bob"));
    assert_eq!(listed(&*ours, &["1", "*"], "fn").await, ["Bob"]);
    let digits = ["0123".to_owned(), "551".to_owned()];
    let separated = ours.separated(&digits, &asker()).await.unwrap();
    assert!(separated.is_empty(), "551 has no separators");
    let conditional = async || {
        let mut asked = peer.asked().into_iter();
        asked.find(|asked| asked.header("if-none-match") == "\"one\"")
    };
    until("a conditional request", conditional).await;
    assert_eq!(
        found(&*ours, "", "id").await.len(),
        2,
        "nothing has changed"
    );
    let spaced = "id,fn,num\n0,Zed,01 23\n".as_bytes().to_vec();
    *script.lock().unwrap() = Reply::Tagged("\"two\"", spaced);
    let changed = async || (mirror(&*ours)?.contacts == 1).then_some(());
    until("the change", changed).await;
    assert_eq!(found(&*ours, "", "fn").await, ["Zed"]);
    let separated = ours.separated(&digits, &asker()).await.unwrap();
    assert_eq!(separated.keys().collect::<Vec<_>>(), ["0123"]);
    for (keys, found) in [("933", 1), ("934", 0)] {
        let typed = ours.typed(keys, &asker()).await.unwrap();
        assert_eq!(typed.len(), found, "{keys}");
    }
    for (text, found) in [("zed 01", 1), ("zed x", 0)] {
        let mentioned = ours.mentioning(text, &asker()).await.unwrap();
        assert_eq!(mentioned.len(), found, "{text}");
    }
    assert!(
        peer.paths().iter().all(|path| path == "/all"),
        "{:?}",
        peer.paths()
    );
}

#[tokio::test]
async fn a_fetch_that_fails_leaves_the_mirror_as_it_is_and_says_why() {
    let (peer, script) = scripted(people(&["Bob", "Carl"])).await;
    let (store, _folder) = fresh().await;
    let ours = mirrored(&store, "csv_ws", csv(&peer), "").await;
    mirror_of(&*ours).await;
    for (reply, words) in [
        (Reply::Truncated, "broke in the middle"),
        (Reply::csv(""), "part of its contacts"),
        (Reply::Whole(500, "text/csv", Vec::new()), "status 500"),
        (Reply::Whole(404, "text/csv", Vec::new()), "status 404"),
        (Reply::Endless, "longer than"),
    ] {
        *script.lock().unwrap() = reply;
        let told = async || {
            let error = mirror(&*ours)?.error?;
            error.contains(words).then_some(())
        };
        until(words, told).await;
        assert_eq!(found(&*ours, "", "fn").await, ["Bob", "Carl"], "{words}");
    }
    *script.lock().unwrap() = people(&["Dan"]);
    let well = async || mirror(&*ours)?.error.is_none().then_some(());
    until("a good fetch", well).await;
    assert_eq!(found(&*ours, "", "fn").await, ["Dan"]);
}

#[tokio::test]
async fn a_mirror_outlives_a_restart_without_the_service_but_not_another_configuration() {
    let (store, _folder) = fresh().await;
    let (peer, _script) = scripted(people(&["Bob"])).await;
    let body = csv(&peer);
    let before = mirrored(&store, "csv_ws", body.clone(), "").await;
    mirror_of(&*before).await;
    drop((before, peer));
    let after = mirrored(&store, "csv_ws", body.clone(), "").await;
    assert_eq!(found(&*after, "bob", "fn").await, ["Bob"]);
    let mut other = body;
    other["unique_column"] = json!("num");
    let other = mirrored(&store, "csv_ws", other, "").await;
    assert!(
        other.search("bob", &asker()).await.is_err(),
        "it was fetched otherwise"
    );
}

#[tokio::test]
async fn a_list_of_users_that_ends_too_early_is_no_mirror() {
    let users: Arc<Mutex<(usize, usize)>> = Arc::new(Mutex::new((2500, 2500)));
    let there = Arc::clone(&users);
    let peer = Peer::start(move |asked| {
        let path = asked.line.split([' ', '?']).nth(1).unwrap();
        match path {
            "/0.1/token" => Reply::json(200, &json!({"data": {"token": "tok-service"}})),
            "/1.1/infos" => Reply::json(200, &json!({"uuid": "the-platform"})),
            _ => {
                let (total, count) = *there.lock().unwrap();
                let query = asked.line.split_once('?').unwrap().1;
                let number = |name: &str| -> usize {
                    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
                    let found = pairs.find(|(known, _)| *known == name);
                    found.map_or(0, |(_, value)| value.parse().unwrap())
                };
                let (limit, offset) = (number("limit"), number("offset"));
                let items: Vec<Value> = (offset..count.min(offset + limit))
                    .map(|id| json!({"id": id, "firstname": format!("User {id}"), "exten": id.to_string()}))
                    .collect();
                Reply::json(200, &json!({"total": total, "items": items}))
            }
        }
    })
    .await;
    let service = |version: &str| json!({"host": "127.0.0.1", "port": peer.addr.port(), "https": false, "prefix": null, "version": version});
    let mut auth = service("0.1");
    auth["username"] = json!("svc");
    auth["password"] = json!("s3cret");
    let body = json!({"auth": auth, "confd": service("1.1"), "searched_columns": ["firstname"], "first_matched_columns": ["exten"]});
    let (store, _folder) = fresh().await;
    let ours = mirrored(&store, "wazo", body, "").await;
    assert_eq!(mirror_of(&*ours).await.contacts, 2500);
    assert_eq!(
        behind(&*ours, "2499", "firstname").await.as_deref(),
        Some("User 2499")
    );
    *users.lock().unwrap() = (2500, 1700);
    let told = async || mirror(&*ours)?.error;
    assert!(
        until("the failure", told)
            .await
            .contains("part of its contacts")
    );
    assert_eq!(found(&*ours, "user 2400", "id").await, ["2400"]);
}

fn staff(slapd: &Slapd) -> Value {
    json!({"ldap_uri": slapd.uri(), "ldap_base_dn": BASE, "ldap_username": LOGIN.0, "ldap_password": LOGIN.1,
        "ldap_network_timeout": 5.0, "ldap_timeout": 20.0,
        "searched_columns": ["cn", "mail"], "first_matched_columns": ["telephoneNumber"],
        "unique_column": "uid", "format_columns": {"name": "{cn}"}})
}

#[tokio::test]
async fn a_mirrored_directory_is_found_by_every_value_and_outlives_its_server() {
    let people: String = (0..1200)
        .map(|id| {
            let mails = format!("mail: a{id}@example.test\nmail: second{id}@example.test\n");
            person(id, &format!("Person {id}"), &format!("55 {id}"), &mails)
        })
        .collect();
    let limits = "limits * size.soft=500 size.hard=500 size.prtotal=unlimited";
    let mut slapd = Slapd::start(&people, limits).await.unwrap();
    let (store, _folder) = fresh().await;
    let ours = mirrored(&store, "ldap", staff(&slapd), "").await;
    let live = ours.search("second1177", &asker()).await.unwrap().entries();
    assert_eq!(mirror_of(&*ours).await.contacts, 1200);
    slapd.kill().unwrap();
    let entries = ours.search("second1177", &asker()).await.unwrap().entries();
    assert_eq!(
        crate::world::fields(&entries[0]),
        crate::world::fields(&live[0])
    );
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].relations, live[0].relations);
    assert_eq!(
        behind(&*ours, "551177", "uid").await.as_deref(),
        Some("u1177")
    );
    assert_eq!(listed(&*ours, &["u3", "*"], "uid").await, ["u3"]);
}

#[tokio::test]
async fn a_directory_of_which_the_server_gives_a_part_is_asked_live() {
    let people: String = (0..900)
        .map(|id| person(id, &format!("Person {id}"), "5", ""))
        .collect();
    let limits = "limits * size.soft=700 size.hard=700 size.prtotal=700";
    let slapd = Slapd::start(&people, limits).await.unwrap();
    let (store, _folder) = fresh().await;
    let ours = mirrored(&store, "ldap", staff(&slapd), "").await;
    let told = async || {
        let error = ours.health().unwrap().error?;
        error.contains("part of its contacts").then_some(())
    };
    until("the failure", told).await;
    assert_eq!(mirror(&*ours), None);
    assert_eq!(found(&*ours, "person 899", "uid").await, ["u899"]);
}
