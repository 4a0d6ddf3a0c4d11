//! Sources opened as dird opens them, without the rest of it.

use std::sync::Arc;

use dird::backends::{Asker, Entry, Outside, Source, Surroundings, kind};
use dird::identity::{SystemAuthority, TenantId, Token, UserId};
use dird::index::{Lists, People};
use dird::slow_lane::SlowLane;
use dird::store::Store;
use dird::store::model::{Source as Configured, SourceId};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

/// Tenant of every source here.
pub(crate) const TENANT: &str = "11111111-2222-4333-8444-555555555555";

/// What sources find around them.
pub(crate) async fn surroundings() -> Surroundings {
    surroundings_on(dird::store::open("sqlite::memory:").await.unwrap())
}

/// The same, over a store.
pub(crate) fn surroundings_on(store: Store) -> Surroundings {
    Surroundings {
        lists: Lists::new(
            Arc::clone(&store),
            1 << 20,
            SlowLane::default(),
            CancellationToken::new(),
        ),
        people: Arc::new(People::new(Arc::clone(&store))),
        store,
        outside: Outside::new(CancellationToken::new()),
    }
}

/// A configured source; `body` is what a client sends, whose keys every source has are taken out of the backend's own.
pub(crate) fn configured(backend: &str, body: &Value) -> Configured {
    let mut extra = body.as_object().unwrap().clone();
    let mut take = |name: &str, absent: Value| extra.remove(name).unwrap_or(absent);
    let (searched, matched) = (
        take("searched_columns", json!([])),
        take("first_matched_columns", json!([])),
    );
    let formats = take("format_columns", json!({}));
    Configured {
        uuid: SourceId("source".into()),
        tenant: TenantId::new(TENANT).unwrap(),
        backend: backend.into(),
        name: backend.into(),
        searched_columns: serde_json::from_value(searched).unwrap(),
        first_matched_columns: serde_json::from_value(matched).unwrap(),
        format_columns: serde_json::from_value(formats).unwrap(),
        phonebook: None,
        phonebook_description: None,
        extra,
    }
}

/// Opens a source whose Google is behind `people_api`.
pub(crate) async fn open_at(people_api: &str, backend: &str, body: Value) -> Arc<dyn Source> {
    let mut around = surroundings().await;
    around.outside = around.outside.with_people_api(people_api);
    let source = configured(backend, &body);
    kind(backend).unwrap().open(&source, &around).await.unwrap()
}

/// Opens a source.
pub(crate) async fn open(backend: &str, body: Value) -> Arc<dyn Source> {
    let source = configured(backend, &body);
    kind(backend)
        .unwrap()
        .open(&source, &surroundings().await)
        .await
        .unwrap()
}

/// A user with a token.
pub(crate) fn asker() -> Asker {
    Asker {
        user: UserId::new("7ca42f43-8bd9-4a26-acb8-cb756f42bebb"),
        home: SystemAuthority::new("tests").tenant(TenantId::random()),
        token: Token::new("tok-user"),
    }
}

/// The fields of a contact.
pub(crate) fn fields(entry: &Entry) -> Value {
    let fields = entry.fields().into_iter();
    let pairs = fields.map(|(name, value)| (name.to_owned(), json!(value)));
    Value::Object(pairs.collect::<Map<_, _>>())
}

/// One field of each contact that a search finds.
pub(crate) async fn found(source: &dyn Source, term: &str, field: &str) -> Vec<String> {
    let entries = source.search(term, &asker()).await.unwrap().entries();
    texts(&entries, field)
}

/// The same, asked until somebody is found; a remote that came back is seen within a second, on a machine with nothing else
/// to do.
pub(crate) async fn found_again(source: &dyn Source, term: &str, field: &str) -> Vec<String> {
    for _ in 0..100 {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        if let Ok(entries) = source.search(term, &asker()).await {
            return texts(&entries.entries(), field);
        }
    }
    panic!("the source did not come back");
}

/// One field of the contact behind a number.
pub(crate) async fn behind(source: &dyn Source, number: &str, field: &str) -> Option<String> {
    let found = source
        .reverse(&[number.to_owned()], &asker())
        .await
        .unwrap();
    found.get(number)?.get(field)?.to_text()
}

/// One field of each contact with one of the identifiers.
pub(crate) async fn listed(source: &dyn Source, ids: &[&str], field: &str) -> Vec<String> {
    let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
    texts(&source.list(&ids, &asker()).await.unwrap(), field)
}

fn texts(entries: &[Entry], field: &str) -> Vec<String> {
    let text = |entry: &Entry| entry.get(field).and_then(dird::backends::Field::to_text);
    entries
        .iter()
        .map(|entry| text(entry).unwrap_or_default())
        .collect()
}
