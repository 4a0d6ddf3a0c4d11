//! Rows of sources. A phonebook source has no name of its own: it shows its phonebook's.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Executor, Row};

use super::{Sqlite, Write, is_duplicate, row};
use crate::identity::{Tenant, Tenants};
use crate::store::engine::unless_changed;
use crate::store::model::{PhonebookId, Source, SourceId};
use crate::store::{Listed, Page, Sources, StoreError, Stored};

const PHONEBOOK: &str = "SELECT 1 FROM phonebook WHERE tenant_uuid = $1 AND uuid = $2";
const INSERT: &str = "INSERT INTO source (tenant_uuid, uuid, backend, name, sort_name, \
     phonebook_uuid, searched_columns, first_matched_columns, format_columns, extra) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
const UPDATE: &str = "UPDATE source SET name = $4, sort_name = $5, \
     phonebook_uuid = $6, searched_columns = $7, first_matched_columns = $8, \
     format_columns = $9, extra = $10 \
     WHERE tenant_uuid = $1 AND uuid = $2 AND backend = $3";
const TOTAL: &str = "SELECT COUNT(*) FROM source \
     WHERE tenant_uuid IN (SELECT value FROM json_each($1)) AND ($2 IS NULL OR backend = $2)";
const FILTERED: &str = "SELECT COUNT(*) \
     FROM source s LEFT JOIN phonebook p \
       ON p.tenant_uuid = s.tenant_uuid AND p.uuid = s.phonebook_uuid \
     WHERE s.tenant_uuid IN (SELECT value FROM json_each($1)) \
       AND ($2 IS NULL OR s.backend = $2) \
       AND ($3 IS NULL OR s.uuid = $3) AND ($4 IS NULL OR COALESCE(s.name, p.name) = $4) \
       AND ($5 IS NULL OR instr(COALESCE(p.sort_name, s.sort_name), $5) > 0) \
       AND ($6 IS NULL OR s.backend = $6)";
const LIST: &str = "SELECT s.*, COALESCE(s.name, p.name) AS shown_name, \
       p.description AS phonebook_description \
     FROM source s LEFT JOIN phonebook p \
       ON p.tenant_uuid = s.tenant_uuid AND p.uuid = s.phonebook_uuid \
     WHERE s.tenant_uuid IN (SELECT value FROM json_each($1)) \
       AND ($2 IS NULL OR s.backend = $2) \
       AND ($3 IS NULL OR s.uuid = $3) AND ($4 IS NULL OR COALESCE(s.name, p.name) = $4) \
       AND ($5 IS NULL OR instr(COALESCE(p.sort_name, s.sort_name), $5) > 0) \
       AND ($6 IS NULL OR s.backend = $6) \
     ORDER BY \
       CASE WHEN $8 AND $7 = 'backend' THEN s.backend END DESC, \
       CASE WHEN NOT $8 AND $7 = 'backend' THEN s.backend END, \
       CASE WHEN $8 AND $7 NOT IN ('name', 'backend') THEN json_extract(s.extra, '$.' || $7) END DESC, \
       CASE WHEN NOT $8 AND $7 NOT IN ('name', 'backend') THEN json_extract(s.extra, '$.' || $7) END, \
       CASE WHEN $8 AND $7 <> 'backend' THEN COALESCE(p.sort_name, s.sort_name) END DESC, \
       COALESCE(p.sort_name, s.sort_name), COALESCE(s.name, p.name), s.uuid \
     LIMIT $9 OFFSET $10";
const BY_ID: &str = "SELECT s.*, COALESCE(s.name, p.name) AS shown_name, \
       p.description AS phonebook_description \
     FROM source s LEFT JOIN phonebook p \
       ON p.tenant_uuid = s.tenant_uuid AND p.uuid = s.phonebook_uuid \
     WHERE s.tenant_uuid IN (SELECT value FROM json_each($1)) \
       AND s.backend = $2 AND s.uuid = $3";
const DELETE: &str = "DELETE FROM source WHERE tenant_uuid = $1 AND backend = $2 AND uuid = $3";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    PHONEBOOK, INSERT, UPDATE, TOTAL, FILTERED, LIST, BY_ID, DELETE,
];

#[async_trait]
impl Sources for Sqlite {
    async fn create_source(&self, scope: &Tenant, source: &Source) -> Stored<()> {
        let mut write = self.write().await?;
        insert(&mut write, scope, source).await?;
        Ok(write.commit().await?)
    }

