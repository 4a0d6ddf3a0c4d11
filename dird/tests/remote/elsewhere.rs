//! Contacts that users have at Google and Microsoft (dird-backends.md §9, §10). One server plays auth and the service.

use std::collections::HashMap;
use std::sync::Arc;

use dird::backends::{Asker, ListingError, Source};
use dird::identity::Token;
use dird::store::Page;
use serde_json::{Value, json};

use crate::peer::{Asked, Peer, Reply};
use crate::world::{asker, behind, fields, found, listed, open_at};

const USER: &str = "/0.1/users/7ca42f43%2D8bd9%2D4a26%2Dacb8%2Dcb756f42bebb/external/";

fn auth(peer: &Peer) -> Value {
    json!({"host": "127.0.0.1", "port": peer.addr.port(), "https": false, "prefix": null})
}

/// Answers as auth does to the asker of these tests; none for what is no question to auth.
fn token(asked: &Asked) -> Option<Reply> {
    asked
        .line
        .starts_with("GET /0.1/users/")
        .then(|| match asked.header("x-auth-token") {
            "tok-user" => Reply::json(
                200,
                &json!({"access_token": "tok-elsewhere", "scope": [], "token_expiration": 1}),
            ),
            _ => Reply::json(404, &json!({"error_id": "unknown-external-auth"})),
        })
}

fn named(id: &str, name: &str, number: &str) -> Value {
    json!({"names": [{"displayName": name, "metadata": {"source": {"id": id}}}],
        "phoneNumbers": [{"value": number, "type": "mobile"}]})
}

/// The second page only comes with the first one's mark.
fn google(asked: &Asked) -> Reply {
    if let Some(reply) = token(asked) {
        return reply;
    }
    if asked.header("authorization") != "Bearer tok-elsewhere" {
        return Reply::json(401, &json!({}));
    }
    match asked.line.split_once('?').unwrap() {
        ("GET /v1/people:searchContacts", query) if query.contains("query=") => {
            let hits = json!({"results": [{"person": named("1", "Mario Rossi", "555-1")}, {"person": named("2", "Luigi", "555-2")}]});
            Reply::json(200, &hits)
        }
        ("GET /v1/people:searchContacts", _) => Reply::json(200, &json!({})),
        ("GET /v1/people/me/connections", query) if query.contains("pageToken=second") => {
            Reply::json(200, &json!({"connections": [named("3", "Peach", "555-3")]}))
        }
        ("GET /v1/people/me/connections", _) => Reply::json(
            200,
            &json!({"connections": [named("1", "mario rossi", "555-1"), named("2", "Luigi", "555-2")], "nextPageToken": "second"}),
        ),
        _ => Reply::json(404, &json!({})),
    }
}

async fn at_google(peer: &Peer) -> Arc<dyn Source> {
    let body = json!({"auth": auth(peer), "searched_columns": ["name"], "first_matched_columns": ["numbers"]});
    open_at(&peer.url(""), "google", body).await
}

#[tokio::test]
async fn google_is_warmed_up_asked_and_its_hits_are_kept_if_a_column_has_the_term() {
    let peer = Peer::start(google).await;
    let ours = at_google(&peer).await;
    assert_eq!(found(&*ours, "MAR", "name").await, ["Mario Rossi"]);
    let mask =
        "readMask=names%2CemailAddresses%2CphoneNumbers%2Caddresses%2Corganizations%2Cbiographies";
    assert_eq!(
        peer.paths(),
        [
            format!("{USER}google"),
            format!("/v1/people:searchContacts?{mask}&pageSize=30"),
            format!("/v1/people:searchContacts?{mask}&pageSize=30&query=MAR")
        ]
    );
}

