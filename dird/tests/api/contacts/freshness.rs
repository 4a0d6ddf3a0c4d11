//! Whoever changed a contact and was answered, finds the change with the next lookup.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;

use super::{CSV, Directory};
use crate::site::Site;

/// How often the changes are made: a lookup that raced one would be seen sooner or later.
const ROUNDS: usize = 8;

on_both_engines!(
    a_lookup_finds_every_change_that_was_answered,
    a_list_that_takes_longer_than_lookups_wait_is_there_for_a_later_one,
);

async fn a_lookup_finds_every_change_that_was_answered(site: Site) {
    let directory = Directory::make(&site).await;
    let lists = [directory.book.as_str(), "/personal"];
    for round in 0..ROUNDS {
        for list in lists {
            let about = format!("{list} in round {round}");
            let id = site.contact(list, &json!({"firstname": "Anna"})).await;
            assert_eq!(Directory::found(&site, "a").await, ["Anna"], "{about}");
            let path = format!("{list}/{id}");
            let edited = json!({"firstname": "Ada"});
            assert_eq!(site.send(Method::PUT, &path, &edited).await.0, 200);
            assert_eq!(Directory::found(&site, "a").await, ["Ada"], "{about}");
            let (status, body) = site.import(list, CSV, "firstname\nAlma\n").await;
            assert_eq!(status, 201, "{body}");
            let both = Directory::found(&site, "a").await;
            assert_eq!(both, ["Ada", "Alma"], "{about}");
            for item in site.items(list).await {
                let id = super::text(&item, "id");
                site.delete(&format!("{list}/{id}")).await;
            }
            assert_eq!(Directory::found(&site, "a").await, [""; 0], "{about}");
        }
        site.contact("/personal", &json!({"firstname": "Ana"}))
            .await;
        assert_eq!(Directory::found(&site, "a").await, ["Ana"]);
        site.delete("/personal").await;
        assert_eq!(Directory::found(&site, "a").await, [""; 0]);
    }
}

/// How long the list may take to be found; only one that never is takes it.
const PATIENCE: Duration = Duration::from_secs(60);

async fn a_list_that_takes_longer_than_lookups_wait_is_there_for_a_later_one(site: Site) {
    let directory = Directory::make(&site).await;
    let (_, profiles) = site.get("/profiles", &site.alice).await;
    let profile = &profiles["items"][0];
    let hasty = json!({"sources": [{"uuid": directory.source}], "options": {"timeout": 0.02}});
    let body = json!({"name": "default", "display": {"uuid": profile["display"]["uuid"]},
        "services": {"lookup": hasty}});
    let path = format!("/profiles/{}", super::text(profile, "uuid"));
    assert_eq!(site.send(Method::PUT, &path, &body).await.0, 204);
    let rows: Vec<String> = (0..5_000).map(|number| format!("name {number}")).collect();
    let file = format!("firstname\n{}\n", rows.join("\n"));
    assert_eq!(site.import(&directory.book, CSV, file).await.0, 201);
    let found = async {
        while Directory::found(&site, "4999").await != ["name 4999"] {
            tokio::task::yield_now().await;
        }
    };
    assert!(timeout(PATIENCE, found).await.is_ok(), "it is never found");
}
