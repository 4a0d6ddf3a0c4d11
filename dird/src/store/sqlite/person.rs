//! Rows of what belongs to users: which list holds their own contacts, and their favourites.

use async_trait::async_trait;
use sqlx::Row;

use super::{Sqlite, is_duplicate, row};
use crate::identity::{SystemAuthority, Tenant, TenantId, UserId};
use crate::store::model::{ListId, SourceId, random_id};
use crate::store::{Change, Holder, People, StoreError, Stored};

const LIST: &str = "SELECT list_uuid FROM personal_list WHERE tenant_uuid = $1 AND user_uuid = $2";
const INSERT_LIST: &str = "INSERT INTO personal_list (tenant_uuid, user_uuid, list_uuid) \
     VALUES ($1, $2, $3)";
const FAVORITES: &str = "SELECT source_uuid, contact_uuid FROM favorite \
     WHERE tenant_uuid = $1 AND user_uuid = $2";
const INSERT_FAVORITE: &str = "INSERT INTO favorite \
     (tenant_uuid, user_uuid, source_uuid, contact_uuid) \
     SELECT tenant_uuid, $2, uuid, $4 FROM source WHERE tenant_uuid = $1 AND uuid = $3";
const DELETE_FAVORITE: &str = "DELETE FROM favorite \
     WHERE tenant_uuid = $1 AND user_uuid = $2 AND source_uuid = $3 AND contact_uuid = $4";
const FORGET_LISTS: &str = "DELETE FROM contact_list WHERE (tenant_uuid, uuid) IN \
     (SELECT tenant_uuid, list_uuid FROM personal_list WHERE user_uuid = $1) \
     RETURNING tenant_uuid";
const FORGET_FAVORITES: &str = "DELETE FROM favorite WHERE user_uuid = $1 RETURNING tenant_uuid";
const FORGET_MIRRORS: &str = "DELETE FROM mirror WHERE owner = $1 RETURNING tenant_uuid";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    LIST,
    INSERT_LIST,
    FAVORITES,
    INSERT_FAVORITE,
    DELETE_FAVORITE,
    FORGET_LISTS,
    FORGET_FAVORITES,
    FORGET_MIRRORS,
];

#[async_trait]
impl People for Sqlite {
    async fn personal_list(&self, scope: &Tenant, user: &UserId) -> Stored<Option<ListId>> {
        let found = sqlx::query_scalar(LIST)
            .bind(scope.id().as_str())
            .bind(user.as_str())
            .fetch_optional(&self.readers)
            .await?;
        Ok(found.map(ListId))
    }

    async fn open_personal_list(&self, scope: &Tenant, user: &UserId) -> Stored<ListId> {
        if let Some(list) = self.personal_list(scope, user).await? {
            return Ok(list);
        }
        let mut write = self.write().await?;
        write.ensure(scope.id()).await?;
        let found = sqlx::query_scalar(LIST)
            .bind(scope.id().as_str())
            .bind(user.as_str())
            .fetch_optional(&mut *write)
            .await?;
        if let Some(list) = found {
            return Ok(ListId(list));
        }
        let list = ListId(random_id());
        write.open_list(scope, &list).await?;
        let inserted = sqlx::query(INSERT_LIST)
            .bind(scope.id().as_str())
            .bind(user.as_str())
            .bind(&list.0);
        inserted.execute(&mut *write).await?;
        write.changed(of_user(scope.id().clone(), user));
        write.commit().await?;
        Ok(list)
    }

    async fn favorites(&self, scope: &Tenant, user: &UserId) -> Stored<Vec<(SourceId, String)>> {
        let rows = sqlx::query(FAVORITES)
            .bind(scope.id().as_str())
            .bind(user.as_str())
            .fetch_all(&self.readers)
            .await?;
        let favorite = |found: &sqlx::sqlite::SqliteRow| {
            let source = SourceId(found.try_get("source_uuid")?);
            Ok((source, found.try_get("contact_uuid")?))
        };
        rows.iter().map(favorite).collect()
    }

    async fn add_favorite(
        &self,
        scope: &Tenant,
        user: &UserId,
        source: &SourceId,
        contact: &str,
    ) -> Stored<()> {
        let mut write = self.write().await?;
        write.changed(Change::Favorites(scope.id().clone(), user.clone()));
        let inserted = sqlx::query(INSERT_FAVORITE)
            .bind(scope.id().as_str())
            .bind(user.as_str())
            .bind(&source.0)
            .bind(contact)
            .execute(&mut *write)
            .await;
        let inserted = match inserted {
            Err(error) if is_duplicate(&error) => return Err(StoreError::Duplicate),
            other => other?,
        };
        StoreError::unless_found(inserted.rows_affected(), "source", &source.0)?;
        write.commit().await
    }

    async fn remove_favorite(
        &self,
        scope: &Tenant,
        user: &UserId,
        source: &SourceId,
        contact: &str,
    ) -> Stored<()> {
        let mut write = self.write().await?;
        write.changed(Change::Favorites(scope.id().clone(), user.clone()));
        let deleted = sqlx::query(DELETE_FAVORITE)
            .bind(scope.id().as_str())
            .bind(user.as_str())
            .bind(&source.0)
            .bind(contact)
            .execute(&mut *write)
            .await?;
        StoreError::unless_found(deleted.rows_affected(), "favorite", contact)?;
        write.commit().await
    }

    async fn forget_user(&self, _by: SystemAuthority, user: &UserId) -> Stored<()> {
        let mut write = self.write().await?;
        for statement in [FORGET_LISTS, FORGET_FAVORITES, FORGET_MIRRORS] {
            let forgotten = sqlx::query(statement).bind(user.as_str());
            for found in forgotten.fetch_all(&mut *write).await? {
                let tenant = row::tenant(&found, "tenant_uuid")?;
                write.changed(of_user(tenant, user));
            }
        }
        write.commit().await
    }
}

/// The change of what a user keeps for himself.
fn of_user(tenant: TenantId, user: &UserId) -> Change {
    Change::Contacts(tenant, Holder::User(user.clone()))
}
