//! The directory functions of an intercom, `/api/dir/…` (intercom-directory.md): a phonebook as if it were the directory of a
//! door station. A request passes `gate` (who, and whether at all), `document` (what it says), one of the functions, and
//! `reply`. What an entry is stands in `entry`, how one is kept beside contacts in `kept`; the rows themselves are the store's.

mod account;
mod answer;
mod basic;
mod batch;
mod create;
mod delete;
mod digest;
mod document;
mod entry;
mod function;
mod gate;
mod get;
mod guard;
mod kept;
mod mark;
mod parameter;
mod query;
mod rate;
mod reply;
mod route;
mod seal;
mod series;
mod system;
mod template;
mod throttle;
mod update;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::time::Instant;

use crate::config;
use crate::identity::Authority;
use crate::slow_lane::SlowLane;
use crate::store::Store;

pub use account::{REALM, hashed};
pub use guard::{Guard, cursors_ahead};
pub use route::router;
pub use seal::KeyError;
pub use series::begin as begin_series;

use answer::Places;
use document::Room;
use gate::Gate;
use rate::Turns;
use seal::Seal;

/// What the functions work with.
pub struct Intercom {
    config: config::Intercom,
    store: Store,
    authority: Arc<dyn Authority>,
    gate: Gate,
    turns: Turns,
    places: Places,
    room: Room,
    seal: Seal,
    lane: SlowLane,
    /// Whether it is known that no directory was set back.
    checked: Arc<AtomicBool>,
    started: Instant,
}

impl Intercom {
    /// Prepares the functions. Fails if the file with the key is of no use.
    pub fn new(
        config: &config::Intercom,
        store: &Store,
        authority: &Arc<dyn Authority>,
        (lane, checked): (&SlowLane, Arc<AtomicBool>),
    ) -> Result<Arc<Self>, KeyError> {
        let seal = Seal::open_file(config.secret_key_file.as_deref())?;
        if config.secret_key_file.is_none() && config.access != config::Shown::Off {
            tracing::warn!("intercom.secret_key_file is not set; access data is stored as it is");
        }
        Ok(Arc::new(Self {
            gate: Gate::new(config)?,
            turns: Turns::new(config.limits.writes),
            places: Places::default(),
            room: Room::new(config.limits.body_bytes),
            config: config.clone(),
            store: Arc::clone(store),
            authority: Arc::clone(authority),
            seal,
            lane: lane.clone(),
            checked,
            started: Instant::now(),
        }))
    }
}
