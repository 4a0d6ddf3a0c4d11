//! A writer, who remembers what was acknowledged.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Contacts, send};
use crate::contacts::{CSV, text};
use crate::site::Site;

/// Rows of an imported file.
const ROWS: usize = 7;

/// Writes contacts that nobody else writes, and takes part in a race for one that all want.
pub(super) struct Writer {
    /// What is there of this writer's.
    pub(super) acknowledged: Contacts,
    number: usize,
    written: usize,
    dice: u64,
}

impl Writer {
    pub(super) fn new(number: usize) -> Self {
        Self {
            acknowledged: Contacts::new(),
            number,
            written: 0,
            // Any but zero; each writer's own.
            dice: 0x9e37_79b9_7f4a_7c15 ^ (number as u64 + 1),
        }
    }

    /// Plays a round in which every answer is foreseen.
    pub(super) async fn play(&mut self, site: &Site, list: &str, round: usize, steps: usize) {
        self.race(site, list, round).await;
        for _ in 0..steps {
            match self.roll(7) {
                0 | 1 => self.create(site, list).await,
                2 => self.edit(site, list).await,
                3 => self.delete(site, list).await,
                4 => self.import(site, list).await,
                5 => self.import_badly(site, list).await,
                _ => self.repeat(site, list).await,
            }
        }
    }

    /// Writes while somebody clears the list, so that what was there may be gone.
    pub(super) async fn disturb(&mut self, site: &Site, list: &str, round: usize, steps: usize) {
        self.race(site, list, round).await;
        for _ in 0..steps {
            match self.roll(5) {
                0 | 1 => self.create(site, list).await,
                2 => self.import(site, list).await,
                kind => {
                    let Some((id, _)) = self.pick() else { continue };
                    let method = if kind == 3 {
                        Method::PUT
                    } else {
                        Method::DELETE
                    };
                    let path = format!("{list}/{id}");
                    let (status, body) = send(site, method, &path, &self.next()).await;
                    assert!([200, 204, 404].contains(&status), "{path}: {body}");
                }
            }
        }
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        usize::try_from(self.dice % sides as u64).unwrap()
    }

    /// A contact that nobody has written yet.
    fn next(&mut self) -> Value {
        self.written += 1;
        json!({"firstname": format!("w{}", self.number), "number": self.written.to_string()})
    }

    /// One of what is there, at random.
    fn pick(&mut self) -> Option<(String, Value)> {
        let count = self.acknowledged.len();
        let index = self.roll(count.max(1));
        let (id, contact) = self.acknowledged.iter().nth(index)?;
        Some((id.clone(), contact.clone()))
    }

    fn keep(&mut self, contact: &Value) {
        let kept = self
            .acknowledged
            .insert(text(contact, "id"), contact.clone());
        assert_eq!(kept, None, "an identifier was given twice");
    }

    /// Everybody wants the same contact; one gets it.
    async fn race(&mut self, site: &Site, list: &str, round: usize) {
        let wanted = json!({"firstname": "shared", "number": format!("round {round}")});
        match send(site, Method::POST, list, &wanted).await {
            (201, contact) => self.keep(&contact),
            (status, body) => assert_eq!(status, 409, "{body}"),
        }
    }

    async fn create(&mut self, site: &Site, list: &str) {
        let (status, contact) = send(site, Method::POST, list, &self.next()).await;
        assert_eq!(status, 201, "{contact}");
        self.keep(&contact);
    }

    async fn edit(&mut self, site: &Site, list: &str) {
        let Some((id, _)) = self.pick() else { return };
        let path = format!("{list}/{id}");
        let (status, contact) = send(site, Method::PUT, &path, &self.next()).await;
        assert_eq!(status, 200, "{contact}");
        self.acknowledged.insert(id, contact);
    }

    async fn delete(&mut self, site: &Site, list: &str) {
        let Some((id, _)) = self.pick() else { return };
        let path = format!("{list}/{id}");
        let (status, body) = send(site, Method::DELETE, &path, &Value::Null).await;
        assert_eq!(status, 204, "{body}");
        self.acknowledged.remove(&id);
    }

    /// A file of new contacts.
    fn sheet(&mut self) -> String {
        let rows = (0..ROWS).map(|_| {
            let contact = self.next();
            format!(
                "{},{}\n",
                text(&contact, "firstname"),
                text(&contact, "number")
            )
        });
        format!("firstname,number\n{}", rows.collect::<String>())
    }

    async fn import(&mut self, site: &Site, list: &str) {
        let sheet = self.sheet();
        let (status, body) = site.import(list, CSV, sheet).await;
        assert_eq!(status, 201, "{body}");
        let created = body["created"].as_array().unwrap();
        assert_eq!(created.len(), ROWS, "{body}");
        for contact in created {
            self.keep(contact);
        }
    }

    /// With a row too long: a phonebook takes nothing of it, a user's own contacts all but that row.
    async fn import_badly(&mut self, site: &Site, list: &str) {
        let sheet = self.sheet() + "one,two,three\n";
        let (status, body) = site.import(list, CSV, sheet).await;
        if list == "/personal" {
            assert_eq!(status, 201, "{body}");
            let created = body["created"].as_array().unwrap();
            assert_eq!(
                (created.len(), body["failed"].as_array().map(Vec::len)),
                (ROWS, Some(1))
            );
            for contact in created {
                self.keep(contact);
            }
        } else {
            assert_eq!(status, 400, "{body}");
        }
    }

    /// What is there already is refused.
    async fn repeat(&mut self, site: &Site, list: &str) {
        let Some((_, mut contact)) = self.pick() else {
            return;
        };
        contact.as_object_mut().unwrap().remove("id");
        let (status, body) = send(site, Method::POST, list, &contact).await;
        assert_eq!(status, 409, "{body}");
    }
}
