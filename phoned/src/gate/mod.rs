//! Who may speak (phoned.md §6). The gate is asked per route, before anything of a request is read but its head: `forwarded.rs`
//! finds out who asks, `rules.rs` whether they may, `pace.rs` how often, `guesses.rs` for how many users, `signature.rs` for which,
//! `refused.rs` remembers who may not. Routes of machines that need a token do not come here.

pub mod beyond;
pub mod entry;
pub mod examine;
pub mod forwarded;
pub mod guesses;
pub mod pace;
pub mod refused;
pub mod rules;
pub mod signature;

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use http::{HeaderMap, HeaderValue, request::Parts};
use ipnet::IpNet;
use kit::{
    serve::Peer,
    subnet::{Allowlist, canonical},
};
use moka::sync::Cache;

use self::{
    beyond::Beyond,
    entry::{Action, Entry, Settings},
    forwarded::{ForwardedHeader, Front},
    guesses::{Guesses, Limits},
    pace::Paces,
    refused::{Reason, RefusedRing},
    rules::{BadEntry, Place, Rule, Rules},
    signature::{Claim, Flaw, Signatures},
};
use crate::{config::RestApi, error::PhoneError, tally};

/// Key of the list that is tried.
pub const CANDIDATE: &str = "rest_api.authorized_subnets_candidate";

/// Phones that are remembered for the question whom another list would shut out.
const MOST_SEEN: u64 = 10_000;
/// How long they are.
const SEEN_LIFE: Duration = Duration::from_hours(24);

/// A setting that makes no gate. Its text names the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct GateFault {
    /// The key, dotted.
    pub key: String,
    /// What is wrong, and what would be right.
    pub problem: String,
}

/// The gate in front of the phone routes. Its lists never change; a reload makes another gate that shares the memory.
#[derive(Debug)]
pub struct Gate {
    /// The entries in force.
    pub rules: Rules,
    /// Entries that are counted and decide nothing; `None` = there are none.
    pub candidate: Option<Rules>,
    trusted: Arc<Allowlist>,
    header: ForwardedHeader,
    signatures: Option<Signatures>,
    memory: Memory,
}

/// What outlives a reload.
#[derive(Debug, Clone)]
struct Memory {
    refused: Arc<RefusedRing>,
    paces: Arc<Paces>,
    guesses: Arc<Guesses>,
    seen: Cache<IpAddr, ()>,
}

/// Somebody who was let in.
#[derive(Debug)]
pub struct Caller<'a> {
    /// The phone, behind all trusted proxies.
    pub address: IpAddr,
    /// Our end of the connection.
    pub local: SocketAddr,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// What a trusted proxy says about the address that the phone wrote.
    pub front: Option<Front<'a>>,
    /// The entry that let the phone in.
    pub rule: &'a Rule,
}

impl Caller<'_> {
    /// What the entry says beside its subnet.
    pub fn settings(&self) -> Option<&Settings> {
        self.rule.settings.as_deref()
    }
}

impl Gate {
    /// A gate as `settings` says; the first thing that is wrong is the error. Reads `authorized_subnets_file` and
    /// the key of signatures, so it blocks.
    pub fn new(settings: &RestApi) -> Result<Self, GateFault> {
        let listed = settings.authorized_subnets.iter().enumerate();
        let file = settings.authorized_subnets_file.as_deref();
        let further = file.map(read).transpose()?.unwrap_or_default();
        let entries = listed
            .map(|(index, entry)| (Place::Item(index), entry))
            .chain(further.iter().map(|(place, entry)| (*place, entry)));
        let rules = Rules::new(entries).map_err(|bad| fault(bad, file))?;
        let candidate = settings.authorized_subnets_candidate.as_deref();
        Ok(Self {
            rules,
            candidate: candidate.map(Self::candidate).transpose()?,
            trusted: Arc::new(trusted(settings)?),
            header: settings.forwarded_header,
            signatures: Signatures::read(&settings.signed_links)?,
            memory: Memory {
                refused: Arc::default(),
                paces: Arc::default(),
                guesses: Arc::default(),
                seen: Cache::builder()
                    .max_capacity(MOST_SEEN)
                    .time_to_live(SEEN_LIFE)
                    .build(),
            },
        })
    }

