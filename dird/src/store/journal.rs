//! The latest changes by number, for those who follow them from outside (`api::changes`). A bounded memory of this process: who
//! comes from before it, or from another process, has to take it that anything may have changed.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::Change;
use super::model::random_id;

/// Changes that are remembered.
const KEPT: usize = 4096;

/// A change and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// Greater by one than that of the change before it.
    pub number: u64,
    /// The change; none if anything may have changed.
    pub change: Option<Change>,
}

/// The memory.
#[derive(Debug)]
pub struct Journal {
    epoch: String,
    noted: Mutex<VecDeque<Noted>>,
    last: watch::Sender<u64>,
}

impl Journal {
    pub(super) fn new() -> Self {
        Self {
            epoch: random_id(),
            noted: Mutex::default(),
            last: watch::Sender::new(0),
        }
    }

    /// What makes the numbers of this memory differ from those of any other.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// Number of the latest change; 0 before the first.
    pub fn last(&self) -> u64 {
        *self.last.borrow()
    }

    /// Sees the number of the latest change, for waiting for the next.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// At most `most` changes after that of `number`, in their order; none if some of them are forgotten, or if there never was
    /// a change of that number.
    pub fn after(&self, number: u64, most: usize) -> Option<Vec<Noted>> {
        let noted = self.lock();
        let (first, last) = match (noted.front(), noted.back()) {
            (Some(first), Some(last)) => (first.number, last.number),
            _ => (1, 0),
        };
        if number > last || number + 1 < first {
            return None;
        }
        // No further than the bound of the memory.
        let skipped = usize::try_from(number + 1 - first).unwrap_or(usize::MAX);
        Some(noted.iter().skip(skipped).take(most).cloned().collect())
    }

    pub(super) fn note(&self, change: Option<Change>) {
        let mut noted = self.lock();
        let number = noted.back().map_or(0, |last| last.number) + 1;
        if noted.len() == KEPT {
            noted.pop_front();
        }
        noted.push_back(Noted { number, change });
        // Still locked, so that the numbers are seen in their order.
        self.last.send_replace(number);
    }

    /// Nothing that is done under the lock leaves it half done.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Noted>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::TenantId;

    fn numbers(journal: &Journal, after: u64) -> Option<Vec<u64>> {
        let noted = journal.after(after, usize::MAX)?;
        Some(noted.iter().map(|noted| noted.number).collect())
    }

    #[test]
    fn changes_are_given_from_where_somebody_left_off() {
        let journal = Journal::new();
        assert_eq!(numbers(&journal, 0), Some(vec![]));
        assert_eq!(numbers(&journal, 1), None, "it never was");
        let change = Change::Configuration(TenantId::random(), None);
        journal.note(Some(change.clone()));
        journal.note(None);
        assert_eq!(numbers(&journal, 0), Some(vec![1, 2]));
        assert_eq!(numbers(&journal, 1), Some(vec![2]));
        assert_eq!(numbers(&journal, 2), Some(vec![]));
        assert_eq!(numbers(&journal, 3), None);
        let first = journal.after(0, 1).unwrap();
        let expected = Noted {
            number: 1,
            change: Some(change),
        };
        assert_eq!(first, [expected], "no more than is asked for");
    }

    #[test]
    fn the_oldest_changes_are_forgotten_and_that_is_told() {
        let journal = Journal::new();
        for _ in 0..KEPT + 10 {
            journal.note(None);
        }
        assert_eq!(numbers(&journal, 9), None);
        assert_eq!(numbers(&journal, 10).map(|kept| kept.len()), Some(KEPT));
        assert_eq!(journal.last(), KEPT as u64 + 10);
    }

    #[test]
    fn numbers_of_one_memory_mean_nothing_to_another() {
        assert_ne!(Journal::new().epoch(), Journal::new().epoch());
    }
}
