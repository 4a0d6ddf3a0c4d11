//! What the bus says, and what follows from it (phoned.md §13): lamps change, phones show do-not-disturb. Events are taken from
//! the bus at once and wait in a bounded queue, so that a slow service behind us never holds the bus up; they are worked off one
//! after the other, because the last one of a user must have the last word. That is also why a full queue gives up its oldest.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use kit::bus::{self, Event};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::{
    app::App,
    endpoint::{
        Endpoints,
        lamp::{Features, LampError},
    },
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

/// The events that wait, the oldest first.
struct Waiting {
    events: Mutex<VecDeque<Event>>,
    came: Notify,
    most: usize,
}

impl Waiting {
    fn new(most: usize) -> Self {
        Self {
            events: Mutex::default(),
            came: Notify::new(),
            most,
        }
    }

    /// Adds `event`; the one that is given up for it, if there is no room.
    fn push(&self, event: Event) -> Option<Event> {
        let mut events = self.events();
        let oldest = (events.len() >= self.most).then(|| events.pop_front());
        events.push_back(event);
        self.came.notify_one();
        oldest.flatten()
    }

    /// The oldest event, once there is one. Only one may wait for it.
    async fn next(&self) -> Event {
        loop {
            let oldest = self.events().pop_front();
            match oldest {
                Some(event) => return event,
                None => self.came.notified().await,
            }
        }
    }

    /// Nothing that is done under the lock leaves it half done.
    fn events(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes events from the bus.
pub struct Listener {
    queue: Arc<Waiting>,
    edited: Arc<AtomicBool>,
    endpoints: Arc<Endpoints>,
}

/// Works off what the listener took.
pub struct Worker {
    live: Arc<Live>,
    queue: Arc<Waiting>,
    edited: Arc<AtomicBool>,
    features: Option<Features>,
}

/// Both ends of the queue.
pub fn queue(live: Arc<Live>) -> (Listener, Worker) {
    let queue = Arc::new(Waiting::new(QUEUE));
    let edited = Arc::new(AtomicBool::new(false));
    let listener = Listener {
        queue: Arc::clone(&queue),
        edited: Arc::clone(&edited),
        endpoints: Arc::clone(&live.current().app.endpoints),
    };
    let worker = Worker {
        live,
        queue,
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
        if let Some(user) = text(&event.data["user_uuid"]).filter(|_| name == DND) {
            // What is behind us may be slow: telephones need not wait for it before they change the user again.
            self.endpoints.confirm_dnd(&user);
        }
        if let Some(oldest) = self.queue.push(event) {
            tracing::warn!(
                name = oldest.name,
                "too many events wait; the oldest is given up"
            );
            tally::heard(&oldest.name, "dropped");
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
        loop {
            let event = self.queue.next().await;
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
        // Telephones first: they act on what they show, lamps do not.
        let shown = event.name != DND || show_dnd(app, event, enabled).await;
        self.lamps(app, event, enabled).await && shown
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

/// Has the user's telephones show do-not-disturb; false = some could not be told.
async fn show_dnd(app: &App, event: &Event, enabled: bool) -> bool {
    let user = text(&event.data["user_uuid"]).or_else(|| text(&event.data["user_id"]));
    let Some(user) = user else {
        tracing::warn!(name = event.name, "an event names no user");
        return false;
    };
    let makes = &app.registry.vendors;
    app.endpoints.show_dnd(makes, &user, enabled).await
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
    use kit::{
        auth_client::{AuthClient, CredentialSource},
        bus::Listener as _,
    };
    use serde_json::json;

    use super::*;
    use crate::config::{self, Config};

    fn listener() -> (Listener, Arc<Waiting>) {
        kit::tls::install_provider();
        let settings: Config = serde_saphyr::from_str(config::DEFAULTS).expect("the defaults");
        let source = CredentialSource::KeyFile("/nonexistent".into());
        let auth = AuthClient::new(&settings.auth.upstream, source, "tests").expect("a client");
        let (confd, amid) = (&settings.confd, &settings.amid);
        let endpoints = Endpoints::new(confd, amid, &Arc::new(auth)).map_err(|(_, error)| error);
        let queue = Arc::new(Waiting::new(2));
        let listener = Listener {
            queue: Arc::clone(&queue),
            edited: Arc::default(),
            endpoints: Arc::new(endpoints.expect("clients")),
        };
        (listener, queue)
    }

    #[tokio::test]
    async fn extensions_are_read_again_after_a_connection_was_lost() {
        let (listener, _queue) = listener();
        assert!(!listener.edited.load(Ordering::Relaxed));
        listener.connected();
        assert!(listener.edited.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn the_oldest_events_beyond_the_queue_are_given_up_and_hold_nothing_up() {
        let (listener, queue) = listener();
        for user in 1..=4 {
            let name = DND.to_owned();
            let data = json!({"user_id": user, "enabled": true});
            listener.event(Event { name, data }).await;
        }
        assert_eq!(queue.next().await.data["user_id"], 3);
        assert_eq!(queue.next().await.data["user_id"], 4);
        assert!(queue.events().is_empty());
    }

    #[tokio::test]
    async fn whoever_waits_for_an_event_gets_the_next_one() {
        let (listener, queue) = listener();
        let waits = tokio::spawn(async move { queue.next().await });
        tokio::task::yield_now().await;
        let name = DND.to_owned();
        let data = json!({"user_id": 1, "enabled": true});
        listener.event(Event { name, data }).await;
        assert_eq!(waits.await.expect("no panic").data["user_id"], 1);
    }
}
