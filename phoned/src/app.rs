//! What all requests share: the configuration, the gate, the makes, the caches and the clients of the services behind us.

use std::sync::Arc;

use kit::{
    auth_client::{AuthClient, CredentialSource},
    bus::Bus,
    clock,
    http_client::ClientError,
};
use tokio_util::task::TaskTracker;

use crate::{
    cache::Caches,
    config::Config,
    dird_client::{AGENT, DirdClient},
    directory::short::ShortLinks,
    endpoint::Endpoints,
    gate::{CANDIDATE, Gate, GateFault},
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
    pub registry: Arc<Registry>,
    /// What is remembered.
    pub caches: Arc<Caches>,
    /// The short page links of the last minutes.
    pub short_links: ShortLinks,
    /// The search service.
    pub lookups: Lookups,
    /// The telephones.
    pub endpoints: Arc<Endpoints>,
    /// The auth service and our token.
    pub auth: Arc<AuthClient>,
    /// The message bus.
    pub bus: Bus,
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
    /// The allowlist.
    #[error(transparent)]
    Gate(#[from] GateFault),
    /// An entry of the allowlist names a language that there is not.
    #[error("rest_api.authorized_subnets: there is no language {0}")]
    Locale(String),
    /// An entry of an allowlist names a make that there is not, so that it would serve nobody.
    #[error("{key}: there is no make {make}")]
    Make {
        /// The key of the entry.
        key: String,
        /// What it names.
        make: String,
    },
    /// The settings of a backend.
    #[error("{key}: {source}")]
    Client {
        /// `auth`, `dird`, `confd` or `amid`.
        key: &'static str,
        /// What is wrong.
        source: ClientError,
    },
}

impl App {
    /// Finds out whether `config` can be used, without keeping anything: reads and tries every template. The keys below `vendors`
    /// that no make has.
    pub fn check(config: &Config) -> Result<Vec<String>, AppError> {
        let gate = Gate::new(&config.rest_api)?;
        let registry = Registry::load(&choices(config))?;
        check_entries(&registry, &gate)?;
        Ok(registry.unknown_settings)
    }

    /// The application under another configuration: what is remembered stays, backends, bus and listeners too. Blocks like
    /// [`App::new`].
    pub fn with(&self, config: Config, gate: Gate) -> Result<Self, AppError> {
        let config = Arc::new(config);
        let chosen = choices(&config);
        // The files of a folder may have changed, those compiled in have not.
        let registry = if chosen.folder.is_none() && chosen == choices(&self.config) {
            Arc::clone(&self.registry)
        } else {
            Arc::new(load(&chosen)?)
        };
        check_entries(&registry, &gate)?;
        let caches = Arc::new(self.caches.renewed(&self.config, &config));
        Ok(Self {
            lookups: self.lookups.with(Arc::clone(&caches), Arc::clone(&config)),
            loaded_at: clock::unix_seconds(),
            config,
            gate,
            registry,
            caches,
            short_links: self.short_links.clone(),
            endpoints: Arc::clone(&self.endpoints),
            auth: Arc::clone(&self.auth),
            bus: self.bus.clone(),
            tasks: self.tasks.clone(),
        })
    }

    /// Puts the parts together. Reads the templates, so it blocks on the file system.
    pub fn new(config: Config, gate: Gate) -> Result<Self, AppError> {
        let config = Arc::new(config);
        let registry = Arc::new(load(&choices(&config))?);
        check_entries(&registry, &gate)?;
        let source = CredentialSource::KeyFile(config.auth.key_file.clone());
        let failed = |key| move |source| AppError::Client { key, source };
        let auth = Arc::new(
            AuthClient::new(&config.auth.upstream, source, AGENT).map_err(failed("auth"))?,
        );
        let dird = DirdClient::new(&config.dird, Arc::clone(&auth)).map_err(failed("dird"))?;
        let dird = Arc::new(dird);
        let endpoints = Endpoints::new(&config.confd, &config.amid, &auth)
            .map_err(|(key, source)| AppError::Client { key, source })?;
        let caches = Arc::new(Caches::new(&config.cache));
        let tasks = TaskTracker::new();
        let bus = if config.bus.enabled {
            Bus::new()
        } else {
            Bus::disabled()
        };
        let parts = (Arc::clone(&auth), Arc::clone(&caches), Arc::clone(&config));
        Ok(Self {
            lookups: Lookups::new(dird, parts.0, parts.1, parts.2, tasks.clone()),
            loaded_at: clock::unix_seconds(),
            config,
            gate,
            registry,
            caches,
            short_links: ShortLinks::default(),
            endpoints: Arc::new(endpoints),
            auth,
            bus,
            tasks,
        })
    }
}

/// Reads the makes, and warns of settings that none of them has.
fn load(choices: &Choices) -> Result<Registry, RegistryError> {
    let registry = Registry::load(choices)?;
    for setting in &registry.unknown_settings {
        tracing::warn!(key = %setting, "unknown key in the configuration");
    }
    Ok(registry)
}

/// Every make and every language that the entries of `gate` name must be there.
fn check_entries(registry: &Registry, gate: &Gate) -> Result<(), AppError> {
    let lists = std::iter::once((&gate.rules, None));
    let tried = gate.candidate.iter().map(|rules| (rules, Some(CANDIDATE)));
    for (rules, list) in lists.chain(tried) {
        if let Some((place, make)) = rules.unknown_make(&registry.makes) {
            let key = list.map_or_else(|| place.to_string(), |list| place.within(list));
            let make = make.to_owned();
            return Err(AppError::Make { key, make });
        }
    }
    let settings = gate.rules.all().iter();
    let settings = settings.filter_map(|rule| rule.settings.as_ref());
    let mut tags = settings.filter_map(|settings| settings.locale.as_deref());
    match tags.find(|tag| registry.catalogue.find(tag).is_none()) {
        Some(unknown) => Err(AppError::Locale(unknown.to_owned())),
        None => Ok(()),
    }
}

/// What `config` says about makes and languages.
pub fn choices(config: &Config) -> Choices {
    Choices {
        folder: config.templates_dir.clone(),
        vendors: config.vendors.clone(),
        disabled: config.disabled(),
        default_locale: config.i18n.default_locale.clone(),
        branding: config.branding.clone(),
    }
}
