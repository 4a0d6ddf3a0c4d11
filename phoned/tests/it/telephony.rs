//! An exchange with a few telephones: what confd knows, and a phoned between it, amid and the bus.

use e2e::{
    broker::{Broker, Peer},
    platform::{self, Call, Server},
};
use serde_json::{Value, json};

use crate::{
    site::Site,
    stub::{TENANT, USER},
};

/// A user that confd numbers 42, with three telephones of makes that are told of do-not-disturb, and others.
pub(crate) fn installation() -> Value {
    let line = |name: &str, device: Option<&str>| json!({"id": 1, "name": name, "device_id": device, "endpoint_sip": {"name": name}});
    let user = |lines: &[&str], services: Value| {
        let lines: Vec<Value> = lines
            .iter()
            .map(|name| json!({"id": 7, "name": name, "endpoint_sip": {"name": name}}))
            .collect();
        json!({"uuid": USER, "id": 42, "tenant_uuid": TENANT, "services": services, "lines": lines})
    };
    let mut several = user(
        &["yea", "fan", "sno", "lost", "yea"],
        json!({"dnd": {"enabled": false}}),
    );
    let skinny = json!({"id": 9, "name": "sccp", "endpoint_sccp": {"id": 1}, "endpoint_sip": null});
    several["lines"]
        .as_array_mut()
        .expect("a list")
        .push(skinny);
    json!({
        "users": {USER: several, "42": several, "on": user(&[], json!({"dnd": {"enabled": true}})),
                  "without": user(&[], json!({}))},
        "lines": [
            line("yea", Some("d-yea")), line("fan", Some("d-fan")), line("sno", Some("d-sno")), line("lost", None),
            line("spaced", Some("d-spaced")), line("bare", Some("d-bare")), line("ghost", Some("d-ghost")),
            line("yea.2", Some("d-yea")), line("1001", Some("d-sno")), line("100", Some("d-yea")),
            {"id": 3, "name": "line-name", "device_id": "d-fan", "endpoint_sip": {"name": "sip-name line-name"}},
        ],
        "devices": {
            "d-yea": {"vendor": "Yealink"}, "d-fan": {"vendor": "Fanvil"}, "d-sno": {"vendor": "Snom"},
            "d-spaced": {"vendor": "  yeaLINK "}, "d-bare": {"vendor": null},
        },
        "features": [
            {"feature": "phoneprogfunckey", "exten": "_*735."}, {"feature": "enablednd", "exten": "*25"},
            {"feature": "incallfilter", "exten": "*27"}, {"feature": "fwdunc", "exten": "_*21."},
            {"feature": "fwdrna", "exten": "_*22."}, {"feature": "fwdbusy", "exten": "_*23."},
        ],
    })
}

/// A phoned with an exchange.
pub(crate) struct Exchange {
    /// phoned, auth and dird.
    pub(crate) site: Site,
    /// Who has which telephone.
    pub(crate) confd: Server,
    /// What telephones are told.
    pub(crate) amid: Server,
}

impl Exchange {
    /// One with the defaults and no bus.
    pub(crate) async fn start() -> Self {
        Self::with(json!({}), installation()).await
    }

    /// One with `changes` to the defaults, whose confd has `data`.
    pub(crate) async fn with(mut changes: Value, data: Value) -> Self {
        let confd = platform::confd(data).expect("a confd");
        let amid = platform::amid().expect("an amid");
        changes["confd"] = confd.upstream();
        changes["amid"] = amid.upstream();
        Self {
            site: Site::with(changes).await,
            confd,
            amid,
        }
    }

    /// One on a bus, and another member of it.
    pub(crate) async fn on_bus(mut changes: Value, data: Value) -> (Self, Peer) {
        let shared = tokio::task::spawn_blocking(|| {
            let broker = Broker::shared();
            (broker, broker.vhost().expect("a virtual host"))
        });
        let (broker, vhost) = shared.await.expect("a broker");
        changes["bus"] =
            json!({"enabled": true, "host": "127.0.0.1", "port": broker.port, "vhost": vhost});
        let peer = Peer::join(broker, &vhost).await.expect("a member");
        let exchange = Self::with(changes, data).await;
        exchange.until_bus("ok").await;
        (exchange, peer)
    }

    /// Waits for a status of the bus.
    pub(crate) async fn until_bus(&self, status: &str) {
        let connected = async {
            while self.site.get("/0.1/status").await.json()["bus_consumer"]["status"] != status {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(60), connected).await;
        assert!(waited.is_ok(), "the bus is never {status}");
    }

    /// Has a program press a key of a telephone.
    pub(crate) async fn press(&self, path: &str) -> crate::site::Answer {
        let target = format!("/0.1/endpoints/{path}");
        self.site.operate("PUT", &target, "").await
    }

    /// The bodies of what amid was asked, by the action.
    pub(crate) fn actions(&self) -> Vec<(String, Value)> {
        actions(self.amid.calls())
    }

    /// The do-not-disturb states that confd was sent.
    pub(crate) fn switched(&self) -> Vec<Value> {
        let calls = self.confd.calls().into_iter();
        let writes = calls.filter(|call| call.method == "PUT");
        writes.map(|call| call.body).collect()
    }

    pub(crate) async fn stop(self) {
        self.site.stop().await;
    }
}

/// Action and body of each of `calls` to amid.
pub(crate) fn actions(calls: Vec<Call>) -> Vec<(String, Value)> {
    let action = |call: Call| {
        let action = call.line().replace("POST /1.0/action/", "");
        (action, call.body)
    };
    calls.into_iter().map(action).collect()
}

/// What amid is asked to have a telephone press `key`.
pub(crate) fn pressed(endpoint: &str, key: &str) -> (String, Value) {
    let body = json!({
        "Endpoint": endpoint,
        "Variable": ["Content-Type=message/sipfrag", "Event=ACTION-URI", format!("Content=key={key}")],
    });
    ("PJSIPNotify".to_owned(), body)
}

/// What amid is asked to set a lamp.
pub(crate) fn lit(device: &str, state: &str) -> (String, Value) {
    let body = json!({"command": format!("devstate change Custom:{device} {state}")});
    ("Command".to_owned(), body)
}
