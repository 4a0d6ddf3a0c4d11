//! Names by the letters of a keypad, for profiles that ask for it: what they find comes after everything that the term itself
//! finds. Sources answer from memory, so they are asked one after another.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::fan_out::Found;
use super::plan::{PlannedSource, Service};
use crate::backends::{Asker, Entry};
use crate::monitor::Asked;

/// Adds contacts whose name is typed with `keys` and that were not found already.
pub(super) async fn add(
    service: &Service,
    keys: &str,
    asker: &Asker,
    limit: Option<Duration>,
    found: &mut Vec<Found>,
) {
    let deadline = limit.map(|limit| Instant::now() + limit);
    let before = found.len();
    for source in &service.sources {
        let asked = ask(source, keys, asker);
        let mut typed = match deadline {
            None => asked.await,
            Some(deadline) => timeout_at(deadline, asked).await.unwrap_or_default(),
        };
        let mut known = found[..before].iter();
        if let Some((_, known)) = known.find(|(known, _)| known.id == source.id) {
            typed.retain(|entry| !known.iter().any(|known| known.is(entry)));
        }
        if !typed.is_empty() {
            found.push((source.clone(), typed.into()));
        }
    }
}

async fn ask(source: &PlannedSource, keys: &str, asker: &Asker) -> Vec<Entry> {
    let asked = Asked::of(&source.backend);
    let answer = source.source.typed(keys, asker).await;
    asked.ended(&answer);
    answer.unwrap_or_else(|error| {
        source.failed(&error);
        Vec::new()
    })
}
