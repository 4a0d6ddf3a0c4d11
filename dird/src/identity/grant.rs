//! Proofs of a check. Their fields are private to `identity`; a store function that takes one cannot be called without it.

use super::{TenantEntry, TenantId, Token, TokenInfo, UserId};

/// Exactly one tenant that the work at hand may touch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tenant(TenantId);

impl Tenant {
    /// The tenant's identifier.
    pub fn id(&self) -> &TenantId {
        &self.0
    }

    /// The same proof as a list of one.
    pub fn alone(&self) -> Tenants {
        Tenants(vec![TenantEntry {
            uuid: self.0.clone(),
            name: None,
        }])
    }
}

/// The tenants that the work at hand may look into; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenants(Vec<TenantEntry>);

impl Tenants {
    /// The identifiers, the asked tenant first.
    pub fn ids(&self) -> impl Iterator<Item = &TenantId> {
        self.0.iter().map(|entry| &entry.uuid)
    }

    /// The tenant called `name` among them (the deprecated phonebook routes address tenants by name).
    pub fn named(&self, name: &str) -> Option<Tenant> {
        let entry = self
            .0
            .iter()
            .find(|entry| entry.name.as_deref() == Some(name))?;
        Some(Tenant(entry.uuid.clone()))
    }

    /// The proof for `tenant` alone, if it is among them.
    pub fn only(&self, tenant: &TenantId) -> Option<Tenant> {
        self.ids()
            .any(|id| id == tenant)
            .then(|| Tenant(tenant.clone()))
    }
}

/// Somebody whose token was found good for the access of the route.
#[derive(Debug, Clone)]
pub struct Caller {
    token: Token,
    info: TokenInfo,
    asked: Option<TenantId>,
}

impl Caller {
    /// To be made after a successful check of `token`, and of `asked` if the request names a tenant.
    pub(super) fn granted(token: Token, info: TokenInfo, asked: Option<TenantId>) -> Self {
        Self { token, info, asked }
    }

    /// The token itself; sources that act for the user pass it on.
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The user behind the token, if any.
    pub fn user(&self) -> Option<&UserId> {
        self.info.user.as_ref()
    }

    /// The tenant that the token belongs to, whatever the request asked for.
    pub fn token_tenant(&self) -> &TenantId {
        &self.info.tenant
    }

    /// The tenant in which what the caller keeps for himself is filed: his own, whatever the request asked for.
    pub fn home(&self) -> Tenant {
        Tenant(self.info.tenant.clone())
    }

    /// Tenant of the request: the one it named, else the token's (dird-api.md §2.3).
    pub fn tenant(&self) -> Tenant {
        Tenant(
            self.asked
                .clone()
                .unwrap_or_else(|| self.info.tenant.clone()),
        )
    }

    /// The request's tenant and what the authority lists below it. The request's own tenant is always part of it.
    pub(super) fn tenants(&self, listed: Vec<TenantEntry>) -> Tenants {
        let own = self.tenant().0;
        if listed.iter().any(|entry| entry.uuid == own) {
            return Tenants(listed);
        }
        let mut all = vec![TenantEntry {
            uuid: own,
            name: None,
        }];
        all.extend(listed);
        Tenants(all)
    }
}

/// Work that no request asked for: imports, the demo site, the command line. Its name goes to the log.
#[derive(Debug, Clone, Copy)]
pub struct SystemAuthority {
    name: &'static str,
}

impl SystemAuthority {
    /// The authority of the part of dird called `name`.
    pub const fn new(name: &'static str) -> Self {
        Self { name }
    }

    /// Leave to work on `tenant`.
    pub fn tenant(self, tenant: TenantId) -> Tenant {
        tracing::debug!(authority = self.name, %tenant, "acting on a tenant");
        Tenant(tenant)
    }
}
