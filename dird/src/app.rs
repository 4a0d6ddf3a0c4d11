//! What a running dird is made of; every request shares it.

use std::sync::Arc;

use crate::api::config::RunningConfig;
use crate::api::cors::Cors;
use crate::api::enabled::Enabled;
use crate::identity::Authority;
use crate::lookup::Lookup;
use crate::store::Store;

/// The parts that routes use.
pub struct App {
    /// Who says who somebody is.
    pub authority: Arc<dyn Authority>,
    /// What is stored.
    pub store: Store,
    /// Answers lookups.
    pub lookup: Lookup,
    /// Parts of dird that are switched on.
    pub enabled: Enabled,
    /// The configuration as it is shown.
    pub config: RunningConfig,
    /// Whether content negotiation is strict.
    pub strict_conventions: bool,
    /// Cross-origin rules.
    pub cors: Cors,
}
