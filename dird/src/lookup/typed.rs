//! Names by the letters of a keypad, for profiles that ask for it: what they find comes after everything that the term itself
//! finds. Sources are asked for both at once, so that one that hangs over the term does not keep the names of others away.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::fan_out::{Found, by, unless_it_panics};
use super::plan::{PlannedSource, Service};
use crate::backends::{Asker, Entry, Identity};
use crate::monitor::Asked;

/// Contacts of every source whose name is typed with `keys`.
pub(super) async fn ask_all(
    service: &Service,
    keys: &str,
    asker: &Asker,
    deadline: Option<Instant>,
) -> Vec<Found> {
    let asked = service.sources.iter().map(|source| async move {
        let answer = by(deadline, ask(source, keys, asker)).await;
        (Arc::clone(source), answer.unwrap_or_default().into())
    });
    join_all(asked).await
}

/// `found`, and after it what is `typed` and not found already.
pub(super) fn added(mut found: Vec<Found>, typed: Vec<Found>) -> Vec<Found> {
    for (source, typed) in typed {
        let before = found.iter().find(|(before, _)| before.id == source.id);
        let known = before.into_iter().flat_map(|(_, known)| known.iter());
        let new = unknown(typed.entries(), known);
        if !new.is_empty() {
            found.push((source, new.into()));
        }
    }
    found
}

/// Those of `typed` that are none of `known`.
pub(super) fn unknown(mut typed: Vec<Entry>, known: impl Iterator<Item = Entry>) -> Vec<Entry> {
    if !typed.is_empty() {
        let known: HashSet<Identity> = known.map(|known| known.identity()).collect();
        typed.retain(|entry| !known.contains(&entry.identity()));
    }
    typed
}

async fn ask(source: &PlannedSource, keys: &str, asker: &Asker) -> Vec<Entry> {
    let asked = Asked::of(&source.backend);
    let answer = unless_it_panics(source.source.typed(keys, asker)).await;
    asked.ended(&answer);
    answer.unwrap_or_else(|error| {
        source.failed(&error);
        Vec::new()
    })
}
