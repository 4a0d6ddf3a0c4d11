//! The user's contacts at Google, over the People API (dird-backends.md §9).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kit::secret::Secret;
use serde::Deserialize;
use serde_json::Value;

use super::person::{MASK, contact};
use crate::backends::guard::Remote;
use crate::backends::listing::{Contact, Listing, ListingError, page_of};
use crate::backends::matching::{Equality, Term, first_by_number, with_ids};
use crate::backends::mirror::Whole;
use crate::backends::platform::id_text;
use crate::backends::remote::{
    Clients, Elsewhere, Fetched, Redirects, RemoteError, Service, Trust, external, read_json,
};
use crate::backends::{Asker, Entry, Relations};
use crate::store::{Listed, Page};

/// Longest time for one call.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest answer that is read, in bytes.
const LONGEST: usize = 16 << 20;

/// Pages of a thousand contacts that are followed.
const PAGES: usize = 20;

/// The contacts of whoever asks.
pub(super) struct People {
    pub(super) auth: Service,
    pub(super) api: Arc<str>,
    pub(super) searched: Vec<String>,
    pub(super) matched: Vec<String>,
    pub(super) clients: Arc<Clients>,
}

#[derive(Deserialize)]
struct Hits {
    #[serde(default)]
    results: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(default)]
    person: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Connections {
    #[serde(default)]
    connections: Vec<Value>,
    next_page_token: Option<String>,
}

impl People {
    pub(super) async fn token(&self, asker: &Asker) -> Result<Option<Secret>, RemoteError> {
        external(&self.clients, &self.auth, Elsewhere::Google, asker).await
    }

    pub(super) async fn get(
        &self,
        path: &str,
        parameters: &[(&str, &str)],
        token: &Secret,
    ) -> Result<Vec<u8>, RemoteError> {
        let client = self
            .clients
            .get(&Trust::default(), Redirects::Refused)
            .await?;
        let mut url = reqwest::Url::parse(&format!("{}/v1/{path}", self.api))
            .map_err(|error| RemoteError::Connection(error.to_string()))?;
        url.query_pairs_mut().extend_pairs(parameters);
        let request = client
            .get(url)
            .bearer_auth(token.expose())
            .header("Accept", "application/json")
            .header("User-Agent", "wazo_ua/1.0")
            .header("GData-Version", "3.0");
        let fetched = Fetched::get(request, PATIENCE, LONGEST).await?;
        match fetched.status {
            200 => Ok(fetched.body),
            400 if is_expired(&fetched.body) => Err(RemoteError::Status(GONE)),
            status => Err(RemoteError::Status(status)),
        }
    }

    /// What Google finds. It asks to be called once without a term, so that its own cache is warm.
    async fn hits(&self, term: &str, token: &Secret) -> Result<Vec<Contact>, RemoteError> {
        const PATH: &str = "people:searchContacts";
        let mask = [("readMask", MASK), ("pageSize", "30")];
        self.get(PATH, &mask, token).await?;
        let [mask, size] = mask;
        let hits: Hits = read_json(
            &self
                .get(PATH, &[mask, size, ("query", term)], token)
                .await?,
        )?;
        Ok(hits
            .results
            .iter()
            .map(|hit| contact(&hit.person))
            .collect())
    }

    async fn everybody(&self, token: &Secret) -> Result<Vec<Contact>, RemoteError> {
        let mut contacts = Vec::new();
        let mut next = None;
        for _ in 0..PAGES {
            let mut parameters = vec![("personFields", MASK), ("pageSize", "1000")];
            parameters.extend(next.as_deref().map(|token| ("pageToken", token)));
            let body = self
                .get("people/me/connections", &parameters, token)
                .await?;
            let page: Connections = read_json(&body)?;
            contacts.extend(page.connections.iter().map(contact));
            next = page.next_page_token.filter(|token| !token.is_empty());
            if next.is_none() {
                break;
            }
        }
        Ok(contacts)
    }
}

/// The status for a mark from which changes do not go on any more.
pub(super) const GONE: u16 = 410;

/// Google may say so with another status.
fn is_expired(body: &[u8]) -> bool {
    memchr::memmem::find(body, b"EXPIRED_SYNC_TOKEN").is_some()
}

fn entry(fields: Contact) -> Entry {
    let relations = Relations {
        source_entry_id: id_text(fields.get("id")),
        ..Relations::default()
    };
    Entry::of_map(fields, relations)
}

fn entries(contacts: Vec<Contact>) -> Vec<Entry> {
    contacts.into_iter().map(entry).collect()
}

#[async_trait]
impl Remote for People {
    async fn search(&self, term: &str, asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        let Some(token) = self.token(asker).await? else {
            return Ok(Vec::new());
        };
        let mut found = entries(self.hits(term, &token).await?);
        let term = Term::new(term);
        found.retain(|entry| term.is_in(entry, &self.searched));
        Ok(found)
    }

    async fn reverse(
        &self,
        numbers: &[String],
        asker: &Asker,
    ) -> Result<HashMap<String, Entry>, RemoteError> {
        if self.matched.is_empty() {
            return Ok(HashMap::new());
        }
        let Some(token) = self.token(asker).await? else {
            return Ok(HashMap::new());
        };
        let everybody = entries(self.everybody(&token).await?);
        Ok(first_by_number(
            everybody,
            &self.matched,
            numbers,
            Equality::Caseless,
        ))
    }

    async fn list(&self, ids: &[String], asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        let Some(token) = self.token(asker).await? else {
            return Ok(Vec::new());
        };
        Ok(with_ids(entries(self.everybody(&token).await?), ids))
    }

    fn is_personal(&self) -> bool {
        true
    }

    fn whole(&self) -> Option<&dyn Whole> {
        Some(self)
    }

    fn listing(&self) -> Option<&dyn Listing> {
        Some(self)
    }
}

#[async_trait]
impl Listing for People {
    async fn contacts(&self, page: &Page, asker: &Asker) -> Result<Listed<Contact>, ListingError> {
        // Whatever keeps auth from giving a token is the same to whoever asks (dird-backends.md §9).
        let token = self.token(asker).await.ok().flatten();
        let token = token.ok_or(ListingError::NoToken("google"))?;
        let found = match page.search.as_deref().filter(|search| !search.is_empty()) {
            Some(search) => self.hits(search, &token).await,
            None => self.everybody(&token).await,
        };
        match found {
            Ok(contacts) => Ok(page_of(contacts, page.order, page)),
            Err(RemoteError::Status(_)) => Ok(page_of(Vec::new(), page.order, page)),
            Err(_) => Err(ListingError::Endpoint(self.api.to_string(), None)),
        }
    }
}
