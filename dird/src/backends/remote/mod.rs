//! What sources behind the network share: the clients that reach services ([`http`]), addresses and credentials as sources are
//! configured with them ([`schema`], [`service`]), tokens ([`token`]), the configuration service ([`confd`]), and what can go wrong ([`error`]).

mod confd;
mod error;
mod http;
mod schema;
mod service;
mod token;

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::guard::Copies;
use super::mirror::Mirrors;
pub(super) use confd::{Confd, Parameters};
pub(super) use error::RemoteError;
pub(super) use http::{Clients, Fetched, Redirects, Trust, authority_files, read_json};
pub(super) use schema::{AUTH, AUTH_WITH_CREDENTIALS, CACHE, CONFD, SYNC};
pub(super) use service::{Service, deadline};
use token::Tokens;
pub(super) use token::{Elsewhere, external};

/// Google's own address for the contacts of its users.
const PEOPLE_API: &str = "https://people.googleapis.com";

/// What every source behind the network uses, shared by all of them.
#[derive(Clone)]
pub struct Outside {
    clients: Arc<Clients>,
    tokens: Arc<Tokens>,
    people_api: Arc<str>,
    copies: Copies,
    mirrors: Mirrors,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Outside {
    /// Ways out for sources, until `stop`.
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            clients: Arc::default(),
            tokens: Arc::default(),
            people_api: PEOPLE_API.into(),
            copies: Copies::default(),
            mirrors: Mirrors::default(),
            tasks: TaskTracker::new(),
            stop,
        }
    }

    /// The clients.
    pub(super) fn clients(&self) -> Arc<Clients> {
        Arc::clone(&self.clients)
    }

    /// The same ways, with Google's People API behind the address `base`.
    #[must_use]
    pub fn with_people_api(mut self, base: &str) -> Self {
        self.people_api = base.trim_end_matches('/').into();
        self
    }

    /// Address of Google's People API.
    pub(super) fn people_api(&self) -> Arc<str> {
        Arc::clone(&self.people_api)
    }

    /// The answers that are kept for sources that ask for it.
    pub(super) fn copies(&self) -> &Copies {
        &self.copies
    }

    /// The mirrors in memory.
    pub(super) fn mirrors(&self) -> &Mirrors {
        &self.mirrors
    }

    /// How many answers are kept for sources, and the bytes that they take.
    pub fn kept(&self) -> (u64, u64) {
        self.copies.kept()
    }

    /// The service tokens.
    fn tokens(&self) -> Arc<Tokens> {
        Arc::clone(&self.tokens)
    }

    /// Runs a task that may outlive the question it serves; it ends without a result at the stop.
    pub(super) fn spawn<F>(&self, task: F) -> JoinHandle<Option<F::Output>>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let stop = self.stop.clone();
        self.tasks
            .spawn(async move { stop.run_until_cancelled(task).await })
    }

    /// Waits, after the stop, for the last task to end.
    pub async fn until_stopped(&self) {
        self.stop.cancelled().await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}
