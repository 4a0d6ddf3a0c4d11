//! The platform's message bus (dird-platform.md §5, phoned.md §13): AMQP 0-9-1 over a headers exchange.
//!
//! A [`Bus`] is where the daemon leaves messages and asks how the connection is; [`Bus::run`] keeps that connection, in `link`.
//! What came in is read by `incoming`; what goes out waits in `outbox`, so that no request ever waits for the broker. What an
//! event means is not known here.

mod declare;
mod incoming;
mod link;
mod outbox;
mod outgoing;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::secret::Secret;
use outbox::Outbox;

/// Where the broker is, and what is declared there.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How the broker's lists call our connection.
    pub client: &'static str,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Who we are towards the broker.
    pub username: String,
    /// And how that is proved.
    pub password: Secret,
    /// Virtual host.
    pub vhost: String,
    /// Exchange of all events; declared durable.
    pub exchange_name: String,
    /// Its type; `headers` on a platform.
    pub exchange_type: String,
    /// The queue that events come from.
    pub queue: Queue,
    /// Names of the events to receive: one binding each.
    pub events: &'static [&'static str],
}

/// How the queue is called and who may use it. Neither kind outlives its consumer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// `PREFIX.` and six hexadecimal digits, chosen once a start; not exclusive.
    Prefixed(&'static str),
    /// Exclusive, named by the broker.
    Exclusive,
}

/// Something that happened on the platform.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its name, `auth_tenant_added` for instance.
    pub name: String,
    /// What is said about it; any JSON.
    pub data: Value,
}

/// What takes the events. One at a time, in their order; the message is acknowledged afterwards, whatever came of it.
pub trait Listener: Send + Sync + 'static {
    /// Handles one event. What takes longer than a minute is cut off.
    fn event(&self, event: Event) -> impl Future<Output = ()> + Send;

    /// Events may have been missed: the connection is new.
    fn connected(&self) {}
}

/// A listener to nothing.
impl Listener for () {
    async fn event(&self, _: Event) {}
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// Routing key, at most 255 bytes.
    pub routing_key: String,
    /// Headers of the message, and keys of its body.
    pub headers: Map<String, Value>,
    /// The body's `data`.
    pub data: Value,
}

/// Counts since the start; for metrics.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Events received and understood.
    pub received: u64,
    /// Messages that were no events.
    pub malformed: u64,
    /// Messages that the broker has confirmed.
    pub published: u64,
    /// Messages given up because too many waited, or the broker would not have them.
    pub dropped: u64,
    /// Messages that wait.
    pub waiting: usize,
    /// Connections made.
    pub connections: u64,
}

/// The bus as the rest of a daemon sees it; clones are the same bus.
#[derive(Debug, Clone, Default)]
pub struct Bus {
    /// None: switched off.
    shared: Option<Arc<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    outbox: Outbox,
    connected: AtomicBool,
    received: AtomicU64,
    malformed: AtomicU64,
    connections: AtomicU64,
    closing: CancellationToken,
}

impl Bus {
    /// A bus that is switched off: never connected, what is published is forgotten.
    pub fn disabled() -> Self {
        Self::default()
    }

    /// A bus that [`Bus::run`] will connect. Messages may be published before.
    pub fn new() -> Self {
        Self {
            shared: Some(Arc::default()),
        }
    }

    /// Whether it is switched on at all.
    pub fn is_enabled(&self) -> bool {
        self.shared.is_some()
    }

    /// Whether events arrive at present.
    pub fn is_connected(&self) -> bool {
        let shared = self.shared.as_ref();
        shared.is_some_and(|shared| shared.connected.load(Ordering::Relaxed))
    }

    /// Leaves a message to be sent once there is a connection. Never waits, never fails; when too many wait, the oldest is
    /// given up. A message whose confirmation was lost is sent again.
    pub fn publish(&self, message: Message) {
        if let Some(shared) = &self.shared {
            shared.outbox.push(message);
        }
    }

    /// Counts so far.
    pub fn figures(&self) -> Figures {
        let Some(shared) = &self.shared else {
            return Figures::default();
        };
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Figures {
            received: of(&shared.received),
            malformed: of(&shared.malformed),
            connections: of(&shared.connections),
            ..shared.outbox.figures()
        }
    }

    /// Keeps the connection and hands events to `listener` until `stop` is cancelled; then messages are still sent until
    /// [`Bus::close`]. Returns a third of a second after that at the latest, whatever the broker does.
    pub async fn run(self, settings: Settings, listener: impl Listener, stop: CancellationToken) {
        if let Some(shared) = self.shared {
            link::keep(&settings, &shared, &listener, &stop).await;
        }
    }

    /// Says that nothing will be published any more, so that [`Bus::run`] sends what waits and returns.
    pub fn close(&self) {
        if let Some(shared) = &self.shared {
            shared.closing.cancel();
        }
    }
}