    async fn list_sources(
        &self,
        tenants: &Tenants,
        backend: Option<&str>,
        page: &Page,
    ) -> Stored<Listed<Source>> {
        let scope = row::tenants(tenants)?;
        let (id, name, search) = (
            page.filter("uuid"),
            page.filter("name"),
            page.folded_search(),
        );
        let wanted = page.filter("backend");
        let mut read = self.readers.begin().await?;
        let total = sqlx::query_scalar(TOTAL).bind(&scope).bind(backend);
        let total = total.fetch_one(&mut *read).await?;
        let filtered = sqlx::query_scalar(FILTERED)
            .bind(&scope)
            .bind(backend)
            .bind(id);
        let filtered = filtered
            .bind(name)
            .bind(&search)
            .bind(wanted)
            .fetch_one(&mut *read)
            .await?;
        let rows = sqlx::query(LIST)
            .bind(&scope)
            .bind(backend)
            .bind(id)
            .bind(name)
            .bind(&search);
        let rows = rows.bind(wanted).bind(page.order).bind(page.descending);
        let rows = rows.bind(page.limit.unwrap_or(-1)).bind(page.offset);
        let rows = rows.fetch_all(&mut *read).await?;
        let items = rows.iter().map(self::read).collect::<Stored<_>>()?;
        Ok(Listed {
            total,
            filtered,
            items,
        })
    }

    async fn source(
        &self,
        tenants: &Tenants,
        backend: &str,
        id: &SourceId,
    ) -> Stored<Option<Source>> {
        find(&self.readers, tenants, backend, id).await
    }

    async fn update_source(
        &self,
        scope: &Tenant,
        source: &Source,
        known: Option<&Source>,
    ) -> Stored<()> {
        let mut write = self.write().await?;
        write.touch_source(scope.id(), &source.uuid).await?;
        let alone = scope.alone();
        let current = find(&mut *write, &alone, &source.backend, &source.uuid);
        unless_changed(known, current).await?;
        let updated = put(&mut write, scope, source, UPDATE).await?;
        StoreError::unless_found(updated, "source", &source.uuid.0)?;
        Ok(write.commit().await?)
    }

    async fn delete_source(
        &self,
        scope: &Tenant,
        backend: &str,
        id: &SourceId,
        known: Option<&Source>,
    ) -> Stored<()> {
        let mut write = self.write().await?;
        write.touch_source(scope.id(), id).await?;
        let alone = scope.alone();
        unless_changed(known, find(&mut *write, &alone, backend, id)).await?;
        let deleted = sqlx::query(DELETE)
            .bind(scope.id().as_str())
            .bind(backend)
            .bind(&id.0);
        let deleted = deleted.execute(&mut *write).await?.rows_affected();
        StoreError::unless_found(deleted, "source", &id.0)?;
        Ok(write.commit().await?)
    }
}

/// The source with this identifier, if it is of the backend.
async fn find(
    executor: impl Executor<'_, Database = sqlx::Sqlite>,
    tenants: &Tenants,
    backend: &str,
    id: &SourceId,
) -> Stored<Option<Source>> {
    let found = sqlx::query(BY_ID)
        .bind(row::tenants(tenants)?)
        .bind(backend)
        .bind(&id.0);
    let found = found.fetch_optional(executor).await?;
    found.as_ref().map(read).transpose()
}

/// Adds a source.
pub(super) async fn insert(write: &mut Write, scope: &Tenant, source: &Source) -> Stored<()> {
    write.touch_source(scope.id(), &source.uuid).await?;
    put(write, scope, source, INSERT).await?;
    Ok(())
}

/// Inserts or updates a row; both statements take the same parameters.
async fn put(
    write: &mut Write,
    scope: &Tenant,
    source: &Source,
    statement: &'static str,
) -> Stored<u64> {
    if let Some(phonebook) = &source.phonebook {
        let found = sqlx::query(PHONEBOOK)
            .bind(scope.id().as_str())
            .bind(&phonebook.0);
        let found = found.fetch_optional(&mut **write).await?;
        StoreError::unless_found(u64::from(found.is_some()), "phonebook", &phonebook.0)?;
    }
    let own_name = source.phonebook.is_none().then_some(source.name.as_str());
    let done = sqlx::query(statement)
        .bind(scope.id().as_str())
        .bind(&source.uuid.0)
        .bind(&source.backend)
        .bind(own_name)
        .bind(kit::fold::fold(&source.name))
        .bind(source.phonebook.as_ref().map(|phonebook| &phonebook.0))
        .bind(row::to_json(&source.searched_columns)?)
        .bind(row::to_json(&source.first_matched_columns)?)
        .bind(row::to_json(&source.format_columns)?)
        .bind(row::to_json(&source.extra)?)
        .execute(&mut **write)
        .await;
    match done {
        Ok(done) => Ok(done.rows_affected()),
        Err(error) if is_duplicate(&error) => Err(StoreError::NameTaken(source.name.clone())),
        Err(error) => Err(error.into()),
    }
}

/// A source from a row that has `shown_name` beside the table's columns.
pub(super) fn read(found: &SqliteRow) -> Stored<Source> {
    Ok(Source {
        uuid: SourceId(found.try_get("uuid")?),
        tenant: row::tenant(found, "tenant_uuid")?,
        backend: found.try_get("backend")?,
        name: found.try_get("shown_name")?,
        searched_columns: row::json(found, "searched_columns")?,
        first_matched_columns: row::json(found, "first_matched_columns")?,
        format_columns: row::json(found, "format_columns")?,
        phonebook: found
            .try_get::<Option<String>, _>("phonebook_uuid")?
            .map(PhonebookId),
        phonebook_description: found.try_get("phonebook_description")?,
        extra: row::json(found, "extra")?,
    })
}
