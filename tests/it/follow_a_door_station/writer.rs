//! Somebody who writes entries that nobody else writes, and one that everybody does, and remembers what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use e2e::random::Random;
use e2e::wire::Answer;
use serde_json::{Value, json};

use super::desk::{Desk, Line, Stage, result};

/// Rows of an imported file.
const ROWS: usize = 5;

/// The way in which somebody writes.
#[derive(Clone, Copy)]
pub(super) enum Trade {
    Functions,
    Rest,
    Imports,
}

/// A writer.
pub(super) struct Writer {
    number: usize,
    trade: Trade,
    /// The entry that everybody writes.
    shared: String,
    random: Random,
    made: usize,
    /// Names of its entries, by their lower-case uuid.
    known: BTreeMap<String, String>,
    gone: BTreeSet<String>,
    /// How often the database was set back since the beginning: what was known before is not so any more.
    set_back: usize,
}

/// A change on its way.
struct Change {
    request: Vec<u8>,
    what: What,
}

enum What {
    /// Entries of these names, whose uuids come with the answer.
    Adds(Vec<String>),
    /// An entry gets a name, if this one is its writer's alone.
    Names(String, String),
    Removes(Vec<String>),
}

impl Writer {
    pub(super) fn new((number, trade): (usize, Trade), shared: &str, round: u64) -> Self {
        Self {
            number,
            trade,
            shared: shared.to_lowercase(),
            random: Random(round * 1000 + number as u64 + 1),
            made: 0,
            known: BTreeMap::new(),
            gone: BTreeSet::new(),
            set_back: 0,
        }
    }

    /// Writes until the end.
    pub(super) async fn write(mut self, mut line: Line, stage: Arc<Stage>) -> Result<Self> {
        while !stage.is_ended() {
            let set_back = stage.set_back();
            if set_back != self.set_back {
                self.known.clear();
                self.gone.clear();
                self.set_back = set_back;
            }
            let change = match self.trade {
                Trade::Functions => self.through_functions(&line.desk),
                Trade::Rest => self.through_rest(&line.desk),
                Trade::Imports => self.by_import(&line.desk),
            };
            match line.send(&change.request).await {
                Some(answer) if stage.set_back() == set_back => {
                    self.learn(change.what, &answer)?;
                    stage.changed(self.number);
                }
                _ => self.doubt(change.what),
            }
        }
        Ok(self)
    }

    fn name(&mut self) -> String {
        self.made += 1;
        format!("w{} {}", self.number, self.made)
    }

    /// One of its own entries, if it has any.
    fn one(&mut self) -> Option<String> {
        let place = self.random.below(self.known.len().max(1));
        self.known.keys().nth(place).cloned()
    }

    fn through_functions(&mut self, desk: &Desk) -> Change {
        let (choice, one) = (self.random.below(9), self.one());
        let (name, owner) = (self.name(), format!("w{}", self.number));
        let (function, body, what) = match (choice, one) {
            (0, _) => {
                let user = json!({"uuid": self.shared, "name": name});
                ("update", user, What::Names(self.shared.clone(), name))
            }
            (1 | 2, Some(one)) => {
                let user = json!({"uuid": one, "name": name, "email": "a@example.org", "callPos[1].peer": "7"});
                ("update", user, What::Names(one, name))
            }
            (3, Some(one)) => {
                let user = json!({"uuid": one, "name": name, "owner": owner, "virtNumber": "8"});
                ("create", user, What::Names(one, name))
            }
            (4, Some(one)) => ("delete", json!({"uuid": one}), What::Removes(vec![one])),
            (5, Some(_)) if self.known.len() > 12 => {
                let all = self.known.keys().cloned().collect();
                return Change {
                    request: desk.function("delete", &json!({"owner": owner})),
                    what: What::Removes(all),
                };
            }
            _ => {
                let further = self.name();
                let user = json!({"name": name, "owner": owner, "access": {"pin": "2580"}});
                let other = json!({"name": further, "owner": owner, "callPos": [{"peer": "1201"}]});
                let body = json!({"users": [user, {"nope": 1}, other]});
                return Change {
                    request: desk.function("create", &body),
                    what: What::Adds(vec![name, further]),
                };
            }
        };
        let body = json!({"force": true, "users": [body]});
        Change {
            request: desk.function(function, &body),
            what,
        }
    }

