//! dird as a member of a platform: its place on the message bus and in the registry of services.

use std::net::SocketAddr;
use std::sync::Arc;

use kit::bus::{Bus, Queue, Settings};
use kit::serve::Bound;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::config::{AuthBackend, Config};
use crate::events::Events;
use crate::identity::Authority;
use crate::registry::Registrar;
use crate::store::Store;
use crate::sync::{self, Sync};

use super::StartError;

/// The bus and the task that keeps it.
pub(super) struct Membership {
    pub(super) events: Events,
    bus: Bus,
    task: Option<JoinHandle<()>>,
}

impl Membership {
    /// Starts to connect; nothing waits for it.
    pub(super) fn join(
        config: &Config,
        store: &Store,
        authority: &Arc<dyn Authority>,
        stop: &CancellationToken,
    ) -> Self {
        let bus = if config.bus.enabled {
            Bus::new()
        } else {
            Bus::disabled()
        };
        let task = config.bus.enabled.then(|| {
            let sync = Sync::new(Arc::clone(store), Arc::clone(authority));
            tokio::spawn(bus.clone().run(settings(config), sync, stop.clone()))
        });
        Self {
            events: Events::new(bus.clone(), config.platform()),
            bus,
            task,
        }
    }

    /// Sends what waits and leaves; to be called when no request is under way any more.
    pub(super) async fn leave(self) {
        self.bus.close();
        if let Some(task) = self.task
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the bus task failed");
        }
    }
}

fn settings(config: &Config) -> Settings {
    let bus = &config.bus;
    Settings {
        client: "dird",
        host: bus.host.clone(),
        port: bus.port,
        username: bus.username.clone(),
        password: bus.password.clone(),
        vhost: bus.vhost.clone(),
        exchange_name: bus.exchange_name.clone(),
        exchange_type: bus.exchange_type.clone(),
        queue: Queue::Prefixed("wazo-dird"),
        events: match config.auth.backend {
            AuthBackend::Wazo => sync::WITH_AUTH_SERVICE,
            AuthBackend::Builtin => sync::WITH_OWN_ACCOUNTS,
        },
    }
}

/// Keeps the dird that listens at `rest` registered, if that is asked for; one of `tasks` does it.
pub(super) fn register(
    config: &Config,
    rest: (SocketAddr, bool),
    events: &Events,
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
) -> Result<(), StartError> {
    if !config.service_discovery.enabled {
        return Ok(());
    }
    // Checked with the configuration.
    let platform = config.platform().unwrap_or_default();
    let settings = (&config.consul, &config.service_discovery);
    let registrar = Registrar::new(settings, rest, platform, events.clone());
    tasks.spawn(registrar.map_err(StartError::Consul)?.keep(stop.clone()));
    Ok(())
}

/// The operators' port. That another program has it is said and forgiven: directories are what dird is for.
pub(super) fn bind_monitor(config: &Config) -> Option<Bound> {
    let address = SocketAddr::new(config.metrics.listen, config.metrics.port?);
    let bound = Bound::bind(address);
    bound
        .inspect_err(|error| tracing::warn!("no metrics: {error}"))
        .ok()
}