#[tokio::test]
async fn numbers_and_favourites_are_looked_for_on_every_page() {
    let peer = Peer::start(google).await;
    let ours = at_google(&peer).await;
    assert_eq!(
        behind(&*ours, "5553", "name").await.as_deref(),
        Some("Peach")
    );
    assert_eq!(behind(&*ours, "555", "name").await, None);
    let numbers = ["5551", "5553"].map(str::to_owned);
    let known = ours.reverse(&numbers, &asker()).await.unwrap();
    let known: HashMap<_, _> = known
        .iter()
        .map(|(number, entry)| (&**number, fields(entry)["name"].clone()))
        .collect();
    assert_eq!(
        known,
        HashMap::from([("5551", json!("mario rossi")), ("5553", json!("Peach"))])
    );
    assert_eq!(
        listed(&*ours, &["3", "2", "*"], "name").await,
        ["Luigi", "Peach"]
    );
}

#[tokio::test]
async fn nobody_is_asked_without_a_user_or_a_token_and_nothing_without_an_account() {
    let peer = Peer::start(google).await;
    let ours = at_google(&peer).await;
    for nobody in [
        Asker {
            user: None,
            ..asker()
        },
        Asker {
            token: Token::default(),
            ..asker()
        },
    ] {
        assert!(ours.search("mario", &nobody).await.unwrap().is_empty());
    }
    assert!(peer.asked().is_empty());
    let stranger = Asker {
        token: Token::new("other"),
        ..asker()
    };
    assert!(ours.search("mario", &stranger).await.unwrap().is_empty());
    assert!(
        ours.list(&["1".to_owned()], &stranger)
            .await
            .unwrap()
            .is_empty()
    );
    assert!(
        peer.paths()
            .iter()
            .all(|path| path == &format!("{USER}google"))
    );
    let error = ours
        .listing()
        .unwrap()
        .contacts(&Page::default(), &stranger)
        .await
        .unwrap_err();
    assert_eq!(error, ListingError::NoToken("google"));
}

#[tokio::test]
async fn contacts_at_google_are_listed_in_order_or_as_google_finds_them() {
    let peer = Peer::start(google).await;
    let ours = at_google(&peer).await;
    let names = async |page: Page| {
        let listed = ours
            .listing()
            .unwrap()
            .contacts(&page, &asker())
            .await
            .unwrap();
        let names = listed
            .items
            .iter()
            .map(|contact| contact["name"].as_str().unwrap().to_owned());
        (listed.total, names.collect::<Vec<_>>())
    };
    let by_name = Page {
        order: "name",
        ..Page::default()
    };
    assert_eq!(
        names(by_name.clone()).await,
        (
            3,
            vec!["Luigi".into(), "mario rossi".into(), "Peach".into()]
        )
    );
    let paged = Page {
        limit: Some(1),
        offset: 1,
        descending: true,
        ..by_name.clone()
    };
    assert_eq!(names(paged).await, (3, vec!["mario rossi".into()]));
    let searched = Page {
        search: Some("x".into()),
        ..by_name.clone()
    };
    assert_eq!(names(searched).await.0, 2);
    let refusing = Peer::start(|asked| token(asked).unwrap_or(Reply::json(429, &json!({})))).await;
    let ours = at_google(&refusing).await;
    let listed = ours
        .listing()
        .unwrap()
        .contacts(&by_name, &asker())
        .await
        .unwrap();
    assert_eq!(listed.total, 0, "whatever Google refuses is an empty list");
    assert!(ours.search("x", &asker()).await.is_err());
}

fn graph(asked: &Asked) -> Reply {
    if let Some(reply) = token(asked) {
        return reply;
    }
    if asked.header("authorization") != "Bearer tok-elsewhere" {
        return Reply::json(401, &json!({}));
    }
    let host = asked.header("host");
    match asked.line.split_once('?').unwrap() {
        ("GET /me/contacts", query) if query.contains("skip=2") => Reply::json(
            200,
            &json!({"value": [{"id": "m3", "displayName": null, "givenName": null, "surname": "Nemo", "businessPhones": []}]}),
        ),
        ("GET /me/contacts", _) => Reply::json(
            200,
            &json!({
                "@odata.nextLink": format!("http://{host}/me/contacts?skip=2"),
                "value": [
                    {"id": "m1", "displayName": "Bob Zimmer", "givenName": "Bob", "surname": "Zimmer", "mobilePhone": "7005",
                     "businessPhones": ["7001", "7002"], "homePhones": ["7009"], "emailAddresses": [{"address": "bob@x.test"}]},
                    {"id": "m2", "displayName": "Ann Abbott", "givenName": "Ann", "surname": "Abbott", "homePhones": []},
                ],
            }),
        ),
        ("GET /astray/contacts", _) => Reply::json(
            200,
            &json!({"value": [], "@odata.nextLink": "http://localhost:1/steal"}),
        ),
        _ => Reply::json(403, &json!({})),
    }
}

