//! Nothing is lost to who follows a directory (intercom-directory.md §7.2, §7.5): writers through this API, REST and imports
//! at once, and readers that ask for what has changed.
//!
//! `SOAK_ROUNDS` sets how many sites are written; one of each engine by default.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound::{Excluded, Included};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dird::store::Placed;
use reqwest::Method;
use serde_json::{Value, json};

use crate::follower::{Follower, Told, key, live};
use crate::world::{Door, Plan, read};

/// What each writer does, and does when there are several rounds.
const CHANGES: [usize; 2] = [30, 120];

/// Rows of an imported file.
const ROWS: usize = 15;

fn rounds() -> u64 {
    let asked = std::env::var("SOAK_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

fn changes() -> usize {
    CHANGES[usize::from(rounds() > 1)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_of_sqlite_ends_with_what_is_there() {
    for round in 1..=rounds() {
        race(Plan::sqlite().open().await, round).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_of_postgres_ends_with_what_is_there() {
    for round in 1..=rounds() {
        race(Plan::postgres().await.open().await, round).await;
    }
}

async fn race(door: Door, round: u64) {
    let token = door.token(door.tenant.id(), &["dird.#"]).await;
    let race = Arc::new(Race {
        door,
        token,
        done: AtomicBool::new(false),
    });
    let readers = HABITS.map(|habit| {
        let random = Random(round * 1000 + 500);
        tokio::spawn(follow(Arc::clone(&race), habit, random))
    });
    let mut writers = Vec::new();
    for number in 0..4 {
        let race = Arc::clone(&race);
        let random = Random(round * 1000 + number + 1);
        writers.push(tokio::spawn(async move {
            match number {
                0 | 1 => race.through_functions(random, number).await,
                2 => race.through_rest(random).await,
                _ => race.through_imports().await,
            }
        }));
    }
    let (mut stamps, mut changes) = (BTreeMap::new(), 0);
    for writer in writers {
        let written = writer.await.unwrap();
        changes += written.changes;
        for (stamp, uuid) in written.stamps {
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

/// The same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % below as u64).unwrap()
    }
}

/// What a writer did.
#[derive(Default)]
struct Written {
    /// Timestamps that it was told, each with the entry's lower-case uuid.
    stamps: Vec<(i64, String)>,
    /// Changes of entries.
    changes: usize,
}

struct Race {
    door: Door,
    token: String,
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

impl Race {
    async fn through_functions(&self, mut random: Random, writer: u64) -> Written {
        let (mut written, mut known) = (Written::default(), Vec::new());
        let owner = format!("w{writer}");
        for round in 0..changes() {
            let name = format!("w{writer} {round}");
            let choice = if known.is_empty() { 0 } else { random.below(5) };
            let place = random.below(known.len().max(1));
            let (function, body) = match choice {
                0 | 1 => {
                    let user = json!({"name": name, "owner": owner});
                    ("create", json!({"users": [user, user, {"nope": 1}]}))
                }
                2 => (
                    "update",
                    json!({"users": [{"uuid": known[place], "email": format!("a@{round}")}]}),
                ),
                3 => (
                    "create",
                    json!({"force": 1, "users": [{"uuid": known[place], "name": name, "owner": owner}]}),
                ),
                _ => (
                    "delete",
                    json!({"users": [{"uuid": known.swap_remove(place)}]}),
                ),
            };
            let result = self.door.result(function, body).await;
            for one in result["users"].as_array().unwrap() {
                let Some(timestamp) = one["timestamp"].as_i64() else {
                    continue;
                };
                written.stamps.push((timestamp, key(one)));
                if function == "create" && choice < 2 {
                    known.push(one["uuid"].clone());
                }
            }
            if round == changes() / 2 {
                let deleted = self.door.result("delete", json!({"owner": owner})).await;
                let deleted = deleted["users"].as_array().unwrap();
                assert_eq!(deleted.len(), known.len());
                written.stamps.extend(
                    deleted
                        .iter()
                        .map(|one| (one["timestamp"].as_i64().unwrap(), key(one))),
                );
                known.clear();
            }
        }
        written.changes = written.stamps.len();
        written
    }

    async fn send(&self, method: Method, path: &str, body: String) -> (u16, Value) {
        let path = format!("/0.1/phonebooks/{}/contacts{path}", self.door.phonebook.0);
        let request = self
            .door
            .request(method, &path)
            .header("X-Auth-Token", &self.token);
        let request = request.header("Content-Type", "text/csv").body(body);
        read(request.send().await.unwrap()).await
    }

    async fn through_rest(&self, mut random: Random) -> Written {
        let (mut written, mut known) = (Written::default(), Vec::new());
        for round in 0..changes() {
            let choice = if known.is_empty() { 0 } else { random.below(4) };
            let place = random.below(known.len().max(1));
            let body = json!({"name": format!("r{round}"), "number": "1"}).to_string();
            let (status, answer) = match choice {
                0 | 1 => self.send(Method::POST, "", body).await,
                2 => {
                    self.send(Method::PUT, &format!("/{}", known[place]), body)
                        .await
                }
                _ => {
                    let gone: String = known.swap_remove(place);
                    self.send(Method::DELETE, &format!("/{gone}"), String::new())
                        .await
                }
            };
            assert!(status < 300, "{status} {answer}");
            if choice < 2 {
                known.push(answer["id"].as_str().unwrap().to_owned());
            }
            written.changes += 1;
        }
        written
    }

    async fn through_imports(&self) -> Written {
        let mut written = Written::default();
        for round in 0..changes() / 5 {
            let mut sheet = "name,number\n".to_owned();
            for row in 0..ROWS {
                sheet.extend([format!("i{round} {row}").as_str(), ",1\n"]);
            }
            let (status, answer) = self.send(Method::POST, "/import", sheet).await;
            assert!(status < 300, "{status} {answer}");
            written.changes += ROWS;
        }
        written
    }
}
