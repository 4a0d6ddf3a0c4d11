//! Rows of phonebooks. The contacts of a phonebook are a list of the same identifier.

use async_trait::async_trait;
use kit::fold::fold;
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, Row};

use super::{Sqlite, is_duplicate, row};
use crate::identity::{Tenant, Tenants};
use crate::store::engine::unless_changed;
use crate::store::model::{Phonebook, PhonebookId, random_id};
use crate::store::{Listed, Page, PhonebookKey, Phonebooks, StoreError, Stored};

const NUMBER: &str = "UPDATE phonebook_number SET last = last + 1 RETURNING last";
const INSERT: &str = "INSERT INTO phonebook \
     (tenant_uuid, uuid, id, name, sort_name, description, sort_description) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";
const TOTAL: &str = "SELECT COUNT(*) FROM phonebook \
     WHERE tenant_uuid IN (SELECT value FROM json_each($1))";
const FILTERED: &str = "SELECT COUNT(*) FROM phonebook \
     WHERE tenant_uuid IN (SELECT value FROM json_each($1)) \
       AND ($2 IS NULL OR instr(sort_name, $2) > 0 OR instr(sort_description, $2) > 0)";
const LIST: &str = "SELECT * FROM phonebook \
     WHERE tenant_uuid IN (SELECT value FROM json_each($1)) \
       AND ($2 IS NULL OR instr(sort_name, $2) > 0 OR instr(sort_description, $2) > 0) \
     ORDER BY \
       CASE WHEN $3 = 'description' AND $4 THEN sort_description = '' END DESC, \
       CASE WHEN $3 = 'description' AND NOT $4 THEN sort_description = '' END, \
       CASE WHEN $3 = 'description' AND $4 THEN sort_description END DESC, \
       CASE WHEN $3 = 'description' AND NOT $4 THEN sort_description END, \
       CASE WHEN $3 = 'name' AND $4 THEN sort_name END DESC, sort_name, name, uuid \
     LIMIT $5 OFFSET $6";
const BY_ID: &str = "SELECT * FROM phonebook WHERE tenant_uuid = $1 AND uuid = $2";
const BY_NUMBER: &str = "SELECT * FROM phonebook WHERE tenant_uuid = $1 AND id = $2";
const BY_NAME: &str = "SELECT * FROM phonebook WHERE tenant_uuid = $1 AND name = $2";
const UPDATE: &str = "UPDATE phonebook \
     SET name = $3, sort_name = $4, description = $5, sort_description = $6 \
     WHERE tenant_uuid = $1 AND uuid = $2";
const DELETE: &str = "DELETE FROM phonebook WHERE tenant_uuid = $1 AND uuid = $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    NUMBER, INSERT, TOTAL, FILTERED, LIST, BY_ID, BY_NUMBER, BY_NAME, UPDATE, DELETE,
];

#[async_trait]
impl Phonebooks for Sqlite {
    async fn create_phonebook(
        &self,
        scope: &Tenant,
        name: &str,
        description: Option<&str>,
    ) -> Stored<Phonebook> {
        let mut write = self.write().await?;
        write.touch(scope.id()).await?;
        let id = sqlx::query_scalar(NUMBER).fetch_one(&mut *write).await?;
        let phonebook = Phonebook {
            uuid: PhonebookId(random_id()),
            id,
            tenant: scope.id().clone(),
            name: name.to_owned(),
            description: description.map(str::to_owned),
        };
        let inserted = sqlx::query(INSERT)
            .bind(scope.id().as_str())
            .bind(&phonebook.uuid.0)
            .bind(id)
            .bind(name)
            .bind(fold(name))
            .bind(description)
            .bind(fold(description.unwrap_or_default()))
            .execute(&mut *write)
            .await;
        inserted.map_err(|error| refused(error, name))?;
        write.open_list(scope, &(&phonebook.uuid).into()).await?;
        write.commit().await?;
        Ok(phonebook)
    }

