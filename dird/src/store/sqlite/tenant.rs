//! Rows of tenants. Any write in a tenant makes its row and a new version of its configuration.

use super::Write;
use crate::identity::TenantId;
use crate::store::Stored;

const TOUCH: &str = "INSERT INTO tenant (uuid, version) VALUES ($1, 1) \
     ON CONFLICT (uuid) DO UPDATE SET version = version + 1";

const ENSURE: &str = "INSERT INTO tenant (uuid) VALUES ($1) ON CONFLICT (uuid) DO NOTHING";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[TOUCH, ENSURE];

impl Write {
    /// Makes sure that the tenant has a row, and marks its configuration as changed.
    pub(super) async fn touch(&mut self, tenant: &TenantId) -> Stored<()> {
        sqlx::query(TOUCH)
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
}
