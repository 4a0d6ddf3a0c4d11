//! Personal contacts, phonebooks and favourites, as clients use them over REST, on both engines (dird-api-contacts.md).

mod charsets;
mod export;
mod favorites;
mod freshness;
mod large;
mod lists;
mod model;
mod personal;
mod personal_import;
mod phonebook_contacts;
mod phonebook_import;
mod phonebooks;
mod privacy;
mod sheets;

use reqwest::Method;
use serde_json::{Value, json};

use crate::fake_auth::USER;
use crate::site::{Site, answer};

/// What a client sends with most files.
pub(crate) const CSV: &str = "text/csv; charset=utf-8";

impl Site {
    /// Adds something of alice's; the answer.
    pub(crate) async fn create(&self, path: &str, body: &Value) -> Value {
        let (status, created) = self.send(Method::POST, path, body).await;
        assert!(
            [200, 201].contains(&status),
            "{path} {body}: {status} {created}"
        );
        created
    }

    /// Adds a phonebook of alice's; its path.
    pub(crate) async fn phonebook(&self, name: &str) -> String {
        let made = self.create("/phonebooks", &json!({"name": name})).await;
        format!("/phonebooks/{}", text(&made, "uuid"))
    }

    /// Adds a contact of alice's; its identifier.
    pub(crate) async fn contact(&self, list: &str, fields: &Value) -> String {
        text(&self.create(list, fields).await, "id")
    }

    /// Imports a file of alice's.
    pub(crate) async fn import(
        &self,
        list: &str,
        kind: &str,
        file: impl Into<reqwest::Body>,
    ) -> (u16, Value) {
        let path = format!("{list}/import");
        let request = self.request(Method::POST, &path, &self.alice);
        let request = request.header("Content-Type", kind).body(file);
        answer(request.send().await.unwrap()).await
    }

    /// Removes something of alice's.
    pub(crate) async fn delete(&self, path: &str) {
        let (status, body) = self.send(Method::DELETE, path, &Value::Null).await;
        assert_eq!(status, 204, "{path}: {body}");
    }

    /// What a list of alice's shows.
    pub(crate) async fn items(&self, list: &str) -> Vec<Value> {
        let (status, body) = self.get(list, &self.alice).await;
        assert_eq!(status, 200, "{list}: {body}");
        body["items"].as_array().unwrap().clone()
    }

    /// The same without identifiers.
    pub(crate) async fn contents(&self, list: &str) -> Vec<Value> {
        without_ids(self.items(list).await)
    }
}

/// A text member.
pub(crate) fn text(object: &Value, name: &str) -> String {
    let text = object[name].as_str();
    text.unwrap_or_else(|| panic!("no {name} in {object}"))
        .to_owned()
}

/// Contacts without their identifiers.
pub(crate) fn without_ids(mut contacts: Vec<Value>) -> Vec<Value> {
    for contact in &mut contacts {
        contact.as_object_mut().unwrap().remove("id");
    }
    contacts
}

/// Asserts an error of family L.
pub(crate) fn assert_refused(about: &str, answered: &(u16, Value), status: u16, reason: &str) {
    let (actual, body) = answered;
    assert_eq!(
        (*actual, &body["reason"], &body["status_code"]),
        (status, &json!([reason]), &json!(status)),
        "{about}: {body}"
    );
    assert!(body["timestamp"][0].is_number(), "{about}: {body}");
}

/// A profile of alice's over a phonebook and her own contacts.
pub(crate) struct Directory {
    /// Path of the phonebook's contacts.
    pub(crate) book: String,
    /// Identifier of the source over the phonebook, which both are called `book`.
    pub(crate) source: String,
    /// Identifier of the personal source, which is called `mine`.
    pub(crate) mine: String,
}

impl Directory {
    /// Makes it, as the profile `default`. Columns: `firstname`, favourite, personal.
    pub(crate) async fn make(site: &Site) -> Self {
        let phonebook = site.phonebook("book").await;
        let uuid = phonebook.trim_start_matches("/phonebooks/");
        let searched = json!(["firstname"]);
        let book = json!({"phonebook_uuid": uuid, "searched_columns": searched});
        let source = site.create("/backends/phonebook/sources", &book).await;
        let mine = json!({"name": "mine", "searched_columns": searched});
        let mine = site.create("/backends/personal/sources", &mine).await;
        let columns = json!([{"field": "firstname"}, {"type": "favorite"}, {"type": "personal"}]);
        let display = json!({"name": "desk", "columns": columns});
        let display = site.create("/displays", &display).await;
        let made = Self {
            book: format!("{phonebook}/contacts"),
            source: text(&source, "uuid"),
            mine: text(&mine, "uuid"),
        };
        let service = json!({"sources": [{"uuid": made.source}, {"uuid": made.mine}]});
        let profile = json!({"name": "default", "display": {"uuid": display["uuid"]},
            "services": {"lookup": service, "favorites": service}});
        site.create("/profiles", &profile).await;
        made
    }

    /// The cells of the rows that alice finds.
    pub(crate) async fn rows(site: &Site, path: &str) -> Vec<Value> {
        rows(site, path, &site.alice).await
    }

    /// The first names that alice finds.
    pub(crate) async fn found(site: &Site, term: &str) -> Vec<String> {
        let path = format!("/directories/lookup/default?term={term}");
        names(&Self::rows(site, &path).await)
    }

    /// The first names that somebody finds who acts for alice.
    pub(crate) async fn found_for_alice(site: &Site, term: &str, token: &str) -> Vec<String> {
        let path = format!("/directories/lookup/default/{USER}?term={term}");
        names(&rows(site, &path, token).await)
    }
}

/// The cells of a result's rows.
pub(crate) async fn rows(site: &Site, path: &str, token: &str) -> Vec<Value> {
    let (status, table) = site.get(path, token).await;
    assert_eq!(status, 200, "{path}: {table}");
    let rows = table["results"].as_array().unwrap().iter();
    rows.map(|row| row["column_values"].clone()).collect()
}

fn names(rows: &[Value]) -> Vec<String> {
    rows.iter()
        .map(|row| text(&json!({"cell": row[0]}), "cell"))
        .collect()
}
