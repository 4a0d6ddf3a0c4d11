//! A synchronising client as intercom-directory.md §7.2 describes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::desk::{Line, Stage, result, shown};

/// Between two questions.
const PACE: Duration = Duration::from_millis(5);

/// A copy of the directory, and how far it goes.
#[derive(Default)]
pub(super) struct Follower {
    /// Entries by their lower-case uuid.
    pub(super) copy: BTreeMap<String, Value>,
    pub(super) cursor: i64,
    /// How often it had to read anew.
    pub(super) anew: usize,
    series: Option<String>,
}

impl Follower {
    /// Follows until a question that was asked after everybody had stopped writing is answered.
    pub(super) async fn follow(mut self, mut line: Line, stage: Arc<Stage>) -> Result<Self> {
        loop {
            let last = stage.is_quiet();
            let question = line.desk.function("query", &self.question());
            if let Some(answer) = line.send(&question).await {
                let goes_on = self.take(&result(&answer)?)?;
                stage.polled();
                if last && goes_on {
                    return Ok(self);
                }
            }
            sleep(PACE).await;
        }
    }

    fn question(&self) -> Value {
        match &self.series {
            None => json!({"fields": []}),
            Some(series) => {
                json!({"fields": [], "series": series, "iterator": {"timestamp": self.cursor}})
            }
        }
    }

    /// Applies an answer; false if everything is to be read anew.
    fn take(&mut self, told: &Value) -> Result<bool> {
        let series = told["series"].as_str().context("no series")?;
        let counter = told["timestamp"].as_i64().context("no counter")?;
        let entries = told["users"].as_array().context("no users")?;
        let other = self.series.as_deref().is_some_and(|own| own != series);
        ensure!(other == told["invalid"].is_i64(), "invalid: {told}");
        ensure!(!other || entries.is_empty(), "entries of another series");
        if other || counter < self.cursor {
            let anew = self.anew + 1;
            *self = Self {
                anew,
                ..Self::default()
            };
            return Ok(false);
        }
        self.series = Some(series.to_owned());
        for entry in entries {
            self.apply(entry)?;
        }
        ensure!(self.cursor <= counter, "{} after {counter}", self.cursor);
        self.cursor = counter;
        Ok(true)
    }

    fn apply(&mut self, entry: &Value) -> Result<()> {
        let timestamp = entry["timestamp"].as_i64().context("no timestamp")?;
        ensure!(self.cursor < timestamp, "{entry} after {}", self.cursor);
        self.cursor = timestamp;
        let key = entry["uuid"].as_str().context("no uuid")?.to_lowercase();
        if entry["deleted"] == true {
            self.copy.remove(&key);
        } else {
            self.copy.insert(key, entry.clone());
        }
        Ok(())
    }

    pub(super) fn by_timestamp(&self) -> Vec<&Value> {
        let mut entries: Vec<&Value> = self.copy.values().collect();
        entries.sort_by_key(|entry| entry["timestamp"].as_i64());
        entries
    }

    /// The copy as the database would have it.
    pub(super) fn as_rows(&self) -> BTreeMap<String, Value> {
        let row = |entry: &Value| {
            let uuid = entry["uuid"].as_str().unwrap_or_default().to_owned();
            // A default is not stored.
            let number = Some(&entry["virtNumber"]).filter(|number| **number != "");
            let row = json!([entry["timestamp"], entry["owner"], shown(entry), number]);
            (uuid, row)
        };
        self.copy.values().map(row).collect()
    }

    /// The copy as REST would list it.
    pub(super) fn as_contacts(&self) -> BTreeSet<[String; 5]> {
        let contacts = self.copy.values().map(shown);
        let says = |contact: &[String; 5]| contact.iter().any(|value| !value.is_empty());
        contacts.filter(says).collect()
    }
}
