//! An auth service of the tests' own: it honours scope and tenant, and can fail, be slow, redirect, revoke.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use dird::identity::{Acl, Owner};
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use kit::serve::{self, Bound, Limits, Peer};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tower::ServiceExt;

pub(crate) const MASTER: &str = "10000000-0000-4000-8000-000000000001";
pub(crate) const CHILD: &str = "10000000-0000-4000-8000-000000000002";
pub(crate) const FOREIGN: &str = "10000000-0000-4000-8000-000000000003";
pub(crate) const USER: &str = "20000000-0000-4000-8000-000000000001";

#[derive(Clone)]
pub(crate) struct FakeToken {
    pub(crate) tenant: &'static str,
    pub(crate) user: Option<&'static str>,
    pub(crate) acl: Vec<&'static str>,
    pub(crate) life: Duration,
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) body: Value,
    pub(crate) at: Instant,
}

struct World {
    tokens: HashMap<String, FakeToken>,
    failing: Option<StatusCode>,
    own_life: i64,
    peers: HashSet<SocketAddr>,
}

pub(crate) struct FakeAuth {
    pub(crate) address: SocketAddr,
    world: Mutex<World>,
    seen: watch::Sender<Vec<Seen>>,
    open: watch::Sender<bool>,
    _stop: Mutex<Option<DropGuard>>,
}

impl FakeAuth {
    pub(crate) fn start() -> Arc<Self> {
        let bound = Bound::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let stop = CancellationToken::new();
        let fake = Arc::new(Self {
            address: bound.local_addr(),
            world: Mutex::new(World {
                tokens: HashMap::new(),
                failing: None,
                own_life: 21_600,
                peers: HashSet::new(),
            }),
            seen: watch::Sender::new(Vec::new()),
            open: watch::Sender::new(true),
            _stop: Mutex::new(Some(stop.clone().drop_guard())),
        });
        let router = router(Arc::clone(&fake));
        let service = move |request: http::Request<serve::Body>| {
            let router = router.clone();
            async move {
                let answered = router.oneshot(request.map(axum::body::Body::new)).await;
                answered.unwrap_or_else(|never| match never {})
            }
        };
        // The service holds the server alive; the server ends with the runtime of its test.
        tokio::spawn(serve::serve(bound, None, service, Limits::default(), stop));
        fake
    }

    /// A token of the master tenant with `acl`.
    pub(crate) fn give(&self, token: &str, acl: &[&'static str]) {
        let given = FakeToken {
            tenant: MASTER,
            user: Some(USER),
            acl: acl.to_vec(),
            life: Duration::from_hours(1),
        };
        self.put(token, given);
    }

    pub(crate) fn put(&self, token: &str, given: FakeToken) {
        self.world
            .lock()
            .unwrap()
            .tokens
            .insert(token.into(), given);
    }

    pub(crate) fn revoke(&self, token: &str) {
        self.world.lock().unwrap().tokens.remove(token);
    }

    /// Answers everything with `status` from now on.
    pub(crate) fn fail(&self, status: impl Into<Option<StatusCode>>) {
        self.world.lock().unwrap().failing = status.into();
    }

    /// Holds every request back until it is called with `false`.
    pub(crate) fn hold(&self, held: bool) {
        self.open.send_replace(!held);
    }

    /// Life of the tokens that are given out, in seconds.
    pub(crate) fn own_life(&self, seconds: i64) {
        self.world.lock().unwrap().own_life = seconds;
    }

    /// Connections that brought requests.
    pub(crate) fn connections(&self) -> usize {
        self.world.lock().unwrap().peers.len()
    }

    /// Requests whose method and path start with `line`.
    pub(crate) fn calls(&self, line: &str) -> Vec<Seen> {
        let seen = self.seen.borrow();
        seen.iter()
            .filter(|seen| seen.line.starts_with(line))
            .cloned()
            .collect()
    }

    /// Waits until there were `count` requests that start with `line`.
    pub(crate) async fn called(&self, line: &str, count: usize) -> Vec<Seen> {
        let mut seen = self.seen.subscribe();
        let enough = |seen: &Vec<Seen>| {
            seen.iter()
                .filter(|seen| seen.line.starts_with(line))
                .count()
                >= count
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), seen.wait_for(enough)).await;
        drop(waited.expect("the call was not made").unwrap());
        self.calls(line)
    }
}

fn router(fake: Arc<FakeAuth>) -> Router {
    Router::new()
        .route("/0.1/token", post(create))
        .route("/0.1/token/{token}", get(token).delete(forget))
        .route("/0.1/tenants", get(tenants))
        .layer(middleware::from_fn_with_state(Arc::clone(&fake), observe))
        .with_state(fake)
}

