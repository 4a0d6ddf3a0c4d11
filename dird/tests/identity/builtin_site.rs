//! A stand-alone site, as the tests of the built-in authority's routes ask it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dird::identity::builtin::{self, Builtin, KeyRecord, TenantRecord, UserRecord, secret};
use dird::identity::{Authority, TenantId, UserId};
use dird::store::Store;
use http::{Method, Request, StatusCode};
use kit::secret::Secret;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use crate::fake_auth::{CHILD, FOREIGN, USER};
use crate::wazo::tenant;

/// A stand-alone site: master, two tenants below it, a user in the first, a key of the master tenant.
pub(crate) struct Site {
    pub(crate) store: Store,
    pub(crate) authority: Arc<Builtin>,
    router: Router,
    _folder: TempDir,
}

impl Site {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite:{}", folder.path().join("dird.db").display());
        let store = dird::store::open(&uri).await.unwrap();
        let address = ("127.0.0.1".to_owned(), 9497);
        let authority = Builtin::open(Arc::clone(&store) as _, Duration::ZERO, address).await;
        let authority = Arc::new(authority.unwrap());
        let site = Self {
            router: builtin::http::router(Arc::clone(&authority)),
            store,
            authority,
            _folder: folder,
        };
        site.fill().await;
        site
    }

    async fn fill(&self) {
        for (uuid, name) in [(CHILD, "acme"), (FOREIGN, "other")] {
            let parent = Some(self.master());
            let record = TenantRecord {
                uuid: tenant(uuid),
                parent,
                name: name.into(),
            };
            self.store.put_tenant(&record).await.unwrap();
        }
        let user = UserRecord {
            uuid: UserId::new(USER).unwrap(),
            tenant: tenant(CHILD),
            username: "nora".into(),
            password_hash: Some(secret::hash_password(&Secret::new("pass:word")).unwrap()),
            acl: vec![
                "dird.#".into(),
                "!dird.config.#".into(),
                "auth.users.me.read".into(),
            ],
        };
        self.store.put_user(&user).await.unwrap();
        self.add_key("phoned", &["auth.users.*.read", "auth.tenants.read"])
            .await;
    }

    pub(crate) fn master(&self) -> TenantId {
        self.authority.master_tenant().unwrap()
    }

    /// A key whose secret is its name.
    pub(crate) async fn add_key(&self, name: &str, acl: &[&str]) {
        let key = KeyRecord {
            uuid: format!("key-{name}"),
            name: name.into(),
            hash: secret::hash(name),
            tenant: self.master(),
            acl: acl.iter().map(|&text| text.to_owned()).collect(),
            created_at: 0,
        };
        self.store.add_key(&key).await.unwrap();
    }

    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(format!("/0.1{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 65_536)
            .await
            .unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (StatusCode, Value) {
        self.ask(Method::GET, path, headers, "").await
    }

    pub(crate) async fn head(&self, path: &str) -> StatusCode {
        let (status, body) = self.ask(Method::HEAD, path, &[], "").await;
        assert_eq!(body, Value::Null);
        status
    }

    pub(crate) async fn login(
        &self,
        name: &str,
        password: &str,
        body: &str,
    ) -> (StatusCode, Value) {
        let basic = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
        self.ask(Method::POST, "/token", &[("Authorization", &basic)], body)
            .await
    }

    pub(crate) async fn token(&self, name: &str, password: &str) -> String {
        let (status, body) = self.login(name, password, r#"{"expiration": 60}"#).await;
        assert_eq!(status, StatusCode::OK);
        body["data"]["token"].as_str().unwrap().to_owned()
    }
}
