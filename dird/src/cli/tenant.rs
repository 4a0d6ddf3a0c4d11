//! `dird tenant add|list|remove`: the tenants of the built-in authority.

use anyhow::{Context, bail};
use clap::Subcommand;

use super::key;
use crate::config::Config;
use crate::identity::builtin::{Accounts, TenantRecord};
use crate::identity::{SystemAuthority, TenantId};
use crate::store::Store;
use crate::tenant_defaults;

#[derive(Debug, Subcommand)]
pub(super) enum Tenant {
    /// Make a tenant with its sources, display and profile, and print its identifier. For one that exists, what is missing is
    /// made.
    Add {
        /// Name of the tenant.
        name: String,
        /// Name or identifier of the tenant above it; the master tenant when left out.
        #[arg(long)]
        parent: Option<String>,
    },
    /// List the tenants: identifier, identifier of the parent, name.
    List,
    /// Remove a tenant and everything in it.
    Remove {
        /// Name or identifier of the tenant.
        tenant: String,
    },
}

impl Tenant {
    pub(super) async fn execute(self, config: &Config, store: &Store) -> anyhow::Result<()> {
        match self {
            Self::Add { name, parent } => {
                let parent = match parent {
                    Some(parent) => known(store.as_ref(), &parent).await?.uuid,
                    None => key::master_tenant(config, store).await?,
                };
                let tenant = add(store.as_ref(), &name, parent).await?;
                println!("{tenant}");
                let proof = SystemAuthority::new("command line").tenant(tenant);
                tenant_defaults::create(store.as_ref(), &proof, &name).await?;
            }
            Self::List => {
                for tenant in store.tenants().await? {
                    let parent = tenant.parent.as_ref().map_or("-", TenantId::as_str);
                    println!("{}\t{parent}\t{}", tenant.uuid, tenant.name);
                }
            }
            Self::Remove { tenant } => remove(store.as_ref(), &tenant).await?,
        }
        Ok(())
    }
}

/// The one tenant of this name or identifier.
pub(super) async fn known(accounts: &dyn Accounts, asked: &str) -> anyhow::Result<TenantRecord> {
    let tenants = accounts.tenants().await?;
    let is_asked = |tenant: &TenantRecord| tenant.uuid.as_str() == asked || tenant.name == asked;
    let mut found = tenants.into_iter().filter(is_asked);
    let first = found.next();
    let first = first.with_context(|| format!("no such tenant: {asked}"))?;
    if found.next().is_some() {
        bail!("several tenants are called {asked}; give the identifier");
    }
    Ok(first)
}

async fn add(accounts: &dyn Accounts, name: &str, parent: TenantId) -> anyhow::Result<TenantId> {
    if name.is_empty() {
        bail!("a tenant needs a name");
    }
    let tenants = accounts.tenants().await?;
    if let Some(taken) = tenants.into_iter().find(|tenant| tenant.name == name) {
        if taken.parent.as_ref() != Some(&parent) {
            bail!("{name} is already taken by tenant {}", taken.uuid);
        }
        return Ok(taken.uuid);
    }
    let tenant = TenantRecord {
        uuid: TenantId::random(),
        parent: Some(parent),
        name: name.to_owned(),
    };
    accounts.put_tenant(&tenant).await?;
    Ok(tenant.uuid)
}

async fn remove(accounts: &dyn Accounts, asked: &str) -> anyhow::Result<()> {
    let tenant = known(accounts, asked).await?;
    let master = tenant.parent.is_none() && !tenant.name.is_empty();
    if master {
        bail!("{asked} is the master tenant; it stays");
    }
    let tenants = accounts.tenants().await?;
    if let Some(below) = tenants
        .iter()
        .find(|other| other.parent.as_ref() == Some(&tenant.uuid))
    {
        bail!("{asked} has tenants below it; remove {} first", below.uuid);
    }
    accounts.remove_tenant(&tenant.uuid).await?;
    Ok(())
}
