//! Rows that come from another installation, with their identifiers.

use async_trait::async_trait;
use kit::fold::fold;

use super::{Postgres, Write, display, is_duplicate};
use crate::identity::Tenant;
use crate::store::model::{Display, Phonebook};
use crate::store::{Arrivals, StoreError, Stored};

const TENANT: &str = "INSERT INTO tenant (uuid, country) VALUES ($1, $2) \
     ON CONFLICT (uuid) DO NOTHING";
const HAS_PHONEBOOK: &str = "SELECT 1 FROM phonebook WHERE tenant_uuid = $1 AND uuid = $2";
const HAS_NUMBER: &str = "SELECT 1 FROM phonebook WHERE id = $1";
const NEXT_NUMBER: &str = "SELECT nextval(pg_get_serial_sequence('phonebook', 'id'))";
const NO_LOWER_NUMBER: &str = "SELECT setval(pg_get_serial_sequence('phonebook', 'id'), \
     GREATEST($1, (SELECT last_value FROM phonebook_id_seq)))";
const PHONEBOOK: &str = "INSERT INTO phonebook \
     (tenant_uuid, uuid, id, name, sort_name, description, sort_description) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)";
const HAS_DISPLAY: &str = "SELECT 1 FROM display WHERE tenant_uuid = $1 AND uuid = $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    TENANT,
    HAS_PHONEBOOK,
    HAS_NUMBER,
    NEXT_NUMBER,
    NO_LOWER_NUMBER,
    PHONEBOOK,
    HAS_DISPLAY,
];

#[async_trait]
impl Arrivals for Postgres {
    async fn take_tenant(&self, tenant: &Tenant, country: Option<&str>) -> Stored<bool> {
        let mut write = self.write().await?;
        let taken = sqlx::query(TENANT).bind(tenant.id().as_str()).bind(country);
        let taken = taken.execute(&mut *write).await?.rows_affected() > 0;
        write.commit().await?;
        Ok(taken)
    }

    async fn keep_numbers(&self, highest: i64) -> Stored<()> {
        let mut write = self.write().await?;
        let noted = sqlx::query(NO_LOWER_NUMBER).bind(highest);
        noted.execute(&mut *write).await?;
        Ok(write.commit().await?)
    }

    async fn take_phonebook(&self, scope: &Tenant, phonebook: &Phonebook) -> Stored<Option<i64>> {
        let mut write = self.write().await?;
        let known = sqlx::query(HAS_PHONEBOOK)
            .bind(scope.id().as_str())
            .bind(&phonebook.uuid.0);
        if known.fetch_optional(&mut *write).await?.is_some() {
            return Ok(None);
        }
        write.touch(scope.id()).await?;
        let number = write.number_for(phonebook.id).await?;
        let description = phonebook.description.as_deref();
        let inserted = sqlx::query(PHONEBOOK)
            .bind(scope.id().as_str())
            .bind(&phonebook.uuid.0)
            .bind(number)
            .bind(&phonebook.name)
            .bind(fold(&phonebook.name))
            .bind(description)
            .bind(fold(description.unwrap_or_default()))
            .execute(&mut *write)
            .await;
        inserted.map_err(|error| {
            if is_duplicate(&error) {
                StoreError::NameTaken(phonebook.name.clone())
            } else {
                error.into()
            }
        })?;
        write.open_list(scope, &(&phonebook.uuid).into()).await?;
        write.commit().await?;
        Ok(Some(number))
    }

    async fn take_display(&self, scope: &Tenant, display: &Display) -> Stored<bool> {
        let mut write = self.write().await?;
        let known = sqlx::query(HAS_DISPLAY)
            .bind(scope.id().as_str())
            .bind(&display.uuid.0);
        if known.fetch_optional(&mut *write).await?.is_some() {
            return Ok(false);
        }
        write.touch(scope.id()).await?;
        display::insert(&mut write, scope, display).await?;
        write.commit().await?;
        Ok(true)
    }
}

impl Write {
    /// The wanted number of a phonebook, or the next one if that is taken. Phonebooks that are made later get higher ones.
    async fn number_for(&mut self, wanted: i64) -> Stored<i64> {
        let taken = sqlx::query(HAS_NUMBER).bind(wanted);
        if taken.fetch_optional(&mut **self).await?.is_some() {
            let next = sqlx::query_scalar(NEXT_NUMBER);
            return Ok(next.fetch_one(&mut **self).await?);
        }
        let noted = sqlx::query(NO_LOWER_NUMBER).bind(wanted);
        noted.execute(&mut **self).await?;
        Ok(wanted)
    }
}
