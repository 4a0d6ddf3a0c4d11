//! The built-in authority (design.md §5): tenants, users, keys and tokens in dird's own store, so that no other service is
//! needed. [`Builtin`] answers dird's own checks; [`http`] serves the same knowledge to phoned and other clients.

mod accounts;
pub mod http;
pub mod secret;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use kit::clock;
use kit::secret::Secret;
use moka::sync::Cache;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

pub use accounts::{
    Accounts, AccountsError, KeyRecord, SESSIONS, SecretHash, TenantRecord, TokenRecord, UserRecord,
};

use super::{Acl, Authority, Owner, Refusal, TenantEntry, TenantId, Token, TokenInfo};

/// Tokens and tenant trees kept in memory at most.
const CACHED: u64 = 10_000;

/// Passwords checked at once; each takes 19 MiB for tens of milliseconds.
const HASHING: usize = 4;

/// Pause between attempts to read the accounts of a database that is away.
const BETWEEN_LESSONS: Duration = Duration::from_secs(1);

/// Longest life of a token in seconds; a client may ask for less.
const LONGEST_LIFE: i64 = 365 * 24 * 3600;

/// Life of a token whose client does not ask for one, in seconds.
const DEFAULT_LIFE: i64 = 2 * 3600;

/// A token with its patterns read.
#[derive(Debug)]
struct Known {
    record: TokenRecord,
    acl: Acl,
}

/// Verifies tokens against dird's own store.
pub struct Builtin {
    accounts: Arc<dyn Accounts>,
    known: Cache<SecretHash, Arc<Known>>,
    tree: Cache<(), Arc<Vec<TenantRecord>>>,
    master: OnceLock<TenantId>,
    address: (String, u16),
    hashing: Semaphore,
}

/// Why a login was refused.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// Wrong name or secret; which of the two is not told.
    #[error("authentication failed")]
    Refused,
    /// The accounts could not be read.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// No randomness.
    #[error(transparent)]
    Secret(#[from] secret::SecretError),
}

impl Builtin {
    /// An authority over `accounts`. Makes sure that a master tenant exists. `cache_ttl` is how long a token's record may be
    /// used without looking at the store again; zero looks each time.
    pub async fn open(
        accounts: Arc<dyn Accounts>,
        cache_ttl: Duration,
        address: (String, u16),
    ) -> Result<Self, AccountsError> {
        let authority = Self::prepare(accounts, cache_ttl, address);
        authority.learn_master().await?;
        Ok(authority)
    }

    /// An authority that does not know its master tenant before [`Builtin::learn_master`].
    pub fn prepare(
        accounts: Arc<dyn Accounts>,
        cache_ttl: Duration,
        address: (String, u16),
    ) -> Self {
        Self {
            accounts,
            known: Cache::builder()
                .max_capacity(CACHED)
                .time_to_live(cache_ttl)
                .build(),
            tree: Cache::builder()
                .max_capacity(1)
                .time_to_live(cache_ttl)
                .build(),
            master: OnceLock::new(),
            address,
            hashing: Semaphore::new(HASHING),
        }
    }

    /// Makes sure that a master tenant exists, and knows it from then on.
    pub async fn learn_master(&self) -> Result<(), AccountsError> {
        let proposed = TenantRecord {
            uuid: TenantId::random(),
            parent: None,
            name: "master".into(),
        };
        let master = self.accounts.master(&proposed).await?;
        self.master.get_or_init(|| master);
        Ok(())
    }

