//! The services around phoned on loopback, played by servers of the tests' own: they keep every request as it came, answer from
//! tables, and can be told what to answer next.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode};
use kit::serve::{Body, Bound, Limits, serve};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_mins(1);

/// The token that [`auth`] makes.
pub const TOKEN: &str = "4c7bb4b0-6d0f-4a51-9a6c-8d1a5d7a0001";
/// The tenant that everybody belongs to.
pub const TENANT: &str = "4c7bb4b0-6d0f-4a51-9a6c-8d1a5d7a0002";

/// A request as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its method.
    pub method: String,
    /// Its path, decoded.
    pub path: String,
    /// Its parameters, decoded, in their order.
    pub query: Vec<(String, String)>,
    /// Its `X-Auth-Token`.
    pub token: Option<String>,
    /// Its body; null when it has none.
    pub body: Value,
}

impl Call {
    /// Method and path, for short comparisons.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn parameter(&self, name: &str) -> &str {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

/// Status and body of an answer; a null body is none.
pub type Answer = (u16, Value);

/// A running server; dropped, it closes its port.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Seen>,
    stop: CancellationToken,
}

#[derive(Debug, Default)]
struct Seen {
    calls: Mutex<Vec<Call>>,
    next: Mutex<VecDeque<Answer>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// Starts one that answers with `usual`. Must be called inside a runtime.
    pub fn start(usual: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Result<Self> {
        Self::at((Ipv4Addr::LOCALHOST, 0).into(), usual)
    }

    /// The same at an address of the caller's choice.
    pub fn at(
        address: SocketAddr,
        usual: impl Fn(&Call) -> Answer + Send + Sync + 'static,
    ) -> Result<Self> {
        let bound = Bound::bind(address)?;
        let (address, stop) = (bound.local_addr(), CancellationToken::new());
        let seen = Arc::new(Seen::default());
        let shared = (Arc::clone(&seen), Arc::new(usual));
        let service = move |request: Request<Body>| {
            let (seen, usual) = shared.clone();
            async move {
                let call = read(request).await;
                let told = lock(&seen.next).pop_front();
                let (status, body) = told.unwrap_or_else(|| usual(&call));
                lock(&seen.calls).push(call);
                respond(status, &body)
            }
        };
        tokio::spawn(serve(bound, None, service, Limits::default(), stop.clone()));
        Ok(Self {
            address,
            seen,
            stop,
        })
    }

    /// What a configuration says about it.
    pub fn upstream(&self) -> Value {
        json!({"host": "127.0.0.1", "port": self.address.port(), "prefix": null, "https": false})
    }

    /// Every request so far.
    pub fn calls(&self) -> Vec<Call> {
        lock(&self.seen.calls).clone()
    }

    /// Answers these before the usual ones.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Answer>) {
        lock(&self.seen.next).extend(answers);
    }

    /// Every request so far, once one of them is `wanted`.
    pub async fn until(&self, wanted: impl Fn(&Call) -> bool) -> Result<Vec<Call>> {
        let waiting = async {
            while !lock(&self.seen.calls).iter().any(&wanted) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = timeout(PATIENCE, waiting).await;
        waited.with_context(|| format!("not the request: {:#?}", self.calls()))?;
        Ok(self.calls())
    }
}

async fn read(request: Request<Body>) -> Call {
    let (head, body) = request.into_parts();
    let body = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let query = head.uri.query().unwrap_or("").split('&');
    let query = query.filter_map(|pair| pair.split_once('='));
    let token = head.headers.get("x-auth-token");
    Call {
        method: head.method.to_string(),
        path: decoded(head.uri.path()),
        query: query
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect(),
        token: token.and_then(|token| token.to_str().ok().map(str::to_owned)),
        body: serde_json::from_slice(&body.unwrap_or_default()).unwrap_or_default(),
    }
}

fn respond(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
}

/// An auth that grants everything to everybody, and whose only tenant is [`TENANT`].
pub fn auth() -> Result<Server> {
    Server::start(|call| {
        let metadata = json!({"tenant_uuid": TENANT});
        match call.method.as_str() {
            "HEAD" => (204, Value::Null),
            "GET" if call.path.starts_with("/0.1/users/") => (200, json!({"tenant_uuid": TENANT})),
            _ => (200, json!({"data": {"token": TOKEN, "metadata": metadata}})),
        }
    })
}

/// A dird that finds nobody.
pub fn dird() -> Result<Server> {
    let nobody = json!({"column_headers": [], "column_types": [], "results": []});
    Server::start(move |_| (200, nobody.clone()))
}

/// A confd with `data`: `users` and `devices` by identifier, `lines` and `features` as lists. What is written changes them.
pub fn confd(data: Value) -> Result<Server> {
    let data = Mutex::new(data);
    Server::start(move |call| {
        let mut data = lock(&data);
        let words: Vec<&str> = call.path.split('/').skip(2).collect();
        match (call.method.as_str(), words.as_slice()) {
            ("GET", ["users" | "devices", id]) => found(&data[words[0]][id]),
            ("PUT", ["users", id, "services", "dnd"]) => {
                data["users"][id]["services"]["dnd"] = call.body.clone();
                (204, Value::Null)
            }
            ("GET", ["lines"]) => listed(&data["lines"], |line| {
                let names = [&line["name"], &line["endpoint_sip"]["name"]];
                let mut names = names.into_iter().filter_map(Value::as_str);
                names.any(|name| name.contains(call.parameter("search")))
            }),
            ("GET", ["extensions", "features"]) => listed(&data["features"], |_| true),
            _ => (404, json!(["unknown"])),
        }
    })
}

fn found(object: &Value) -> Answer {
    if object.is_null() {
        return (404, json!(["not found"]));
    }
    (200, object.clone())
}

fn listed(all: &Value, wanted: impl Fn(&Value) -> bool) -> Answer {
    let all = all.as_array().cloned().unwrap_or_default();
    let items: Vec<Value> = all.into_iter().filter(|item| wanted(item)).collect();
    (200, json!({"total": items.len(), "items": items}))
}

/// An amid that carries everything out.
pub fn amid() -> Result<Server> {
    Server::start(|call| match call.path.as_str() {
        "/1.0/action/Command" => (200, json!({"response": ["done"]})),
        _ => (
            200,
            json!([{"Response": "Success", "Message": "carried out"}]),
        ),
    })
}
