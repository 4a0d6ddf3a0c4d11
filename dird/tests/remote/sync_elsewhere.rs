//! Mirrors of the contacts that users have at Google and Microsoft: each user his own, by what has changed.

use std::sync::{Arc, Mutex};

use dird::backends::{Asker, Source};
use dird::identity::Token;
use serde_json::{Value, json};

use crate::peer::{Asked, Peer, Reply};
use crate::sync::{fresh, mirrored, until};
use crate::world::{asker, found};

fn auth(peer: &Peer) -> Value {
    json!({"host": "127.0.0.1", "port": peer.addr.port(), "https": false, "prefix": null, "version": "0.1"})
}

fn token(asked: &Asked) -> Option<Reply> {
    let known = asked.header("x-auth-token") == "tok-user";
    asked.line.starts_with("GET /0.1/users/").then(|| {
        if known {
            Reply::json(200, &json!({"access_token": "tok-elsewhere"}))
        } else {
            Reply::json(404, &json!({"error_id": "unknown-external-auth"}))
        }
    })
}

fn person(id: &str, name: &str) -> Value {
    json!({"resourceName": format!("people/{id}"),
        "names": [{"displayName": name, "metadata": {"source": {"id": id}}}]})
}

/// Answers to a question without a mark, and to one with each mark.
type Told = Arc<Mutex<Vec<(&'static str, u16, Value)>>>;

fn tell(told: &Told, mark: &'static str, status: u16, body: Value) {
    let mut told = told.lock().unwrap();
    told.retain(|(known, ..)| *known != mark);
    told.push((mark, status, body));
}

/// A service that answers by the mark in the address, and to anything else with an error.
async fn service(told: &Told, parameter: &'static str) -> Peer {
    let told = Arc::clone(told);
    Peer::start(move |asked| {
        if let Some(reply) = token(asked) {
            return reply;
        }
        let query = asked.line.split_once('?').map_or("", |(_, query)| query);
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mark = pairs.find(|(name, _)| *name == parameter);
        let mark = mark.map_or("", |(_, mark)| mark);
        let told = told.lock().unwrap();
        match told.iter().find(|(known, ..)| *known == mark) {
            Some((_, status, body)) => Reply::json(*status, body),
            None => Reply::json(500, &json!({})),
        }
    })
    .await
}

/// Asks until the mirror has these contacts; the questions renew it.
async fn until_there(source: &dyn Source, field: &str, expected: &[&str]) {
    until(&format!("{expected:?}"), async || {
        let there = found(source, "", field).await == expected;
        let mirror = source.health().unwrap().mirror;
        (there && mirror?.contacts == expected.len()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn changes_at_google_are_fetched_by_their_mark_and_everything_when_it_is_gone() {
    let told = Told::default();
    tell(
        &told,
        "",
        200,
        json!({"connections": [person("1", "Mario"), person("2", "Luigi")], "nextSyncToken": "s1"}),
    );
    let peer = service(&told, "syncToken").await;
    let body =
        json!({"auth": auth(&peer), "searched_columns": ["name"], "first_matched_columns": []});
    let (store, _folder) = fresh().await;
    let ours = mirrored(&store, "google", body, &peer.url("")).await;
    // Live answers come from another method, which this service does not have.
    until("the mirror", async || {
        let _ = ours.search("", &asker()).await;
        ours.health().unwrap().mirror
    })
    .await;
    assert_eq!(found(&*ours, "luig", "id").await, ["2"]);
    let gone = json!({"resourceName": "people/1", "metadata": {"deleted": true}});
    let news = json!({"connections": [gone, person("2", "Luigi Verde"), person("3", "Peach")], "nextSyncToken": "s2"});
    tell(&told, "s1", 200, news);
    until_there(&*ours, "name", &["Luigi Verde", "Peach"]).await;
    tell(
        &told,
        "",
        200,
        json!({"connections": [person("9", "Wario")], "nextSyncToken": "s3"}),
    );
    tell(&told, "s2", 410, json!({}));
    until_there(&*ours, "name", &["Wario"]).await;
    tell(
        &told,
        "",
        200,
        json!({"connections": [person("8", "Toad")]}),
    );
    let expired = json!({"error": {"details": [{"reason": "EXPIRED_SYNC_TOKEN"}]}});
    tell(&told, "s3", 400, expired);
    until_there(&*ours, "name", &["Toad"]).await;
    let stranger = Asker {
        token: Token::new("tok-other"),
        ..asker()
    };
    let strangers = ours.search("", &stranger).await.unwrap().entries();
    assert!(strangers.is_empty(), "auth gives a stranger nothing");
}

#[tokio::test]
async fn changes_at_microsoft_are_fetched_by_their_link_and_everything_when_it_is_gone() {
    let told = Told::default();
    let peer = service(&told, "mark").await;
    let link = |mark: &str| peer.url(&format!("/me/contacts/delta?mark={mark}"));
    let contact =
        |id: &str, name: &str| json!({"id": id, "givenName": name, "businessPhones": ["1"]});
    tell(
        &told,
        "",
        200,
        json!({"value": [contact("b", "Bea")], "@odata.nextLink": link("page")}),
    );
    let page = json!({"value": [contact("a", "Abe")], "@odata.deltaLink": link("d1")});
    tell(&told, "page", 200, page);
    let body = json!({"auth": auth(&peer), "endpoint": peer.url("/me/contacts"),
        "searched_columns": ["givenName"], "first_matched_columns": ["businessPhones"]});
    let (store, _folder) = fresh().await;
    let ours = mirrored(&store, "office365", body, "").await;
    until_there(&*ours, "givenName", &["Abe", "Bea"]).await;
    let removed = json!({"id": "b", "@removed": {"reason": "deleted"}});
    let news = json!({"value": [removed, contact("c", "Cid")], "@odata.deltaLink": link("d2")});
    tell(&told, "d1", 200, news);
    until_there(&*ours, "givenName", &["Abe", "Cid"]).await;
    tell(&told, "d2", 410, json!({}));
    tell(
        &told,
        "",
        200,
        json!({"value": [contact("z", "Zoe")], "@odata.deltaLink": "http://127.0.0.2:1/"}),
    );
    until_there(&*ours, "givenName", &["Zoe"]).await;
    let astray = async || {
        let _ = ours.search("", &asker()).await;
        let error = ours.health().unwrap().mirror?.error?;
        error.contains("another host").then_some(())
    };
    until("the refusal to follow", astray).await;
    assert_eq!(found(&*ours, "", "givenName").await, ["Zoe"]);
}