    /// Learns the master tenant as soon as the accounts can be read.
    pub async fn keep_learning(self: Arc<Self>, stop: CancellationToken) {
        while self.learn_master().await.is_err() {
            let pause = tokio::time::sleep(BETWEEN_LESSONS);
            if stop.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    /// The rows behind the authority.
    pub fn accounts(&self) -> &dyn Accounts {
        self.accounts.as_ref()
    }

    async fn known(&self, token: &Token) -> Result<Arc<Known>, Refusal> {
        if token.is_empty() {
            return Err(Refusal::UnknownToken);
        }
        let hash = secret::hash(token.expose());
        let known = match self.known.get(&hash) {
            Some(known) => known,
            None => self.read_token(hash).await?,
        };
        if known.record.expires_at <= clock::unix_now() {
            return Err(Refusal::UnknownToken);
        }
        Ok(known)
    }

    async fn read_token(&self, hash: SecretHash) -> Result<Arc<Known>, Refusal> {
        let record = match self
            .accounts
            .token(hash)
            .await
            .map_err(|error| unreachable(&error))?
        {
            Some(record) => record,
            None => self.key_as_token(hash).await?,
        };
        let acl = Acl::new(record.acl.iter().cloned());
        let known = Arc::new(Known { record, acl });
        self.known.insert(hash, Arc::clone(&known));
        Ok(known)
    }

    /// A key may be used in a token's place: programs without a login step send it as it is.
    async fn key_as_token(&self, hash: SecretHash) -> Result<TokenRecord, Refusal> {
        let key = self
            .accounts
            .key_with_hash(hash)
            .await
            .map_err(|error| unreachable(&error))?;
        let key = key.ok_or(Refusal::UnknownToken)?;
        Ok(TokenRecord {
            hash,
            session: key.uuid.clone(),
            auth_id: key.uuid,
            user: None,
            tenant: key.tenant,
            acl: key.acl,
            issued_at: key.created_at,
            expires_at: i64::MAX,
        })
    }

    async fn tree(&self) -> Result<Arc<Vec<TenantRecord>>, Refusal> {
        if let Some(tree) = self.tree.get(&()) {
            return Ok(tree);
        }
        let tree = Arc::new(
            self.accounts
                .tenants()
                .await
                .map_err(|error| unreachable(&error))?,
        );
        self.tree.insert((), Arc::clone(&tree));
        Ok(tree)
    }

    /// Gives out a token for a key or a user. `life` is what the client asks for, in seconds.
    pub async fn login(
        &self,
        name: &str,
        given: &Secret,
        life: Option<i64>,
    ) -> Result<(Token, TokenRecord), LoginError> {
        let (auth_id, user, tenant, acl) = self.authenticate(name, given).await?;
        let token = secret::random()?;
        let issued_at = clock::unix_now();
        let life = life.unwrap_or(DEFAULT_LIFE).clamp(1, LONGEST_LIFE);
        let record = TokenRecord {
            hash: secret::hash(token.expose()),
            auth_id,
            user,
            tenant,
            acl,
            session: uuid::Uuid::new_v4().to_string(),
            issued_at,
            expires_at: issued_at.saturating_add(life),
        };
        self.accounts.add_token(&record).await?;
        Ok((Token::new(token.expose()), record))
    }

    async fn authenticate(&self, name: &str, given: &Secret) -> Result<Authenticated, LoginError> {
        let key = self.accounts.key_named(name).await?;
        if let Some(key) = key.filter(|key| secret::matches(key.hash, given.expose())) {
            return Ok((key.uuid, None, key.tenant, key.acl));
        }
        let user = self.accounts.user_named(name).await?;
        let stored = user.as_ref().and_then(|user| user.password_hash.clone());
        // Every refusal costs one verification, so that its time does not tell which names exist.
        let matches = self.password_matches(stored, given.clone()).await;
        let user = user.filter(|_| matches).ok_or(LoginError::Refused)?;
        Ok((
            user.uuid.to_string(),
            Some(user.uuid),
            user.tenant,
            user.acl,
        ))
    }

    /// Whether `given` is the password behind `stored`; without a stored one never, after the same work.
    async fn password_matches(&self, stored: Option<String>, given: Secret) -> bool {
        // The semaphore is never closed.
        let Ok(_turn) = self.hashing.acquire().await else {
            return false;
        };
        let verify = move || match stored {
            Some(stored) => secret::password_matches(&stored, &given),
            None => secret::matches_nothing(&given),
        };
        tokio::task::spawn_blocking(verify).await.unwrap_or(false)
    }

    /// Ends a token; false if there was none.
    pub async fn logout(&self, token: &Token) -> Result<bool, AccountsError> {
        let hash = secret::hash(token.expose());
        let removed = self.accounts.remove_token(hash).await;
        // Only now: whoever read the token's record meanwhile has put it there again.
        self.known.invalidate(&hash);
        removed
    }

    /// The record of a token that has `access`, if any is asked, and sees `tenant`, if one is named.
    pub async fn record(
        &self,
        token: &Token,
        access: &str,
        tenant: Option<&TenantId>,
    ) -> Result<TokenRecord, Refusal> {
        self.check(token, access, tenant).await?;
        Ok(self.known(token).await?.record.clone())
    }
}

type Authenticated = (String, Option<super::UserId>, TenantId, Vec<String>);

fn unreachable(error: &AccountsError) -> Refusal {
    Refusal::Unreachable(error.to_string())
}

/// `root` and all tenants below it, in the order of the tree.
fn subtree<'a>(tree: &'a [TenantRecord], root: &TenantId) -> Vec<&'a TenantRecord> {
    let mut found: Vec<&TenantRecord> = tree.iter().filter(|tenant| tenant.uuid == *root).collect();
    let mut next = 0;
    while let Some(parent) = found.get(next).map(|tenant| tenant.uuid.clone()) {
        found.extend(
            tree.iter()
                .filter(|tenant| tenant.parent.as_ref() == Some(&parent)),
        );
        next += 1;
    }
    found
}

#[async_trait]
impl Authority for Builtin {
    async fn check(
        &self,
        token: &Token,
        access: &str,
        tenant: Option<&TenantId>,
    ) -> Result<(), Refusal> {
        let known = self.known(token).await?;
        let owner = Owner {
            auth_id: &known.record.auth_id,
            session: &known.record.session,
        };
        if !known.acl.allows(access, owner) {
            return Err(Refusal::Forbidden);
        }
        let Some(tenant) = tenant.filter(|tenant| **tenant != known.record.tenant) else {
            return Ok(());
        };
        let tree = self.tree().await?;
        let visible = subtree(&tree, &known.record.tenant);
        if visible.iter().any(|below| below.uuid == *tenant) {
            return Ok(());
        }
        Err(Refusal::Forbidden)
    }

    async fn describe(&self, token: &Token) -> Result<TokenInfo, Refusal> {
        let known = self.known(token).await?;
        Ok(TokenInfo {
            tenant: known.record.tenant.clone(),
            user: known.record.user.clone(),
        })
    }

    async fn tenants_below(
        &self,
        token: &Token,
        tenant: &TenantId,
    ) -> Result<Vec<TenantEntry>, Refusal> {
        self.check(token, "", Some(tenant)).await?;
        self.all_tenants_below(tenant).await
    }

    async fn all_tenants_below(&self, tenant: &TenantId) -> Result<Vec<TenantEntry>, Refusal> {
        let tree = self.tree().await?;
        let entry = |record: &TenantRecord| TenantEntry {
            uuid: record.uuid.clone(),
            name: Some(record.name.clone()).filter(|name| !name.is_empty()),
        };
        Ok(subtree(&tree, tenant).into_iter().map(entry).collect())
    }

    fn master_tenant(&self) -> Option<TenantId> {
        self.master.get().cloned()
    }

    fn forget(&self) {
        self.known.invalidate_all();
        self.tree.invalidate_all();
    }

    fn address(&self) -> (String, u16) {
        self.address.clone()
    }
}
