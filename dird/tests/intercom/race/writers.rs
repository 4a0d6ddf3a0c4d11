//! What the writers of a race do, each by its trade.

use std::sync::Arc;
use std::time::{Duration, Instant};

use dird::store::model::{Contact, ContactId, random_id};
use dird::store::{EntryChange, StoredEntry};
use e2e::random::Random;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Enough, Race};
use crate::follower::key;
use crate::world::read;

/// How a writer writes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trade {
    /// By the functions of door stations.
    Functions,
    /// Contacts by REST.
    Rest,
    /// Sheets of so many contacts by REST.
    Imports { rows: usize },
    /// In transactions that come to nothing.
    GivesUp,
}

/// What a writer did.
#[derive(Default)]
pub(super) struct Written {
    /// Timestamps that it was told of changes, each with the entry's lower-case uuid.
    pub(super) stamps: Vec<(i64, String)>,
    /// Changes of entries.
    pub(super) changes: usize,
}

/// Entries of a writer's own, each with its last timestamp.
type Own = Vec<(Value, i64)>;

/// Between two turns of those who write much, or hold up the others.
const REST: Duration = Duration::from_millis(20);

impl Race {
    pub(super) async fn write(
        self: Arc<Self>,
        trade: Trade,
        number: u64,
        random: Random,
    ) -> Written {
        match trade {
            Trade::Functions => self.through_functions(random, number).await,
            Trade::Rest => self.through_rest(random).await,
            Trade::Imports { rows } => self.through_imports(rows).await,
            Trade::GivesUp => self.in_vain(random).await,
        }
    }

    /// Whether a writer that has had so many turns has another one.
    fn goes_on(&self, turns: usize) -> bool {
        match self.enough {
            Enough::After(most) => turns < most,
            Enough::At(end) => Instant::now() < end,
        }
    }

    async fn through_functions(&self, mut random: Random, writer: u64) -> Written {
        let (mut written, mut own) = (Written::default(), Own::new());
        let owner = format!("w{writer}");
        let mut turn = 0;
        while self.goes_on(turn) {
            if turn % 30 == 15 {
                self.delete_all(&owner, &mut own, &mut written).await;
            }
            let name = format!("w{writer} {turn}");
            let user = json!({"name": name, "owner": owner});
            let choice = if own.is_empty() { 0 } else { random.below(6) };
            let place = random.below(own.len().max(1));
            match choice {
                0 | 1 => {
                    let users = json!([user, user, {"nope": 1}]);
                    let told = self.told("create", &json!({"users": users})).await;
                    own.extend(
                        told.iter()
                            .map(|(one, stamp)| (one["uuid"].clone(), *stamp)),
                    );
                    written.note(&told);
                }
                2 => self.replace(&mut own[place], user, &mut written).await,
                3 => self.update(&mut own[place], turn, &mut written).await,
                4 => self.update_nothing(&own[place]).await,
                _ => {
                    let (uuid, _) = own.swap_remove(place);
                    let told = self
                        .told("delete", &json!({"users": [{"uuid": uuid}]}))
                        .await;
                    written.note(&told);
                }
            }
            turn += 1;
        }
        written
    }

    /// The entries of an answer that have a timestamp.
    async fn told(&self, function: &str, body: &Value) -> Vec<(Value, i64)> {
        let result = self.door.result_in_turn(function, body.clone()).await;
        let users = result["users"].as_array().unwrap().iter();
        users
            .filter_map(|one| Some((one.clone(), one["timestamp"].as_i64()?)))
            .collect()
    }

    async fn delete_all(&self, owner: &str, own: &mut Own, written: &mut Written) {
        let told = self.told("delete", &json!({"owner": owner})).await;
        assert_eq!(told.len(), own.len());
        written.note(&told);
        own.clear();
    }

    async fn replace(&self, own: &mut (Value, i64), mut user: Value, written: &mut Written) {
        user["uuid"] = own.0.clone();
        let told = self
            .told("create", &json!({"force": 1, "users": [user]}))
            .await;
        own.1 = told[0].1;
        written.note(&told);
    }

    async fn update(&self, own: &mut (Value, i64), turn: usize, written: &mut Written) {
        let user = json!({"uuid": own.0, "email": format!("a@{turn}")});
        let told = self.told("update", &json!({"users": [user]})).await;
        own.1 = told[0].1;
        written.note(&told);
    }

    /// What changes nothing is told the timestamp that there was.
    async fn update_nothing(&self, (uuid, stamp): &(Value, i64)) {
        let told = self
            .told("update", &json!({"users": [{"uuid": uuid}]}))
            .await;
        assert_eq!(told[0].1, *stamp, "{uuid}");
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
        while self.goes_on(written.changes) {
            let choice = if known.is_empty() { 0 } else { random.below(4) };
            let place = random.below(known.len().max(1));
            let name = format!("r{}", written.changes);
            let body = json!({"name": name, "number": "1"}).to_string();
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

    async fn through_imports(&self, rows: usize) -> Written {
        let mut written = Written::default();
        let mut turn = 0;
        // A sheet takes the place of a few turns of the others.
        while self.goes_on(5 * turn) {
            let mut sheet = "name,number\n".to_owned();
            for row in 0..rows {
                sheet.extend([format!("i{turn} {row}").as_str(), ",1\n"]);
            }
            let (status, answer) = self.send(Method::POST, "/import", sheet).await;
            assert!(status < 300, "{status} {answer}");
            written.changes += rows;
            turn += 1;
            sleep(REST * u32::try_from(rows / 15).unwrap()).await;
        }
        written
    }

    /// Holds the directory, now and then stamps entries, rests, and gives up.
    async fn in_vain(&self, mut random: Random) -> Written {
        let mut turn = 0;
        while self.goes_on(turn) {
            let store = &self.door.store;
            let writing = store.write_entries(&self.door.tenant, &self.door.phonebook);
            let mut held = writing.await.unwrap();
            let next = held.directory().timestamp + 1;
            if random.below(3) > 0 {
                held.write(vec![in_vain(next)], next).await.unwrap();
            }
            sleep(REST.mul_f64(0.5)).await;
            drop(held);
            turn += 1;
            sleep(REST).await;
        }
        Written::default()
    }
}

/// An entry that nobody is ever to see.
fn in_vain(timestamp: i64) -> EntryChange {
    let uuid = random_id();
    let name = ("name".to_owned(), Some("nobody".to_owned()));
    EntryChange {
        entry: StoredEntry {
            spelling: uuid.to_uppercase(),
            contact: Some(Contact {
                uuid: ContactId(uuid.clone()),
                fields: [name].into_iter().collect(),
            }),
            uuid,
            timestamp,
            deleted: false,
            owner: String::new(),
            data: "{}".to_owned(),
            secret: None,
        },
        before: None,
    }
}

impl Written {
    /// Notes changes that were told, and made.
    fn note(&mut self, told: &[(Value, i64)]) {
        let stamps = told.iter().map(|(one, stamp)| (*stamp, key(one)));
        self.stamps.extend(stamps);
        self.changes += told.len();
    }
}
