//! The authority of a platform: an auth service is asked (dird-api.md §2.1, dird-platform.md §3). `HEAD` decides, `GET` tells whose
//! the token is and how long it lives; `answers.rs` keeps both for a few seconds.

mod answers;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use kit::auth_client::{AuthClient, AuthError, Cause, Tenant, TokenCheck, TokenDescription};
use kit::clock;

use super::{Authority, Refusal, TenantEntry, TenantId, Token, TokenInfo, UserId};
use answers::{Answers, Fresh, Key};

/// Asks an auth service about tokens.
pub struct Wazo {
    questions: Questions,
    address: (String, u16),
    master: Option<TenantId>,
    keeps_token: bool,
    checks: Answers<()>,
    trees: Answers<Arc<[TenantEntry]>>,
}

/// What a question needs once it runs on its own.
#[derive(Clone)]
struct Questions {
    client: Arc<AuthClient>,
    owners: Answers<Owned>,
}

/// Whose a token is, and until when.
#[derive(Debug, Clone)]
struct Owned {
    info: TokenInfo,
    expires_at: Option<f64>,
}

impl Owned {
    fn read(described: &TokenDescription) -> Result<Self, Refusal> {
        let tenant = described.tenant_uuid().and_then(TenantId::new);
        let tenant =
            tenant.ok_or_else(|| Refusal::Unreachable("a token without tenant".to_owned()))?;
        let user = described.user_uuid().and_then(UserId::new);
        Ok(Self {
            info: TokenInfo { tenant, user },
            expires_at: described.expires_at(),
        })
    }

    /// Time left by our clock. Zero only means that the answer is not kept: it is for auth to say that a token has ended.
    fn left(&self) -> Option<Duration> {
        let left = self.expires_at? - clock::unix_seconds();
        Some(Duration::try_from_secs_f64(left).unwrap_or(Duration::ZERO))
    }
}

impl Wazo {
    /// An authority that asks through `client`, which is at `address`, and uses answers again for `cache_ttl`. Without a
    /// configured `master` tenant, the client's first own token tells it.
    pub fn new(
        client: Arc<AuthClient>,
        address: (String, u16),
        master: Option<TenantId>,
        cache_ttl: Duration,
    ) -> Self {
        let owners = Answers::new(cache_ttl);
        Self {
            questions: Questions { client, owners },
            address,
            master,
            keeps_token: false,
            checks: Answers::new(cache_ttl),
            trees: Answers::new(cache_ttl),
        }
    }
}

impl Wazo {
    /// The same, with a client that keeps a token of dird's own, so that one is missed.
    #[must_use]
    pub fn keeping_token(mut self) -> Self {
        self.keeps_token = true;
        self
    }
}

impl Questions {
    async fn owner(&self, token: &Token) -> Result<Owned, Refusal> {
        let key = Key::new(&[token.expose()]);
        let (client, token) = (Arc::clone(&self.client), token.clone());
        self.owners
            .get(key, async move { describe(&client, &token).await })
            .await
    }

    /// Whether the token has the access, and for how long at most. The token is described only if the answer is to be kept.
    async fn check(
        self,
        token: Token,
        access: String,
        tenant: Option<TenantId>,
    ) -> Result<Fresh<()>, Refusal> {
        let tenant = tenant.as_ref().map(TenantId::as_str);
        let check = self.client.check_token(token.expose(), &access, tenant);
        match reached(check).await? {
            TokenCheck::Unknown => Ok(Fresh::refused(Refusal::UnknownToken)),
            TokenCheck::Forbidden => Ok(Fresh::refused(Refusal::Forbidden)),
            TokenCheck::Granted if !self.owners.keep() => Ok(Fresh::good((), None)),
            TokenCheck::Granted => self.bounded(&token, ()).await,
        }
    }

