//! Messages that wait for the broker: bounded, oldest given up first.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Figures, Message};

/// Messages that may wait. At the few hundred bytes of an event this is below a megabyte.
pub(super) const CAPACITY: usize = 1000;

/// A message and the number that tells it from those before and after it.
#[derive(Debug, Clone)]
pub(super) struct Numbered {
    number: u64,
    pub(super) message: Message,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<Numbered>,
    next: u64,
    published: u64,
    dropped: u64,
}

/// The messages in the order in which they were published.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a message; gives the oldest up when there is no room.
    pub(super) fn push(&self, message: Message) {
        let dropped = {
            let mut waiting = self.lock();
            let number = waiting.next;
            waiting.next += 1;
            waiting.messages.push_back(Numbered { number, message });
            let full = waiting.messages.len() > CAPACITY;
            if full {
                waiting.messages.pop_front();
                waiting.dropped += 1;
            }
            full.then_some(waiting.dropped)
        };
        if let Some(dropped) = dropped.filter(|dropped| dropped.is_power_of_two()) {
            tracing::warn!(
                dropped,
                "too many messages wait for the bus; the oldest are given up"
            );
        }
        self.arrived.notify_one();
    }

    /// The oldest message, as soon as there is one. It stays until it is [`Outbox::confirmed`] or [`Outbox::refused`].
    pub(super) async fn oldest(&self) -> Numbered {
        loop {
            let arrived = self.arrived.notified();
            if let Some(oldest) = self.peek() {
                return oldest;
            }
            arrived.await;
        }
    }

    /// The oldest message, if there is one.
    pub(super) fn peek(&self) -> Option<Numbered> {
        self.lock().messages.front().cloned()
    }

    /// The broker has it.
    pub(super) fn confirmed(&self, sent: &Numbered) {
        let mut waiting = self.lock();
        waiting.published += 1;
        waiting.remove(sent);
    }

    /// It can never be sent.
    pub(super) fn refused(&self, sent: &Numbered) {
        let mut waiting = self.lock();
        waiting.dropped += 1;
        waiting.remove(sent);
    }

    pub(super) fn figures(&self) -> Figures {
        let waiting = self.lock();
        Figures {
            published: waiting.published,
            dropped: waiting.dropped,
            waiting: waiting.messages.len(),
            ..Figures::default()
        }
    }
}

impl Waiting {
    /// It may be gone already: given up while it was under way.
    fn remove(&mut self, sent: &Numbered) {
        let oldest = self.messages.front().map(|oldest| oldest.number);
        if oldest == Some(sent.number) {
            self.messages.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn message(number: usize) -> Message {
        Message {
            routing_key: String::new(),
            headers: Map::new(),
            data: json!(number),
        }
    }

    #[test]
    fn when_too_many_wait_the_oldest_is_given_up_and_counted() {
        let outbox = Outbox::default();
        for number in 0..CAPACITY + 3 {
            outbox.push(message(number));
        }
        assert_eq!(outbox.peek().unwrap().message.data, json!(3));
        let figures = outbox.figures();
        assert_eq!((figures.waiting, figures.dropped), (CAPACITY, 3));
    }

    #[test]
    fn confirming_a_message_that_was_given_up_meanwhile_takes_no_other_away() {
        let outbox = Outbox::default();
        outbox.push(message(0));
        let sent = outbox.peek().unwrap();
        for number in 1..=CAPACITY {
            outbox.push(message(number));
        }
        outbox.confirmed(&sent);
        assert_eq!(outbox.peek().unwrap().message.data, json!(1));
        assert_eq!(outbox.figures().waiting, CAPACITY);
    }

    #[tokio::test]
    async fn a_message_stays_until_it_is_confirmed() {
        let outbox = Outbox::default();
        outbox.push(message(7));
        let sent = outbox.oldest().await;
        assert_eq!(outbox.oldest().await.message.data, json!(7));
        outbox.confirmed(&sent);
        assert!(outbox.peek().is_none());
        assert_eq!(outbox.figures().published, 1);
    }
}
