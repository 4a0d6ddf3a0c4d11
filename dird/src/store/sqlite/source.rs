//! Rows of sources.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Sqlite, is_duplicate, row, tenant};
use crate::identity::Tenant;
use crate::store::model::{PhonebookId, Source, SourceId};
use crate::store::{Sources, StoreError, Stored};

const INSERT: &str = "INSERT INTO source (tenant_uuid, uuid, backend, name, sort_name, \
     phonebook_uuid, searched_columns, first_matched_columns, format_columns, extra) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";

const BY_NAME: &str = "SELECT s.*, COALESCE(s.name, p.name) AS shown_name \
     FROM source s LEFT JOIN phonebook p \
       ON p.tenant_uuid = s.tenant_uuid AND p.uuid = s.phonebook_uuid \
     WHERE s.tenant_uuid = $1 AND COALESCE(s.name, p.name) = $2 \
     ORDER BY s.uuid LIMIT 1";

#[async_trait]
impl Sources for Sqlite {
    async fn create_source(&self, scope: &Tenant, source: &Source) -> Stored<()> {
        let mut write = self.write().await?;
        tenant::touch(&mut write, scope.id()).await?;
        let own_name = source.phonebook.is_none().then_some(source.name.as_str());
        let inserted = sqlx::query(INSERT)
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
            .execute(&mut *write)
            .await;
        match inserted {
            Ok(_) => Ok(write.commit().await?),
            Err(error) if is_duplicate(&error) => Err(StoreError::NameTaken(source.name.clone())),
            Err(error) => Err(error.into()),
        }
    }

    async fn source_named(&self, scope: &Tenant, name: &str) -> Stored<Option<Source>> {
        let found = sqlx::query(BY_NAME).bind(scope.id().as_str()).bind(name);
        found
            .fetch_optional(&self.readers)
            .await?
            .as_ref()
            .map(read)
            .transpose()
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
        extra: row::json(found, "extra")?,
    })
}
