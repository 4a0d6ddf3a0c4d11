//! Nothing is lost to who follows a directory (intercom-directory.md §7.2, §7.5): writers through this API, REST and imports
//! at once, others that write and give up, and readers that ask for what has changed.
//!
//! `SOAK_ROUNDS` sets how many sites are written; one of each engine by default. A minute of more writers is a test of its own.

mod writers;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use dird::store::Placed;
use e2e::random::Random;
use serde_json::Value;

use crate::follower::{Follower, Told, live};
use crate::world::{Door, Plan};
use writers::{Trade, Written};

/// What each writer does, and does when there are several rounds.
const CHANGES: [usize; 2] = [30, 120];

/// Who writes.
const FEW: &[Trade] = &[
    Trade::Functions,
    Trade::Functions,
    Trade::Rest,
    Trade::Imports { rows: 15 },
    Trade::GivesUp,
];
const MANY: &[Trade] = &[
    Trade::Functions,
    Trade::Functions,
    Trade::Functions,
    Trade::Functions,
    Trade::Rest,
    Trade::Imports { rows: 500 },
    Trade::GivesUp,
    Trade::GivesUp,
];

/// When writers have written enough.
#[derive(Clone, Copy)]
enum Enough {
    After(usize),
    At(Instant),
}

fn rounds() -> u64 {
    let asked = std::env::var("SOAK_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

fn changes() -> Enough {
    Enough::After(CHANGES[usize::from(rounds() > 1)])
}

fn a_minute() -> Enough {
    Enough::At(Instant::now() + Duration::from_mins(1))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_of_sqlite_ends_with_what_is_there() {
    for round in 1..=rounds() {
        race(Plan::sqlite().open().await, FEW, changes(), round).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_of_postgres_ends_with_what_is_there() {
    for round in 1..=rounds() {
        race(Plan::postgres().await.open().await, FEW, changes(), round).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn followers_of_sqlite_lose_nothing_of_eight_writers() {
    race(Plan::sqlite().open().await, MANY, a_minute(), 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn followers_of_postgres_lose_nothing_of_eight_writers() {
    race(Plan::postgres().await.open().await, MANY, a_minute(), 1).await;
}

async fn race(door: Door, trades: &[Trade], enough: Enough, round: u64) {
    let token = door.token(door.tenant.id(), &["dird.#"]).await;
    let race = Arc::new(Race {
        door,
        token,
        enough,
        done: AtomicBool::new(false),
    });
    let readers = HABITS.map(|habit| {
        let random = Random(round * 1000 + 500);
        tokio::spawn(follow(Arc::clone(&race), habit, random))
    });
    let writers: Vec<_> = trades
        .iter()
        .zip(1..)
        .map(|(&trade, number)| {
            let random = Random(round * 1000 + number);
            tokio::spawn(Arc::clone(&race).write(trade, number, random))
        })
        .collect();
    let (mut stamps, mut changes) = (BTreeMap::new(), 0);
    for writer in writers {
        let written = writer.await.unwrap();
        let Written {
            stamps: told,
            changes: made,
        } = written;
        changes += made;
        for (stamp, uuid) in told {
            let before = stamps.insert(stamp, uuid);
            assert_eq!(before, None, "{stamp} was given twice");
        }
    }
    race.done.store(true, Ordering::SeqCst);
    for (reader, habit) in readers.into_iter().zip(HABITS) {
        let reader = reader.await.unwrap();
        assert_none_mixes_times(&reader.answers, &stamps);
        let mut anew = Follower::wanting(reader.fields);
        anew.catch_up(&race.door).await;
        assert_eq!(reader.copy, anew.copy, "round {round}: {habit:?}");
    }
    // Every change has a number of its own, and no number was left out.
    let (_, counter) = race.door.standing().await;
    assert_eq!(counter, i64::try_from(changes).unwrap());
    let all = live(&race.door).await;
    assert_eq!(people(&all), in_table(&race.door).await, "{round}");
}

/// Of the entries whose every change is known, each answer told exactly those that had changed, with what they were last as of
/// its end.
fn assert_none_mixes_times(answers: &[Told], stamps: &BTreeMap<i64, String>) {
    let known: BTreeSet<&String> = stamps.values().collect();
    for told in answers {
        let changes = stamps.range((Excluded(told.after), Included(told.until)));
        let expected: BTreeMap<&String, i64> =
            changes.map(|(stamp, uuid)| (uuid, *stamp)).collect();
        let changed = told.changed.iter().map(|(uuid, stamp)| (uuid, *stamp));
        let changed: BTreeMap<&String, i64> =
            changed.filter(|(uuid, _)| known.contains(uuid)).collect();
        assert_eq!(changed, expected, "{} to {}", told.after, told.until);
    }
}

/// Names, addresses and numbers of a reader's entries.
fn people(copy: &BTreeMap<String, Value>) -> BTreeMap<String, [String; 3]> {
    let person = |(uuid, entry): (&String, &Value)| {
        let values = [
            &entry["name"],
            &entry["email"],
            &entry["callPos"][0]["peer"],
        ];
        let values = values.map(|value| value.as_str().unwrap_or_default().to_owned());
        (uuid.clone(), values)
    };
    copy.iter().map(person).collect()
}

/// The same of the phonebook's contacts, which do not know that they are entries.
async fn in_table(door: &Door) -> BTreeMap<String, [String; 3]> {
    let contents = door.store.contents(&door.tenant, &door.list()).await;
    let contacts = contents.unwrap().contacts.into_iter();
    let person = |Placed { contact, .. }: Placed| {
        let value = |name: &str| contact.fields.get(name).cloned().flatten();
        let values = ["name", "email", "number"].map(|name| value(name).unwrap_or_default());
        (contact.uuid.0, values)
    };
    contacts.map(person).collect()
}

struct Race {
    door: Door,
    token: String,
    enough: Enough,
    done: AtomicBool,
}

/// What makes followers different.
#[derive(Debug, Clone, Copy)]
enum Habit {
    /// Wants whatever differs from its default.
    Everything,
    /// Wants these fields.
    Fields(&'static [&'static str]),
    /// Loses what it learnt last, now and then, and goes on from what it had saved.
    Forgets,
}

const HABITS: [Habit; 3] = [
    Habit::Everything,
    Habit::Fields(&["name", "callPos.peer"]),
    Habit::Forgets,
];

/// Follows until a question that was asked after everybody was done is answered.
async fn follow(race: Arc<Race>, habit: Habit, mut random: Random) -> Follower {
    let mut follower = match habit {
        Habit::Fields(fields) => Follower::wanting(Some(fields)),
        _ => Follower::default(),
    };
    let mut saved = follower.clone();
    loop {
        let last = race.done.load(Ordering::SeqCst);
        follower.catch_up(&race.door).await;
        assert_eq!(follower.anew, 0, "the series did not change");
        if last {
            return follower;
        }
        match (habit, random.below(3)) {
            (Habit::Forgets, 0) => follower = saved.clone(),
            (Habit::Forgets, 1) => saved = follower.clone(),
            _ => {}
        }
        for _ in 0..random.below(20) {
            tokio::task::yield_now().await;
        }
    }
}
