//! Rows of the built-in authority.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{Postgres, row};
use crate::identity::builtin::{
    Accounts, AccountsError, KeyRecord, SESSIONS, SecretHash, TenantRecord, TokenRecord, UserRecord,
};
use crate::identity::{TenantId, UserId};
use crate::store::engine::taken;
use crate::store::{StoreError, Stored};

const TENANTS: &str = "SELECT uuid, parent, name FROM tenant ORDER BY name, uuid";
const MASTER: &str = "SELECT uuid FROM tenant WHERE parent IS NULL AND name <> '' \
     ORDER BY name, uuid LIMIT 1";
const ALONE: &str = "LOCK TABLE tenant IN SHARE ROW EXCLUSIVE MODE";
const PUT_TENANT: &str = "INSERT INTO tenant (uuid, parent, name) VALUES ($1, $2, $3) \
     ON CONFLICT (uuid) DO UPDATE SET parent = excluded.parent, name = excluded.name";
const REMOVE_TENANT: &str = "DELETE FROM tenant WHERE uuid = $1";
const USERS: &str = "SELECT * FROM account_user ORDER BY username";
const REMOVE_USER: &str = "DELETE FROM account_user WHERE uuid = $1";
const END_SESSIONS: &str = "DELETE FROM account_token WHERE auth_id = $1";
const USER: &str = "SELECT * FROM account_user WHERE uuid = $1";
const USER_NAMED: &str = "SELECT * FROM account_user WHERE username = $1";
const PUT_USER: &str = "INSERT INTO account_user (uuid, tenant_uuid, username, password_hash, acl) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (uuid) DO UPDATE SET \
     username = excluded.username, password_hash = excluded.password_hash, acl = excluded.acl";
const KEYS: &str = "SELECT * FROM account_key ORDER BY name";
const KEY_NAMED: &str = "SELECT * FROM account_key WHERE name = $1";
const KEY_WITH_HASH: &str = "SELECT * FROM account_key WHERE hash = $1";
const ADD_KEY: &str = "INSERT INTO account_key (uuid, name, hash, tenant_uuid, acl, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6)";
const REVOKE_TOKENS: &str = "DELETE FROM account_token \
     WHERE auth_id IN (SELECT uuid FROM account_key WHERE name = $1)";
const REVOKE_KEY: &str = "DELETE FROM account_key WHERE name = $1";
const ADD_TOKEN: &str = "INSERT INTO account_token \
     (hash, auth_id, user_uuid, tenant_uuid, acl, session, issued_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const PURGE_TOKENS: &str = "DELETE FROM account_token WHERE expires_at <= $1";
const CROWD_OUT: &str = "DELETE FROM account_token WHERE auth_id = $1 AND hash NOT IN ( \
     SELECT hash FROM account_token WHERE auth_id = $1 \
     ORDER BY (hash = $2) DESC, issued_at DESC LIMIT $3)";
const TOKEN: &str = "SELECT * FROM account_token WHERE hash = $1";
const REMOVE_TOKEN: &str = "DELETE FROM account_token WHERE hash = $1";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    TENANTS,
    MASTER,
    ALONE,
    PUT_TENANT,
    REMOVE_TENANT,
    USERS,
    REMOVE_USER,
    END_SESSIONS,
    USER,
    USER_NAMED,
    PUT_USER,
    KEYS,
    KEY_NAMED,
    KEY_WITH_HASH,
    ADD_KEY,
    REVOKE_TOKENS,
    REVOKE_KEY,
    ADD_TOKEN,
    PURGE_TOKENS,
    CROWD_OUT,
    TOKEN,
    REMOVE_TOKEN,
];

type Answer<T> = Result<T, AccountsError>;

#[async_trait]
impl Accounts for Postgres {
    async fn tenants(&self) -> Answer<Vec<TenantRecord>> {
        let rows = sqlx::query(TENANTS).fetch_all(self.pool().await?).await?;
        Ok(rows.iter().map(read_tenant).collect::<Stored<_>>()?)
    }

