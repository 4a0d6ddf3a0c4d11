//! A running bus and what its listener heard.

use std::time::Duration;

use e2e::broker::{Broker, Peer};
use kit::bus::{Bus, Event, Listener, Queue, Settings};
use kit::secret::Secret;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Passes on what it hears.
struct Ear(UnboundedSender<Event>);

impl Listener for Ear {
    async fn event(&self, event: Event) {
        // The test may have heard enough.
        let _ = self.0.send(event);
    }
}

/// A bus in a virtual host of its own.
pub(crate) struct World {
    pub(crate) bus: Bus,
    pub(crate) vhost: String,
    heard: UnboundedReceiver<Event>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl World {
    /// Starts a bus that listens to `greeting` and `farewell`, and waits until it is connected.
    pub(crate) async fn start(broker: &'static Broker, queue: Queue) -> Self {
        let vhost = tokio::task::spawn_blocking(|| broker.vhost().unwrap());
        let world = Self::at(broker.port, vhost.await.unwrap(), queue);
        world.until("connected", Bus::is_connected).await;
        world
    }

    /// Starts a bus without waiting.
    pub(crate) fn at(port: u16, vhost: String, queue: Queue) -> Self {
        let settings = Settings {
            client: "kit",
            host: "127.0.0.1".into(),
            port,
            username: "guest".into(),
            password: Secret::new("guest"),
            vhost: vhost.clone(),
            exchange_name: "wazo-headers".into(),
            exchange_type: "headers".into(),
            queue,
            events: &["greeting", "farewell"],
        };
        let (ear, heard) = mpsc::unbounded_channel();
        let (bus, stop) = (Bus::new(), CancellationToken::new());
        let running = bus.clone().run(settings, Ear(ear), stop.clone());
        Self {
            bus,
            vhost,
            heard,
            stop,
            task: tokio::spawn(running),
        }
    }

    pub(crate) async fn peer(&self, broker: &Broker) -> Peer {
        Peer::join(broker, &self.vhost).await.unwrap()
    }

    /// The next event.
    pub(crate) async fn heard(&mut self) -> Event {
        let event = timeout(PATIENCE, self.heard.recv()).await;
        event.expect("an event in time").expect("a running bus")
    }

    /// Waits until the bus is as wanted.
    pub(crate) async fn until(&self, wanted: &str, is: impl Fn(&Bus) -> bool) {
        let waited = timeout(PATIENCE, async {
            while !is(&self.bus) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        assert!(
            waited.await.is_ok(),
            "never {wanted}: {:?}",
            self.bus.figures()
        );
    }

    /// Stops and closes the bus; returns once it has ended.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        self.bus.close();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}
