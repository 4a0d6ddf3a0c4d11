//! What the built-in authority keeps: tenants, users, keys and the tokens given out for them. The store implements
//! [`Accounts`] on each engine; secrets reach it only as hashes.

use async_trait::async_trait;

use crate::identity::{TenantId, UserId};

/// Tokens that one user or key can have at once; a program that logs in for every request crowds out its own oldest ones.
pub const SESSIONS: i64 = 1_000;

/// SHA-256 of a random secret. The secret itself is shown once and never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash(pub [u8; 32]);

/// A tenant in the built-in authority's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRecord {
    /// Identifier.
    pub uuid: TenantId,
    /// The tenant it belongs to; none for the master tenant.
    pub parent: Option<TenantId>,
    /// Name for people; empty if it was only ever written to, never named.
    pub name: String,
}

/// A person who may log in with a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Identifier.
    pub uuid: UserId,
    /// Tenant of the user.
    pub tenant: TenantId,
    /// Login name, unique over all tenants.
    pub username: String,
    /// Argon2 hash in PHC form; none if the user cannot log in.
    pub password_hash: Option<String>,
    /// Access patterns of the tokens that the user gets.
    pub acl: Vec<String>,
}

/// A credential for a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// Identifier; also the `auth_id` of its tokens.
    pub uuid: String,
    /// Name, unique; the `service_id` of key files.
    pub name: String,
    /// Hash of the key.
    pub hash: SecretHash,
    /// Tenant that the key's tokens belong to.
    pub tenant: TenantId,
    /// Access patterns.
    pub acl: Vec<String>,
    /// Unix time of creation.
    pub created_at: i64,
}

/// A token that was given out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Hash of the token.
    pub hash: SecretHash,
    /// User or key it was given to.
    pub auth_id: String,
    /// The user, if it was a user.
    pub user: Option<UserId>,
    /// Tenant of the token.
    pub tenant: TenantId,
    /// Access patterns, as they were when it was given out.
    pub acl: Vec<String>,
    /// Identifier of the session.
    pub session: String,
    /// Unix time of issue.
    pub issued_at: i64,
    /// Unix time after which it is worth nothing.
    pub expires_at: i64,
}

/// Why the accounts could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// A name that must be unique is taken.
    #[error("{0} is already taken")]
    Taken(String),
    /// The database did not answer as it should.
    #[error("accounts are unavailable: {0}")]
    Unavailable(String),
}

/// The rows of the built-in authority.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Every tenant, parents and children.
    async fn tenants(&self) -> Result<Vec<TenantRecord>, AccountsError>;
    /// The first tenant that has a name and no parent; `proposed` if there is none yet, even if several servers ask at once.
    async fn master(&self, proposed: &TenantRecord) -> Result<TenantId, AccountsError>;
    /// Adds a tenant, or names one that was only written to so far.
    async fn put_tenant(&self, tenant: &TenantRecord) -> Result<(), AccountsError>;
    /// Removes a tenant with everything in it and below it; false if there is none.
    async fn remove_tenant(&self, uuid: &TenantId) -> Result<bool, AccountsError>;
    /// Every user, by login name.
    async fn users(&self) -> Result<Vec<UserRecord>, AccountsError>;
    /// The user with this identifier.
    async fn user(&self, uuid: &UserId) -> Result<Option<UserRecord>, AccountsError>;
    /// The user with this login name.
    async fn user_named(&self, username: &str) -> Result<Option<UserRecord>, AccountsError>;
    /// Adds a user, or replaces the one with the same identifier.
    async fn put_user(&self, user: &UserRecord) -> Result<(), AccountsError>;
    /// Removes a user and the tokens given out to it; false if there is none.
    async fn remove_user(&self, uuid: &UserId) -> Result<bool, AccountsError>;
    /// Removes the tokens given out to a user or key (`auth_id`); returns how many there were.
    async fn end_sessions(&self, auth_id: &str) -> Result<u64, AccountsError>;
    /// Every key, by name.
    async fn keys(&self) -> Result<Vec<KeyRecord>, AccountsError>;
    /// The key with this name.
    async fn key_named(&self, name: &str) -> Result<Option<KeyRecord>, AccountsError>;
    /// The key whose secret has this hash.
    async fn key_with_hash(&self, hash: SecretHash) -> Result<Option<KeyRecord>, AccountsError>;
    /// Adds a key; its name must be free.
    async fn add_key(&self, key: &KeyRecord) -> Result<(), AccountsError>;
    /// Removes the key with this name and the tokens given out for it; false if there is none.
    async fn revoke_key(&self, name: &str) -> Result<bool, AccountsError>;
    /// Keeps a token. Forgets those that expired before it was issued, and the oldest of its owner beyond [`SESSIONS`].
    async fn add_token(&self, token: &TokenRecord) -> Result<(), AccountsError>;
    /// The token with this hash, expired or not.
    async fn token(&self, hash: SecretHash) -> Result<Option<TokenRecord>, AccountsError>;
    /// Removes a token; false if there was none.
    async fn remove_token(&self, hash: SecretHash) -> Result<bool, AccountsError>;
}
