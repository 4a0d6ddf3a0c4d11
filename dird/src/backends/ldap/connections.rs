//! A few connections to one directory server, and searches over them. A connection serves one search at a time and is dropped
//! at the first sign of trouble; a search on a connection that turns out to be closed is made once more on a new one.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use ldap3::asn1::parse_tag;
use ldap3::controls::{Control, PagedResults};
use ldap3::{Ldap, Scope, SearchOptions};
use tokio::time::{Instant, timeout_at};

use super::address::{Address, failure, said};
use super::entry::Found;
use crate::backends::remote::{Outside, RemoteError};

/// Connections that wait for another search.
const IDLE: usize = 4;

/// Entries in one page.
const PAGE: i32 = 500;

/// Entries of one search.
const MOST: usize = 50_000;

/// Bytes of one search.
const LARGEST: usize = 64 << 20;

/// Time for all pages of a whole directory.
const WHOLE: Duration = Duration::from_mins(4);

/// Number of the control of paged results.
const PAGED: &str = "1.2.840.113556.1.4.319";

/// How long a server is left alone that refused a bind: at first, and at most. An account must not be locked by trying.
const REFUSED: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// What is searched.
pub(super) struct Search {
    /// Its filter.
    pub(super) filter: String,
    /// The attributes that are wanted.
    pub(super) attributes: Vec<String>,
    /// True if one entry will do.
    pub(super) one: bool,
}

/// The connections to one server.
pub(super) struct Connections {
    address: Address,
    base: String,
    outside: Outside,
    idle: Mutex<Vec<Ldap>>,
    refusal: Mutex<Option<Refusal>>,
}

#[derive(Clone)]
struct Refusal {
    error: RemoteError,
    until: Instant,
    wait: Duration,
}

/// What a search on one connection found, and whether the connection is still good.
struct Searched {
    found: Vec<Found>,
    whole: bool,
    /// True if a limit of the server left something out.
    cut: bool,
}

impl Connections {
    /// Connections to `address`, for searches below `base`. None is opened yet.
    pub(super) fn new(address: Address, base: &str, outside: Outside) -> Self {
        Self {
            address,
            base: base.to_owned(),
            outside,
            idle: Mutex::default(),
            refusal: Mutex::default(),
        }
    }

    /// Longest time for a search, all its pages included.
    pub(super) fn deadline(&self) -> Duration {
        self.address.network + self.address.answer * 6
    }

    /// Everything that `search` finds; what a limit of the server leaves of it is better than nothing.
    pub(super) async fn search(&self, search: &Search) -> Result<Vec<Found>, RemoteError> {
        // The library panics over results that are not written as the protocol wants them.
        let searched = AssertUnwindSafe(self.search_at_most_twice(search)).catch_unwind();
        let nonsense = || RemoteError::Unreadable("it does not speak LDAP".into());
        searched.await.unwrap_or_else(|_| Err(nonsense()))
    }

    /// Everything that `search` finds, over a connection of its own and however long it takes; part of it is an error.
    pub(super) async fn search_whole(&self, search: &Search) -> Result<Vec<Found>, RemoteError> {
        let searching = async {
            let mut ldap = self.connect().await?;
            self.search_on(&mut ldap, search, WHOLE).await
        };
        // The library panics over results that are not written as the protocol wants them.
        let searched = AssertUnwindSafe(searching).catch_unwind().await;
        let nonsense = || RemoteError::Unreadable("it does not speak LDAP".into());
        let searched = searched.unwrap_or_else(|_| Err(nonsense()))?;
        if searched.whole && !searched.cut {
            Ok(searched.found)
        } else if searched.found.len() >= MOST {
            Err(RemoteError::TooMany(MOST))
        } else {
            Err(RemoteError::CutShort)
        }
    }

    async fn search_at_most_twice(&self, search: &Search) -> Result<Vec<Found>, RemoteError> {
        if let Some(mut ldap) = self.waiting() {
            match self
                .search_on(&mut ldap, search, self.address.answer * 4)
                .await
            {
                Err(RemoteError::Broken) => {}
                other => return self.ended(ldap, other),
            }
        }
        let mut ldap = self.connect().await?;
        let searched = self
            .search_on(&mut ldap, search, self.address.answer * 4)
            .await;
        self.ended(ldap, searched)
    }

