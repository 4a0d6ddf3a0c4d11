//! What a running dird is made of; every request shares it.

use std::sync::Arc;

use crate::api::cors::Cors;
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
    /// Cross-origin rules.
    pub cors: Cors,
}
