//! Programs that manage a site over dird's REST API.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::wire;

/// dird's API, and who asks it.
#[derive(Clone, Debug)]
pub struct Rest {
    /// Where it is.
    pub address: SocketAddr,
    /// The token that requests bear.
    pub token: String,
}

impl Rest {
    /// The bytes of a request with a JSON body; `path` is below the API's version.
    pub fn request(&self, method: &str, path: &str, body: &str) -> String {
        format!(
            "{method} /0.1{path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        )
    }

    /// Sends JSON and reads JSON; an answer that refuses is an error. An answer without a body is null.
    pub async fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let request = self.request(method, path, &body.to_string());
        let answer = wire::exchange(self.address, None, request.as_bytes()).await?;
        let said = || String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(
            answer.status < 300,
            "{method} {path} answers {}: {}",
            answer.status,
            said()
        );
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        answer.json()
    }

    /// Creates an object and returns its UUID.
    pub async fn create(&self, path: &str, body: &Value) -> Result<String> {
        let made = self.send("POST", path, body).await?;
        let uuid = made["uuid"].as_str().map(str::to_owned);
        uuid.with_context(|| format!("{path} answers an object without uuid"))
    }

    /// What is at `path`.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let url = format!("http://{}/0.1{path}", self.address);
        let answer = wire::get(&url, None, &[("X-Auth-Token", &self.token)]).await?;
        ensure!(answer.status == 200, "{path} answers {}", answer.status);
        answer.json()
    }
}
