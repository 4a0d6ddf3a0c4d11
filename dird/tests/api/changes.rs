//! The stream of changes: who is told what, what is told to those who come back, and when it ends.

use std::time::Duration;

use dird::identity::TenantId;
use dird::identity::builtin::{TenantRecord, secret};
use kit::secret::Secret;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::fake_auth::USER;
use crate::site::{Site, answer};

on_both_engines!(
    each_change_is_told_to_those_who_see_its_tenant,
    who_comes_back_is_told_what_he_missed,
    a_tenant_that_is_new_is_seen_by_those_above_it,
);

const PATH: &str = "/directories/changes";

/// How long something may take that is sure to happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// An event: its id, its kind and its data.
type Event = (String, String, Value);

/// A stream that is being read.
struct Follower {
    response: Response,
    unread: String,
    last: Option<String>,
}

impl Follower {
    async fn of(site: &Site, token: &str, query: &str, last: Option<&str>) -> Self {
        let mut request = site.request(Method::GET, &format!("{PATH}?{query}"), token);
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            unread: String::new(),
            last: None,
        }
    }

    /// The next event; none at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.unread.find("\n\n") {
                let block: String = self.unread.drain(..end + 2).collect();
                let field = |name: &str| {
                    let lines = block.lines();
                    let mut values = lines.filter_map(|line| line.strip_prefix(name));
                    values.next().map(str::to_owned)
                };
                let (id, kind, data) = (field("id: "), field("event: "), field("data: "));
                self.last = id.or(self.last.take());
                if let (Some(kind), Some(data)) = (kind, data) {
                    let data = serde_json::from_str(&data).unwrap();
                    return Some((self.last.clone().unwrap(), kind, data));
                }
                continue;
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.unwrap();
            let chunk = chunk.unwrap()?;
            self.unread.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event that is not about everything: a database that was just reached tells of that.
    async fn change(&mut self) -> (String, Value) {
        loop {
            let (_, kind, data) = self.next().await.expect("the stream goes on");
            if kind != "reload" {
                return (kind, data);
            }
        }
    }

    /// Every event up to the end.
    async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

async fn add_contact(site: &Site, token: &str, name: &str) {
    let body = json!({"firstname": name}).to_string();
    let request = site.request(Method::POST, "/personal", token).body(body);
    let (status, body) = answer(request.send().await.unwrap()).await;
    assert_eq!(status, 201, "{body}");
}

async fn each_change_is_told_to_those_who_see_its_tenant(site: Site) {
    let mut own = Follower::of(&site, &site.alice, "", None).await;
    let mut above = Follower::of(&site, &site.master, "recurse=true", None).await;
    let mut alone = Follower::of(&site, &site.master, "", None).await;
    let mut foreign = Follower::of(&site, &site.gina, "recurse=true", None).await;
    for follower in [&mut own, &mut above, &mut alone, &mut foreign] {
        let first = follower.next().await.unwrap();
        assert_eq!((&*first.1, first.2), ("reload", json!({})));
    }
    let tenant = site.tenant.as_str();
    let source = json!({"name": "people", "file": "/people.csv"});
    let (_, source) = site
        .send(Method::POST, "/backends/csv/sources", &source)
        .await;
    let expected = json!({"tenant_uuid": tenant, "source_uuid": source["uuid"]});
    for follower in [&mut own, &mut above] {
        let told = follower.change().await;
        assert_eq!(told, ("configuration".to_owned(), expected.clone()));
    }
    add_contact(&site, &site.alice, "Zoe").await;
    let mine = json!({"tenant_uuid": tenant, "user_uuid": USER});
    // The list is opened, then written.
    for _ in 0..2 {
        assert_eq!(own.change().await, ("contacts".to_owned(), mine.clone()));
    }
    let favorite = "/directories/favorites/people/1";
    let (status, _) = site.send(Method::PUT, favorite, &Value::Null).await;
    assert_eq!(status, 204);
    assert_eq!(own.change().await, ("favorites".to_owned(), mine.clone()));
    let (_, book) = site
        .send(Method::POST, "/phonebooks", &json!({"name": "book"}))
        .await;
    let book = book["uuid"].as_str().unwrap();
    let path = format!("/phonebooks/{book}/contacts");
    site.send(Method::POST, &path, &json!({"firstname": "Ada"}))
        .await;
    let expected = json!({"tenant_uuid": tenant});
    assert_eq!(
        own.change().await,
        ("configuration".to_owned(), expected.clone())
    );
    let expected = json!({"tenant_uuid": tenant, "phonebook_uuid": book});
    assert_eq!(
        own.change().await,
        ("contacts".to_owned(), expected.clone())
    );
    told_of_nothing(&site, &mut foreign, &mut alone).await;
}

/// What happens at their own place comes first to those who were told nothing.
async fn told_of_nothing(site: &Site, foreign: &mut Follower, alone: &mut Follower) {
    add_contact(site, &site.gina, "Ida").await;
    let (kind, data) = foreign.change().await;
    assert_eq!(
        (&*kind, &data["tenant_uuid"]),
        ("contacts", &site.foreign.as_str().into())
    );
    let display = json!({"name": "own", "columns": [{"field": "fn"}]}).to_string();
    let made = site
        .request(Method::POST, "/displays", &site.master)
        .body(display);
    let (_, made) = answer(made.send().await.unwrap()).await;
    let expected = json!({"tenant_uuid": made["tenant_uuid"]});
    assert_eq!(alone.change().await, ("configuration".to_owned(), expected));
}

