//! The connection to the broker: made, kept, made again. Each new one declares the exchange, the queue and its bindings anew,
//! since a restarted broker has forgotten them; `declare` does that, `outgoing` writes messages as AMQP has them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::BasicAckOptions;
use lapin::{Channel, Connection, Consumer};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::declare::open;
use super::outgoing::{send, short};
use super::{Listener, Queue, Settings, Shared, incoming};
use crate::auth_client::BackOff;

/// For a connection, the declarations included.
const CONNECTING: Duration = Duration::from_secs(5);
/// For the broker to confirm a message.
const CONFIRMING: Duration = Duration::from_secs(10);
/// For one event to be handled.
const HANDLING: Duration = Duration::from_secs(60);
/// For what still waits when the bus is closed, and for a farewell to the broker.
const CLOSING: Duration = Duration::from_millis(300);
/// Pauses between attempts to connect: the first, the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(8));

/// Why there is no connection any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// What the client library says.
    #[error("{0}")]
    Amqp(#[from] lapin::Error),
    /// A text that AMQP has no room for.
    #[error("{0} is longer than 255 bytes")]
    TooLong(&'static str),
    /// No answer.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// The broker ended the subscription: the queue was deleted, for instance.
    #[error("the broker ended the subscription")]
    Cancelled,
}

/// A connection with everything declared.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) consumer: Consumer,
    pub(super) publishing: Channel,
}

/// Keeps a connection until the bus is closed.
pub(super) async fn keep(
    settings: &Settings,
    shared: &Shared,
    listener: &impl Listener,
    stop: &CancellationToken,
) {
    let work = reconnect(settings, shared, listener, stop);
    let closed = async {
        shared.closing.cancelled().await;
        sleep(CLOSING).await;
    };
    tokio::select! {
        () = work => {}
        () = closed => {}
    }
    shared.connected.store(false, Ordering::Relaxed);
    let waiting = shared.outbox.figures().waiting;
    if waiting > 0 {
        tracing::warn!(waiting, "messages for the bus were not sent before the end");
    }
}

async fn reconnect(
    settings: &Settings,
    shared: &Shared,
    listener: &impl Listener,
    stop: &CancellationToken,
) {
    let queue = queue_name(settings.queue);
    let mut pauses = BackOff::new(PAUSES.0, PAUSES.1);
    while !shared.closing.is_cancelled() {
        let opened = timeout(CONNECTING, open(settings, &queue)).await;
        let ended = match opened.unwrap_or(Err(LinkError::Late(CONNECTING))) {
            Ok(session) => {
                pauses.reset();
                shared.connections.fetch_add(1, Ordering::Relaxed);
                shared.connected.store(true, Ordering::Relaxed);
                tracing::info!(host = settings.host, port = settings.port, "bus connected");
                listener.connected();
                let ended = session.serve(settings, shared, listener, stop).await;
                shared.connected.store(false, Ordering::Relaxed);
                ended
            }
            Err(error) => Err(error),
        };
        let Err(error) = ended else { return };
        let pause = pauses.after_failure();
        tracing::warn!(host = settings.host, port = settings.port, %error, again_in = ?pause, "no bus");
        tokio::select! {
            () = sleep(pause) => {}
            () = shared.closing.cancelled() => {}
        }
    }
}

/// Empty for a name of the broker's choice.
fn queue_name(queue: Queue) -> String {
    match queue {
        Queue::Exclusive => String::new(),
        Queue::Prefixed(prefix) => {
            let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), prefix);
            format!("{prefix}.{:06x}", random & 0x00ff_ffff)
        }
    }
}

impl Session {
    /// Consumes until `stop`, publishes until the bus is closed. An error means that a new connection is needed.
    async fn serve(
        self,
        settings: &Settings,
        shared: &Shared,
        listener: &impl Listener,
        stop: &CancellationToken,
    ) -> Result<(), LinkError> {
        let consuming = consume(self.consumer, shared, listener, stop);
        let publishing = publish(&self.publishing, settings, shared);
        tokio::try_join!(consuming, publishing)?;
        // A broker that does not answer any more has no use for a farewell.
        let _ = timeout(CLOSING / 2, self.connection.close(200, "OK".into())).await;
        Ok(())
    }
}

async fn consume(
    mut consumer: Consumer,
    shared: &Shared,
    listener: &impl Listener,
    stop: &CancellationToken,
) -> Result<(), LinkError> {
    loop {
        let next = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            next = consumer.next() => next,
        };
        let delivery = next.ok_or(LinkError::Cancelled)??;
        handle(&delivery, shared, listener).await;
        delivery.ack(BasicAckOptions::default()).await?;
    }
}

async fn handle(delivery: &Delivery, shared: &Shared, listener: &impl Listener) {
    let headers = delivery.properties.headers().as_ref();
    match incoming::read(headers, &delivery.data) {
        Ok(event) => {
            shared.received.fetch_add(1, Ordering::Relaxed);
            let name = event.name.clone();
            if timeout(HANDLING, listener.event(event)).await.is_err() {
                tracing::error!(name, "an event took too long and was given up");
            }
        }
        Err(reason) => {
            let count = shared.malformed.fetch_add(1, Ordering::Relaxed) + 1;
            if count.is_power_of_two() {
                let bytes = delivery.data.len();
                tracing::warn!(%reason, bytes, count, "a message of the bus is no event; ignored");
            }
        }
    }
}

/// Sends message after message, each confirmed before the next.
async fn publish(channel: &Channel, settings: &Settings, shared: &Shared) -> Result<(), LinkError> {
    let exchange = short("the name of the exchange", &settings.exchange_name)?;
    loop {
        let next = tokio::select! {
            biased;
            next = shared.outbox.oldest() => next,
            () = shared.closing.cancelled() => return Ok(()),
        };
        let sent = timeout(CONFIRMING, send(channel, &exchange, &next.message)).await;
        match sent.unwrap_or(Err(LinkError::Late(CONFIRMING))) {
            Ok(true) => shared.outbox.confirmed(&next),
            Ok(false) => {
                tracing::warn!("the broker refused a message");
                shared.outbox.refused(&next);
            }
            Err(LinkError::TooLong(what)) => {
                tracing::warn!(what, "a message cannot be sent: longer than 255 bytes");
                shared.outbox.refused(&next);
            }
            Err(error) => return Err(error),
        }
    }
}
