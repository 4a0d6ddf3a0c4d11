//! Rows of tenants. Any write in a tenant makes its row and a new version of its configuration, and tells other servers when it
//! is committed. The row is locked until then, so that writers of one tenant's configuration come one after the other.

use super::{CHANNEL, CONTENTS, Write};
use crate::identity::TenantId;
use crate::store::Stored;

const TOUCH: &str = "INSERT INTO tenant (uuid, version) VALUES ($1, 1) \
     ON CONFLICT (uuid) DO UPDATE SET version = tenant.version + 1";
const NOTIFY: &str = "SELECT pg_notify($1, $2)";

const ENSURE: &str = "INSERT INTO tenant (uuid) VALUES ($1) ON CONFLICT (uuid) DO NOTHING";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[TOUCH, NOTIFY, ENSURE];

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
