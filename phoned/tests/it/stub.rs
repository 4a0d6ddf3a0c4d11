//! An auth and a dird of our own, on one loopback port: they count what they are asked and can be told to fail.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering},
    },
};

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use kit::serve::{Body, Bound, Limits};
use serde_json::{Value, json};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

/// The user that the stub knows.
pub(crate) const USER: &str = "5f0c8a52-1111-4222-8333-944445555666";
/// One that it does not know.
pub(crate) const STRANGER: &str = "5f0c8a52-1111-4222-8333-9444455556ff";
/// Tenant of that user, and of our own token.
pub(crate) const TENANT: &str = "a0000000-1111-4111-8111-000000000002";

/// What the stub does and has seen.
#[derive(Default)]
pub(crate) struct World {
    /// Tokens handed out; only the last one is accepted.
    pub(crate) tokens: AtomicUsize,
    /// Searches that reached dird, by their raw query.
    pub(crate) searches: Mutex<Vec<String>>,
    /// The `traceparent` of each search; empty = none.
    pub(crate) traces: Mutex<Vec<String>>,
    /// Calls of auth's user resource.
    pub(crate) user_calls: AtomicUsize,
    /// Status that dird answers instead of rows; 0 = rows, 401 = our token lacks the access.
    pub(crate) dird_fails: AtomicU16,
    /// Status that auth answers about users; 0 = the truth.
    pub(crate) auth_fails: AtomicU16,
    /// The current token is refused until the next one is made.
    pub(crate) token_refused: AtomicBool,
    /// Searches wait until `release` is notified.
    pub(crate) hold: AtomicBool,
    /// Ends the waiting.
    pub(crate) release: Notify,
    /// How many people there are.
    pub(crate) people: AtomicU64,
    /// What dird answers to lookups instead of people.
    pub(crate) answer: Mutex<Option<Value>>,
    /// The same as text, which need not be JSON.
    pub(crate) raw: Mutex<Option<String>>,
    /// Calls of the stream of changes, by their `Last-Event-ID`.
    pub(crate) change_calls: Mutex<Vec<String>>,
    /// What dird answers to them: its status, type and body; `None` = 404.
    pub(crate) changes: Mutex<Option<(u16, &'static str, String)>>,
    /// Checks of operators' tokens.
    pub(crate) token_checks: AtomicUsize,
    /// Status that dird answers when it is asked for a caller; 0 = the truth.
    pub(crate) reverse_fails: AtomicU16,
}

impl World {
    /// How often dird was asked to tell what changes.
    pub(crate) fn change_calls(&self) -> usize {
        self.change_calls.lock().expect("no panic").len()
    }

    /// Number of searches that reached dird.
    pub(crate) fn searched(&self) -> usize {
        self.searches.lock().expect("no panic").len()
    }
}

/// A running stub.
pub(crate) struct Stub {
    /// Its address.
    pub(crate) address: SocketAddr,
    /// Its state.
    pub(crate) world: Arc<World>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Where to listen: on a port that nobody takes while it is closed.
fn address() -> SocketAddr {
    let [port] = e2e::ports::free().expect("a free port");
    ([127, 0, 0, 1], port).into()
}

impl Stub {
    /// Starts one with three people.
    pub(crate) fn start() -> Self {
        let world = Arc::new(World::default());
        world.people.store(3, Ordering::SeqCst);
        Self::at(address(), world)
    }

    /// Another server of the same world.
    pub(crate) fn twin(&self) -> Self {
        Self::at(address(), Arc::clone(&self.world))
    }

    /// Closes the port for a while.
    pub(crate) async fn close(&mut self) {
        self.stop.cancel();
        (&mut self.task).await.expect("no panic");
    }

    /// Opens it again.
    pub(crate) fn open(&mut self) {
        *self = Self::at(self.address, Arc::clone(&self.world));
    }

    fn at(address: SocketAddr, world: Arc<World>) -> Self {
        let bound = Bound::bind(address).expect("a port");
        let (address, stop) = (bound.local_addr(), CancellationToken::new());
        let shared = Arc::clone(&world);
        let service = move |request: Request<Body>| {
            let world = Arc::clone(&shared);
            async move { answer(&world, &request.into_parts().0).await }
        };
        let task = tokio::spawn(kit::serve::serve(
            bound,
            None,
            service,
            Limits::default(),
            stop.clone(),
        ));
        Self {
            address,
            world,
            stop,
            task,
        }
    }

