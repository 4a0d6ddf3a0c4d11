//! Who asks, and whether at all (intercom-directory.md §3.4, §8.1): the checks that come before a request is read, in their
//! order. One request acts on exactly one directory, which is chosen by who asks.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use http::header;
use http::request::Parts;
use kit::serve::Peer;
use kit::subnet::{Allowlist, canonical};
use ring::hmac;
use sha2::{Digest, Sha256};

use super::Intercom;
use super::basic::{Login, Passwords};
use super::digest::{Claim as DigestClaim, Digests, Verdict};
use super::function::Function;
use super::rate::Rates;
use super::reply::Refusal;
use super::seal::KeyError;
use super::throttle::Throttle;
use crate::api::route::Claim;
use crate::config::{self, Account, IntercomAuth, Privilege, Transport};
use crate::identity::{self, SystemAuthority, Tenant, authenticate};
use crate::monitor;
use crate::store::Directory;
use crate::store::model::PhonebookId;

/// As whom directories of accounts are looked for.
pub(super) const SYSTEM: SystemAuthority = SystemAuthority::new("intercom directory");

/// A request that may go on.
pub(super) struct Granted {
    /// The directory that it acts on.
    pub(super) directory: Directory,
    /// The tenant that the directory belongs to.
    pub(super) tenant: Tenant,
    /// Who asks, for the log.
    pub(super) client: String,
}

/// What the checks remember.
pub(super) struct Gate {
    subnets: Allowlist,
    proxies: Allowlist,
    digests: Digests,
    passwords: Passwords,
    throttle: Throttle,
    rates: Rates,
}

/// Somebody whose proof was right.
struct Client {
    name: String,
    directory: Option<Directory>,
    privileged: bool,
}

impl Gate {
    /// Remembers nothing yet.
    pub(super) fn new(config: &config::Intercom) -> Result<Self, KeyError> {
        // The lists were checked when the configuration was read.
        let list = |subnets: &[String]| Allowlist::parse(subnets).map_err(|_| KeyError::Subnets);
        Ok(Self {
            subnets: list(&config.allowed_subnets)?,
            proxies: list(&config.trusted_proxies)?,
            digests: Digests::new(key()?),
            passwords: Passwords::new(key()?),
            throttle: Throttle::new(config.limits.failed_logins),
            rates: Rates::new(&config.limits),
        })
    }
}

fn key() -> Result<hmac::Key, KeyError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| KeyError::NoRandomness)?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

impl Intercom {
    /// Makes the checks.
    pub(super) async fn admit(
        &self,
        function: Function,
        parts: &Parts,
    ) -> Result<Granted, Refusal> {
        let peer = parts.extensions.get::<Peer>();
        let peer = peer.ok_or_else(|| Refusal::Failed("a request from nowhere".into()))?;
        let encrypted = self.is_encrypted(peer, parts);
        if !encrypted && self.config.transport == Transport::Tls {
            return Err(Refusal::Connection);
        }
        let address = self.address(peer, parts);
        if !self.gate.subnets.is_empty() && !self.gate.subnets.allows(address) {
            return Err(Refusal::Privilege);
        }
        if declared(parts).is_some_and(|length| length > self.config.limits.body_bytes) {
            return Err(Refusal::TooBig(None));
        }
        if !self.checked.load(Ordering::Acquire) {
            let cause = "whether the directories are whole is not known yet";
            return Err(Refusal::Failed(cause.into()));
        }
        let client = self.client(function, parts, (address, encrypted)).await?;
        let directory = client.directory.ok_or(Refusal::Disabled)?;
        if !client.privileged {
            return Err(Refusal::Privilege);
        }
        self.gate.rates.count(&client.name)?;
        Ok(Granted {
            tenant: SYSTEM.tenant(directory.tenant.clone()),
            directory,
            client: client.name,
        })
    }

    /// Whether the client itself spoke TLS.
    fn is_encrypted(&self, peer: &Peer, parts: &Parts) -> bool {
        let proxied = self.gate.proxies.allows(peer.remote.ip());
        let said = parts.headers.get("x-forwarded-proto").filter(|_| proxied);
        said.map_or(peer.tls, |said| {
            said.as_bytes().eq_ignore_ascii_case(b"https")
        })
    }

    /// Where the client is: behind trusted proxies, the last address that is none of theirs.
    fn address(&self, peer: &Peer, parts: &Parts) -> IpAddr {
        let forwarded = parts.headers.get_all("x-forwarded-for").iter();
        let forwarded = forwarded.filter_map(|line| line.to_str().ok());
        let passed: Vec<&str> = forwarded.flat_map(|line| line.split(',')).collect();
        let mut address = peer.remote.ip();
        for earlier in passed.into_iter().rev() {
            let Ok(earlier) = earlier.trim().parse() else {
                return address;
            };
            if !self.gate.proxies.allows(address) {
                return address;
            }
            address = canonical(earlier);
        }
        address
    }

    async fn client(
        &self,
        function: Function,
        parts: &Parts,
        (address, encrypted): (IpAddr, bool),
    ) -> Result<Client, Refusal> {
        if parts.headers.contains_key("x-auth-token") {
            return self.token(function, parts).await;
        }
        match self.config.auth {
            IntercomAuth::None => self.everybody(function).await,
            IntercomAuth::Basic if !encrypted && !self.config.allow_plain_basic => {
                Err(Refusal::Connection)
            }
            IntercomAuth::Basic => self.basic(function, parts, address).await,
            IntercomAuth::Digest => self.digest(function, parts, address).await,
        }
    }

