//! The configuration in force, and how it is exchanged while phones are served (phoned.md §16.3). All that a request needs is one
//! immutable snapshot: a reload reads and checks everything, then swaps the snapshot or leaves it. Requests under way end on the
//! one they began with.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwap;
use axum::Router;
use ipnet::IpNet;
use kit::{
    config::{ConfigError, Origins, origin_of},
    tls::{Acceptor, Renewal},
};
use serde::Serialize;
use tokio::sync::Mutex;

use crate::{
    app::{App, AppError},
    config::Config,
    gate::{Gate, GateFault, entry::Settings},
    router, tally,
};

/// Reads the configuration anew.
pub type Source = Box<dyn Fn() -> Result<Config, Fault> + Send + Sync>;
/// Told of a configuration that is now in force.
pub type Applied = Box<dyn Fn(&Config) + Send + Sync>;

/// One thing that keeps a configuration from being used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{key}: {message}")]
pub struct Fault {
    /// The file that says it, if it is known.
    pub file: Option<PathBuf>,
    /// The key, dotted; empty = the file as a whole.
    pub key: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl Fault {
    /// The same with the file that set its key, if a file did.
    fn located(mut self, origins: &Origins) -> Self {
        if self.file.is_none() {
            let origin = origin_of(origins, &self.key);
            self.file = origin.file().map(Into::into);
        }
        self
    }
}

impl From<&ConfigError> for Fault {
    fn from(error: &ConfigError) -> Self {
        Self {
            file: error.origin().file().map(Into::into),
            key: error.key().to_owned(),
            message: error.problem().to_owned(),
        }
    }
}

impl From<GateFault> for Fault {
    fn from(fault: GateFault) -> Self {
        Self {
            file: None,
            key: fault.key,
            message: fault.problem,
        }
    }
}

impl From<AppError> for Fault {
    fn from(error: AppError) -> Self {
        let (key, message) = match error {
            AppError::Gate(fault) => return fault.into(),
            AppError::Registry(error) => ("templates_dir", error.to_string()),
            AppError::Client { key, source } => (key, source.to_string()),
            AppError::Make { key, make } => {
                return Self {
                    file: None,
                    key,
                    message: format!("there is no make {make}"),
                };
            }
            AppError::Locale(tag) => (
                "rest_api.authorized_subnets",
                format!("there is no language {tag}"),
            ),
        };
        Self {
            file: None,
            key: key.to_owned(),
            message,
        }
    }
}

/// What a reload changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Always true: what is not applied is a list of faults.
    pub applied: bool,
    /// How many configurations there were since the start, this one included.
    pub generation: u64,
    /// By key.
    pub changes: Changes,
    /// Keys that say something else than what is in use, because only a start can change them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs_restart: Vec<String>,
}

/// What is no longer as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// The allowlist, its file included.
    pub authorized_subnets: Difference,
    /// All other keys, dotted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

/// What came, what went, and what stayed with other settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Only in the new one.
    pub added: Vec<String>,
    /// Only in the old one.
    pub removed: Vec<String>,
    /// In both, for phones that are treated otherwise now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

/// What serves a request.
pub struct Snapshot {
    /// The parts.
    pub app: Arc<App>,
    /// The routes.
    pub router: Router,
}

/// The snapshot in force.
pub struct Live {
    current: ArcSwap<Snapshot>,
    generation: AtomicU64,
    debug: AtomicBool,
    source: Source,
    applied: Applied,
    certificates: Vec<Acceptor>,
    turn: Arc<Mutex<()>>,
}