    fn waiting(&self) -> Option<Ldap> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find_map(|mut ldap| (!ldap.is_closed()).then_some(ldap))
    }

    fn ended(
        &self,
        ldap: Ldap,
        searched: Result<Searched, RemoteError>,
    ) -> Result<Vec<Found>, RemoteError> {
        let searched = searched?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if searched.whole && idle.len() < IDLE {
            idle.push(ldap);
        }
        Ok(searched.found)
    }

    async fn connect(&self) -> Result<Ldap, RemoteError> {
        let last = self
            .refusal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(refusal) = last
            .as_ref()
            .filter(|refusal| Instant::now() < refusal.until)
        {
            return Err(refusal.error.clone());
        }
        let connected = self.address.connect(&self.outside).await;
        let wait = last.map_or(REFUSED.0, |refusal| (refusal.wait * 2).min(REFUSED.1));
        let refusal = match &connected {
            Err(error @ RemoteError::Bind(_)) => Some(Refusal {
                error: error.clone(),
                until: Instant::now() + wait,
                wait,
            }),
            Err(_) => return connected,
            Ok(_) => None,
        };
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
        connected
    }

    async fn search_on(
        &self,
        ldap: &mut Ldap,
        search: &Search,
        pages: Duration,
    ) -> Result<Searched, RemoteError> {
        let last_page = Instant::now() + pages;
        let mut searched = Searched {
            found: Vec::new(),
            whole: true,
            cut: false,
        };
        let mut cookie = Vec::new();
        loop {
            let until = Instant::now() + self.address.answer;
            let page = self.page(ldap, search, cookie, &mut searched);
            match timeout_at(until, page).await {
                Ok(next) => cookie = next?,
                Err(_) if searched.found.is_empty() => return Err(RemoteError::Deadline),
                Err(_) => {
                    searched.whole = false;
                    return Ok(searched);
                }
            }
            if cookie.is_empty() || !searched.whole {
                return Ok(searched);
            }
            if Instant::now() >= last_page {
                searched.whole = false;
                return Ok(searched);
            }
        }
    }

    /// Appends one page; the answer is the mark of the next one, empty after the last.
    async fn page(
        &self,
        ldap: &mut Ldap,
        search: &Search,
        cookie: Vec<u8>,
        searched: &mut Searched,
    ) -> Result<Vec<u8>, RemoteError> {
        let limit = i32::from(search.one);
        ldap.with_search_options(SearchOptions::new().sizelimit(limit));
        if !search.one {
            ldap.with_controls(PagedResults { size: PAGE, cookie });
        }
        let attributes = search.attributes.as_slice();
        let mut stream = ldap
            .streaming_search(&self.base, Scope::Subtree, &search.filter, attributes)
            .await
            .map_err(failure)?;
        let mut bytes: usize = searched.found.iter().map(Found::bytes).sum();
        while let Some(message) = stream.next().await.map_err(failure)? {
            let Some(found) = Found::read(message) else {
                continue;
            };
            bytes += found.bytes();
            searched.found.push(found);
            if searched.found.len() >= MOST || bytes >= LARGEST {
                searched.whole = false;
                return Ok(Vec::new());
            }
        }
        let result = stream.finish().await;
        match result.rc {
            0 | 10 => Ok(next_page(&result.ctrls)),
            3 | 4 | 11 if !searched.found.is_empty() => {
                searched.cut = true;
                Ok(Vec::new())
            }
            32 => Err(RemoteError::NoSuchBase(self.base.clone())),
            code => Err(RemoteError::Directory(said(code, &result.text))),
        }
    }
}

/// The mark of the next page.
fn next_page(controls: &[Control]) -> Vec<u8> {
    let paged = controls.iter().find(|Control(_, raw)| raw.ctype == PAGED);
    let value = paged.and_then(|Control(_, raw)| raw.val.as_deref());
    value.and_then(cookie).unwrap_or_default()
}

/// The second element of the control's value. The library's own reader ends the task when a server writes it badly.
fn cookie(value: &[u8]) -> Option<Vec<u8>> {
    let (_, sequence) = parse_tag(value).ok()?;
    sequence
        .expect_constructed()?
        .into_iter()
        .nth(1)?
        .expect_primitive()
}