    async fn master(&self, proposed: &TenantRecord) -> Answer<TenantId> {
        let known = sqlx::query(MASTER).fetch_optional(self.pool().await?);
        if let Some(known) = known.await? {
            return Ok(row::tenant(&known, "uuid")?);
        }
        let mut write = self.write().await?;
        sqlx::query(ALONE).execute(&mut *write).await?;
        let known = sqlx::query(MASTER).fetch_optional(&mut *write);
        if let Some(known) = known.await? {
            return Ok(row::tenant(&known, "uuid")?);
        }
        sqlx::query(PUT_TENANT)
            .bind(proposed.uuid.as_str())
            .bind(proposed.parent.as_ref().map(TenantId::as_str))
            .bind(&proposed.name)
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(proposed.uuid.clone())
    }

    async fn put_tenant(&self, tenant: &TenantRecord) -> Answer<()> {
        sqlx::query(PUT_TENANT)
            .bind(tenant.uuid.as_str())
            .bind(tenant.parent.as_ref().map(TenantId::as_str))
            .bind(&tenant.name)
            .execute(self.pool().await?)
            .await?;
        Ok(())
    }

    async fn user(&self, uuid: &UserId) -> Answer<Option<UserRecord>> {
        let found = sqlx::query(USER)
            .bind(uuid.as_str())
            .fetch_optional(self.pool().await?)
            .await?;
        Ok(found.as_ref().map(read_user).transpose()?)
    }

    async fn user_named(&self, username: &str) -> Answer<Option<UserRecord>> {
        if !row::storable([Some(username)]) {
            return Ok(None);
        }
        let found = sqlx::query(USER_NAMED)
            .bind(username)
            .fetch_optional(self.pool().await?)
            .await?;
        Ok(found.as_ref().map(read_user).transpose()?)
    }

    async fn put_user(&self, user: &UserRecord) -> Answer<()> {
        sqlx::query(PUT_USER)
            .bind(user.uuid.as_str())
            .bind(user.tenant.as_str())
            .bind(&user.username)
            .bind(user.password_hash.as_deref())
            .bind(row::to_json(&user.acl)?)
            .execute(self.pool().await?)
            .await
            .map_err(|error| taken(error, &user.username))?;
        Ok(())
    }

    async fn remove_tenant(&self, uuid: &TenantId) -> Answer<bool> {
        let removed = sqlx::query(REMOVE_TENANT).bind(uuid.as_str());
        Ok(removed.execute(self.pool().await?).await?.rows_affected() > 0)
    }

    async fn users(&self) -> Answer<Vec<UserRecord>> {
        let rows = sqlx::query(USERS).fetch_all(self.pool().await?).await?;
        Ok(rows.iter().map(read_user).collect::<Stored<_>>()?)
    }

    async fn remove_user(&self, uuid: &UserId) -> Answer<bool> {
        let mut write = self.write().await?;
        let ended = sqlx::query(END_SESSIONS).bind(uuid.as_str());
        ended.execute(&mut *write).await?;
        let removed = sqlx::query(REMOVE_USER).bind(uuid.as_str());
        let removed = removed.execute(&mut *write).await?;
        write.commit().await?;
        Ok(removed.rows_affected() > 0)
    }

    async fn end_sessions(&self, auth_id: &str) -> Answer<u64> {
        let ended = sqlx::query(END_SESSIONS).bind(auth_id);
        Ok(ended.execute(self.pool().await?).await?.rows_affected())
    }

    async fn keys(&self) -> Answer<Vec<KeyRecord>> {
        let rows = sqlx::query(KEYS).fetch_all(self.pool().await?).await?;
        Ok(rows.iter().map(read_key).collect::<Stored<_>>()?)
    }

    async fn key_named(&self, name: &str) -> Answer<Option<KeyRecord>> {
        if !row::storable([Some(name)]) {
            return Ok(None);
        }
        let found = sqlx::query(KEY_NAMED)
            .bind(name)
            .fetch_optional(self.pool().await?)
            .await?;
        Ok(found.as_ref().map(read_key).transpose()?)
    }

    async fn key_with_hash(&self, hash: SecretHash) -> Answer<Option<KeyRecord>> {
        let found = sqlx::query(KEY_WITH_HASH).bind(&hash.0[..]);
        let found = found.fetch_optional(self.pool().await?).await?;
        Ok(found.as_ref().map(read_key).transpose()?)
    }