async fn at_microsoft(peer: &Peer, path: &str) -> Arc<dyn Source> {
    let body = json!({"auth": auth(peer), "endpoint": peer.url(path), "searched_columns": ["givenName", "surname", "businessPhones"],
        "first_matched_columns": ["mobilePhone", "businessPhones"]});
    open_at(&peer.url(""), "office365", body).await
}

#[tokio::test]
async fn contacts_at_microsoft_are_read_to_the_last_page_and_sorted_by_given_name() {
    let peer = Peer::start(graph).await;
    let ours = at_microsoft(&peer, "/me/contacts").await;
    assert_eq!(
        found(&*ours, "", "id").await,
        ["m3", "m2", "m1"],
        "O-69: null sorts as empty"
    );
    assert_eq!(
        peer.paths(),
        [
            format!("{USER}microsoft"),
            "/me/contacts?%24top=1000".into(),
            "/me/contacts?skip=2".into()
        ]
    );
    let bob = ours.search("7002", &asker()).await.unwrap().entries();
    let bob = fields(&bob[0]);
    assert_eq!(bob["numbers"], json!(["7005", "7001", "7002", "7009"]));
    assert_eq!(
        (&bob["email"], &bob["surname"]),
        (&json!("bob@x.test"), &json!("Zimmer"))
    );
    assert_eq!(
        bob["numbers_except_label"],
        json!({"businessPhones": ["7009", "7005"], "homePhones": ["7001", "7002", "7005"], "mobilePhone": ["7001", "7002", "7009"]})
    );
    assert_eq!(behind(&*ours, "7002", "id").await.as_deref(), Some("m1"));
    assert_eq!(behind(&*ours, "7009", "id").await, None);
    assert_eq!(listed(&*ours, &["m3", "*"], "surname").await, ["Nemo"]);
    let ids: Vec<_> = peer
        .asked()
        .iter()
        .map(|asked| asked.header("client-request-id").to_owned())
        .collect();
    assert!(ids[1].len() == 36 && ids[1] != ids[2], "{ids:?}");
}

#[tokio::test]
async fn a_users_token_goes_to_the_endpoint_alone() {
    let peer = Peer::start(graph).await;
    let ours = at_microsoft(&peer, "/astray/contacts").await;
    let error = ours.search("", &asker()).await.unwrap_err();
    assert!(error.0.contains("another host"), "{error}");
    let moving =
        Peer::start(|asked| token(asked).unwrap_or(Reply::Moved("http://localhost:1/".into())))
            .await;
    let ours = at_microsoft(&moving, "/me/contacts").await;
    assert!(
        ours.search("", &asker())
            .await
            .unwrap_err()
            .0
            .contains("status 302")
    );
}

#[tokio::test]
async fn contacts_at_microsoft_are_listed_as_they_are() {
    let peer = Peer::start(graph).await;
    let ours = at_microsoft(&peer, "/me/contacts").await;
    let page = Page {
        order: "lastname",
        limit: Some(2),
        ..Page::default()
    };
    let listed = ours
        .listing()
        .unwrap()
        .contacts(&page, &asker())
        .await
        .unwrap();
    assert_eq!((listed.total, listed.filtered), (3, 3));
    assert_eq!(
        json!(listed.items[1]),
        json!({"id": "m3", "displayName": null, "givenName": null, "surname": "Nemo", "businessPhones": []})
    );
    let refused = at_microsoft(&peer, "/other").await;
    let error = refused
        .listing()
        .unwrap()
        .contacts(&page, &asker())
        .await
        .unwrap_err();
    assert_eq!(error, ListingError::Endpoint(peer.url("/other"), Some(403)));
}
