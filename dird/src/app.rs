//! What a running dird is made of; every request shares it.

use std::sync::Arc;

use kit::turns::Turns;

use crate::api::config::RunningConfig;
use crate::api::cors::Cors;
use crate::api::enabled::Enabled;
use crate::events::Events;
use crate::followers::Followers;
use crate::identity::Authority;
use crate::intercom::Intercom;
use crate::lookup::Lookup;
use crate::slow_lane::SlowLane;
use crate::store::Store;

/// The parts that routes use.
pub struct App {
    /// Who says who somebody is.
    pub authority: Arc<dyn Authority>,
    /// What is stored.
    pub store: Store,
    /// Answers lookups.
    pub lookup: Lookup,
    /// How many requests are served at once.
    pub turns: Turns,
    /// Where long work goes.
    pub slow_lane: SlowLane,
    /// Parts of dird that are switched on.
    pub enabled: Enabled,
    /// Who follows changes.
    pub followers: Followers,
    /// What is told to the platform.
    pub events: Events,
    /// The configuration as it is shown.
    pub config: RunningConfig,
    /// Whether content negotiation is strict.
    pub strict_conventions: bool,
    /// Whether the log leaves out what people search for.
    pub log_privacy: bool,
    /// The directory functions of an intercom, if they are switched on.
    pub intercom: Option<Arc<Intercom>>,
    /// Cross-origin rules.
    pub cors: Cors,
}
