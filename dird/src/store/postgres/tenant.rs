//! Rows of tenants. Any write in a tenant makes its row and a new version of its configuration, and tells other servers when it
//! is committed. The row is locked until then, so that writers of one tenant's configuration come one after the other.

use async_trait::async_trait;

use super::{CHANNEL, CONTENTS, Postgres, Write};
use crate::identity::{Tenant, TenantId};
use crate::store::model::Defaults;
use crate::store::{Stored, Tenancy};

const TOUCH: &str = "INSERT INTO tenant (uuid, version) VALUES ($1, 1) \
     ON CONFLICT (uuid) DO UPDATE SET version = tenant.version + 1";
const NOTIFY: &str = "SELECT pg_notify($1, $2)";
const SET_COUNTRY: &str = "UPDATE tenant SET country = $2 WHERE uuid = $1";
const COUNTRY: &str = "SELECT country FROM tenant WHERE uuid = $1";
const ERASE_SOURCES: &str = "DELETE FROM source WHERE tenant_uuid = $1";
const ERASE: &str = "DELETE FROM tenant WHERE uuid = $1";

const ENSURE: &str = "INSERT INTO tenant (uuid) VALUES ($1) ON CONFLICT (uuid) DO NOTHING";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    TOUCH,
    NOTIFY,
    ENSURE,
    SET_COUNTRY,
    COUNTRY,
    ERASE_SOURCES,
    ERASE,
];

impl Write {
    /// Makes sure that the tenant has a row, and marks its configuration as changed.
    pub(super) async fn touch(&mut self, tenant: &TenantId) -> Stored<()> {
        sqlx::query(TOUCH)
            .bind(tenant.as_str())
            .execute(&mut **self)
            .await?;
        sqlx::query(NOTIFY)
            .bind(CHANNEL)
            .bind(tenant.as_str())
            .execute(&mut **self)
            .await?;
        self.touched = Some(tenant.clone());
        Ok(())
    }

    /// Makes sure that the tenant has a row.
    pub(super) async fn ensure(&mut self, tenant: &TenantId) -> Stored<()> {
        let ensured = sqlx::query(ENSURE).bind(tenant.as_str());
        ensured.execute(&mut **self).await?;
        Ok(())
    }

    /// Tells other servers, once this is committed, that contacts or favourites have changed.
    pub(super) async fn tell_of_contents(&mut self) -> Stored<()> {
        let told = sqlx::query(NOTIFY).bind(CHANNEL).bind(CONTENTS);
        told.execute(&mut **self).await?;
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
        write.touched = Some(tenant.id().clone());
        write.contents_changed = true;
        let erased = {
            let sources = sqlx::query(ERASE_SOURCES).bind(tenant.id().as_str());
            sources.execute(&mut *write).await?;
            let row = sqlx::query(ERASE).bind(tenant.id().as_str());
            row.execute(&mut *write).await?.rows_affected() > 0
        };
        let told = sqlx::query(NOTIFY).bind(CHANNEL).bind(tenant.id().as_str());
        told.execute(&mut *write).await?;
        write.commit().await?;
        Ok(erased)
    }
}