    fn through_rest(&mut self, desk: &Desk) -> Change {
        let (choice, one) = (self.random.below(6), self.one());
        let name = self.name();
        let contact = json!({"name": name, "number": "2", "number_other": "3"}).to_string();
        let json = ("application/json", contact.as_str());
        let (method, path, what) = match (choice, one) {
            (0, _) => {
                let what = What::Names(self.shared.clone(), name);
                ("PUT", format!("/{}", self.shared), what)
            }
            (1 | 2, Some(one)) => ("PUT", format!("/{one}"), What::Names(one, name)),
            (3, Some(one)) => ("DELETE", format!("/{one}"), What::Removes(vec![one])),
            _ => ("POST", String::new(), What::Adds(vec![name])),
        };
        Change {
            request: desk.contacts(method, &path, json),
            what,
        }
    }

    fn by_import(&mut self, desk: &Desk) -> Change {
        let names: Vec<String> = (0..ROWS).map(|_| self.name()).collect();
        let rows = names.iter().flat_map(|name| [name.as_str(), ",1\n"]);
        let sheet = format!("name,number\n{}", rows.collect::<String>());
        Change {
            request: desk.contacts("POST", "/import", ("text/csv", &sheet)),
            what: What::Adds(names),
        }
    }

    /// What is certain once a change was acknowledged. That it was refused can only mean that something was lost.
    fn learn(&mut self, what: What, answer: &Answer) -> Result<()> {
        let said = || String::from_utf8_lossy(&answer.body).into_owned();
        ensure!(answer.status < 300, "{}: {}", answer.status, said());
        let touched = match self.trade {
            Trade::Functions => {
                let result = result(answer)?;
                let users = result["users"].as_array().context("no users")?;
                let done = users.iter().filter(|user| user["timestamp"].is_i64());
                done.map(|user| uuid(&user["uuid"])).collect()
            }
            Trade::Imports => {
                let made = answer.json()?;
                let made = made["created"].as_array().context("nothing created")?;
                made.iter().map(|contact| uuid(&contact["id"])).collect()
            }
            Trade::Rest => match &what {
                What::Adds(_) => vec![uuid(&answer.json()?["id"])],
                What::Names(one, _) => vec![one.clone()],
                What::Removes(all) => all.clone(),
            },
        };
        match what {
            What::Adds(names) => {
                ensure!(touched.len() == names.len(), "not all: {}", said());
                self.known.extend(touched.into_iter().zip(names));
            }
            What::Names(one, name) => {
                ensure!(touched == [one.as_str()], "it is gone: {}", said());
                if one != self.shared {
                    self.known.insert(one, name);
                }
            }
            What::Removes(all) => {
                let gone = all.iter().all(|one| touched.contains(one));
                ensure!(gone, "they were gone: {}", said());
                self.known.retain(|one, _| !touched.contains(one));
                self.gone.extend(touched);
            }
        }
        Ok(())
    }

    /// Forgets what may or may not have been done.
    fn doubt(&mut self, what: What) {
        match what {
            What::Adds(_) => {}
            What::Names(one, _) => drop(self.known.remove(&one)),
            What::Removes(all) => self.known.retain(|one, _| !all.contains(one)),
        }
    }

    /// What was acknowledged, and not changed by anybody since, is in a copy of the directory.
    pub(super) fn finds_its_own_in(&self, copy: &BTreeMap<String, Value>) -> Result<()> {
        for (uuid, name) in &self.known {
            let kept = copy.get(uuid).map(|entry| &entry["name"]);
            ensure!(kept.is_some_and(|kept| kept == name), "{name}: {kept:?}");
        }
        let back = self.gone.iter().find(|uuid| copy.contains_key(*uuid));
        ensure!(back.is_none(), "removed, and there: {back:?}");
        Ok(())
    }
}

fn uuid(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_lowercase()
}
