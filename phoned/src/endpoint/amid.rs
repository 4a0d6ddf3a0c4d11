//! What phoned has amid do (phoned.md §11–§13): tell a phone to press a key of its own, change the state of a lamp.

use std::sync::Arc;

use kit::{
    auth_client::AuthClient,
    http_client::{ClientError, Upstream},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::service::{Service, ServiceError};
use crate::tally;

/// Why an action was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AmidError {
    /// amid could not be asked.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The telephone exchange behind it refuses, with these words.
    #[error("{0}")]
    Refused(String),
}

impl AmidError {
    /// Whether the same action may succeed a little later.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Service(error) if error.may_pass())
    }
}

/// The telephony service.
pub(super) struct Amid(Service);

impl Amid {
    /// The amid at `upstream`, asked with the token of `auth`.
    pub(super) fn new(upstream: &Upstream, auth: Arc<AuthClient>) -> Result<Self, ClientError> {
        Service::new("amid", upstream, "1.0", auth).map(Self)
    }

    /// Has the phone of `endpoint` behave as if its key `key` were pressed.
    pub(super) async fn press(
        &self,
        endpoint: &str,
        key: &str,
        by: Instant,
    ) -> Result<(), AmidError> {
        let body = json!({
            "Endpoint": endpoint,
            "Variable": ["Content-Type=message/sipfrag", "Event=ACTION-URI", format!("Content=key={key}")],
        });
        self.act("PJSIPNotify", &body, by).await
    }

    /// Has the lamps that watch the custom device `exten` show whether it is in use.
    pub(super) async fn light(
        &self,
        exten: &str,
        in_use: bool,
        by: Instant,
    ) -> Result<(), AmidError> {
        let state = if in_use { "INUSE" } else { "NOT_INUSE" };
        let body = json!({"command": format!("devstate change Custom:{exten} {state}")});
        self.act("Command", &body, by).await
    }

    async fn act(&self, action: &'static str, body: &Value, by: Instant) -> Result<(), AmidError> {
        let result = self.send(action, body, by).await;
        let outcome = if result.is_ok() { "done" } else { "failed" };
        tally::acted(action, outcome);
        result
    }

    async fn send(&self, action: &'static str, body: &Value, by: Instant) -> Result<(), AmidError> {
        let answer = self.0.ask(by, |http, base| {
            http.post(format!("{base}/action/{action}")).json(body)
        });
        let results: Value = answer.await?.read()?;
        match refusal(&results) {
            Some(words) => Err(AmidError::Refused(words)),
            None => Ok(()),
        }
    }
}

/// What the exchange says against the action, if one of its results is an error.
fn refusal(results: &Value) -> Option<String> {
    let all = match results {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let is_error = |result: &&Value| result["Response"] == "Error";
    let words = all.iter().find(is_error)?["Message"].as_str();
    Some(words.unwrap_or("no reason given").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_error_among_the_results_is_a_refusal() {
        let good = json!({"Response": "Success", "Message": "sent"});
        let bad = json!({"Response": "Error", "Message": "no such endpoint"});
        assert_eq!(refusal(&json!([good])), None);
        assert_eq!(refusal(&json!({"response": ["done"]})), None);
        let words = Some("no such endpoint".to_owned());
        assert_eq!(refusal(&json!([good, bad])), words);
        assert_eq!(refusal(&bad), words);
    }
}
