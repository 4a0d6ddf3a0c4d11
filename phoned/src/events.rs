//! What the bus says, and what follows from it (phoned.md §13): lamps change, phones show do-not-disturb. Events are taken from
//! the bus at once and wait in a bounded queue, so that a slow service behind us never holds the bus up; they are worked off one
//! after the other, because the last one of a user must have the last word.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use kit::bus::{self, Event};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    endpoint::lamp::{Features, LampError},
    live::Live,
    tally,
};

/// Events that may wait.
const QUEUE: usize = 1000;
const DND: &str = "users_services_dnd_updated";
const FEATURES_EDITED: &str = "extension_feature_edited";

/// The events that are asked for.
pub const EVENTS: &[&str] = &[
    DND,
    "users_services_incallfilter_updated",
    "users_forwards_unconditional_updated",
    "users_forwards_noanswer_updated",
    "users_forwards_busy_updated",
    FEATURES_EDITED,
];

/// The feature whose lamps show what the event is about, and whether there is one lamp more for the destination.
fn feature(event: &str) -> Option<(&'static str, bool)> {
    Some(match event {
        DND => ("enablednd", false),
        "users_services_incallfilter_updated" => ("incallfilter", false),
        "users_forwards_unconditional_updated" => ("fwdunc", true),
        "users_forwards_noanswer_updated" => ("fwdrna", true),
        "users_forwards_busy_updated" => ("fwdbusy", true),
        _ => return None,
    })
}

/// Takes events from the bus.
pub struct Listener {
    queue: mpsc::Sender<Event>,
    edited: Arc<AtomicBool>,
}

/// Works off what the listener took.
pub struct Worker {
    live: Arc<Live>,
    queue: mpsc::Receiver<Event>,
    edited: Arc<AtomicBool>,
    features: Option<Features>,
}

/// Both ends of the queue.
pub fn queue(live: Arc<Live>) -> (Listener, Worker) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let edited = Arc::new(AtomicBool::new(false));
    let listener = Listener {
        queue: sender,
        edited: Arc::clone(&edited),
    };
    let worker = Worker {
        live,
        queue: receiver,
        edited,
        features: None,
    };
    (listener, worker)
}

impl bus::Listener for Listener {
    async fn event(&self, mut event: Event) {
        // Events that come from the telephone exchange name themselves inside.
        let inner = event.data.get("Event").and_then(Value::as_str);
        event.name = inner.map_or(event.name, str::to_owned);
        let Some(&name) = EVENTS.iter().find(|name| **name == event.name) else {
            return tally::heard("other", "ignored");
        };
        if name == FEATURES_EDITED {
            self.edited.store(true, Ordering::Relaxed);
            return tally::heard(name, "done");
        }
        if self.queue.try_send(event).is_err() {
            tracing::warn!(name, "too many events wait; one is given up");
            tally::heard(name, "dropped");
        }
    }

    fn connected(&self) {
        // The news that extensions were edited may have been among what was missed.
        self.edited.store(true, Ordering::Relaxed);
    }
}

impl Worker {
    /// Works until `stop` is cancelled; what is under way then is given up.
    pub async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.work() => {}
        }
    }

    async fn work(&mut self) {
        while let Some(event) = self.queue.recv().await {
            let app = Arc::clone(&self.live.current().app);
            let outcome = if self.handle(&app, &event).await {
                "done"
            } else {
                "failed"
            };
            tracing::debug!(name = event.name, outcome, "an event of the bus");
            tally::heard(&event.name, outcome);
        }
    }

    /// Does all that follows from `event`; false = some of it could not be done.
    async fn handle(&mut self, app: &App, event: &Event) -> bool {
        let Some(enabled) = event.data["enabled"].as_bool() else {
            tracing::warn!(name = event.name, "an event does not say what is enabled");
            return false;
        };
        let lamps = self.lamps(app, event, enabled).await;
        if event.name != DND {
            return lamps;
        }
        let user = text(&event.data["user_uuid"]).or_else(|| text(&event.data["user_id"]));
        let Some(user) = user else {
            tracing::warn!(name = event.name, "an event names no user");
            return false;
        };
        let makes = &app.registry.vendors;
        app.endpoints.show_dnd(makes, &user, enabled).await && lamps
    }

    /// Sets the lamps that `event` is about; false = some could not be set.
    async fn lamps(&mut self, app: &App, event: &Event, enabled: bool) -> bool {
        let Some((feature, has_destination)) = feature(&event.name) else {
            return false;
        };
        if !app.config.enabled("blf") {
            return true;
        }
        let Some(user) = text(&event.data["user_id"]) else {
            tracing::warn!(name = event.name, "an event does not number its user");
            return false;
        };
        let destination = text(&event.data["destination"]).filter(|_| has_destination);
        let Some(features) = self.features(app).await else {
            return false;
        };
        let towards = destination.filter(|destination| !destination.is_empty());
        let devices = towards.iter().map(String::as_str).chain([""]);
        let mut all_set = true;
        for destination in devices {
            let device = features.device(feature, &user, destination);
            all_set &= light(app, device, enabled).await;
        }
        all_set
    }

    /// The feature extensions, read again after they were edited.
    async fn features(&mut self, app: &App) -> Option<&Features> {
        // Taken before the reading: an edit during it leads to another one.
        if self.edited.swap(false, Ordering::Relaxed) {
            self.features = None;
        }
        if self.features.is_none() {
            let read = app.endpoints.features().await;
            let noted = |error: &_| tracing::warn!(%error, "no feature extensions");
            self.features = read.inspect_err(noted).ok();
        }
        self.features.as_ref()
    }
}

/// Sets the lamps of one device, or says why not.
async fn light(app: &App, device: Result<String, LampError>, enabled: bool) -> bool {
    let device = match device {
        Ok(device) => device,
        Err(error) => {
            tracing::warn!(%error, "a lamp was not set");
            return false;
        }
    };
    let lit = app.endpoints.light(&device, enabled).await;
    if let Err(error) = &lit {
        tracing::warn!(%error, "a lamp was not set");
    }
    lit.is_ok()
}

/// A text or a whole number, as text.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use kit::bus::Listener as _;
    use serde_json::json;

    use super::*;

    fn listener() -> (Listener, mpsc::Receiver<Event>) {
        let (queue, receiver) = mpsc::channel(1);
        let edited = Arc::default();
        (Listener { queue, edited }, receiver)
    }

    #[test]
    fn extensions_are_read_again_after_a_connection_was_lost() {
        let (listener, _receiver) = listener();
        assert!(!listener.edited.load(Ordering::Relaxed));
        listener.connected();
        assert!(listener.edited.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn events_beyond_the_queue_are_given_up_and_hold_nothing_up() {
        let (listener, mut receiver) = listener();
        for user in [1, 2] {
            let name = DND.to_owned();
            let data = json!({"user_id": user, "enabled": true});
            listener.event(Event { name, data }).await;
        }
        drop(listener);
        let first = receiver.recv().await.expect("an event");
        assert_eq!(first.data["user_id"], 1);
        assert_eq!(receiver.recv().await, None);
    }
}
