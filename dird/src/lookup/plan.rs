//! A profile made ready: its display, and for each service its sources, opened, with the templates that the display needs.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use super::template::Formatter;
use crate::backends::{self, Source, Surroundings};
use crate::identity::TenantId;
use crate::store::model::{
    DisplayColumn, ProfileService, ResolvedProfile, Source as Configured, SourceId,
};

/// Sources kept open at most, over all tenants.
const OPEN: u64 = 10_000;

/// A source of a plan.
pub struct PlannedSource {
    /// Identifier in its tenant.
    pub id: SourceId,
    /// Name in results.
    pub name: String,
    /// Backend in results.
    pub backend: String,
    /// True if its contacts are the user's own.
    pub personal: bool,
    /// True if its contacts may be favourites: it is in the profile's `favorites` service.
    pub flagged: bool,
    /// Templates of the columns that the display shows.
    pub formatter: Formatter,
    /// The source itself.
    pub source: Arc<dyn Source>,
}

impl PlannedSource {
    fn new(
        configured: &Configured,
        source: Arc<dyn Source>,
        columns: &[DisplayColumn],
        favorites: &[SourceId],
    ) -> Self {
        let shown = columns.iter();
        let shown = shown.filter_map(|column| column.field.as_deref());
        Self {
            id: configured.uuid.clone(),
            name: configured.name.clone(),
            backend: configured.backend.clone(),
            personal: configured.backend == "personal",
            flagged: favorites.contains(&configured.uuid),
            formatter: Formatter::new(&configured.format_columns).only_for(shown),
            source,
        }
    }
}

/// What a profile says of one service.
#[derive(Default)]
pub struct Service {
    /// Usable sources, in the profile's order.
    pub sources: Vec<Arc<PlannedSource>>,
    /// The profile's own limit.
    pub timeout: Option<Duration>,
}

/// A profile, ready to be asked.
pub struct Plan {
    /// Columns of the display; none without a display (O-3).
    pub columns: Vec<DisplayColumn>,
    /// The `lookup` service.
    pub lookup: Service,
    /// The `favorites` service, if the profile has one.
    pub favorites: Option<Service>,
    favorite_sources: Vec<SourceId>,
}

impl Plan {
    /// A source that the profile need not use, shown as the profile shows its own.
    pub(super) async fn besides(
        &self,
        configured: &Configured,
        open: &OpenSources,
    ) -> Option<Arc<PlannedSource>> {
        let source = open.get(configured).await?;
        let favorites = &self.favorite_sources;
        let planned = PlannedSource::new(configured, source, &self.columns, favorites);
        Some(Arc::new(planned))
    }

    /// True if the display has a column that tells favourites.
    pub(super) fn shows_favorites(&self) -> bool {
        let mut columns = self.columns.iter();
        columns.any(|column| column.r#type.as_deref() == Some("favorite"))
    }

    /// Opens the sources of a profile. One that cannot be opened is left out and said in the log.
    pub(super) async fn new(resolved: ResolvedProfile, open: &OpenSources) -> Self {
        let columns = resolved
            .display
            .map(|display| display.columns)
            .unwrap_or_default();
        let services = &resolved.profile.services;
        let favorites = services.get("favorites");
        let favorite_sources = favorites.map_or_else(Vec::new, |service| service.sources.clone());
        let planning = Planning {
            configured: &resolved.sources,
            columns: &columns,
            favorites: &favorite_sources,
            open,
        };
        let lookup = match services.get("lookup") {
            Some(service) => planning.service(service).await,
            None => Service::default(),
        };
        let favorites = match favorites {
            Some(service) => Some(planning.service(service).await),
            None => None,
        };
        Self {
            columns,
            lookup,
            favorites,
            favorite_sources,
        }
    }
}

/// What the services of one profile are made of.
struct Planning<'a> {
    configured: &'a [Configured],
    columns: &'a [DisplayColumn],
    favorites: &'a [SourceId],
    open: &'a OpenSources,
}

impl Planning<'_> {
    async fn service(&self, service: &ProfileService) -> Service {
        let mut sources = Vec::new();
        for id in &service.sources {
            let configured = self.configured.iter().find(|source| source.uuid == *id);
            if let Some(configured) = configured
                && let Some(opened) = self.open.get(configured).await
            {
                sources.push(Arc::new(self.source(configured, opened)));
            }
        }
        Service {
            sources,
            timeout: timeout(service),
        }
    }

    fn source(&self, configured: &Configured, source: Arc<dyn Source>) -> PlannedSource {
        PlannedSource::new(configured, source, self.columns, self.favorites)
    }
}
/// `options.timeout` in seconds; null and nonsense are no limit of the profile's own.
fn timeout(service: &ProfileService) -> Option<Duration> {
    let seconds = service.options.as_ref()?.get("timeout")?.as_f64()?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|limit| !limit.is_zero())
}

type Identity = (TenantId, SourceId);

/// Sources that are open. One is opened again when its configuration is no longer the one it was opened with.
pub(super) struct OpenSources {
    around: Surroundings,
    /// The backends that are asked; none stands for all.
    only: Option<Vec<&'static str>>,
    open: Cache<Identity, Arc<Opened>>,
}

struct Opened {
    configured: Configured,
    source: Arc<dyn Source>,
}

impl OpenSources {
    pub(super) fn new(around: Surroundings) -> Self {
        Self {
            around,
            only: None,
            open: Cache::builder().max_capacity(OPEN).build(),
        }
    }

    /// The same, leaving out sources of other backends than these.
    pub(super) fn only(mut self, backends: Vec<&'static str>) -> Self {
        self.only = Some(backends);
        self
    }

    fn asks(&self, backend: &str) -> bool {
        let only = self.only.as_deref();
        only.is_none_or(|only| only.contains(&backend))
    }

    async fn get(&self, configured: &Configured) -> Option<Arc<dyn Source>> {
        if !self.asks(&configured.backend) {
            let (source, backend) = (&configured.name, &configured.backend);
            tracing::debug!(source, backend, "left out: the backend is switched off");
            return None;
        }
        let identity = (configured.tenant.clone(), configured.uuid.clone());
        if let Some(opened) = self.open.get(&identity).await
            && opened.configured == *configured
        {
            return Some(Arc::clone(&opened.source));
        }
        let (source, backend) = (&configured.name, &configured.backend);
        let Some(kind) = backends::kind(backend) else {
            tracing::warn!(source, backend, "no such backend");
            return None;
        };
        match kind.open(configured, &self.around).await {
            Ok(opened) => {
                let kept = Opened {
                    configured: configured.clone(),
                    source: Arc::clone(&opened),
                };
                self.open.insert(identity, Arc::new(kept)).await;
                Some(opened)
            }
            Err(error) => {
                tracing::error!(source, backend, %error, "the source cannot be used");
                None
            }
        }
    }
}