    /// Closes the port.
    pub(crate) async fn stop(self) -> Arc<World> {
        self.stop.cancel();
        self.task.await.expect("no panic");
        self.world
    }
}

async fn answer(world: &World, request: &http::request::Parts) -> Response<Full<bytes::Bytes>> {
    let path = request.uri.path();
    let query = request.uri.query().unwrap_or("");
    if path == "/0.1/token" {
        let number = world.tokens.fetch_add(1, Ordering::SeqCst) + 1;
        world.token_refused.store(false, Ordering::SeqCst);
        return json_answer(
            200,
            &json!({"data": {"token": format!("token-{number}"), "metadata": {"tenant_uuid": TENANT}}}),
        );
    }
    if let Some(token) = path.strip_prefix("/0.1/token/") {
        return tokens(world, token, request.method == http::Method::HEAD);
    }
    if path == "/0.1/directories/changes" {
        return changes(world, request);
    }
    let expected = format!("token-{}", world.tokens.load(Ordering::SeqCst));
    let token = request
        .headers
        .get("x-auth-token")
        .and_then(|token| token.to_str().ok());
    if token != Some(expected.as_str()) || world.token_refused.load(Ordering::SeqCst) {
        return json_answer(401, &json!({}));
    }
    if let Some(user) = path.strip_prefix("/0.1/users/") {
        world.user_calls.fetch_add(1, Ordering::SeqCst);
        return match world.auth_fails.load(Ordering::SeqCst) {
            0 if user == STRANGER => json_answer(404, &json!({})),
            0 => json_answer(200, &json!({"tenant_uuid": TENANT})),
            status => json_answer(status, &json!({})),
        };
    }
    let trace = request.headers.get("traceparent");
    let trace = trace.and_then(|trace| trace.to_str().ok()).unwrap_or("");
    world
        .traces
        .lock()
        .expect("no panic")
        .push(trace.to_owned());
    search(world, path, query).await
}

/// What auth says about the tokens of operators: one of the master tenant, one of another tenant, one that may nothing.
fn tokens(world: &World, token: &str, check: bool) -> Response<Full<bytes::Bytes>> {
    world
        .token_checks
        .fetch_add(usize::from(check), Ordering::SeqCst);
    let tenant = match token {
        "operator" | "ending" => TENANT,
        "elsewhere" => "c0000000-1111-4111-8111-000000000002",
        "weak" => return json_answer(403, &json!({})),
        _ => return json_answer(404, &json!({})),
    };
    if check {
        return json_answer(204, &json!({}));
    }
    json_answer(
        200,
        &json!({"data": {
            "token": token, "metadata": {"tenant_uuid": tenant},
            // One whose life is at its end, and others that do not say.
            "utc_expires_at": (token == "ending").then_some("2000-01-01T00:00:00"),
        }}),
    )
}

fn changes(world: &World, request: &http::request::Parts) -> Response<Full<bytes::Bytes>> {
    let last = request.headers.get("last-event-id");
    let last = last.and_then(|last| last.to_str().ok()).unwrap_or("");
    let mut calls = world.change_calls.lock().expect("no panic");
    calls.push(last.to_owned());
    let Some((status, kind, body)) = world.changes.lock().expect("no panic").clone() else {
        return json_answer(404, &json!({}));
    };
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    let kind = http::HeaderValue::from_static(kind);
    response.headers_mut().insert("content-type", kind);
    response
}

async fn search(world: &World, path: &str, query: &str) -> Response<Full<bytes::Bytes>> {
    world
        .searches
        .lock()
        .expect("no panic")
        .push(query.to_owned());
    if world.hold.load(Ordering::SeqCst) {
        world.release.notified().await;
    }
    if path.starts_with("/0.1/directories/reverse/") {
        return reverse(world, query);
    }
    if let Some(raw) = world.raw.lock().expect("no panic").clone() {
        return Response::new(Full::new(raw.into()));
    }
    let answer = world.answer.lock().expect("no panic").clone();
    match world.dird_fails.load(Ordering::SeqCst) {
        0 if path.contains("/nowhere/") => json_answer(
            404,
            &json!({"reason": ["The profile `nowhere` does not exist"], "status_code": 404}),
        ),
        0 if answer.is_some() => json_answer(200, &json!(answer)),
        0 => json_answer(200, &people(world.people.load(Ordering::SeqCst))),
        401 => json_answer(
            401,
            &json!({"details": {"reason": "missing_permission_or_invalid_tenant"}}),
        ),
        status => json_answer(status, &json!({})),
    }
}

/// Only one number belongs to somebody.
fn reverse(world: &World, query: &str) -> Response<Full<bytes::Bytes>> {
    let name = (query == "exten=0033123456789").then_some("Fran van Gault");
    match world.reverse_fails.load(Ordering::SeqCst) {
        0 => json_answer(
            200,
            &json!({"display": name, "exten": "x", "source": null, "fields": {}}),
        ),
        status => json_answer(status, &json!({})),
    }
}

fn people(count: u64) -> Value {
    let row = |number: u64| json!({"column_values": [format!("Person {number:03}"), format!("555{number:04}"), null]});
    json!({
        "column_headers": ["Name", "Number", "Mobile"],
        "column_types": ["name", "number", "number"],
        "results": (1..=count).rev().map(row).collect::<Vec<_>>(),
    })
}

fn json_answer(status: u16, body: &Value) -> Response<Full<bytes::Bytes>> {
    let mut response = Response::new(Full::new(bytes::Bytes::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response
}
