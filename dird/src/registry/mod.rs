//! dird's place in Consul, the platform's registry of services (dird-platform.md §6.1): registered once it serves, kept alive by
//! a sign every few seconds, taken out at the stop. A registry that is away is tried again and again; nothing waits for it.
//!
//! `agent` makes the calls, `address` finds out where others reach this machine.

mod address;
mod agent;

use std::net::SocketAddr;
use std::time::Duration;

use kit::http_client::{ClientError, Upstream, Verify};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::agent::{Agent, AgentError};
use crate::config::{Consul, ServiceDiscovery};
use crate::events::{Events, Registration, SERVICE};

/// For all calls at the stop together.
const FAREWELL: Duration = Duration::from_secs(2);

/// For dird to answer itself.
const OWN_ANSWER: Duration = Duration::from_secs(5);

/// Keeps dird registered.
pub(crate) struct Registrar {
    agent: Agent,
    /// To ask dird itself, and where.
    own: reqwest::Client,
    own_status: String,
    registration: Registration,
    ttl: Duration,
    refresh: Duration,
    retry: Duration,
    events: Events,
}

impl Registrar {
    /// A registrar for the dird that listens at `rest` (over TLS if `tls`), on the platform `platform`.
    pub(crate) fn new(
        (consul, settings): (&Consul, &ServiceDiscovery),
        (rest, tls): (SocketAddr, bool),
        platform: String,
        events: Events,
    ) -> Result<Self, ClientError> {
        let own = Upstream {
            host: reachable(rest).ip().to_string(),
            port: rest.port(),
            https: tls,
            prefix: None,
            timeout: OWN_ANSWER,
            verify_certificate: Verify::Switch(false),
        };
        let mut tags = vec![platform, SERVICE.to_owned()];
        tags.extend(settings.extra_tags.iter().cloned());
        Ok(Self {
            agent: Agent::new(consul)?,
            own: own.client(SERVICE)?,
            own_status: format!("{}/status", own.base_url("0.1")),
            registration: Registration {
                id: uuid::Uuid::new_v4().to_string(),
                address: address::advertised(settings),
                port: settings.advertise_port,
                tags,
            },
            ttl: Duration::from_secs_f64(settings.ttl_interval),
            refresh: Duration::from_secs_f64(settings.refresh_interval),
            retry: Duration::from_secs_f64(settings.retry_interval),
            events,
        })
    }

    /// Registers and stays registered until `stop`, then deregisters.
    pub(crate) async fn keep(self, stop: CancellationToken) {
        if stop.run_until_cancelled(self.serving()).await.is_none() {
            return;
        }
        let mut registered = false;
        while !stop.is_cancelled() {
            let pause = match self.sign(registered).await {
                Ok(()) if registered => self.refresh,
                Ok(()) => {
                    registered = true;
                    tracing::info!(id = self.registration.id, "registered in Consul");
                    self.events.publish_registered(&self.registration);
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%error, "not registered in Consul");
                    registered &= !error.is_answer();
                    self.retry
                }
            };
            stop.run_until_cancelled(sleep(pause)).await;
        }
        if registered {
            self.leave().await;
        }
    }

    /// Registers, or says that dird is alive.
    async fn sign(&self, registered: bool) -> Result<(), AgentError> {
        if registered {
            self.agent.pass(&self.registration.id).await
        } else {
            self.agent.register(&self.registration, self.ttl).await
        }
    }

    /// Waits until dird answers itself, with whatever status: the listener is what others need.
    async fn serving(&self) {
        while self.own.get(&self.own_status).send().await.is_err() {
            sleep(self.retry).await;
        }
    }

    async fn leave(&self) {
        let left = timeout(FAREWELL, self.agent.deregister(&self.registration.id)).await;
        match left {
            Ok(Ok(())) => tracing::info!("deregistered from Consul"),
            Ok(Err(error)) => tracing::warn!(%error, "not deregistered from Consul"),
            Err(_) => tracing::warn!("not deregistered from Consul: no answer in time"),
        }
        self.events.publish_deregistered(&self.registration);
    }
}

/// Where a listener on `bound` is reached from this machine.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let mut own = bound;
    if bound.ip().is_unspecified() {
        own.set_ip(if bound.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    own
}
