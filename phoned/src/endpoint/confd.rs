//! What phoned asks confd (phoned.md §11–§13): users with their lines and do-not-disturb, lines, devices, feature extensions.
//! Answers have far more keys; only those that are used are read, and any of them may be missing.

use std::sync::Arc;

use http::StatusCode;
use kit::{
    auth_client::AuthClient,
    http_client::{ClientError, Upstream},
};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::service::{Service, ServiceError};
use crate::directory::link::encoded;

/// A user.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    /// Its identifier, however it was asked for.
    pub(super) uuid: Option<String>,
    /// Its tenant.
    pub(super) tenant_uuid: Option<String>,
    #[serde(default)]
    services: Option<Services>,
    #[serde(default)]
    lines: Option<Vec<Line>>,
}

#[derive(Debug, Clone, Deserialize)]
struct Services {
    dnd: Option<Switch>,
}

#[derive(Debug, Clone, Deserialize)]
struct Switch {
    enabled: Option<bool>,
}

impl User {
    /// Whether do-not-disturb is on; a user without that service has it off.
    pub(super) fn dnd(&self) -> bool {
        let dnd = self
            .services
            .as_ref()
            .and_then(|services| services.dnd.as_ref());
        dnd.and_then(|dnd| dnd.enabled).unwrap_or(false)
    }

    /// The SIP endpoints of the lines; a line of another kind has none.
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &str> {
        let lines = self.lines.iter().flatten();
        lines.filter_map(|line| line.endpoint_sip.as_ref()?.name.as_deref())
    }
}

/// A line.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Line {
    name: Option<String>,
    /// The device that has it; `None` = no device is known.
    pub(super) device_id: Option<String>,
    endpoint_sip: Option<SipEndpoint>,
}

#[derive(Debug, Clone, Deserialize)]
struct SipEndpoint {
    name: Option<String>,
}

impl Line {
    /// Whether the line, or its endpoint, is called exactly so (D20).
    fn is_called(&self, endpoint: &str) -> bool {
        let sip = self.endpoint_sip.as_ref();
        let sip = sip.and_then(|sip| sip.name.as_deref());
        self.name.as_deref() == Some(endpoint) || sip == Some(endpoint)
    }
}

#[derive(Debug, Deserialize)]
struct Device {
    vendor: Option<String>,
}

/// An extension that stands for a feature.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Feature {
    /// `enablednd` for instance.
    pub(super) feature: String,
    /// Its extension; it may be a pattern.
    pub(super) exten: Option<String>,
}

#[derive(Deserialize)]
struct Items<T> {
    items: Vec<T>,
}

/// The configuration service.
pub(super) struct Confd(Service);

impl Confd {
    /// The confd at `upstream`, asked with the token of `auth`.
    pub(super) fn new(upstream: &Upstream, auth: Arc<AuthClient>) -> Result<Self, ClientError> {
        Service::new("confd", upstream, "1.1", auth).map(Self)
    }

    /// The user with this UUID or number; `None` = there is none.
    pub(super) async fn user(&self, id: &str, by: Instant) -> Result<Option<User>, ServiceError> {
        let Some(id) = segment(id) else {
            return Ok(None);
        };
        let user = self
            .0
            .ask(by, |http, base| http.get(format!("{base}/users/{id}")));
        let user = user.await?;
        if user.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        user.read().map(Some)
    }

    /// Switches do-not-disturb of the user `id`; false = there is no such user.
    pub(super) async fn set_dnd(
        &self,
        id: &str,
        enabled: bool,
        by: Instant,
    ) -> Result<bool, ServiceError> {
        let Some(id) = segment(id) else {
            return Ok(false);
        };
        let body = json!({"enabled": enabled});
        let answer = self.0.ask(by, |http, base| {
            http.put(format!("{base}/users/{id}/services/dnd"))
                .json(&body)
        });
        match answer.await?.status {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(true),
            other => Err(ServiceError::Refused(other)),
        }
    }

    /// The line whose endpoint is called `endpoint`; `None` = there is none. confd itself finds parts of names too.
    pub(super) async fn line(
        &self,
        endpoint: &str,
        by: Instant,
    ) -> Result<Option<Line>, ServiceError> {
        let name = encoded(endpoint).to_string();
        let found = self.0.ask(by, |http, base| {
            http.get(format!("{base}/lines?search={name}&recurse=True"))
        });
        let lines: Items<Line> = found.await?.read()?;
        Ok(lines
            .items
            .into_iter()
            .find(|line| line.is_called(endpoint)))
    }

    /// The vendor of the device `id`, trimmed and in small letters, empty if it has none; `None` = there is no such device.
    pub(super) async fn vendor(
        &self,
        id: &str,
        by: Instant,
    ) -> Result<Option<String>, ServiceError> {
        let Some(id) = segment(id) else {
            return Ok(None);
        };
        let device = self
            .0
            .ask(by, |http, base| http.get(format!("{base}/devices/{id}")));
        let device = device.await?;
        if device.status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let device: Device = device.read()?;
        Ok(Some(
            device.vendor.unwrap_or_default().trim().to_lowercase(),
        ))
    }

    /// All feature extensions.
    pub(super) async fn features(&self, by: Instant) -> Result<Vec<Feature>, ServiceError> {
        let features = self.0.ask(by, |http, base| {
            http.get(format!("{base}/extensions/features"))
        });
        let features: Items<Feature> = features.await?.read()?;
        Ok(features.items)
    }
}

/// `id` as one segment of a path; `None` if it would lead to another place.
fn segment(id: &str) -> Option<String> {
    let leads_away = matches!(id, "" | "." | "..");
    (!leads_away).then(|| encoded(id).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn do_not_disturb_is_off_where_nothing_is_said_about_it() {
        for (body, on) in [
            (json!({}), false),
            (json!({"services": null, "lines": null}), false),
            (json!({"services": {}}), false),
            (json!({"services": {"dnd": {"enabled": null}}}), false),
            (json!({"services": {"dnd": {"enabled": true}}}), true),
        ] {
            let user: User = serde_json::from_value(body.clone()).expect("a user");
            assert_eq!(user.dnd(), on, "{body}");
        }
    }

    #[test]
    fn an_identifier_never_leads_to_another_path() {
        assert_eq!(segment("a/b?c").as_deref(), Some("a%2Fb%3Fc"));
        for id in ["", ".", ".."] {
            assert_eq!(segment(id), None, "{id:?}");
        }
    }
}