fn kinds(events: Vec<Event>) -> Vec<String> {
    events.into_iter().map(|(_, kind, _)| kind).collect()
}

/// What somebody is told who knows of everything up to `last`, after two contacts of his tenant were made.
async fn missed(site: &Site, last: &str, [first, second]: [&str; 2]) -> Vec<String> {
    add_contact(site, &site.gina, first).await;
    add_contact(site, &site.alice, first).await;
    add_contact(site, &site.alice, second).await;
    let missed = Follower::of(site, &site.alice, "follow=false", Some(last)).await;
    kinds(missed.rest().await)
}

async fn who_comes_back_is_told_what_he_missed(site: Site) {
    let mut follower = Follower::of(&site, &site.alice, "", None).await;
    add_contact(&site, &site.alice, "Zoe").await;
    follower.change().await;
    follower.change().await;
    let mut last = follower.last.clone().unwrap();
    drop(follower);
    let mut told = missed(&site, &last, ["Yves", "Xaver"]).await;
    if told.contains(&"reload".to_owned()) {
        // What another process did before, such as making this site's tenants, is noticed once.
        let mut now = Follower::of(&site, &site.alice, "follow=false", None).await;
        while now.next().await.is_some() {}
        last = now.last.clone().unwrap();
        told = missed(&site, &last, ["Wim", "Vera"]).await;
    }
    assert_eq!(told, ["contacts", "contacts"]);
    // What is no mark of this dird, or of nothing that has happened yet.
    let (epoch, number) = last.rsplit_once(':').unwrap();
    let ahead = format!("{epoch}:{}", number.parse::<u64>().unwrap() + 1000);
    for unknown in [
        "",
        "x",
        "1",
        "other:1",
        "other:0",
        &ahead,
        &format!("{epoch}:x"),
    ] {
        let told = Follower::of(&site, &site.alice, "follow=false", Some(unknown)).await;
        assert_eq!(kinds(told.rest().await), ["reload"], "{unknown:?}");
    }
}

async fn a_tenant_that_is_new_is_seen_by_those_above_it(site: Site) {
    let mut above = Follower::of(&site, &site.master, "recurse=true", None).await;
    above.next().await.unwrap();
    let record = TenantRecord {
        uuid: TenantId::random(),
        parent: TenantId::new(&site.tenant),
        name: "new".into(),
    };
    site.store.put_tenant(&record).await.unwrap();
    let request = site
        .request(Method::POST, "/phonebooks", &site.master)
        .header("Wazo-Tenant", record.uuid.as_str())
        .body(json!({"name": "book"}).to_string());
    let (status, body) = answer(request.send().await.unwrap()).await;
    assert_eq!(status, 201, "{body}");
    let expected = json!({"tenant_uuid": record.uuid.as_str()});
    assert_eq!(above.change().await, ("configuration".to_owned(), expected));
}

#[tokio::test]
async fn a_stream_ends_with_the_token_that_opened_it() {
    let site = Site::start(json!({"auth": {"cache_ttl": 0}})).await;
    let token = site.with_access(&["dird.directories.changes.read"]).await;
    let follower = Follower::of(&site, &token, "", None).await;
    let hash = secret::hash(Secret::new(token.clone()).expose());
    assert!(site.store.remove_token(hash).await.unwrap());
    let told = timeout(PATIENCE, follower.rest()).await;
    assert!(told.is_ok(), "it goes on");
}

#[tokio::test]
async fn a_tenant_has_so_many_followers_and_no_more_until_one_leaves() {
    let site = Site::start(json!({})).await;
    let mut followers = Vec::new();
    let refused = loop {
        let request = site.request(Method::GET, PATH, &site.alice);
        let response = request.send().await.unwrap();
        if response.status().as_u16() != 200 {
            break response;
        }
        followers.push(response);
    };
    assert_eq!(followers.len(), 8);
    let (status, body) = answer(refused).await;
    assert_eq!(
        (status, &body["error_id"]),
        (503, &json!("too-many-followers"))
    );
    for elsewhere in [&site.gina, &site.master] {
        Follower::of(&site, elsewhere, "follow=false", None).await;
    }
    followers.clear();
    let admitted = async {
        let path = format!("{PATH}?follow=false");
        while site.get(&path, &site.alice).await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, admitted).await.unwrap();
}

#[tokio::test]
async fn strict_negotiation_knows_events() {
    let site = Site::start(json!({"rest_api": {"strict_conventions": true}})).await;
    for (accept, status) in [("text/event-stream", 200), ("*/*", 200), ("text/html", 406)] {
        let path = format!("{PATH}?follow=false");
        let request = site.request(Method::GET, &path, &site.alice);
        let answered = request.header("Accept", accept).send().await.unwrap();
        assert_eq!(answered.status().as_u16(), status, "{accept}");
    }
}

#[test]
fn the_document_says_that_events_are_answered_and_how_to_go_on() {
    use dird::api::enabled::Enabled;
    let routes = dird::router::enabled_routes(&Enabled::default());
    let document = dird::api::document::document(&routes, None);
    let operation = &document["paths"][PATH]["get"];
    assert_eq!(operation["produces"], json!(["text/event-stream"]));
    let parameters = operation["parameters"].as_array().unwrap().iter();
    let names: Vec<&str> = parameters
        .filter_map(|known| known["name"].as_str())
        .collect();
    assert_eq!(names, ["recurse", "follow", "Last-Event-ID"]);
}
