//! A directory server as a source.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use indexmap::IndexSet;
use kit::secret::Secret;
use serde::Deserialize;
use serde_json::Value;

use super::address::Address;
use super::connections::{Connections, Search};
use super::entry::{Found, Unique};
use super::filter::{Filters, is_attribute, with_ids, with_uuids};
use crate::backends::guard::Remote;
use crate::backends::mirror::Whole;
use crate::backends::remote::{Outside, RemoteError, Trust, deadline};
use crate::backends::{Asker, Entry, OpenError};
use crate::store::model::Source as Configured;

/// Numbers or identifiers in one filter.
const IN_ONE_FILTER: usize = 100;

/// Seconds for a connection and for an answer, unless the source says otherwise.
const NETWORK: f64 = 0.3;
const ANSWER: f64 = 1.0;

#[derive(Deserialize)]
struct Settings {
    ldap_uri: String,
    ldap_base_dn: String,
    #[serde(default)]
    ldap_username: Option<String>,
    #[serde(default)]
    ldap_password: Option<Secret>,
    #[serde(default)]
    ldap_custom_filter: Option<String>,
    #[serde(default)]
    ldap_network_timeout: Option<f64>,
    #[serde(default)]
    ldap_timeout: Option<f64>,
    #[serde(default)]
    unique_column: Option<String>,
    #[serde(default)]
    unique_column_format: Option<String>,
    #[serde(default)]
    verify_certificate: Trust,
}

/// One subtree of one server.
pub(super) struct Directory {
    pub(super) connections: Connections,
    pub(super) filters: Filters,
    pub(super) unique: Option<Unique>,
    pub(super) attributes: Vec<String>,
}

impl Directory {
    /// The directory of `source`. Nothing is sent yet.
    pub(super) fn new(source: &Configured, outside: &Outside) -> Result<Self, OpenError> {
        let settings = Settings::deserialize(Value::Object(source.extra.clone()))
            .map_err(|error| OpenError(error.to_string()))?;
        if source.searched_columns.is_empty() && settings.ldap_custom_filter.is_none() {
            return Err(OpenError(
                "it has neither searched_columns nor an ldap_custom_filter".into(),
            ));
        }
        let network = deadline(settings.ldap_network_timeout.unwrap_or(NETWORK), NETWORK);
        let answer = deadline(settings.ldap_timeout.unwrap_or(ANSWER), ANSWER);
        let login = (settings.ldap_username, settings.ldap_password);
        let address = Address::new(
            &settings.ldap_uri,
            settings.verify_certificate,
            login,
            (network, answer),
        )?;
        let unique = settings.unique_column.map(|column| Unique {
            column,
            binary: settings.unique_column_format.as_deref() == Some("binary_uuid"),
        });
        Ok(Self {
            connections: Connections::new(address, &settings.ldap_base_dn, outside.clone()),
            filters: Filters {
                searched: source.searched_columns.clone(),
                matched: source.first_matched_columns.clone(),
                custom: settings.ldap_custom_filter,
            },
            attributes: wanted(source, unique.as_ref()),
            unique,
        })
    }

    /// Longest time for a question.
    pub(super) fn deadline(&self) -> Duration {
        self.connections.deadline()
    }

    async fn found(&self, filter: Option<String>, one: bool) -> Result<Vec<Found>, RemoteError> {
        let Some(filter) = filter else {
            return Ok(Vec::new());
        };
        let search = Search {
            filter,
            attributes: self.attributes.clone(),
            one,
        };
        self.connections.search(&search).await
    }

    fn contacts(&self, found: &[Found]) -> Vec<Entry> {
        found
            .iter()
            .map(|found| found.contact(self.unique.as_ref()))
            .collect()
    }
}

/// The attributes to ask for: those that templates name, the identifier, the numbers; without templates all that there are.
fn wanted(source: &Configured, unique: Option<&Unique>) -> Vec<String> {
    let mut wanted: IndexSet<String> = IndexSet::new();
    if source.format_columns.is_empty() {
        wanted.insert("*".into());
    }
    for template in source.format_columns.values() {
        let names = template.split('{').skip(1);
        let names = names.filter_map(|rest| rest.split(['}', '[', '!', ':']).next());
        wanted.extend(names.map(str::to_owned));
    }
    wanted.extend(unique.map(|unique| unique.column.clone()));
    wanted.extend(source.first_matched_columns.iter().cloned());
    wanted.retain(|name| name == "*" || is_attribute(name));
    if wanted.is_empty() {
        // An empty list would mean all of them.
        wanted.insert("1.1".into());
    }
    wanted.into_iter().collect()
}

#[async_trait]
impl Remote for Directory {
    async fn search(&self, term: &str, _asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        let found = self.found(self.filters.search(term), false).await?;
        Ok(self.contacts(&found))
    }

    async fn reverse(
        &self,
        numbers: &[String],
        _asker: &Asker,
    ) -> Result<HashMap<String, Entry>, RemoteError> {
        if let [number] = numbers {
            // The server compares; it may know that "555 1234" is "5551234".
            let found = self.found(self.filters.number(number), true).await?;
            let first = self.contacts(&found).into_iter().next();
            return Ok(first
                .map(|entry| (number.clone(), entry))
                .into_iter()
                .collect());
        }
        let mut known = HashMap::new();
        for some in numbers.chunks(IN_ONE_FILTER) {
            let found = self.found(self.filters.numbers(some), false).await?;
            for number in some {
                let holds = |found: &&Found| found.has_number(&self.filters.matched, number);
                if let Some(found) = found.iter().find(holds) {
                    known.insert(number.clone(), found.contact(self.unique.as_ref()));
                }
            }
        }
        Ok(known)
    }

    async fn list(&self, ids: &[String], _asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        let Some(unique) = &self.unique else {
            return Ok(Vec::new());
        };
        let mut contacts = Vec::new();
        for some in ids.chunks(IN_ONE_FILTER) {
            let filter = if unique.binary {
                with_uuids(&unique.column, some)
            } else {
                with_ids(&unique.column, some)
            };
            contacts.extend(self.contacts(&self.found(filter, false).await?));
        }
        Ok(contacts)
    }

    fn whole(&self) -> Option<&dyn Whole> {
        self.filters.everybody().map(|_| self as &dyn Whole)
    }
}
