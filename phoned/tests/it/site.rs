//! A phoned between a stub and a phone.

use std::{
    io::Write,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use phoned::{Running, config::Config};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

use crate::stub::{Stub, TENANT, USER};

/// A running phoned and its stub.
pub(crate) struct Site {
    /// Both backends; `None` once stopped.
    pub(crate) stub: Stub,
    /// Where phoned listens.
    pub(crate) address: SocketAddr,
    /// What a reload finds different from the defaults.
    pub(crate) changes: Arc<Mutex<Value>>,
    running: Running,
    _folder: Arc<TempDir>,
}

/// An answer as it came over the wire.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Status.
    pub(crate) status: u16,
    /// Head, in small letters.
    pub(crate) head: String,
    /// Body.
    pub(crate) body: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// The defaults with a key file, the stub as auth and dird, and free ports.
pub(crate) fn config(folder: &TempDir, stub: SocketAddr, changes: &Value) -> Config {
    let key_file = folder.path().join("key.yml");
    let mut file = std::fs::File::create(&key_file).expect("a file");
    file.write_all(b"service_id: phoned\nservice_key: secret\n")
        .expect("written");
    let mut tree: Value = serde_saphyr::from_str(phoned::config::DEFAULTS).expect("the defaults");
    let upstream = json!({"host": stub.ip(), "port": stub.port(), "prefix": null});
    merge(
        &mut tree,
        &json!({
            "auth": upstream, "dird": upstream, "bus": {"enabled": false}, "metrics": {"port": null},
            "rest_api": {"http": {"listen": "127.0.0.1", "port": 0}, "https": {"enabled": false}},
        }),
    );
    tree["auth"]["key_file"] = json!(key_file);
    // A busy machine is no failed service, and the first token may come after the first request of an operator.
    for service in ["auth", "dird", "confd", "amid"] {
        tree[service]["timeout"] = json!(60);
    }
    tree["lookup"]["deadline"] = json!(60);
    tree["auth"]["master_tenant_uuid"] = json!(TENANT);
    merge(&mut tree, changes);
    serde_json::from_value(tree).expect("a configuration")
}

/// Lays `changes` over `tree`.
pub(crate) fn merge(tree: &mut Value, changes: &Value) {
    match (tree, changes) {
        (Value::Object(tree), Value::Object(changes)) => {
            for (key, change) in changes {
                merge(tree.entry(key.clone()).or_insert(Value::Null), change);
            }
        }
        (tree, change) => *tree = change.clone(),
    }
}

impl Site {
    /// One with the defaults.
    pub(crate) async fn start() -> Self {
        Self::with(json!({})).await
    }

    /// One with `changes` to the defaults.
    pub(crate) async fn with(changes: Value) -> Self {
        Self::over(Stub::start(), changes).await
    }

    /// One with `changes` to the defaults, over a stub that was prepared.
    pub(crate) async fn over(stub: Stub, changes: Value) -> Self {
        let folder = Arc::new(TempDir::new().expect("a folder"));
        let first = config(&folder, stub.address, &changes);
        let changes = Arc::new(Mutex::new(changes));
        let parts = (Arc::clone(&folder), Arc::clone(&changes), stub.address);
        let source = Box::new(move || {
            let changes = parts.1.lock().expect("no panic").clone();
            Ok(config(&parts.0, parts.2, &changes))
        });
        let ready = phoned::prepare_from(first, source, Box::new(|_| {}));
        let ready = ready.await.expect("it can start");
        let running = ready.start(CancellationToken::new());
        let address = running.http[0];
        Self {
            stub,
            address,
            changes,
            running,
            _folder: folder,
        }
    }

    /// All addresses where phoned listens.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.running.http
    }

    /// Where operators ask for figures.
    pub(crate) fn monitor(&self) -> Option<SocketAddr> {
        self.running.monitor
    }

    /// Sends a GET as a phone would.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(target, "").await
    }

    /// Sends a GET with further header lines.
    pub(crate) async fn send(&self, target: &str, headers: &str) -> Answer {
        request(self.address, "GET", target, headers).await
    }

    /// Asks a route of operators as one of the master tenant, with a JSON body.
    pub(crate) async fn operate(&self, method: &str, target: &str, body: &str) -> Answer {
        self.operate_as("operator", method, target, body).await
    }

    /// The same with the token `token`.
    pub(crate) async fn operate_as(
        &self,
        token: &str,
        method: &str,
        target: &str,
        body: &str,
    ) -> Answer {
        let length = body.len();
        let headers = format!("X-Auth-Token: {token}\r\nContent-Length: {length}\r\n");
        exchange(self.address, method, target, &headers, body).await
    }

    /// Searches as the known user.
    pub(crate) async fn look(&self, vendor: &str, parameters: &str) -> Answer {
        self.get(&look(vendor, parameters)).await
    }

    /// Stops phoned and the stub.
    pub(crate) async fn stop(self) {
        self.running.stop().await;
        self.stub.stop().await;
    }
}

/// Target of a search of the known user.
pub(crate) fn look(vendor: &str, parameters: &str) -> String {
    format!("/0.1/directories/lookup/default/{vendor}?xivo_user_uuid={USER}&{parameters}")
}

/// One request on a connection of its own.
pub(crate) async fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &str,
) -> Answer {
    exchange(address, method, target, headers, "").await
}

/// The same with a body.
pub(crate) async fn exchange(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &str,
    body: &str,
) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: pbx.example:9498\r\nConnection: close\r\n{headers}\r\n{body}"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.expect("an answer");
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no head: {text}"));
    Answer {
        status: head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status"),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}
