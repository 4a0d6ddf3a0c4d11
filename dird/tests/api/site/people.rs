//! Who may do what at a [`super::Site`]: the same people in dird's own store and at the platform's auth service.

use std::time::Duration;

use dird::identity::builtin::{Accounts, TenantRecord, TokenRecord, secret};
use dird::identity::{TenantId, UserId};
use dird::store::model::random_id;

use crate::fake_auth::{CHILD, FOREIGN, FakeAuth, FakeToken, MASTER, USER};

/// Tokens, and the tenants they belong to.
pub(super) struct People {
    pub(super) alice: String,
    pub(super) gina: String,
    pub(super) master: String,
    pub(super) nobody: String,
    pub(super) expired: String,
    pub(super) tenant: String,
    pub(super) tenant_name: &'static str,
    pub(super) foreign: String,
}

/// What somebody needs who may do everything: the platform lists tenants to those only who may read them.
const EVERYTHING: [&str; 2] = ["dird.#", "auth.tenants.read"];

/// Unix time at which no token has expired yet.
const NEVER: i64 = i64::MAX;

/// Puts the people into dird's own accounts.
pub(super) async fn in_the_store(accounts: &dyn Accounts) -> People {
    let master = accounts.tenants().await.unwrap().remove(0).uuid;
    let own = tenant(accounts, &master, "own").await;
    let foreign = tenant(accounts, &master, "foreign").await;
    People {
        alice: token(accounts, &own, Some(USER), &EVERYTHING, NEVER).await,
        gina: token(accounts, &foreign, Some(&random_id()), &EVERYTHING, NEVER).await,
        master: token(accounts, &master, None, &EVERYTHING, NEVER).await,
        nobody: token(accounts, &own, Some(USER), &[], NEVER).await,
        expired: token(accounts, &own, Some(USER), &EVERYTHING, 1).await,
        tenant: own.to_string(),
        tenant_name: "own",
        foreign: foreign.to_string(),
    }
}

/// A token of alice's in dird's own accounts.
pub(super) async fn stored_token(accounts: &dyn Accounts, tenant: &str, acl: &[&str]) -> String {
    let tenant = TenantId::new(tenant).unwrap();
    token(accounts, &tenant, Some(USER), acl, NEVER).await
}

async fn tenant(accounts: &dyn Accounts, parent: &TenantId, name: &str) -> TenantId {
    let uuid = TenantId::random();
    let record = TenantRecord {
        uuid: uuid.clone(),
        parent: Some(parent.clone()),
        name: name.into(),
    };
    accounts.put_tenant(&record).await.unwrap();
    uuid
}

async fn token(
    accounts: &dyn Accounts,
    tenant: &TenantId,
    user: Option<&str>,
    acl: &[&str],
    expires_at: i64,
) -> String {
    let secret = secret::random().unwrap();
    let record = TokenRecord {
        hash: secret::hash(secret.expose()),
        auth_id: user.unwrap_or("a-service").to_owned(),
        user: user.and_then(UserId::new),
        tenant: tenant.clone(),
        acl: acl.iter().map(|&pattern| pattern.to_owned()).collect(),
        session: random_id(),
        // So early that keeping it forgets no token that has expired since.
        issued_at: 0,
        expires_at,
    };
    accounts.add_token(&record).await.unwrap();
    secret.expose().to_owned()
}

/// Makes the people known to the platform's auth service.
pub(super) fn at_the_platform(fake: &FakeAuth) -> People {
    let other = "20000000-0000-4000-8000-000000000002";
    let hour = Duration::from_hours(1);
    let give = |name: &str, tenant, user, acl: &[&'static str], life| {
        let given = FakeToken {
            tenant,
            user,
            acl: acl.to_vec(),
            life,
        };
        fake.put(name, given);
        name.to_owned()
    };
    People {
        alice: give("alice", CHILD, Some(USER), &EVERYTHING, hour),
        gina: give("gina", FOREIGN, Some(other), &EVERYTHING, hour),
        master: give("master", MASTER, None, &EVERYTHING, hour),
        nobody: give("nobody", CHILD, Some(USER), &[], hour),
        expired: give("expired", CHILD, Some(USER), &EVERYTHING, Duration::ZERO),
        tenant: CHILD.into(),
        tenant_name: "child",
        foreign: FOREIGN.into(),
    }
}

/// A token of alice's at the platform. The fake keeps its patterns as long as the process lives.
pub(super) fn platform_token(fake: &FakeAuth, tenant: &str, acl: &[&str]) -> String {
    assert_eq!(tenant, CHILD, "alice's tenant");
    let name = random_id();
    let given = FakeToken {
        tenant: CHILD,
        user: Some(USER),
        acl: acl
            .iter()
            .map(|&pattern| &*pattern.to_owned().leak())
            .collect(),
        life: Duration::from_hours(1),
    };
    fake.put(&name, given);
    name
}
