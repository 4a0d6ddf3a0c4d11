//! A client that follows a directory as intercom-directory.md §7.2 says.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::world::Door;

/// What an answer told: which entries had changed after a timestamp, as of another.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) after: i64,
    pub(crate) until: i64,
    /// When each was changed last, by its lower-case uuid.
    pub(crate) changed: BTreeMap<String, i64>,
}

/// A copy of a directory, and how far it goes.
#[derive(Debug, Default, Clone)]
pub(crate) struct Follower {
    /// Entries by their lower-case uuid.
    pub(crate) copy: BTreeMap<String, Value>,
    pub(crate) series: Option<String>,
    pub(crate) cursor: i64,
    /// How often it had to read anew.
    pub(crate) anew: usize,
    /// The fields that it asks for; all that differ from their defaults if there are none.
    pub(crate) fields: Option<&'static [&'static str]>,
    /// Every answer since it began to read.
    pub(crate) answers: Vec<Told>,
}

impl Follower {
    /// One that knows nothing yet.
    pub(crate) fn wanting(fields: Option<&'static [&'static str]>) -> Self {
        Self {
            fields,
            ..Self::default()
        }
    }

    /// Asks what is new until it is known.
    pub(crate) async fn catch_up(&mut self, door: &Door) {
        while !self.ask(door).await {}
    }

    /// Asks what is new; false if everything is to be read anew.
    async fn ask(&mut self, door: &Door) -> bool {
        let mut question = json!({ "fields": self.fields });
        if let Some(series) = &self.series {
            question["series"] = json!(series);
            question["iterator"] = json!({"timestamp": self.cursor});
        }
        let told = door.result_in_turn("query", question).await;
        let other = self.series.is_some() && told["series"] != json!(self.series);
        assert_eq!(told.get("invalid").is_some(), other, "{told}");
        let counter = told["timestamp"].as_i64().unwrap();
        if other || counter < self.cursor {
            assert_eq!(told["users"], json!([]));
            let anew = self.anew + 1;
            *self = Self {
                anew,
                ..Self::wanting(self.fields)
            };
            return false;
        }
        self.series = told["series"].as_str().map(str::to_owned);
        let (after, mut changed) = (self.cursor, BTreeMap::new());
        for entry in told["users"].as_array().unwrap() {
            self.apply(entry);
            changed.insert(key(entry), self.cursor);
        }
        assert!(self.cursor <= counter, "{} after {counter}", self.cursor);
        self.cursor = counter;
        self.answers.push(Told {
            after,
            until: counter,
            changed,
        });
        true
    }

    fn apply(&mut self, entry: &Value) {
        let timestamp = entry["timestamp"].as_i64().unwrap();
        assert!(self.cursor < timestamp, "{entry} after {}", self.cursor);
        self.cursor = timestamp;
        if entry["deleted"] == true {
            self.copy.remove(&key(entry));
        } else {
            self.copy.insert(key(entry), entry.clone());
        }
    }
}

/// An entry's uuid in lower case.
pub(crate) fn key(entry: &Value) -> String {
    entry["uuid"].as_str().unwrap().to_lowercase()
}

/// What is there, by its lower-case uuid.
pub(crate) async fn live(door: &Door) -> BTreeMap<String, Value> {
    let all = door.after(0).await.into_iter();
    let live = all.filter(|entry| entry["deleted"] != true);
    live.map(|entry| (key(&entry), entry)).collect()
}
