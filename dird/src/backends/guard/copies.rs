//! Answers that are kept for sources whose configuration asks for it (`cache`): given again while they are young, and when the
//! remote fails also later. All sources share one limit of bytes; the least used answers go first.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::future::Cache;
use serde::Deserialize;
use tokio::time::Instant;

use super::question::{Answer, Asked, Question};
use crate::backends::{Asker, Entry, OpenError};
use crate::store::model::Source as Configured;

/// Bytes of all answers that are kept.
const MOST: u64 = 64 << 20;

/// Bytes that keeping an answer takes beside the answer.
const OVERHEAD: usize = 256;

/// What the `cache` of a source says, in seconds.
#[derive(Deserialize)]
struct Settings {
    ttl: f64,
    #[serde(default)]
    stale_if_error: f64,
}

/// A question, of which opened source, and on whose behalf if that makes a difference.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Everybodys(u64, Question),
    Ones(u64, Asked),
}

/// An answer, and when it was one.
#[derive(Clone)]
pub(super) struct Copy {
    pub(super) answer: Answer,
    made: Instant,
}

impl Copy {
    /// Time since it was a live answer.
    pub(super) fn age(&self) -> Duration {
        self.made.elapsed()
    }
}

/// The answers of all sources.
#[derive(Clone)]
pub(in crate::backends) struct Copies {
    held: Cache<Key, Copy>,
    sources: Arc<AtomicU64>,
}

impl Default for Copies {
    fn default() -> Self {
        let weight = |key: &Key, copy: &Copy| {
            let bytes = OVERHEAD + key.bytes() + answer_bytes(&copy.answer);
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Self {
            held: Cache::builder().weigher(weight).max_capacity(MOST).build(),
            sources: Arc::default(),
        }
    }
}

impl Copies {
    /// How many answers there are, and their bytes.
    pub(in crate::backends) fn kept(&self) -> (u64, u64) {
        (self.held.entry_count(), self.held.weighted_size())
    }

    /// Makes what was kept and dropped count.
    #[cfg(test)]
    pub(super) async fn settle(&self) {
        self.held.run_pending_tasks().await;
    }

    /// The answers of `source`, if it keeps any. A source that is opened again starts without.
    pub(super) fn of(&self, source: &Configured) -> Result<Option<Own>, OpenError> {
        let Some(settings) = source.extra.get("cache") else {
            return Ok(None);
        };
        let wrong = |error: &dyn std::fmt::Display| OpenError(format!("cache: {error}"));
        let settings = Settings::deserialize(settings).map_err(|error| wrong(&error))?;
        let read = |seconds| Duration::try_from_secs_f64(seconds).map_err(|error| wrong(&error));
        let fresh = read(settings.ttl)?;
        Ok(Some(Own {
            copies: self.clone(),
            source: self.sources.fetch_add(1, Ordering::Relaxed),
            fresh,
            good: fresh + read(settings.stale_if_error)?,
        }))
    }
}

/// The answers of one source.
pub(super) struct Own {
    copies: Copies,
    source: u64,
    fresh: Duration,
    good: Duration,
}

/// Where the answer to one question is kept.
pub(super) struct Place(Key);

impl Own {
    /// Where the answer to `question` is kept; the asker's own place if it `is_personal`.
    pub(super) fn place(&self, question: &Question, asker: &Asker, is_personal: bool) -> Place {
        let question = question.clone();
        Place(if is_personal {
            Key::Ones(self.source, Asked::new(question, asker))
        } else {
            Key::Everybodys(self.source, question)
        })
    }

    /// What is kept there, if it may still be of use.
    pub(super) async fn copy(&self, place: &Place) -> Option<Copy> {
        let copy = self.copies.held.get(&place.0).await?;
        if copy.age() < self.good.max(self.fresh) {
            return Some(copy);
        }
        self.copies.held.invalidate(&place.0).await;
        None
    }

    /// True if the copy may be given without asking.
    pub(super) fn is_fresh(&self, copy: &Copy) -> bool {
        copy.age() < self.fresh
    }

    /// True if the copy may be given in place of a failure. It may have grown too old while the remote was asked.
    pub(super) fn is_good(&self, copy: &Copy) -> bool {
        copy.age() < self.good
    }

    /// Keeps a live answer.
    pub(super) async fn keep(&self, place: Place, answer: &Answer) {
        let copy = Copy {
            answer: answer.clone(),
            made: Instant::now(),
        };
        self.copies.held.insert(place.0, copy).await;
    }
}

impl Key {
    fn bytes(&self) -> usize {
        let question = match self {
            Self::Everybodys(_, question) => question,
            Self::Ones(_, asked) => &asked.question,
        };
        match question {
            Question::Search(term) => term.len(),
            Question::Reverse(texts) | Question::List(texts) => {
                let text = |text: &String| size_of::<String>() + text.len();
                texts.iter().map(text).sum()
            }
        }
    }
}

/// Memory that an answer keeps in use: one contact of a table keeps all of the table.
fn answer_bytes(answer: &Answer) -> usize {
    let entries: Vec<&Entry> = match answer {
        Answer::Contacts(entries) => entries.iter().collect(),
        Answer::ByNumber(found) => found.values().collect(),
    };
    let mut tables = HashSet::new();
    let mut bytes = 0;
    for entry in entries {
        bytes += entry.bytes();
        if let Some(table) = entry.table()
            && tables.insert(Arc::as_ptr(table))
        {
            bytes += table.bytes();
        }
    }
    bytes
}
