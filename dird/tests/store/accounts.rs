//! Rows of the built-in authority.

use dird::identity::builtin::{
    AccountsError, KeyRecord, SESSIONS, SecretHash, TenantRecord, TokenRecord, UserRecord,
};
use dird::identity::{TenantId, UserId};
use dird::store::model::random_id;

use crate::world::{World, csv, tenant};

on_both_engines!(
    servers_that_ask_at_once_get_the_same_master_tenant,
    a_tenant_that_was_only_written_to_can_be_named,
    users_are_found_by_login_name,
    keys_are_found_by_name_and_by_hash,
    a_revoked_key_takes_its_tokens_along,
    expired_tokens_are_forgotten_when_another_is_added,
    an_owner_with_too_many_tokens_loses_the_oldest,
);

/// A tenant that the store knows.
async fn known(world: &World) -> TenantId {
    let uuid = TenantId::random();
    let named = TenantRecord {
        uuid: uuid.clone(),
        parent: None,
        name: "site".into(),
    };
    world.store.put_tenant(&named).await.unwrap();
    uuid
}

async fn servers_that_ask_at_once_get_the_same_master_tenant(world: World) {
    let ask = || async {
        let proposed = TenantRecord {
            uuid: TenantId::random(),
            parent: None,
            name: "master".into(),
        };
        world.store.master(&proposed).await.unwrap()
    };
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    assert_eq!((&one, &one), (&two, &three));
    assert_eq!(one, ask().await);
    assert_eq!(world.store.tenants().await.unwrap().len(), 1);
}

async fn a_tenant_that_was_only_written_to_can_be_named(world: World) {
    let (parent, scope) = (known(&world).await, tenant());
    world
        .store
        .create_source(&scope, &csv(&scope, "a"))
        .await
        .unwrap();
    let mut record = TenantRecord {
        uuid: scope.id().clone(),
        parent: None,
        name: String::new(),
    };
    assert!(world.store.tenants().await.unwrap().contains(&record));
    record.parent = Some(parent);
    record.name = "named".into();
    world.store.put_tenant(&record).await.unwrap();
    let tenants = world.store.tenants().await.unwrap();
    assert_eq!(tenants.len(), 2);
    assert!(tenants.contains(&record));
}

async fn users_are_found_by_login_name(world: World) {
    let mut user = UserRecord {
        uuid: UserId::random(),
        tenant: known(&world).await,
        username: "ann".into(),
        password_hash: Some("hash".into()),
        acl: vec!["dird.#".into()],
    };
    world.store.put_user(&user).await.unwrap();
    assert_eq!(
        world.store.user_named("ann").await.unwrap(),
        Some(user.clone())
    );
    assert_eq!(world.store.user_named("Ann").await.unwrap(), None);
    assert_eq!(world.store.user_named("ann\0").await.unwrap(), None);
    let twin = UserRecord {
        uuid: UserId::random(),
        ..user.clone()
    };
    let refused = world.store.put_user(&twin).await;
    assert!(matches!(refused, Err(AccountsError::Taken(name)) if name == "ann"));
    user.password_hash = None;
    user.acl.clear();
    world.store.put_user(&user).await.unwrap();
    assert_eq!(world.store.user(&user.uuid).await.unwrap(), Some(user));
}

fn key(tenant: &TenantId, name: &str, hash: u8) -> KeyRecord {
    KeyRecord {
        uuid: random_id(),
        name: name.into(),
        hash: SecretHash([hash; 32]),
        tenant: tenant.clone(),
        acl: vec!["dird.#".into(), "!dird.config.#".into()],
        created_at: 1_700_000_000,
    }
}

fn token(
    tenant: &TenantId,
    auth_id: &str,
    hash: u8,
    (issued_at, expires_at): (i64, i64),
) -> TokenRecord {
    TokenRecord {
        hash: SecretHash([hash; 32]),
        auth_id: auth_id.into(),
        user: Some(UserId::random()),
        tenant: tenant.clone(),
        acl: Vec::new(),
        session: random_id(),
        issued_at,
        expires_at,
    }
}

async fn keys_are_found_by_name_and_by_hash(world: World) {
    let tenant = known(&world).await;
    let (zed, abe) = (key(&tenant, "zed", 1), key(&tenant, "Abe", 2));
    world.store.add_key(&zed).await.unwrap();
    world.store.add_key(&abe).await.unwrap();
    assert_eq!(
        world.store.keys().await.unwrap(),
        [abe.clone(), zed.clone()]
    );
    assert_eq!(world.store.key_named("zed").await.unwrap(), Some(zed));
    assert_eq!(world.store.key_named("z\0").await.unwrap(), None);
    assert_eq!(
        world.store.key_with_hash(abe.hash).await.unwrap(),
        Some(abe)
    );
    let refused = world.store.add_key(&key(&tenant, "zed", 3)).await;
    assert!(matches!(refused, Err(AccountsError::Taken(name)) if name == "zed"));
}

async fn a_revoked_key_takes_its_tokens_along(world: World) {
    let tenant = known(&world).await;
    let (revoked, kept) = (key(&tenant, "revoked", 1), key(&tenant, "kept", 2));
    world.store.add_key(&revoked).await.unwrap();
    world.store.add_key(&kept).await.unwrap();
    let (gone, stays) = (
        token(&tenant, &revoked.uuid, 3, (0, 9)),
        token(&tenant, &kept.uuid, 4, (0, 9)),
    );
    world.store.add_token(&gone).await.unwrap();
    world.store.add_token(&stays).await.unwrap();
    assert!(world.store.revoke_key("revoked").await.unwrap());
    assert!(!world.store.revoke_key("revoked").await.unwrap());
    assert_eq!(world.store.token(gone.hash).await.unwrap(), None);
    assert_eq!(
        world.store.token(stays.hash).await.unwrap(),
        Some(stays.clone())
    );
    assert!(world.store.remove_token(stays.hash).await.unwrap());
    assert!(!world.store.remove_token(stays.hash).await.unwrap());
}

async fn expired_tokens_are_forgotten_when_another_is_added(world: World) {
    let tenant = known(&world).await;
    let (old, new) = (
        token(&tenant, "a", 1, (0, 10)),
        token(&tenant, "a", 2, (10, 20)),
    );
    world.store.add_token(&old).await.unwrap();
    assert!(world.store.token(old.hash).await.unwrap().is_some());
    world.store.add_token(&new).await.unwrap();
    assert_eq!(world.store.token(old.hash).await.unwrap(), None);
    assert_eq!(world.store.token(new.hash).await.unwrap(), Some(new));
}

async fn an_owner_with_too_many_tokens_loses_the_oldest(world: World) {
    let tenant = known(&world).await;
    let numbered = |number: i64| {
        let mut added = token(&tenant, "busy", 0, (number, i64::MAX));
        added.hash.0[..8].copy_from_slice(&number.to_be_bytes());
        added
    };
    let other = token(&tenant, "quiet", 0xff, (0, i64::MAX));
    world.store.add_token(&other).await.unwrap();
    for number in 1..=SESSIONS + 2 {
        world.store.add_token(&numbered(number)).await.unwrap();
    }
    // All of one second: the one that was given out last is not the one to lose.
    let mut last = numbered(SESSIONS + 3);
    last.issued_at = 0;
    world.store.add_token(&last).await.unwrap();
    for (token, there) in [
        (&numbered(3), false),
        (&numbered(4), true),
        (&last, true),
        (&other, true),
    ] {
        let found = world.store.token(token.hash).await.unwrap();
        assert_eq!(found.is_some(), there, "{:?}", token.hash);
    }
}