    /// A token acts on the default directory of the tenant that it names, else of its own.
    async fn token(&self, function: Function, parts: &Parts) -> Result<Client, Refusal> {
        let Claim { token, tenant } = Claim::of(&parts.headers);
        let asked = tenant.map_err(|_| Refusal::Privilege)?;
        let print = format!("{:x}", Sha256::digest(token.expose().as_bytes()));
        let authority = self.authority.as_ref();
        let granted = authenticate(authority, token, function.access(), asked).await;
        monitor::checked(&granted);
        let caller = granted.map_err(|refusal| match refusal {
            identity::Refusal::UnknownToken => Refusal::Unauthorized(self.challenges(false)),
            identity::Refusal::Forbidden => Refusal::Privilege,
            identity::Refusal::Unreachable(cause) | identity::Refusal::Failed(cause) => {
                Refusal::Failed(cause)
            }
        })?;
        Ok(Client {
            name: format!("token {}", &print[..12]),
            directory: self.store.default_directory(&caller.tenant()).await?,
            privileged: true,
        })
    }

    async fn everybody(&self, function: Function) -> Result<Client, Refusal> {
        let directory = self.config.open_directory.as_deref().unwrap_or_default();
        Ok(Client {
            name: "everybody".to_owned(),
            directory: self.directory(directory).await?,
            privileged: allows(self.config.open_privilege, function),
        })
    }

    async fn basic(
        &self,
        function: Function,
        parts: &Parts,
        address: IpAddr,
    ) -> Result<Client, Refusal> {
        let login = Login::read(self.credentials(parts, "basic")?);
        let login = login.ok_or_else(|| self.refused())?;
        self.may_try(address, &login.username)?;
        let (passwords, accounts) = (&self.gate.passwords, &self.config.accounts);
        if let Some(account) = passwords.known(accounts, &login) {
            return self.account(function, account).await;
        }
        let turn = passwords.turn().await.ok_or(Refusal::Rejected(1))?;
        // Those before may have used up the tries.
        self.may_try(address, &login.username)?;
        let (account, turn) = passwords.check(accounts, &login, turn).await;
        let account = account.ok_or_else(|| self.failed(address, &login.username))?;
        drop(turn);
        self.account(function, account).await
    }

    async fn digest(
        &self,
        function: Function,
        parts: &Parts,
        address: IpAddr,
    ) -> Result<Client, Refusal> {
        let claim = DigestClaim::read(self.credentials(parts, "digest")?);
        let claim = claim.ok_or_else(|| self.refused())?;
        self.may_try(address, claim.username())?;
        let target = parts.uri.path_and_query();
        let request = (&parts.method, target.map_or("/", |target| target.as_str()));
        let (accounts, offered) = (&self.config.accounts, &self.config.digest_algorithms);
        match self.gate.digests.check(accounts, &claim, offered, request) {
            Verdict::Right(account) => self.account(function, account).await,
            Verdict::Stale => Err(Refusal::Unauthorized(self.challenges(true))),
            Verdict::Wrong => Err(self.failed(address, claim.username())),
        }
    }

    /// What stands behind the scheme in `Authorization`; another scheme is refused as such.
    fn credentials<'a>(&self, parts: &'a Parts, scheme: &str) -> Result<&'a str, Refusal> {
        let Some(given) = parts.headers.get(header::AUTHORIZATION) else {
            return Err(self.refused());
        };
        let given = given.to_str().map_err(|_| self.refused())?;
        let (name, credentials) = given.trim().split_once(' ').unwrap_or((given, ""));
        if name.eq_ignore_ascii_case(scheme) {
            Ok(credentials)
        } else {
            Err(Refusal::AuthMethod(self.challenges(false)))
        }
    }

    fn may_try(&self, address: IpAddr, name: &str) -> Result<(), Refusal> {
        if self.gate.throttle.allows(address, name) {
            return Ok(());
        }
        Err(Refusal::Rejected(60))
    }

    fn failed(&self, address: IpAddr, name: &str) -> Refusal {
        self.gate.throttle.failed(address, name);
        tracing::warn!(%address, "a login at the intercom's functions failed");
        self.refused()
    }

    fn refused(&self) -> Refusal {
        Refusal::Unauthorized(self.challenges(false))
    }

    /// What the configured kind of proof needs.
    fn challenges(&self, stale: bool) -> Vec<http::HeaderValue> {
        match self.config.auth {
            IntercomAuth::None => Vec::new(),
            IntercomAuth::Basic => {
                let text = "Basic realm=\"dird intercom\", charset=\"UTF-8\"";
                vec![http::HeaderValue::from_static(text)]
            }
            IntercomAuth::Digest => {
                let offered = &self.config.digest_algorithms;
                self.gate.digests.challenges(offered, stale)
            }
        }
    }

    async fn account(&self, function: Function, account: &Account) -> Result<Client, Refusal> {
        Ok(Client {
            name: format!("account {}", account.username),
            directory: self.directory(&account.directory).await?,
            privileged: allows(account.privilege, function),
        })
    }

    async fn directory(&self, phonebook: &str) -> Result<Option<Directory>, Refusal> {
        let phonebook = PhonebookId(phonebook.to_owned());
        Ok(self.store.directory_of(SYSTEM, &phonebook).await?)
    }
}

fn allows(privilege: Privilege, function: Function) -> bool {
    privilege == Privilege::Control || function.privilege() == Privilege::Monitoring
}

/// How long the body is said to be, in bytes.
pub(super) fn declared(parts: &Parts) -> Option<u64> {
    let length = parts.headers.get(header::CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}
