//! Whoever changed a contact and was answered, finds the change with the next lookup.

use reqwest::Method;
use serde_json::json;

use super::{CSV, Directory};
use crate::site::Site;

/// How often the changes are made: a lookup that raced one would be seen sooner or later.
const ROUNDS: usize = 8;

on_both_engines!(a_lookup_finds_every_change_that_was_answered);

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
