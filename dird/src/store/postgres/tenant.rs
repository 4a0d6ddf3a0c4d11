//! Rows of tenants. Any write in a tenant makes its row and a new version of its configuration. The row is locked until it is
//! committed, so that writers of one tenant's configuration come one after the other.

use async_trait::async_trait;

use super::{Postgres, Write};
use crate::identity::{Tenant, TenantId};
use crate::store::model::{Defaults, SourceId};
use crate::store::{Change, Stored, Tenancy};

const TOUCH: &str = "INSERT INTO tenant (uuid, version) VALUES ($1, 1) \
     ON CONFLICT (uuid) DO UPDATE SET version = tenant.version + 1";
const SET_COUNTRY: &str = "UPDATE tenant SET country = $2 WHERE uuid = $1";
const COUNTRY: &str = "SELECT country FROM tenant WHERE uuid = $1";
/// Writers that hold a list may still add contacts, which refer to the tenant.
const HOLD: &str = "SELECT uuid FROM tenant WHERE uuid = $1 FOR NO KEY UPDATE";
const HOLD_LISTS: &str =
    "SELECT uuid FROM contact_list WHERE tenant_uuid = $1 ORDER BY uuid FOR UPDATE";
const ERASE_SOURCES: &str = "DELETE FROM source WHERE tenant_uuid = $1";
const ERASE: &str = "DELETE FROM tenant WHERE uuid = $1";

const ENSURE: &str = "INSERT INTO tenant (uuid) VALUES ($1) ON CONFLICT (uuid) DO NOTHING";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    TOUCH,
    ENSURE,
    SET_COUNTRY,
    COUNTRY,
    HOLD,
    HOLD_LISTS,
    ERASE_SOURCES,
    ERASE,
];

impl Write {
    /// Makes sure that the tenant has a row, and marks its configuration as changed.
    pub(super) async fn touch(&mut self, tenant: &TenantId) -> Stored<()> {
        self.touched(Change::Configuration(tenant.clone(), None))
            .await
    }

    /// The same for a change of this source alone.
    pub(super) async fn touch_source(
        &mut self,
        tenant: &TenantId,
        source: &SourceId,
    ) -> Stored<()> {
        self.touched(Change::Configuration(tenant.clone(), Some(source.clone())))
            .await
    }

    async fn touched(&mut self, change: Change) -> Stored<()> {
        let touched = sqlx::query(TOUCH).bind(change.tenant().as_str());
        touched.execute(&mut **self).await?;
        self.changed(change);
        Ok(())
    }

    /// Makes sure that the tenant has a row.
    pub(super) async fn ensure(&mut self, tenant: &TenantId) -> Stored<()> {
        let ensured = sqlx::query(ENSURE).bind(tenant.as_str());
        ensured.execute(&mut **self).await?;
        Ok(())
    }
}

#[async_trait]
impl Tenancy for Postgres {
    async fn set_country(&self, tenant: &Tenant, country: Option<&str>) -> Stored<()> {
        let mut write = self.write().await?;
        write.touch(tenant.id()).await?;
        sqlx::query(SET_COUNTRY)
            .bind(tenant.id().as_str())
            .bind(country)
            .execute(&mut *write)
            .await?;
        write.commit().await
    }

    async fn country(&self, tenant: &Tenant) -> Stored<Option<String>> {
        let found = sqlx::query_scalar::<_, Option<String>>(COUNTRY).bind(tenant.id().as_str());
        Ok(found.fetch_optional(self.pool().await?).await?.flatten())
    }

    async fn create_defaults(&self, tenant: &Tenant, defaults: Defaults) -> Stored<bool> {
        let mut write = self.write().await?;
        let added = write.add_defaults(tenant, defaults).await?;
        if added {
            write.commit().await?;
        }
        Ok(added)
    }

    async fn erase(&self, tenant: &Tenant) -> Stored<bool> {
        let mut write = self.write().await?;
        write.changed(Change::Configuration(tenant.id().clone(), None));
        let erased = {
            // In the order of the other writers, so that none waits for what this has and has what this waits for.
            for held in [HOLD, HOLD_LISTS] {
                let held = sqlx::query(held).bind(tenant.id().as_str());
                held.execute(&mut *write).await?;
            }
            let sources = sqlx::query(ERASE_SOURCES).bind(tenant.id().as_str());
            sources.execute(&mut *write).await?;
            let row = sqlx::query(ERASE).bind(tenant.id().as_str());
            row.execute(&mut *write).await?.rows_affected() > 0
        };
        write.commit().await?;
        Ok(erased)
    }
}
