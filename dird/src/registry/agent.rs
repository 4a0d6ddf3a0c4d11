//! The four calls to a Consul agent.

use std::time::Duration;

use http::StatusCode;
use kit::http_client::{ClientError, Upstream};
use kit::secret::Secret;
use reqwest::Client;
use serde_json::{Value, json};

use crate::config::Consul;
use crate::events::{Registration, SERVICE};

/// For one call.
const DEADLINE: Duration = Duration::from_secs(2);

/// Why a call did not do what it should.
#[derive(Debug, thiserror::Error)]
pub(super) enum AgentError {
    /// No answer.
    #[error("no answer from Consul")]
    Unreachable,
    /// An answer other than success.
    #[error("Consul answered {0}")]
    Refused(StatusCode),
}

impl AgentError {
    /// True if Consul is there but does not know us, or does not want us.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

pub(super) struct Agent {
    http: Client,
    base: String,
    token: Option<Secret>,
}

impl Agent {
    pub(super) fn new(consul: &Consul) -> Result<Self, ClientError> {
        let upstream = Upstream {
            host: consul.host.clone().unwrap_or_default(),
            port: consul.port,
            https: consul.scheme == "https",
            prefix: None,
            timeout: DEADLINE,
            verify_certificate: consul.verify.clone(),
        };
        Ok(Self {
            http: upstream.client(SERVICE)?,
            base: format!("{}/agent", upstream.base_url("v1")),
            token: consul.token.clone().filter(|token| !token.is_empty()),
        })
    }

    /// Makes the service known, with a check that fails `ttl` after the last sign of life.
    pub(super) async fn register(
        &self,
        registration: &Registration,
        ttl: Duration,
    ) -> Result<(), AgentError> {
        let body = json!({
            "ID": registration.id, "Name": SERVICE, "Address": registration.address,
            "Port": registration.port, "Tags": registration.tags,
            "Check": {"TTL": format!("{}s", ttl.as_secs_f64())},
        });
        self.put("service/register", Some(&body)).await
    }

    /// A sign of life.
    pub(super) async fn pass(&self, id: &str) -> Result<(), AgentError> {
        self.put(&format!("check/pass/service:{id}"), None).await
    }

    /// Takes check and service out, the service even if the check could not be.
    pub(super) async fn deregister(&self, id: &str) -> Result<(), AgentError> {
        let check = format!("check/deregister/service:{id}");
        let checked = self.put(&check, None).await;
        self.put(&format!("service/deregister/{id}"), None).await?;
        checked
    }

    async fn put(&self, path: &str, body: Option<&Value>) -> Result<(), AgentError> {
        let mut request = self.http.put(format!("{}/{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header("X-Consul-Token", token.expose());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|_| AgentError::Unreachable)?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(AgentError::Refused(answer.status()))
    }
}
