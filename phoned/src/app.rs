//! What all requests share: the configuration, the gate, the makes, the caches and the clients of the services behind us.

use std::sync::Arc;

use kit::{
    auth_client::{AuthClient, CredentialSource},
    clock,
    http_client::ClientError,
};
use tokio_util::task::TaskTracker;

use crate::{
    cache::Caches,
    config::Config,
    dird_client::{AGENT, DirdClient},
    gate::Gate,
    lookup::Lookups,
    vendor::registry::{Choices, Registry, RegistryError},
};

/// The running application. Immutable: what changes is inside its parts.
pub struct App {
    /// The configuration.
    pub config: Arc<Config>,
    /// Who may speak.
    pub gate: Gate,
    /// The makes.
    pub registry: Registry,
    /// What is remembered.
    pub caches: Arc<Caches>,
    /// The search service.
    pub lookups: Lookups,
    /// The auth service and our token.
    pub auth: Arc<AuthClient>,
    /// Tasks of requests; awaited at stop.
    pub tasks: TaskTracker,
    /// When the configuration was read, in seconds since the epoch.
    pub loaded_at: f64,
}

/// What makes a configuration unusable though it has the right form.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A template or language file, or a setting about them.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The settings of a backend.
    #[error("{key}: {source}")]
    Client {
        /// `auth` or `dird`.
        key: &'static str,
        /// What is wrong.
        source: ClientError,
    },
}

impl App {
    /// Finds out whether `config` can be used, without keeping anything: reads and tries every template.
    pub fn check(config: &Config) -> Result<(), AppError> {
        Registry::load(&choices(config))?;
        Ok(())
    }

    /// Puts the parts together. Reads the templates, so it blocks on the file system.
    pub fn new(config: Config, gate: Gate) -> Result<Self, AppError> {
        let config = Arc::new(config);
        let registry = Registry::load(&choices(&config))?;
        for setting in &registry.unknown_settings {
            tracing::warn!(key = %setting, "unknown key in the configuration");
        }
        let source = CredentialSource::KeyFile(config.auth.key_file.clone());
        let failed = |key| move |source| AppError::Client { key, source };
        let auth = Arc::new(
            AuthClient::new(&config.auth.upstream, source, AGENT).map_err(failed("auth"))?,
        );
        let dird = DirdClient::new(&config.dird, Arc::clone(&auth)).map_err(failed("dird"))?;
        let caches = Arc::new(Caches::new(&config.cache));
        let tasks = TaskTracker::new();
        let parts = (Arc::clone(&auth), Arc::clone(&caches), Arc::clone(&config));
        Ok(Self {
            lookups: Lookups::new(dird, parts.0, parts.1, parts.2, tasks.clone()),
            loaded_at: clock::unix_seconds(),
            config,
            gate,
            registry,
            caches,
            auth,
            tasks,
        })
    }
}

fn choices(config: &Config) -> Choices {
    Choices {
        folder: config.templates_dir.clone(),
        vendors: config.vendors.clone(),
        disabled: config.disabled(),
        default_locale: config.i18n.default_locale.clone(),
        branding: config.branding.clone(),
    }
}