async fn observe(State(fake): State<Arc<FakeAuth>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(peer) = parts.extensions.get::<Peer>() {
        fake.world.lock().unwrap().peers.insert(peer.remote);
    }
    let body = axum::body::to_bytes(body, 65_536).await.unwrap();
    let seen = Seen {
        line: format!("{} {}", parts.method, parts.uri),
        body: serde_json::from_slice(&body).unwrap_or_default(),
        at: Instant::now(),
    };
    fake.seen.send_modify(|all| all.push(seen));
    let mut open = fake.open.subscribe();
    open.wait_for(|open| *open).await.unwrap();
    let failing = fake.world.lock().unwrap().failing;
    match failing {
        Some(status) => (status, [("location", "/0.1/tenants")]).into_response(),
        None => next.run(Request::from_parts(parts, body.into())).await,
    }
}

fn moment(seconds: i64) -> String {
    let time = Timestamp::from_second(kit::clock::unix_now() + seconds).unwrap();
    time.strftime("%Y-%m-%dT%H:%M:%S.000000").to_string()
}

async fn create(State(fake): State<Arc<FakeAuth>>, headers: HeaderMap) -> Response {
    // dird:secret
    if headers
        .get("authorization")
        .is_none_or(|value| value != "Basic ZGlyZDpzZWNyZXQ=")
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let life = fake.world.lock().unwrap().own_life;
    let number = fake.calls("POST /0.1/token").len();
    let data = json!({
        "token": format!("own-{number}"),
        "metadata": {"tenant_uuid": MASTER, "uuid": null},
        "utc_issued_at": moment(0), "utc_expires_at": moment(life),
    });
    Json(json!({"data": data})).into_response()
}

/// The tenants that `tenant` sees.
fn below(tenant: &str) -> Vec<&'static str> {
    match tenant {
        MASTER => vec![MASTER, CHILD],
        CHILD => vec![CHILD],
        FOREIGN => vec![FOREIGN],
        _ => vec![],
    }
}

async fn token(
    State(fake): State<Arc<FakeAuth>>,
    Path(name): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    method: Method,
) -> Response {
    let found = fake.world.lock().unwrap().tokens.get(&name).cloned();
    // One that has expired is no token any more.
    let Some(token) = found.filter(|token| !token.life.is_zero()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let acl = Acl::new(token.acl.iter().map(|&text| text.to_owned()));
    let owner = Owner {
        auth_id: token.user.unwrap_or_default(),
        session: "a-session",
    };
    let scoped = query
        .get("scope")
        .is_none_or(|scope| acl.allows(scope, owner));
    let sees = |tenant: &String| below(token.tenant).contains(&tenant.as_str());
    if !scoped || !query.get("tenant").is_none_or(sees) {
        return StatusCode::FORBIDDEN.into_response();
    }
    if method == Method::HEAD {
        return StatusCode::NO_CONTENT.into_response();
    }
    let life = i64::try_from(token.life.as_secs()).unwrap();
    let data = json!({
        "token": name, "acl": token.acl, "session_uuid": "a-session",
        "metadata": {"tenant_uuid": token.tenant, "uuid": token.user},
        "utc_expires_at": moment(life),
    });
    Json(json!({"data": data})).into_response()
}

async fn forget(State(fake): State<Arc<FakeAuth>>, Path(name): Path<String>) -> Response {
    fake.revoke(&name);
    Json(json!({"data": {"message": "success"}})).into_response()
}

async fn tenants(State(fake): State<Arc<FakeAuth>>, headers: HeaderMap) -> Response {
    let text = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    };
    let (asking, scope) = (text("x-auth-token"), text("wazo-tenant"));
    let token = fake.world.lock().unwrap().tokens.get(asking).cloned();
    let reads = |token: &FakeToken| {
        token.acl.contains(&"auth.tenants.read") && below(token.tenant).contains(&scope)
    };
    // dird's own token sees every tenant.
    if !asking.starts_with("own-") && !token.as_ref().is_some_and(reads) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let item = |uuid: &&str| {
        let name = match *uuid {
            MASTER => "master",
            FOREIGN => "foreign",
            _ => "child",
        };
        json!({"uuid": uuid, "parent_uuid": MASTER, "name": name, "slug": name})
    };
    let items: Vec<Value> = below(scope).iter().map(item).collect();
    Json(json!({"total": items.len(), "filtered": items.len(), "items": items})).into_response()
}
