//! A user's contacts at Microsoft for a mirror: all of them once, then what has changed (delta queries of Graph).

use async_trait::async_trait;
use kit::secret::Secret;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;

use super::graph::{Graph, astray, shaped};
use crate::backends::Asker;
use crate::backends::listing::Contact;
use crate::backends::matching::Equality;
use crate::backends::mirror::{Changes, Copied, Fetch, Whole};
use crate::backends::remote::{RemoteError, read_json};

/// Contacts that are fetched at most.
const MOST: usize = 50_000;

/// Pages that are followed, however short they are.
const PAGES: usize = 500;

/// The status for a mark from which changes do not go on any more.
const GONE: u16 = 410;

#[derive(Deserialize)]
struct Page {
    value: Vec<Contact>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    mark: Option<String>,
}

fn address(text: &str) -> Result<Url, RemoteError> {
    Url::parse(text).map_err(|error| RemoteError::Connection(error.to_string()))
}

impl Graph {
    /// What Graph tells at `start` and the pages after it, and the next mark.
    async fn news(
        &self,
        start: Url,
        token: &Secret,
    ) -> Result<(Changes, Option<String>), RemoteError> {
        let home = address(&self.endpoint)?.origin();
        let mut changes = Changes::default();
        let mut next = start;
        for _ in 0..PAGES {
            if next.origin() != home {
                return Err(astray());
            }
            let page: Page = read_json(&self.get(next, token).await?)?;
            for contact in page.value {
                note(&mut changes, contact);
            }
            if changes.len() > MOST {
                return Err(RemoteError::TooMany(MOST));
            }
            match page.next {
                Some(link) => next = address(&link)?,
                None => return Ok((changes, page.mark)),
            }
        }
        Err(RemoteError::TooMany(MOST))
    }

    /// Everything, with a mark if the endpoint tells changes.
    async fn everything(&self, token: &Secret) -> Result<Fetch, RemoteError> {
        let endpoint = address(&self.endpoint)?;
        let mut delta = endpoint.clone();
        delta.set_path(&format!("{}/delta", endpoint.path().trim_end_matches('/')));
        let (changes, mark) = match self.news(delta, token).await {
            Err(RemoteError::Status(400 | 404 | 405 | 501)) => {
                let mut pages = endpoint;
                pages.query_pairs_mut().append_pair("$top", "1000");
                (self.news(pages, token).await?.0, None)
            }
            told => told?,
        };
        Ok(Fetch::Whole(changes.into_written(), mark))
    }
}

fn note(changes: &mut Changes, contact: Contact) {
    let id = contact.get("id").and_then(Value::as_str);
    let Some(id) = id.map(str::to_owned) else {
        return;
    };
    if contact.contains_key("@removed") {
        return changes.removed(&id);
    }
    let (fields, relations) = shaped(contact);
    changes.written(Copied::new(&id, fields, relations));
}

#[async_trait]
impl Whole for Graph {
    fn numbers(&self) -> Equality {
        Equality::Caseless
    }

    fn order(&self) -> Option<&'static str> {
        Some("givenName")
    }

    async fn admits(&self, asker: &Asker) -> Result<bool, RemoteError> {
        Ok(self.token(asker).await?.is_some())
    }

    async fn fetch(&self, mark: Option<&str>, asker: &Asker) -> Result<Fetch, RemoteError> {
        let token = self.token(asker).await?;
        let token =
            token.ok_or_else(|| RemoteError::Token("the user has no account there".into()))?;
        if let Some(mark) = mark {
            match self.news(address(mark)?, &token).await {
                Ok((changes, Some(next))) => return Ok(Fetch::Changes(changes, next)),
                // Without a mark to go on from, or with one that is too old, everything is fetched again.
                Ok((_, None)) | Err(RemoteError::Status(GONE)) => {}
                Err(error) => return Err(error),
            }
        }
        self.everything(&token).await
    }
}