    /// The tenants under `root`; just that one for a token that may not list them.
    async fn tree(
        self,
        token: Token,
        root: TenantId,
    ) -> Result<Fresh<Arc<[TenantEntry]>>, Refusal> {
        let listed = self.client.tenants_as(token.expose(), root.as_str());
        let Some(listed) = reached(listed).await? else {
            let alone = TenantEntry {
                uuid: root,
                name: None,
            };
            return self.bounded(&token, [alone].into()).await;
        };
        let entries = listed.into_iter().filter_map(entry).collect();
        self.bounded(&token, entries).await
    }

    /// A good answer that holds no longer than the token.
    async fn bounded<V>(&self, token: &Token, answer: V) -> Result<Fresh<V>, Refusal> {
        match self.owner(token).await {
            Ok(owner) => Ok(Fresh::good(answer, owner.left())),
            Err(unknown @ (Refusal::Unreachable(_) | Refusal::Failed(_))) => Err(unknown),
            Err(refusal) => Ok(Fresh::refused(refusal)),
        }
    }
}

fn entry(tenant: Tenant) -> Option<TenantEntry> {
    let uuid = TenantId::new(&tenant.uuid)?;
    Some(TenantEntry {
        uuid,
        name: tenant.name,
    })
}

async fn describe(client: &AuthClient, token: &Token) -> Result<Fresh<Owned>, Refusal> {
    let Some(described) = reached(client.describe_token(token.expose())).await? else {
        return Ok(Fresh::refused(Refusal::UnknownToken));
    };
    let owned = Owned::read(&described)?;
    let left = owned.left();
    Ok(Fresh::good(owned, left))
}

async fn reached<V>(call: impl Future<Output = Result<V, AuthError>>) -> Result<V, Refusal> {
    call.await.map_err(|error| match error {
        AuthError::Unreachable(cause @ (Cause::Status(_) | Cause::Body)) => {
            Refusal::Failed(cause.to_string())
        }
        AuthError::Unreachable(cause) => Refusal::Unreachable(cause.to_string()),
        AuthError::Rejected => Refusal::Unreachable("dird itself is refused".into()),
    })
}

#[async_trait]
impl Authority for Wazo {
    async fn check(
        &self,
        token: &Token,
        access: &str,
        tenant: Option<&TenantId>,
    ) -> Result<(), Refusal> {
        let asked = tenant.map_or("", TenantId::as_str);
        let key = Key::new(&[token.expose(), access, asked]);
        let questions = self.questions.clone();
        let ask = questions.check(token.clone(), access.to_owned(), tenant.cloned());
        self.checks.get(key, ask).await
    }

    async fn describe(&self, token: &Token) -> Result<TokenInfo, Refusal> {
        Ok(self.questions.owner(token).await?.info)
    }

    async fn tenants_below(
        &self,
        token: &Token,
        tenant: &TenantId,
    ) -> Result<Vec<TenantEntry>, Refusal> {
        let key = Key::new(&[token.expose(), tenant.as_str()]);
        let questions = self.questions.clone();
        let ask = questions.tree(token.clone(), tenant.clone());
        Ok(self.trees.get(key, ask).await?.to_vec())
    }

    async fn all_tenants_below(&self, tenant: &TenantId) -> Result<Vec<TenantEntry>, Refusal> {
        let key = Key::new(&["", tenant.as_str()]);
        let (client, root) = (Arc::clone(&self.questions.client), tenant.clone());
        let ask = async move {
            let listed = reached(client.tenants(root.as_str())).await?;
            Ok(Fresh::good(
                listed.into_iter().filter_map(entry).collect(),
                None,
            ))
        };
        Ok(self.trees.get(key, ask).await?.to_vec())
    }

    fn master_tenant(&self) -> Option<TenantId> {
        let learnt = || self.questions.client.first_tenant().and_then(TenantId::new);
        self.master.clone().or_else(learnt)
    }

    fn forget(&self) {
        self.questions.owners.forget();
        self.checks.forget();
        self.trees.forget();
    }

    fn has_service_token(&self) -> bool {
        !self.keeps_token || self.questions.client.current().is_some()
    }

    fn address(&self) -> (String, u16) {
        self.address.clone()
    }
}
