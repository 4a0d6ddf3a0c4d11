//! Rows of displays.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, Row};

use super::{Sqlite, Write, row};
use crate::identity::{Tenant, Tenants};
use crate::store::engine::unless_changed;
use crate::store::model::{Display, DisplayColumn, DisplayId, random_id};
use crate::store::{Displays, Listed, Page, StoreError, Stored};

const INSERT: &str = "INSERT INTO display \
     (tenant_uuid, uuid, name, sort_name, columns) VALUES ($1, $2, $3, $4, $5)";
const TOTAL: &str = "SELECT COUNT(*) FROM display \
     WHERE tenant_uuid IN (SELECT value FROM json_each($1))";
const FILTERED: &str = "SELECT COUNT(*) FROM display \
     WHERE tenant_uuid IN (SELECT value FROM json_each($1)) \
       AND ($2 IS NULL OR uuid = $2) AND ($3 IS NULL OR name = $3) \
       AND ($4 IS NULL OR instr(sort_name, $4) > 0)";
const LIST: &str = "SELECT * FROM display \
     WHERE tenant_uuid IN (SELECT value FROM json_each($1)) \
       AND ($2 IS NULL OR uuid = $2) AND ($3 IS NULL OR name = $3) \
       AND ($4 IS NULL OR instr(sort_name, $4) > 0) \
     ORDER BY CASE WHEN $5 THEN sort_name END DESC, CASE WHEN NOT $5 THEN sort_name END, \
       name, uuid \
     LIMIT $6 OFFSET $7";
pub(super) const BY_ID: &str = "SELECT * FROM display \
     WHERE tenant_uuid IN (SELECT value FROM json_each($1)) AND uuid = $2";
const UPDATE: &str = "UPDATE display SET name = $3, sort_name = $4, columns = $5 \
     WHERE tenant_uuid = $1 AND uuid = $2";
const LEAVE_PROFILES: &str = "UPDATE profile SET display_uuid = NULL \
     WHERE tenant_uuid = $1 AND display_uuid = $2";
const DELETE: &str = "DELETE FROM display WHERE tenant_uuid = $1 AND uuid = $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    INSERT,
    TOTAL,
    FILTERED,
    LIST,
    BY_ID,
    UPDATE,
    LEAVE_PROFILES,
    DELETE,
];

#[async_trait]
impl Displays for Sqlite {
    async fn create_display(
        &self,
        scope: &Tenant,
        name: &str,
        columns: &[DisplayColumn],
    ) -> Stored<Display> {
        let display = Display {
            uuid: DisplayId(random_id()),
            tenant: scope.id().clone(),
            name: name.to_owned(),
            columns: columns.to_vec(),
        };
        let mut write = self.write().await?;
        write.touch(scope.id()).await?;
        insert(&mut write, scope, &display).await?;
        write.commit().await?;
        Ok(display)
    }

    async fn list_displays(&self, tenants: &Tenants, page: &Page) -> Stored<Listed<Display>> {
        let scope = row::tenants(tenants)?;
        let (id, name, search) = (
            page.filter("uuid"),
            page.filter("name"),
            page.folded_search(),
        );
        let mut read = self.readers.begin().await?;
        let total = sqlx::query_scalar(TOTAL)
            .bind(&scope)
            .fetch_one(&mut *read)
            .await?;
        let filtered = sqlx::query_scalar(FILTERED)
            .bind(&scope)
            .bind(id)
            .bind(name)
            .bind(&search);
        let filtered = filtered.fetch_one(&mut *read).await?;
        let rows = sqlx::query(LIST)
            .bind(&scope)
            .bind(id)
            .bind(name)
            .bind(&search);
        let rows = rows
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

    async fn display(&self, tenants: &Tenants, id: &DisplayId) -> Stored<Option<Display>> {
        find(&self.readers, tenants, id).await
    }

    async fn update_display(
        &self,
        scope: &Tenant,
        display: &Display,
        known: Option<&Display>,
    ) -> Stored<()> {
        let mut write = self.write().await?;
        write.touch(scope.id()).await?;
        let alone = scope.alone();
        unless_changed(known, find(&mut *write, &alone, &display.uuid)).await?;
        let updated = sqlx::query(UPDATE)
            .bind(scope.id().as_str())
            .bind(&display.uuid.0)
            .bind(&display.name)
            .bind(kit::fold::fold(&display.name))
            .bind(row::to_json(&display.columns)?)
            .execute(&mut *write)
            .await?;
        StoreError::unless_found(updated.rows_affected(), "display", &display.uuid.0)?;
        Ok(write.commit().await?)
    }

    async fn delete_display(
        &self,
        scope: &Tenant,
        id: &DisplayId,
        known: Option<&Display>,
    ) -> Stored<()> {
        let mut write = self.write().await?;
        write.touch(scope.id()).await?;
        let alone = scope.alone();
        unless_changed(known, find(&mut *write, &alone, id)).await?;
        for statement in [LEAVE_PROFILES, DELETE] {
            let done = sqlx::query(statement).bind(scope.id().as_str()).bind(&id.0);
            let done = done.execute(&mut *write).await?;
            if statement == DELETE {
                StoreError::unless_found(done.rows_affected(), "display", &id.0)?;
            }
        }
        Ok(write.commit().await?)
    }
}

/// The display with this identifier.
async fn find(
    executor: impl Executor<'_, Database = sqlx::Sqlite>,
    tenants: &Tenants,
    id: &DisplayId,
) -> Stored<Option<Display>> {
    let found = sqlx::query(BY_ID).bind(row::tenants(tenants)?).bind(&id.0);
    let found = found.fetch_optional(executor).await?;
    found.as_ref().map(read).transpose()
}

/// A display from its row.
pub(super) fn read(found: &SqliteRow) -> Stored<Display> {
    Ok(Display {
        uuid: DisplayId(found.try_get("uuid")?),
        tenant: row::tenant(found, "tenant_uuid")?,
        name: found.try_get("name")?,
        columns: row::json(found, "columns")?,
    })
}

/// Adds a display to a tenant that was touched.
pub(super) async fn insert(write: &mut Write, scope: &Tenant, display: &Display) -> Stored<()> {
    sqlx::query(INSERT)
        .bind(scope.id().as_str())
        .bind(&display.uuid.0)
        .bind(&display.name)
        .bind(kit::fold::fold(&display.name))
        .bind(row::to_json(&display.columns)?)
        .execute(&mut **write)
        .await?;
    Ok(())
}
