//! What a test works with: a fresh store, tenants and things to put in.

use std::time::Duration;

use dird::identity::{SystemAuthority, Tenant, TenantId};
use dird::store::model::{
    Contact, ContactId, DisplayColumn, ListId, Profile, ProfileId, ProfileService, Source,
    SourceId, random_id,
};
use dird::store::{self, Listed, Page, Store};
use e2e::postgres::Cluster;
use indexmap::IndexMap;
use serde_json::{Map, json};
use tempfile::TempDir;

/// A fresh database and a store on it.
pub(crate) struct World {
    pub(crate) store: Store,
    /// Address of the database, for a second store.
    pub(crate) uri: String,
    _folder: Option<TempDir>,
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite:{}", folder.path().join("dird.db").display());
        Self {
            store: store::open(&uri).await.unwrap(),
            uri,
            _folder: Some(folder),
        }
    }

    pub(crate) async fn postgres() -> Self {
        let uri = database().await;
        let store = store::open(&uri).await.unwrap();
        migrated(&store).await;
        Self {
            store,
            uri,
            _folder: None,
        }
    }
}

/// Waits until a store on a new database answers; a busy machine takes its time to migrate that.
pub(crate) async fn migrated(store: &Store) {
    let answers = async {
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_mins(1), answers).await;
    waited.expect("the database is never ready");
}

/// Address of a new database on the server that the tests share.
pub(crate) async fn database() -> String {
    let made = tokio::task::spawn_blocking(|| Cluster::shared().database());
    made.await.unwrap().unwrap()
}

/// A tenant that nobody knows yet.
pub(crate) fn tenant() -> Tenant {
    SystemAuthority::new("test").tenant(TenantId::random())
}

/// A list request by name.
pub(crate) fn by_name() -> Page {
    Page {
        order: "name",
        ..Page::default()
    }
}

/// The names of a page, in order.
pub(crate) fn names<T>(listed: &Listed<T>, name: impl Fn(&T) -> &str) -> Vec<String> {
    let names = listed.items.iter().map(name);
    names.map(str::to_owned).collect()
}

/// A CSV source with something in every field.
pub(crate) fn csv(scope: &Tenant, name: &str) -> Source {
    let mut extra = Map::new();
    extra.insert("zz".into(), json!({"b": [1, null], "a": "\u{e9}"}));
    extra.insert("file".into(), json!("/people.csv"));
    Source {
        uuid: SourceId(random_id()),
        tenant: scope.id().clone(),
        backend: "csv".into(),
        name: name.into(),
        searched_columns: vec!["fn".into(), "ln".into()],
        first_matched_columns: vec!["num".into()],
        format_columns: IndexMap::from([
            ("reverse".into(), "{fn} {ln}".into()),
            ("a".into(), "{b}".into()),
        ]),
        phonebook: None,
        phonebook_description: None,
        extra,
    }
}

/// A profile without services.
pub(crate) fn profile(scope: &Tenant, name: &str) -> Profile {
    Profile {
        uuid: ProfileId(random_id()),
        tenant: scope.id().clone(),
        name: name.into(),
        display: None,
        services: IndexMap::new(),
    }
}

/// A service over these sources.
pub(crate) fn service(sources: &[&Source]) -> ProfileService {
    ProfileService {
        sources: sources.iter().map(|source| source.uuid.clone()).collect(),
        options: None,
    }
}

/// One column.
pub(crate) fn columns(field: &str) -> Vec<DisplayColumn> {
    vec![DisplayColumn {
        field: Some(field.into()),
        title: Some("Number".into()),
        r#type: None,
        default: Some(String::new()),
        number_display: Some("{name}".into()),
    }]
}

/// A contact with a name and a number.
pub(crate) fn contact(name: &str, number: &str) -> Contact {
    Contact {
        uuid: ContactId(random_id()),
        fields: IndexMap::from([
            ("number".into(), Some(number.into())),
            ("firstname".into(), Some(name.into())),
        ]),
    }
}

/// An empty phonebook of a tenant that nobody knows yet.
pub(crate) async fn book(world: &World) -> (Tenant, ListId) {
    let scope = tenant();
    let made = world
        .store
        .create_phonebook(&scope, "book", None)
        .await
        .unwrap();
    let list = (&made.uuid).into();
    (scope, list)
}
