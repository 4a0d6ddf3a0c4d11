//! Rows of displays.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Sqlite, row, tenant};
use crate::identity::Tenant;
use crate::store::model::{Display, DisplayColumn, DisplayId, random_id};
use crate::store::{Displays, Stored};

const INSERT: &str = "INSERT INTO display (tenant_uuid, uuid, name, sort_name, columns) \
     VALUES ($1, $2, $3, $4, $5)";

#[async_trait]
impl Displays for Sqlite {
    async fn create_display(
        &self,
        scope: &Tenant,
        name: &str,
        columns: &[DisplayColumn],
    ) -> Stored<Display> {
        let mut write = self.write().await?;
        tenant::touch(&mut write, scope.id()).await?;
        let uuid = DisplayId(random_id());
        sqlx::query(INSERT)
            .bind(scope.id().as_str())
            .bind(&uuid.0)
            .bind(name)
            .bind(kit::fold::fold(name))
            .bind(row::to_json(&columns)?)
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(Display {
            uuid,
            tenant: scope.id().clone(),
            name: name.to_owned(),
            columns: columns.to_vec(),
        })
    }
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
