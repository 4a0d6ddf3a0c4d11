//! The user's contacts at Microsoft, over Graph (dird-backends.md §10).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kit::secret::Secret;
use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::backends::guard::Remote;
use crate::backends::listing::{Contact, Listing, ListingError, page_of};
use crate::backends::matching::{Equality, Term, first_by_number, with_ids};
use crate::backends::mirror::Whole;
use crate::backends::platform::id_text;
use crate::backends::remote::{
    Clients, Elsewhere, Fetched, Redirects, RemoteError, Service, Trust, external, read_json,
};
use crate::backends::{Asker, Entry, Field, Relations};
use crate::store::{Listed, Page};

/// Longest time for one call.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest answer that is read, in bytes.
const LONGEST: usize = 16 << 20;

/// Contacts asked for at once.
const PAGE_SIZE: &str = "1000";

/// Pages that are followed.
const PAGES: usize = 20;

/// Contacts that are kept, whatever the sizes of pages.
const MOST: usize = 50_000;

/// The fields that hold numbers, in the order in which `numbers` has them.
const NUMBERS: [&str; 3] = ["mobilePhone", "businessPhones", "homePhones"];

/// The same in the order of `numbers_except_label`.
const LABELS: [&str; 3] = ["businessPhones", "homePhones", "mobilePhone"];

/// The contacts of whoever asks.
pub(super) struct Graph {
    pub(super) auth: Service,
    pub(super) endpoint: String,
    pub(super) searched: Vec<String>,
    pub(super) matched: Vec<String>,
    pub(super) clients: Arc<Clients>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    value: Vec<Contact>,
    #[serde(rename = "@odata.nextLink")]
    next: Option<String>,
}

impl Graph {
    pub(super) async fn token(&self, asker: &Asker) -> Result<Option<Secret>, RemoteError> {
        external(&self.clients, &self.auth, Elsewhere::Microsoft, asker).await
    }

    async fn everybody(&self, token: &Secret) -> Result<Vec<Contact>, RemoteError> {
        let read = |text: &str| {
            Url::parse(text).map_err(|error| RemoteError::Connection(error.to_string()))
        };
        let endpoint = read(&self.endpoint)?;
        let mut next = endpoint.clone();
        next.query_pairs_mut().append_pair("$top", PAGE_SIZE);
        let mut contacts = Vec::new();
        for _ in 0..PAGES {
            let answer: Answer = read_json(&self.get(next, token).await?)?;
            contacts.extend(answer.value);
            contacts.truncate(MOST);
            let Some(link) = answer.next.filter(|_| contacts.len() < MOST) else {
                break;
            };
            next = read(&link)?;
            if next.origin() != endpoint.origin() {
                return Err(astray());
            }
        }
        Ok(contacts)
    }

    pub(super) async fn get(&self, url: Url, token: &Secret) -> Result<Vec<u8>, RemoteError> {
        let client = self
            .clients
            .get(&Trust::default(), Redirects::Refused)
            .await?;
        let request = client
            .get(url)
            .bearer_auth(token.expose())
            .header("Accept", "application/json")
            .header("User-Agent", "wazo_ua/1.0")
            .header("client-request-id", uuid::Uuid::new_v4().to_string())
            .header("return-client-request-id", "true");
        let fetched = Fetched::get(request, PATIENCE, LONGEST).await?;
        match fetched.status {
            200 => Ok(fetched.body),
            status => Err(RemoteError::Status(status)),
        }
    }

    async fn entries(&self, asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        let Some(token) = self.token(asker).await? else {
            return Ok(Vec::new());
        };
        Ok(self
            .everybody(&token)
            .await?
            .into_iter()
            .map(entry)
            .collect())
    }
}

/// Why a page is not followed: the next request would carry the user's token to somebody else.
pub(super) fn astray() -> RemoteError {
    RemoteError::Unreadable("its next page is on another host".into())
}

fn entry(contact: Contact) -> Entry {
    let (fields, relations) = shaped(contact);
    Entry::of_map(fields, relations)
}

/// The contact with the fields that dird adds, and what a result says of the person.
pub(super) fn shaped(mut contact: Contact) -> (Contact, Relations) {
    let given_name = contact.entry("givenName").or_insert(Value::Null);
    if given_name.is_null() {
        *given_name = json!("");
    }
    let email = contact
        .get("emailAddresses")
        .and_then(|addresses| addresses.get(0)?.get("address").cloned());
    let all: Value = NUMBERS
        .iter()
        .flat_map(|name| numbers(&contact, name))
        .collect();
    let except = |own: &str| {
        let others = LABELS.iter().filter(|name| **name != own);
        others
            .flat_map(|name| numbers(&contact, name))
            .collect::<Value>()
    };
    let excepts = LABELS.iter().map(|&name| (name.to_owned(), except(name)));
    let excepts = Value::Object(excepts.collect());
    contact.insert("email".into(), email.unwrap_or_default());
    contact.insert("numbers".into(), all);
    contact.insert("numbers_except_label".into(), excepts);
    let relations = Relations {
        source_entry_id: id_text(contact.get("id")),
        ..Relations::default()
    };
    (contact, relations)
}

/// The numbers in a field: one, several, or none.
fn numbers(contact: &Contact, name: &str) -> Vec<Value> {
    match contact.get(name) {
        Some(Value::String(number)) if !number.is_empty() => vec![json!(number)],
        Some(Value::Array(numbers)) => numbers.clone(),
        _ => Vec::new(),
    }
}

#[async_trait]
impl Remote for Graph {
    async fn search(&self, term: &str, asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        let mut found = self.entries(asker).await?;
        let term = Term::new(term);
        found.retain(|entry| term.is_in(entry, &self.searched));
        found.sort_by_cached_key(|entry| entry.get("givenName").and_then(Field::to_text));
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
        let everybody = self.entries(asker).await?;
        Ok(first_by_number(
            everybody,
            &self.matched,
            numbers,
            Equality::Caseless,
        ))
    }

    async fn list(&self, ids: &[String], asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        Ok(with_ids(self.entries(asker).await?, ids))
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
impl Listing for Graph {
    async fn contacts(&self, page: &Page, asker: &Asker) -> Result<Listed<Contact>, ListingError> {
        // Whatever keeps auth from giving a token is the same to whoever asks (dird-backends.md §10).
        let token = self.token(asker).await.ok().flatten();
        let token = token.ok_or(ListingError::NoToken("microsoft"))?;
        let contacts = self.everybody(&token).await.map_err(|error| {
            let status = match error {
                RemoteError::Status(status) => Some(status),
                _ => None,
            };
            ListingError::Endpoint(self.endpoint.clone(), status)
        })?;
        let column = match page.order {
            "firstname" => "givenName",
            "lastname" => "surname",
            _ => "displayName",
        };
        Ok(page_of(contacts, column, page))
    }
}
