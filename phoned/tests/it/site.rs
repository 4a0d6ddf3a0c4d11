//! A phoned between a stub and a phone.

use std::{io::Write, net::SocketAddr};

use phoned::{Running, config::Config};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::stub::{Stub, USER};

/// A running phoned and its stub.
pub(crate) struct Site {
    /// Both backends; `None` once stopped.
    pub(crate) stub: Stub,
    /// Where phoned listens.
    pub(crate) address: SocketAddr,
    running: Running,
    _folder: TempDir,
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
            "auth": upstream, "dird": upstream,
            "rest_api": {"http": {"listen": "127.0.0.1", "port": 0}, "https": {"enabled": false}},
        }),
    );
    tree["auth"]["key_file"] = json!(key_file);
    merge(&mut tree, changes);
    serde_json::from_value(tree).expect("a configuration")
}

fn merge(tree: &mut Value, changes: &Value) {
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
        let folder = TempDir::new().expect("a folder");
        let stub = Stub::start();
        let running = phoned::run(config(&folder, stub.address, &changes))
            .await
            .expect("it starts");
        let address = running.http[0];
        Self {
            stub,
            address,
            running,
            _folder: folder,
        }
    }

    /// Sends a GET as a phone would.
    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.send(target, "").await
    }

    /// Sends a GET with further header lines.
    pub(crate) async fn send(&self, target: &str, headers: &str) -> Answer {
        request(self.address, "GET", target, headers).await
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
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "{method} {target} HTTP/1.1\r\nHost: pbx.example:9498\r\nConnection: close\r\n{headers}\r\n"
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
