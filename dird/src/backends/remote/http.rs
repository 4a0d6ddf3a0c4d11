//! HTTP towards services of others. Clients are shared by all sources that trust the same authorities; proxies come from the
//! environment (`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`), the system's roots of trust too (`SSL_CERT_FILE`).

use std::path::{Path, PathBuf};
use std::time::Duration;

use moka::future::Cache;
use reqwest::{Certificate, Client, RequestBuilder, Response, redirect};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::RemoteError;

/// How long a client is used; a changed file of authorities is in force after this time at the latest.
const CLIENT_LIFE: Duration = Duration::from_mins(5);

/// Clients kept at most.
const CLIENTS: u64 = 64;

/// Longest time for a connection, whatever the deadline of the whole.
const CONNECT: Duration = Duration::from_secs(5);

/// Redirects followed at most.
const HOPS: usize = 5;

/// Whom a source trusts (`verify_certificate`, dird-backends.md §1.4).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(untagged)]
pub(in crate::backends) enum Trust {
    /// `true`: the system's authorities. `false`: anybody.
    Switch(bool),
    /// The authorities in this file, or in the files of this folder.
    Authorities(PathBuf),
}

impl Default for Trust {
    fn default() -> Self {
        Self::Switch(true)
    }
}

/// Whether redirects are followed. A token never is sent elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::backends) enum Redirects {
    /// Up to five, without credentials to another host.
    Followed,
    /// None.
    Refused,
}

/// Clients by what they trust.
pub(in crate::backends) struct Clients {
    made: Cache<(Trust, Redirects), Client>,
}

impl Default for Clients {
    fn default() -> Self {
        let made = Cache::builder()
            .max_capacity(CLIENTS)
            .time_to_live(CLIENT_LIFE);
        Self { made: made.build() }
    }
}

impl Clients {
    /// A client that trusts as `trust` says.
    pub(in crate::backends) async fn get(
        &self,
        trust: &Trust,
        redirects: Redirects,
    ) -> Result<Client, RemoteError> {
        let make = async {
            let trust = trust.clone();
            let made = tokio::task::spawn_blocking(move || client(&trust, redirects)).await;
            made.map_err(|error| RemoteError::Connection(error.to_string()))?
        };
        let made = self
            .made
            .try_get_with((trust.clone(), redirects), make)
            .await;
        made.map_err(|error| (*error).clone())
    }
}

/// Reads files: for a thread that may block.
fn client(trust: &Trust, redirects: Redirects) -> Result<Client, RemoteError> {
    kit::tls::install_provider();
    let builder = Client::builder()
        .user_agent("wazo-dird")
        .connect_timeout(CONNECT)
        .pool_max_idle_per_host(16)
        .pool_idle_timeout(Duration::from_secs(20))
        .tcp_nodelay(true)
        .referer(false)
        .redirect(match redirects {
            Redirects::Followed => redirect::Policy::limited(HOPS),
            Redirects::Refused => redirect::Policy::none(),
        });
    let builder = match trust {
        Trust::Switch(true) => builder,
        Trust::Switch(false) => builder.tls_danger_accept_invalid_certs(true),
        Trust::Authorities(path) => builder.tls_certs_only(authorities(path)?),
    };
    builder.build().map_err(RemoteError::from)
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, RemoteError> {
    let said = |reason: String| RemoteError::Authority(format!("{}: {reason}", path.display()));
    let mut certificates = Vec::new();
    for file in authority_files(path).map_err(|error| said(error.to_string()))? {
        let pem = std::fs::read(&file).map_err(|error| said(error.to_string()))?;
        let read = Certificate::from_pem_bundle(&pem).map_err(|error| said(error.to_string()))?;
        certificates.extend(read);
    }
    if certificates.is_empty() {
        return Err(said("there is no certificate in it".into()));
    }
    Ok(certificates)
}

/// The files that hold the authorities in `path`: itself, or what is in the folder.
pub(in crate::backends) fn authority_files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = std::fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
    let files = entries.into_iter().map(|entry| entry.path());
    Ok(files.filter(|path| path.is_file()).collect())
}

/// A whole answer.
pub(in crate::backends) struct Fetched {
    /// Its status.
    pub(in crate::backends) status: u16,
    /// Its `Content-Type`; empty without.
    pub(in crate::backends) content_type: String,
    /// Its `ETag`; empty without.
    pub(in crate::backends) tag: String,
    /// Its body.
    pub(in crate::backends) body: Vec<u8>,
}

impl Fetched {
    /// Sends `request` and reads the answer, of at most `longest` bytes, all of it within `deadline`.
    pub(in crate::backends) async fn get(
        request: RequestBuilder,
        deadline: Duration,
        longest: usize,
    ) -> Result<Self, RemoteError> {
        let mut response = request.timeout(deadline).send().await?;
        let content_type = header(&response, "content-type");
        let tag = header(&response, "etag");
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > longest {
                return Err(RemoteError::TooLong(longest));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self {
            status: response.status().as_u16(),
            content_type,
            tag,
            body,
        })
    }
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name);
    let text = value.and_then(|value| value.to_str().ok());
    text.unwrap_or_default().to_owned()
}

/// Reads a JSON body.
pub(in crate::backends) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, RemoteError> {
    serde_json::from_slice(body).map_err(|error| {
        // Without the words of the body, which hold data of people.
        let place = format!("line {}, column {}", error.line(), error.column());
        RemoteError::Unreadable(format!("no JSON of the expected form ({place})"))
    })
}
