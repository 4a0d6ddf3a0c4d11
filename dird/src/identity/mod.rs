//! Who is asking, and for which tenant (design.md §5, dird-api.md §2).
//!
//! An [`Authority`] verifies tokens; everything a store or a source wants to be shown (a [`Tenant`], a [`Tenants`] list, a
//! [`Caller`]) can only be made in this folder, so a route that forgets its check does not compile. Nothing here knows
//! HTTP routes or SQL: the built-in authority asks for its rows through [`builtin::Accounts`], the remote
//! one asks [`wazo`].

mod acl;
pub mod builtin;
mod grant;
mod id;
pub mod wazo;

use async_trait::async_trait;

pub use acl::{Acl, Owner};
pub use grant::{Caller, SystemAuthority, Tenant, Tenants};
pub use id::{TenantId, Token, UserId};

/// What a token says about its owner (dird-platform.md §3.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenInfo {
    /// Tenant of the token.
    pub tenant: TenantId,
    /// User behind the token; none for services.
    pub user: Option<UserId>,
}

/// A tenant as the tree of visible tenants lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantEntry {
    /// Identifier of the tenant.
    pub uuid: TenantId,
    /// Its name, if it has one.
    pub name: Option<String>,
}

/// Why a token was not accepted.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// The token does not exist or has expired.
    #[error("token not found or expired")]
    UnknownToken,
    /// The token exists but lacks the access, or may not see the tenant.
    #[error("missing permission or invalid tenant")]
    Forbidden,
    /// The authority could not be asked; the text is a short cause for people.
    #[error("authority unreachable: {0}")]
    Unreachable(String),
    /// The authority was asked and failed; the text is a short cause for people.
    #[error("authority failed: {0}")]
    Failed(String),
}

/// The one thing that says who somebody is. Answers may be a few seconds old, never older than a token's own life.
#[async_trait]
pub trait Authority: Send + Sync {
    /// Checks that `token` has `access`, and sees `tenant` when one is named.
    async fn check(
        &self,
        token: &Token,
        access: &str,
        tenant: Option<&TenantId>,
    ) -> Result<(), Refusal>;

    /// Tells whose token it is.
    async fn describe(&self, token: &Token) -> Result<TokenInfo, Refusal>;

    /// `tenant` and every tenant below it, as far as `token` may see them.
    async fn tenants_below(
        &self,
        token: &Token,
        tenant: &TenantId,
    ) -> Result<Vec<TenantEntry>, Refusal>;

    /// `tenant` and every tenant below it, whoever asks.
    async fn all_tenants_below(&self, tenant: &TenantId) -> Result<Vec<TenantEntry>, Refusal>;

    /// The master tenant, once it is known.
    fn master_tenant(&self) -> Option<TenantId>;

    /// Forgets what it remembers of tokens: one of them has ended. Answers are asked for again.
    fn forget(&self);

    /// False if dird should have a token of its own and has none.
    fn has_service_token(&self) -> bool {
        true
    }

    /// Host and port to name when the authority cannot be reached.
    fn address(&self) -> (String, u16);
}

/// Checks a request's token for `access` and, when the request names a tenant, for that tenant; the proof of it is the
/// [`Caller`].
pub async fn authenticate(
    authority: &dyn Authority,
    token: Token,
    access: &str,
    asked: Option<TenantId>,
) -> Result<Caller, Refusal> {
    if token.is_empty() {
        return Err(Refusal::UnknownToken);
    }
    authority.check(&token, access, asked.as_ref()).await?;
    let info = authority.describe(&token).await?;
    Ok(Caller::granted(token, info, asked))
}

/// The tenant called `name` among the request's and those below it, as dird itself sees them (dird-api-contacts.md §5).
pub async fn named_tenant(
    authority: &dyn Authority,
    caller: &Caller,
    name: &str,
) -> Result<Option<Tenant>, Refusal> {
    let all = authority.all_tenants_below(caller.tenant().id()).await?;
    Ok(caller.tenants(all).named(name))
}

/// The request's tenant and everything below it that the caller may see (dird-api.md §2.3). An authority that refuses to list
/// leaves just the request's tenant (O-35).
pub async fn visible_tenants(
    authority: &dyn Authority,
    caller: &Caller,
) -> Result<Tenants, Refusal> {
    let listed = authority
        .tenants_below(caller.token(), caller.tenant().id())
        .await;
    match listed {
        Ok(listed) => Ok(caller.tenants(listed)),
        Err(Refusal::Forbidden | Refusal::UnknownToken) => Ok(caller.tenants(Vec::new())),
        Err(unreachable) => Err(unreachable),
    }
}
