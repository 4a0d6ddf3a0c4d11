//! A profile made ready: its display, and for each service its sources, opened, with the templates that the display needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moka::future::Cache;

use super::number::Region;
use super::template::Formatter;
use crate::backends::{self, Health, Source, SourceError, SourceKind, Surroundings};
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
    failures: AtomicU32,
}

impl PlannedSource {
    /// Says in the log that the source did not answer: at the first, second, fourth … time.
    pub fn failed(&self, error: &SourceError) {
        let times = self
            .failures
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add(1);
        if times.is_power_of_two() {
            tracing::error!(source = self.name, %error, times, "the source did not answer");
        }
    }

    /// A source without templates.
    #[cfg(test)]
    pub(super) fn of(name: &str, source: Arc<dyn Source>) -> Self {
        Self {
            id: SourceId(name.to_owned()),
            name: name.to_owned(),
            backend: String::new(),
            personal: false,
            flagged: false,
            formatter: Formatter::default(),
            source,
            failures: AtomicU32::new(0),
        }
    }
}

/// Which columns of a contact are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Formatted {
    /// Those that the display shows.
    Shown,
    /// All of them.
    All,
}

impl PlannedSource {
    fn new(
        configured: &Configured,
        source: Arc<dyn Source>,
        columns: Option<&[DisplayColumn]>,
        favorites: &[SourceId],
    ) -> Self {
        let mut formatter = Formatter::new(&configured.format_columns);
        let kind = backends::kind(&configured.backend);
        if let Some(template) = kind.and_then(SourceKind::implicit_reverse) {
            formatter = formatter.or("reverse", template);
        }
        if let Some(columns) = columns {
            let shown = columns.iter();
            formatter = formatter.only_for(shown.filter_map(|column| column.field.as_deref()));
        }
        Self {
            id: configured.uuid.clone(),
            name: configured.name.clone(),
            backend: configured.backend.clone(),
            personal: configured.backend == "personal",
            flagged: favorites.contains(&configured.uuid),
            formatter,
            source,
            failures: AtomicU32::new(0),
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
    /// The country whose ways to write numbers are one.
    pub(super) region: Option<&'static Region>,
    /// True if digits are also taken for the letters of a keypad.
    pub(super) keypad: bool,
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
    /// The `reverse` service; its contacts get all their columns.
    pub reverse: Service,
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
        let planned = PlannedSource::new(configured, source, Some(&self.columns), favorites);
        Some(Arc::new(planned))
    }

    /// True if the display has a column that tells favourites.
    pub(super) fn shows_favorites(&self) -> bool {
        let mut columns = self.columns.iter();
        columns.any(|column| column.r#type.as_deref() == Some("favorite"))
    }

    /// Opens the sources of a profile. One that cannot be opened is left out and said in the log. Numbers are those of
    /// `country`, unless the profile names another.
    pub(super) async fn new(
        resolved: ResolvedProfile,
        country: Option<&str>,
        open: &OpenSources,
    ) -> Self {
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
        let (mut lookup, mut reverse) = (Service::default(), Service::default());
        if let Some(service) = services.get("lookup") {
            lookup = planning.service(service, Formatted::Shown).await;
        }
        if let Some(service) = services.get("reverse") {
            reverse = planning.service(service, Formatted::All).await;
            reverse.region = reverse.region.or(country.and_then(Region::named));
        }
        let favorites = match favorites {
            Some(service) => Some(planning.service(service, Formatted::Shown).await),
            None => None,
        };
        Self {
            columns,
            lookup,
            favorites,
            favorite_sources,
            reverse,
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
    async fn service(&self, service: &ProfileService, formatted: Formatted) -> Service {
        let columns = (formatted == Formatted::Shown).then_some(self.columns);
        let mut sources = Vec::new();
        for id in &service.sources {
            let configured = self.configured.iter().find(|source| source.uuid == *id);
            if let Some(configured) = configured
                && let Some(opened) = self.open.get(configured).await
            {
                let planned = PlannedSource::new(configured, opened, columns, self.favorites);
                sources.push(Arc::new(planned));
            }
        }
        Service {
            sources,
            timeout: timeout(service),
            region: region(service),
            keypad: keypad(service),
        }
    }
}

/// `options.region`; none if the profile names no country that is known.
pub(super) fn region(service: &ProfileService) -> Option<&'static Region> {
    let code = service.options.as_ref()?.get("region")?.as_str()?;
    Region::named(code)
}

/// `options.t9`.
pub(super) fn keypad(service: &ProfileService) -> bool {
    let options = service.options.as_ref();
    let option = options.and_then(|options| options.get("t9"));
    option.is_some_and(|option| option.as_bool() == Some(true))
}

/// The longest time that sources are waited for, whatever is configured: nobody waits longer at a phone, and clocks cannot add
/// up every number of seconds that can be written down.
const LONGEST_LIMIT: Duration = Duration::from_hours(1);

/// `options.timeout` in seconds; null and nonsense are no limit of the profile's own.
pub(super) fn timeout(service: &ProfileService) -> Option<Duration> {
    limit(service.options.as_ref()?.get("timeout")?.as_f64()?)
}

/// A limit of so many seconds, no longer than anybody waits; none for nonsense and for 0.
pub fn limit(seconds: f64) -> Option<Duration> {
    if seconds > LONGEST_LIMIT.as_secs_f64() {
        return Some(LONGEST_LIMIT);
    }
    let limit = Duration::try_from_secs_f64(seconds).ok();
    limit.filter(|limit| !limit.is_zero())
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

/// The sources that are open.
#[derive(Clone)]
pub struct Watched(Cache<Identity, Arc<Opened>>);

impl Watched {
    /// Backend and health of every open source behind the network.
    pub fn health(&self) -> Vec<(String, Health)> {
        let open = self.0.iter();
        open.filter_map(|(_, opened)| {
            let health = opened.source.health()?;
            Some((opened.configured.backend.clone(), health))
        })
        .collect()
    }
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

    pub(super) fn watched(&self) -> Watched {
        Watched(self.open.clone())
    }

    pub(super) async fn get(&self, configured: &Configured) -> Option<Arc<dyn Source>> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_what_is_written_down_as_far_as_a_clock_can_add_it_up() {
        let cases = [
            (0.5, Some(Duration::from_millis(500))),
            (1e18, Some(LONGEST_LIMIT)),
            (f64::INFINITY, Some(LONGEST_LIMIT)),
            (0.0, None),
            (-1.0, None),
            (f64::NAN, None),
        ];
        for (seconds, expected) in cases {
            assert_eq!(limit(seconds), expected, "{seconds}");
        }
    }
}
