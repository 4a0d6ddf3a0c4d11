//! A user's contacts at Google for a mirror: all of them once, then what has changed (sync tokens of the People API).

use async_trait::async_trait;
use kit::secret::Secret;
use serde::Deserialize;
use serde_json::Value;

use super::people::{GONE, People};
use super::person::{MASK, contact};
use crate::backends::matching::Equality;
use crate::backends::mirror::{Changes, Copied, Fetch, Whole};
use crate::backends::platform::id_text;
use crate::backends::remote::{RemoteError, read_json};
use crate::backends::{Asker, Relations};

/// Contacts that are fetched at most.
const MOST: usize = 50_000;

/// Pages that are followed, however short they are.
const PAGES: usize = 500;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    connections: Vec<Value>,
    next_page_token: Option<String>,
    next_sync_token: Option<String>,
}

impl People {
    /// What Google tells since `mark`, or everything, and the next mark.
    async fn news(
        &self,
        mark: Option<&str>,
        token: &Secret,
    ) -> Result<(Changes, Option<String>), RemoteError> {
        let mut changes = Changes::default();
        let mut next: Option<String> = None;
        for _ in 0..PAGES {
            let mut parameters = vec![
                ("personFields", MASK),
                ("pageSize", "1000"),
                ("requestSyncToken", "true"),
            ];
            parameters.extend(mark.map(|mark| ("syncToken", mark)));
            parameters.extend(next.as_deref().map(|token| ("pageToken", token)));
            let body = self
                .get("people/me/connections", &parameters, token)
                .await?;
            let page: Page = read_json(&body)?;
            for person in &page.connections {
                note(&mut changes, person);
            }
            if changes.len() > MOST {
                return Err(RemoteError::TooMany(MOST));
            }
            next = page.next_page_token.filter(|token| !token.is_empty());
            if next.is_none() {
                let mark = page.next_sync_token.filter(|mark| !mark.is_empty());
                return Ok((changes, mark));
            }
        }
        Err(RemoteError::TooMany(MOST))
    }
}

fn note(changes: &mut Changes, person: &Value) {
    let Some(name) = person.get("resourceName").and_then(Value::as_str) else {
        return;
    };
    if person.pointer("/metadata/deleted") == Some(&Value::Bool(true)) {
        return changes.removed(name);
    }
    let fields = contact(person);
    let relations = Relations {
        source_entry_id: id_text(fields.get("id")),
        ..Relations::default()
    };
    changes.written(Copied::new(name, fields, relations));
}

#[async_trait]
impl Whole for People {
    fn numbers(&self) -> Equality {
        Equality::Caseless
    }

    async fn admits(&self, asker: &Asker) -> Result<bool, RemoteError> {
        Ok(self.token(asker).await?.is_some())
    }

    async fn fetch(&self, mark: Option<&str>, asker: &Asker) -> Result<Fetch, RemoteError> {
        let token = self.token(asker).await?;
        let token =
            token.ok_or_else(|| RemoteError::Token("the user has no account there".into()))?;
        if let Some(mark) = mark {
            match self.news(Some(mark), &token).await {
                Ok((changes, Some(next))) => return Ok(Fetch::Changes(changes, next)),
                // Without a mark to go on from, or with one that is too old, everything is fetched again.
                Ok((_, None)) | Err(RemoteError::Status(GONE)) => {}
                Err(error) => return Err(error),
            }
        }
        let (changes, next) = self.news(None, &token).await?;
        Ok(Fetch::Whole(changes.into_written(), next))
    }
}
