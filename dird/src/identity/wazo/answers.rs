//! What auth answered, for as long as it may be used again. Requests that want the same answer at once share one question, which
//! runs in a task of its own: a caller that gives up does not make the others ask again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;
use sha2::{Digest, Sha256};

use crate::identity::Refusal;

/// Answers kept at most, of each kind.
const CAPACITY: u64 = 10_000;

/// Longest time that a refusal is used again.
const REFUSAL: Duration = Duration::from_secs(1);

/// What an answer is about. Hashed, so that no token stays in memory with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// The key of a question with these parts; their borders count.
    pub(super) fn new(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

/// An answer of auth, and how long it holds by itself, as far as that is known.
#[derive(Debug, Clone)]
pub(super) struct Fresh<V> {
    /// The answer; a refusal is one too.
    outcome: Result<V, Refusal>,
    /// Time left to the token.
    pub(super) left: Option<Duration>,
}

impl<V> Fresh<V> {
    /// A good answer about a token that has `left` to live.
    pub(super) fn good(answer: V, left: Option<Duration>) -> Self {
        Self {
            outcome: Ok(answer),
            left,
        }
    }

    /// A refusal.
    pub(super) fn refused(refusal: Refusal) -> Self {
        Self {
            outcome: Err(refusal),
            left: None,
        }
    }
}

/// The answers to one kind of question.
#[derive(Clone)]
pub(super) struct Answers<V> {
    ttl: Duration,
    kept: Cache<Key, Fresh<V>>,
}

impl<V: Clone + Send + Sync + 'static> Answers<V> {
    /// Uses good answers again for `ttl`, refusals for at most a second of it; zero asks each time.
    pub(super) fn new(ttl: Duration) -> Self {
        let kept = Cache::builder()
            .max_capacity(CAPACITY)
            .expire_after(Lifetime { ttl })
            .build();
        Self { ttl, kept }
    }

    /// Forgets every answer.
    pub(super) fn forget(&self) {
        self.kept.invalidate_all();
    }

    /// Whether answers are used again at all.
    pub(super) fn keep(&self) -> bool {
        !self.ttl.is_zero()
    }

    /// The answer under `key`; `ask` brings it when there is none. That auth is unreachable is never kept.
    pub(super) async fn get(
        &self,
        key: Key,
        ask: impl Future<Output = Result<Fresh<V>, Refusal>> + Send + 'static,
    ) -> Result<V, Refusal> {
        if !self.keep() {
            return ask.await?.outcome;
        }
        if let Some(known) = self.kept.get(&key).await {
            return known.outcome;
        }
        let kept = self.kept.clone();
        let asked = tokio::spawn(async move { kept.try_get_with(key, ask).await });
        match asked.await {
            Ok(Ok(fresh)) => fresh.outcome,
            Ok(Err(unreachable)) => Err(Arc::unwrap_or_clone(unreachable)),
            Err(_) => Err(Refusal::Unreachable("the question was abandoned".into())),
        }
    }
}

/// When an answer is forgotten: never later than the token that it is about.
struct Lifetime {
    ttl: Duration,
}

impl<V> Expiry<Key, Fresh<V>> for Lifetime {
    fn expire_after_create(&self, _: &Key, fresh: &Fresh<V>, _: Instant) -> Option<Duration> {
        let ttl = match fresh.outcome {
            Ok(_) => self.ttl,
            Err(_) => self.ttl.min(REFUSAL),
        };
        Some(fresh.left.map_or(ttl, |left| ttl.min(left)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetime(outcome: Result<(), Refusal>, left: Option<Duration>) -> Option<Duration> {
        let lifetime = Lifetime {
            ttl: Duration::from_secs(5),
        };
        lifetime.expire_after_create(&Key::new(&[]), &Fresh { outcome, left }, Instant::now())
    }

    #[test]
    fn an_answer_holds_for_the_ttl_a_refusal_for_a_second_and_nothing_beyond_the_token() {
        let second = Duration::from_secs(1);
        assert_eq!(lifetime(Ok(()), None), Some(5 * second));
        assert_eq!(lifetime(Ok(()), Some(60 * second)), Some(5 * second));
        assert_eq!(lifetime(Ok(()), Some(2 * second)), Some(2 * second));
        assert_eq!(lifetime(Ok(()), Some(Duration::ZERO)), Some(Duration::ZERO));
        assert_eq!(lifetime(Err(Refusal::Forbidden), None), Some(second));
    }

    #[test]
    fn keys_keep_the_borders_of_their_parts() {
        assert_eq!(Key::new(&["a", "b"]), Key::new(&["a", "b"]));
        assert_ne!(Key::new(&["a", "b"]), Key::new(&["ab", ""]));
        assert_ne!(Key::new(&["a", ""]), Key::new(&["a"]));
    }
}