    async fn add_key(&self, key: &KeyRecord) -> Answer<()> {
        sqlx::query(ADD_KEY)
            .bind(&key.uuid)
            .bind(&key.name)
            .bind(&key.hash.0[..])
            .bind(key.tenant.as_str())
            .bind(row::to_json(&key.acl)?)
            .bind(key.created_at)
            .execute(self.pool().await?)
            .await
            .map_err(|error| taken(error, &key.name))?;
        Ok(())
    }

    async fn revoke_key(&self, name: &str) -> Answer<bool> {
        let mut write = self.write().await?;
        sqlx::query(REVOKE_TOKENS)
            .bind(name)
            .execute(&mut *write)
            .await?;
        let revoked = sqlx::query(REVOKE_KEY)
            .bind(name)
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(revoked.rows_affected() > 0)
    }

    async fn add_token(&self, token: &TokenRecord) -> Answer<()> {
        let mut write = self.write().await?;
        sqlx::query(PURGE_TOKENS)
            .bind(token.issued_at)
            .execute(&mut *write)
            .await?;
        sqlx::query(ADD_TOKEN)
            .bind(&token.hash.0[..])
            .bind(&token.auth_id)
            .bind(token.user.as_ref().map(UserId::as_str))
            .bind(token.tenant.as_str())
            .bind(row::to_json(&token.acl)?)
            .bind(&token.session)
            .bind(token.issued_at)
            .bind(token.expires_at)
            .execute(&mut *write)
            .await?;
        sqlx::query(CROWD_OUT)
            .bind(&token.auth_id)
            .bind(&token.hash.0[..])
            .bind(SESSIONS)
            .execute(&mut *write)
            .await?;
        Ok(write.commit().await?)
    }

    async fn token(&self, hash: SecretHash) -> Answer<Option<TokenRecord>> {
        let found = sqlx::query(TOKEN)
            .bind(&hash.0[..])
            .fetch_optional(self.pool().await?)
            .await?;
        Ok(found.as_ref().map(read_token).transpose()?)
    }

    async fn remove_token(&self, hash: SecretHash) -> Answer<bool> {
        let removed = sqlx::query(REMOVE_TOKEN)
            .bind(&hash.0[..])
            .execute(self.pool().await?)
            .await?;
        Ok(removed.rows_affected() > 0)
    }
}

fn read_tenant(found: &PgRow) -> Stored<TenantRecord> {
    let parent: Option<&str> = found.try_get("parent")?;
    Ok(TenantRecord {
        uuid: row::tenant(found, "uuid")?,
        parent: parent.and_then(TenantId::new),
        name: found.try_get("name")?,
    })
}

fn read_user(found: &PgRow) -> Stored<UserRecord> {
    Ok(UserRecord {
        uuid: row::user(found, "uuid")?,
        tenant: row::tenant(found, "tenant_uuid")?,
        username: found.try_get("username")?,
        password_hash: found.try_get("password_hash")?,
        acl: row::json(found, "acl")?,
    })
}

fn read_key(found: &PgRow) -> Stored<KeyRecord> {
    Ok(KeyRecord {
        uuid: found.try_get("uuid")?,
        name: found.try_get("name")?,
        hash: read_hash(found)?,
        tenant: row::tenant(found, "tenant_uuid")?,
        acl: row::json(found, "acl")?,
        created_at: found.try_get("created_at")?,
    })
}

fn read_token(found: &PgRow) -> Stored<TokenRecord> {
    let user: Option<&str> = found.try_get("user_uuid")?;
    Ok(TokenRecord {
        hash: read_hash(found)?,
        auth_id: found.try_get("auth_id")?,
        user: user.and_then(UserId::new),
        tenant: row::tenant(found, "tenant_uuid")?,
        acl: row::json(found, "acl")?,
        session: found.try_get("session")?,
        issued_at: found.try_get("issued_at")?,
        expires_at: found.try_get("expires_at")?,
    })
}

fn read_hash(found: &PgRow) -> Stored<SecretHash> {
    let bytes: &[u8] = found.try_get("hash")?;
    <[u8; 32]>::try_from(bytes)
        .map(SecretHash)
        .map_err(|error| StoreError::Internal(Box::new(error)))
}