    /// A list that is only tried.
    pub fn candidate(entries: &[Entry]) -> Result<Rules, GateFault> {
        let placed = entries.iter().enumerate();
        let placed = placed.map(|(index, entry)| (Place::Item(index), entry));
        Rules::new(placed).map_err(|bad| GateFault {
            key: bad.place.within(CANDIDATE),
            problem: bad.problem,
        })
    }

    /// Takes over what `older` counted and remembers.
    #[must_use]
    pub fn after(mut self, older: &Self) -> Self {
        self.rules.inherit(&older.rules);
        self.memory = older.memory.clone();
        self
    }

    /// Lets a request in or not; `vendor` is the make of its route, `None` for a route of machines.
    pub fn admit<'a>(
        &'a self,
        request: &'a Parts,
        vendor: Option<&str>,
    ) -> Result<Caller<'a>, PhoneError> {
        let Some(peer) = request.extensions.get::<Peer>() else {
            return Err(PhoneError::Internal);
        };
        let proxy = canonical(peer.remote.ip());
        let is_proxy = self.trusted.allows(proxy);
        let address = self
            .behind(proxy, &request.headers)
            .map_err(|reason| self.refuse(proxy, reason, vendor))?;
        self.try_candidate(address);
        let rule = self
            .decide(address, vendor)
            .map_err(|reason| self.refuse(address, reason, vendor))?;
        tally::admitted(rule.label());
        if !self.memory.seen.contains_key(&address) {
            self.memory.seen.insert(address, ());
        }
        Ok(Caller {
            address,
            local: peer.local,
            tls: peer.tls,
            front: is_proxy.then(|| Front::read(&request.headers)),
            rule,
        })
    }

    /// Whether the routes of `vendor` are for the caller, where that shows only after it was let in.
    pub fn check_make(&self, caller: &Caller<'_>, vendor: &str) -> Result<(), PhoneError> {
        if caller.rule.serves(vendor) {
            return Ok(());
        }
        Err(self.refuse(caller.address, Reason::Vendor, Some(vendor)))
    }

    /// Whom a request from `peer` is for when a header says `forwarded`.
    pub fn client(&self, peer: IpAddr, forwarded: Option<&str>) -> Result<IpAddr, Reason> {
        let mut headers = HeaderMap::new();
        if let (Some(name), Some(text)) = (self.header.name(), forwarded) {
            let value = HeaderValue::from_str(text).map_err(|_| Reason::BadForwarded)?;
            headers.insert(name, value);
        }
        self.behind(canonical(peer), &headers)
    }

    /// Whom `peer`, or a trusted proxy there, asks for.
    fn behind(&self, peer: IpAddr, headers: &HeaderMap) -> Result<IpAddr, Reason> {
        if !self.trusted.allows(peer) {
            return Ok(peer);
        }
        let client = self.header.client(peer, headers, &self.trusted);
        client.map_err(|_malformed| Reason::BadForwarded)
    }

    /// Takes a request that counts as `weight` ones out of what the caller's entry grants.
    pub fn pace(&self, caller: &Caller<'_>, weight: u32) -> Result<(), PhoneError> {
        let limit = caller.settings().and_then(|settings| settings.rate);
        let Some(limit) = limit else {
            return Ok(());
        };
        let taken = self
            .memory
            .paces
            .take(&limit, caller.address, caller.rule.net, weight);
        taken.map_err(beyond)
    }

    /// Whether the caller may ask for the user that `user` reads off its request: it may not try too many.
    pub fn may_ask(
        &self,
        limits: Limits,
        caller: &Caller<'_>,
        user: impl FnOnce() -> Option<String>,
    ) -> Result<(), PhoneError> {
        if limits.are_off() {
            return Ok(());
        }
        let Some(user) = user() else { return Ok(()) };
        let guesses = &self.memory.guesses;
        let asked = guesses.may_ask(limits, caller.address, &user);
        asked.map_err(beyond)
    }

    /// Notes what the caller was answered, if that says that there is no such user.
    pub fn note_guess(&self, limits: Limits, caller: &Caller<'_>, error: &PhoneError) {
        if let PhoneError::UnknownUser(_) = error {
            self.memory.guesses.was_unknown(limits, caller.address);
        }
    }

    /// Whether signatures of links are looked at.
    pub fn looks_at_signatures(&self) -> bool {
        self.signatures.is_some()
    }

    /// Whether the caller's link is signed for `claim`. Where signatures are not required, a flaw is only counted and logged.
    pub fn check_link(
        &self,
        caller: &Caller<'_>,
        claim: Claim<'_>,
        signature: Option<&str>,
    ) -> Result<(), PhoneError> {
        let Some(signatures) = &self.signatures else {
            return Ok(());
        };
        let checked = signatures.signer.check(claim, signature, caller.address);
        tally::signed(checked.err().map_or("good", Flaw::word));
        let Err(flaw) = checked else { return Ok(()) };
        let refused = signatures.required;
        self.memory.refused.log_link(caller.address, flaw, refused);
        if refused {
            return Err(PhoneError::LinkRefused);
        }
        Ok(())
    }

    /// What would become of a request from `address`: the entry that lets it in, or why it is refused.
    pub fn decide(&self, address: IpAddr, vendor: Option<&str>) -> Result<&Rule, Reason> {
        let rule = self.rules.find(address).ok_or(Reason::NotListed)?;
        rule.hits.add();
        if rule.action() == Action::Deny {
            return Err(Reason::Denied);
        }
        if vendor.is_some_and(|vendor| !rule.serves(vendor)) {
            return Err(Reason::Vendor);
        }
        Ok(rule)
    }

    /// The refusals of late.
    pub fn refused(&self) -> &RefusedRing {
        &self.memory.refused
    }

    /// The phones that were let in within a day, as many as are remembered.
    pub fn seen(&self) -> Vec<IpAddr> {
        let seen = self.memory.seen.iter();
        seen.map(|(address, ())| *address).collect()
    }

    /// The proxies whose word about phones is taken.
    pub fn trusted(&self) -> &Arc<Allowlist> {
        &self.trusted
    }

    /// Whether a proxy on this machine, which nobody told us about, would open the directory to all its clients.
    pub fn trusts_loopback_blindly(&self) -> bool {
        let machine: [IpNet; 2] = [
            IpAddr::V4(Ipv4Addr::LOCALHOST).into(),
            IpAddr::V6(Ipv6Addr::LOCALHOST).into(),
        ];
        let loopback = |rule: &Rule| {
            rule.net.addr().is_loopback() || machine.iter().any(|own| rule.net.contains(own))
        };
        let allowed = |rule: &&Rule| rule.action() == Action::Allow;
        self.trusted.is_empty() && self.rules.all().iter().filter(allowed).any(loopback)
    }

    fn try_candidate(&self, address: IpAddr) {
        if let Some(candidate) = &self.candidate {
            tally::candidate(candidate.allows(address));
        }
    }

    fn refuse(&self, address: IpAddr, reason: Reason, vendor: Option<&str>) -> PhoneError {
        // Of a proxy that names nobody it is not known whose entry would have decided.
        let rule = Some(address).filter(|_| reason != Reason::BadForwarded);
        let rule = rule.and_then(|address| self.rules.find(address));
        tally::refused(rule.map_or("-", Rule::label), reason.word());
        self.memory.refused.note(address, reason, vendor);
        PhoneError::AddressRefused
    }
}

/// Counts a request beyond a limit.
fn beyond(limit: Beyond) -> PhoneError {
    tally::limited(limit.scope);
    PhoneError::TooManyRequests { wait: limit.wait }
}

fn read(file: &Path) -> Result<Vec<(Place, Entry)>, GateFault> {
    let text = fs::read_to_string(file).map_err(|error| GateFault {
        key: "rest_api.authorized_subnets_file".to_owned(),
        problem: format!("{}: {error}", file.display()),
    })?;
    Ok(rules::lines(&text))
}

fn fault(bad: BadEntry, file: Option<&Path>) -> GateFault {
    match (bad.place, file) {
        (Place::Line(line), Some(file)) => GateFault {
            key: "rest_api.authorized_subnets_file".to_owned(),
            problem: format!("{}:{line}: {}", file.display(), bad.problem),
        },
        (place, _) => GateFault {
            key: place.to_string(),
            problem: bad.problem,
        },
    }
}

fn trusted(settings: &RestApi) -> Result<Allowlist, GateFault> {
    Allowlist::parse(&settings.trusted_proxies).map_err(|bad| GateFault {
        key: format!("rest_api.trusted_proxies.{}", bad.index),
        problem: bad.problem(),
    })
}