    async fn list_phonebooks(&self, tenants: &Tenants, page: &Page) -> Stored<Listed<Phonebook>> {
        let (scope, search) = (row::tenants(tenants)?, page.folded_search());
        let mut read = self.readers.begin().await?;
        let total = sqlx::query_scalar(TOTAL).bind(&scope);
        let total = total.fetch_one(&mut *read).await?;
        let filtered = sqlx::query_scalar(FILTERED).bind(&scope).bind(&search);
        let filtered = filtered.fetch_one(&mut *read).await?;
        let rows = sqlx::query(LIST)
            .bind(&scope)
            .bind(&search)
            .bind(page.order)
            .bind(page.descending)
            .bind(page.limit.unwrap_or(-1))
            .bind(page.offset);
        let rows = rows.fetch_all(&mut *read).await?;
        let items = rows.iter().map(self::read).collect::<Stored<_>>()?;
        Ok(Listed {
            total,
            filtered,
            items,
        })
    }

    async fn phonebook(&self, scope: &Tenant, key: &PhonebookKey) -> Stored<Option<Phonebook>> {
        find(&self.readers, scope, key).await
    }

    async fn phonebook_named(&self, scope: &Tenant, name: &str) -> Stored<Option<Phonebook>> {
        let found = sqlx::query(BY_NAME).bind(scope.id().as_str()).bind(name);
        let found = found.fetch_optional(&self.readers).await?;
        found.as_ref().map(read).transpose()
    }

    async fn update_phonebook(
        &self,
        scope: &Tenant,
        phonebook: &Phonebook,
        known: Option<&Phonebook>,
    ) -> Stored<()> {
        let mut write = self.write().await?;
        write.touch(scope.id()).await?;
        let key = PhonebookKey::Uuid(phonebook.uuid.clone());
        unless_changed(known, find(&mut *write, scope, &key)).await?;
        let updated = sqlx::query(UPDATE)
            .bind(scope.id().as_str())
            .bind(&phonebook.uuid.0)
            .bind(&phonebook.name)
            .bind(fold(&phonebook.name))
            .bind(&phonebook.description)
            .bind(fold(phonebook.description.as_deref().unwrap_or_default()))
            .execute(&mut *write)
            .await;
        let updated = updated.map_err(|error| refused(error, &phonebook.name))?;
        StoreError::unless_found(updated.rows_affected(), "phonebook", &phonebook.uuid.0)?;
        write.commit().await
    }

    async fn delete_phonebook(
        &self,
        scope: &Tenant,
        id: &PhonebookId,
        known: Option<&Phonebook>,
    ) -> Stored<()> {
        let mut write = self.write().await?;
        write.touch(scope.id()).await?;
        let key = PhonebookKey::Uuid(id.clone());
        unless_changed(known, find(&mut *write, scope, &key)).await?;
        let deleted = sqlx::query(DELETE).bind(scope.id().as_str()).bind(&id.0);
        let deleted = deleted.execute(&mut *write).await?;
        StoreError::unless_found(deleted.rows_affected(), "phonebook", &id.0)?;
        write.drop_list(scope, &id.into()).await?;
        write.commit().await
    }
}

/// The phonebook of that key.
async fn find(
    executor: impl Executor<'_, Database = sqlx::Sqlite>,
    scope: &Tenant,
    key: &PhonebookKey,
) -> Stored<Option<Phonebook>> {
    let found = match key {
        PhonebookKey::Uuid(uuid) => sqlx::query(BY_ID).bind(scope.id().as_str()).bind(&uuid.0),
        PhonebookKey::Number(id) => sqlx::query(BY_NUMBER).bind(scope.id().as_str()).bind(id),
    };
    let found = found.fetch_optional(executor).await?;
    found.as_ref().map(read).transpose()
}

fn refused(error: sqlx::Error, name: &str) -> StoreError {
    if is_duplicate(&error) {
        StoreError::NameTaken(name.to_owned())
    } else {
        error.into()
    }
}

fn read(found: &SqliteRow) -> Stored<Phonebook> {
    Ok(Phonebook {
        uuid: PhonebookId(found.try_get("uuid")?),
        id: found.try_get("id")?,
        tenant: row::tenant(found, "tenant_uuid")?,
        name: found.try_get("name")?,
        description: found.try_get("description")?,
    })
}
