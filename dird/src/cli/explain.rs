//! `dird explain`: what `POST /directories/explain` answers, for people who sit at the server.

use std::sync::Arc;

use clap::{ArgGroup, Args};
use tokio_util::sync::CancellationToken;

use super::tenant;
use crate::backends::{Asker, Outside, Surroundings};
use crate::config::Config;
use crate::identity::{SystemAuthority, TenantId, Token, UserId};
use crate::index::{Lists, People};
use crate::lookup::{Inquiry, Lookup, Wanted, limit};
use crate::slow_lane::SlowLane;
use crate::store::Store;

/// One lookup, or one reverse lookup.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("asked").required(true).args(["term", "exten"])))]
pub(super) struct Explain {
    /// Name of the profile.
    profile: String,
    /// Name or identifier of the tenant.
    #[arg(long)]
    tenant: String,
    /// What a lookup searches.
    #[arg(long)]
    term: Option<String>,
    /// The number of a reverse lookup.
    #[arg(long)]
    exten: Option<String>,
    /// Identifier of the user for whom it is.
    #[arg(long)]
    user: Option<String>,
    /// Name of somebody who should be found.
    #[arg(long)]
    expect: Option<String>,
}

impl Explain {
    pub(super) async fn execute(self, config: &Config, store: &Store) -> anyhow::Result<()> {
        let id = self.tenant_id(store).await?;
        let tenant = SystemAuthority::new("command line").tenant(id);
        let around = Surroundings {
            lists: Lists::new(
                Arc::clone(store),
                config.index.max_bytes,
                SlowLane::default(),
                CancellationToken::new(),
            ),
            people: Arc::new(People::new(Arc::clone(store))),
            store: Arc::clone(store),
            outside: Outside::new(CancellationToken::new()),
        };
        let limit = config.lookup.default_timeout.and_then(limit);
        let lookup = Lookup::new(Arc::clone(store), around, limit)
            .asking_only(config.enabled_plugins.backends());
        let asker = Asker {
            user: self.user.as_deref().and_then(UserId::new),
            home: tenant.clone(),
            token: Token::default(),
        };
        let inquiry = match self.exten {
            Some(number) => Inquiry::Number(number),
            None => Inquiry::Term(self.term.unwrap_or_default()),
        };
        let wanted = Wanted {
            profile: &self.profile,
            inquiry: &inquiry,
            expect: self.expect.as_deref(),
        };
        let explained = lookup.explain(&tenant, wanted, &asker).await?;
        println!("{}", serde_json::to_string_pretty(&explained)?);
        Ok(())
    }

    /// With the platform's authority the store knows no tenants, but their identifiers do.
    async fn tenant_id(&self, store: &Store) -> anyhow::Result<TenantId> {
        match tenant::known(store.as_ref(), &self.tenant).await {
            Ok(known) => Ok(known.uuid),
            Err(error) => {
                let uuid = uuid::Uuid::try_parse(&self.tenant).ok();
                uuid.and_then(|_| TenantId::new(&self.tenant)).ok_or(error)
            }
        }
    }
}