impl Live {
    /// Serves with `app` until a reload; `source` reads the next configuration, `applied` is told of it, and `certificates` are
    /// read again with it.
    pub fn new(
        app: App,
        source: Source,
        applied: Applied,
        certificates: Vec<Acceptor>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|live| {
            let app = Arc::new(app);
            let router = router::router(&app, live);
            Self {
                debug: AtomicBool::new(app.config.debug),
                current: ArcSwap::from_pointee(Snapshot { app, router }),
                generation: AtomicU64::new(1),
                source,
                applied,
                certificates,
                turn: Arc::default(),
            }
        })
    }

    /// How many TLS handshakes failed since the start, by reason.
    pub fn handshake_failures(&self) -> Vec<(&'static str, u64)> {
        let acceptor = self.certificates.first();
        acceptor
            .map(Acceptor::handshake_failures)
            .unwrap_or_default()
    }

    /// What serves now.
    pub fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Whether everything is logged.
    pub fn debug(&self) -> bool {
        self.debug.load(Ordering::Relaxed)
    }

    /// Logs everything, or what the configuration says, until the next reload.
    pub async fn set_debug(&self, debug: bool) {
        let _turn = self.turn.lock().await;
        let mut config = (*self.current().app.config).clone();
        config.debug = debug;
        self.follow(&config);
    }

    fn follow(&self, config: &Config) {
        self.debug.store(config.debug, Ordering::Relaxed);
        (self.applied)(config);
    }

    /// How many configurations there were since the start.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Reads the configuration anew and puts it in force, or changes nothing and says why. One at a time: a reload whose caller
    /// has gone away keeps its turn until it has ended.
    pub async fn reload(self: &Arc<Self>) -> Result<Outcome, Vec<Fault>> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let (live, span) = (Arc::clone(self), tracing::Span::current());
        // Files, templates and programs: all of it blocks.
        let reloaded = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            span.in_scope(|| {
                let result = live.exchange();
                note(&result);
                result
            })
        });
        reloaded.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a reload failed");
            let result = Err(vec![Fault {
                file: None,
                key: String::new(),
                message: "internal fault".to_owned(),
            }]);
            note(&result);
            result
        })
    }

    fn exchange(self: &Arc<Self>) -> Result<Outcome, Vec<Fault>> {
        let old = self.current();
        let next = self.prepare(&old.app).map_err(|fault| vec![fault])?;
        let Next {
            app,
            certificates,
            needs_restart,
        } = next;
        let mut keys = old.app.config.differences(&app.config);
        keys.retain(|key| key != "rest_api.authorized_subnets");
        let changes = Changes {
            authorized_subnets: difference(&old.app.gate, &app.gate),
            keys,
        };
        let app = Arc::new(app);
        let router = router::router(&app, &Arc::downgrade(self));
        for certificate in certificates {
            certificate.install();
        }
        self.follow(&app.config);
        self.current.store(Arc::new(Snapshot { app, router }));
        let generation = self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Outcome {
            applied: true,
            generation,
            changes,
            needs_restart,
        })
    }

    /// Everything that can fail.
    fn prepare(&self, old: &App) -> Result<Next, Fault> {
        let config = (self.source)()?;
        let origins = Arc::clone(&config.origins);
        let next = self.prepare_with(config, old);
        next.map_err(|fault| fault.located(&origins))
    }

    fn prepare_with(&self, mut config: Config, old: &App) -> Result<Next, Fault> {
        let needs_restart = config.keep_started(&old.config);
        let gate = Gate::new(&config.rest_api)?.after(&old.gate);
        let app = old.with(config, gate)?;
        let renewals = self.certificates.iter().map(Acceptor::renewal);
        let renewals = renewals.collect::<Result<_, _>>().map_err(|error| Fault {
            file: None,
            key: "rest_api.https".to_owned(),
            message: error.to_string(),
        })?;
        Ok(Next {
            app,
            certificates: renewals,
            needs_restart,
        })
    }
}

/// Counts a reload, and says in the log what came of it.
fn note(result: &Result<Outcome, Vec<Fault>>) {
    match result {
        Ok(Outcome {
            generation,
            changes,
            needs_restart,
            ..
        }) => {
            tally::reloaded("applied");
            let Difference {
                added,
                removed,
                changed,
            } = &changes.authorized_subnets;
            let (added, removed, changed) = (added.len(), removed.len(), changed.len());
            let keys = changes.keys.join(", ");
            tracing::info!(
                generation,
                added,
                removed,
                changed,
                keys,
                "configuration reloaded"
            );
            if !needs_restart.is_empty() {
                let keys = needs_restart.join(", ");
                tracing::warn!(keys, "only a restart puts this in force");
            }
        }
        Err(faults) => {
            tally::reloaded("refused");
            for fault in faults {
                tracing::error!(file = ?fault.file, "configuration not reloaded: {fault}");
            }
        }
    }
}

/// What a reload is about to put in force.
struct Next {
    app: App,
    certificates: Vec<Renewal>,
    needs_restart: Vec<String>,
}

fn difference(old: &Gate, new: &Gate) -> Difference {
    fn subnets(gate: &Gate) -> BTreeMap<IpNet, Option<&Settings>> {
        let rules = gate.rules.all().iter();
        rules
            .map(|rule| (rule.net, rule.settings.as_deref()))
            .collect()
    }
    let (old, new) = (subnets(old), subnets(new));
    let only = |one: &BTreeMap<IpNet, _>, other: &BTreeMap<IpNet, _>| {
        let only = one.keys().filter(|net| !other.contains_key(net));
        only.map(ToString::to_string).collect()
    };
    let changed = new
        .iter()
        .filter(|(net, settings)| old.get(net).is_some_and(|old| old != *settings));
    Difference {
        added: only(&new, &old),
        removed: only(&old, &new),
        changed: changed.map(|(net, _)| net.to_string()).collect(),
    }
}
