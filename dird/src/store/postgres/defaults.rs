//! What a new tenant gets, all of it or nothing.

use super::{Write, display, profile, source};
use crate::identity::Tenant;
use crate::store::Stored;
use crate::store::model::{Defaults, DisplayId, Source, SourceId};

const HAS_PROFILE: &str = "SELECT 1 FROM profile WHERE tenant_uuid = $1 AND name = $2";
const SOURCE_NAMED: &str = "SELECT uuid, backend FROM source WHERE tenant_uuid = $1 AND name = $2";
const DISPLAY_NAMED: &str = "SELECT uuid FROM display \
     WHERE tenant_uuid = $1 AND name = $2 ORDER BY uuid LIMIT 1";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[HAS_PROFILE, SOURCE_NAMED, DISPLAY_NAMED];

impl Write {
    /// Adds what the tenant does not have by name; false, and nothing is added, if it has the profile.
    pub(super) async fn add_defaults(
        &mut self,
        scope: &Tenant,
        mut defaults: Defaults,
    ) -> Stored<bool> {
        // From here on nobody else changes what is configured for the tenant.
        self.touch(scope.id()).await?;
        let known = sqlx::query(HAS_PROFILE)
            .bind(scope.id().as_str())
            .bind(&defaults.profile.name);
        if known.fetch_optional(&mut **self).await?.is_some() {
            return Ok(false);
        }
        for wanted in std::mem::take(&mut defaults.sources) {
            let found = self.source_for(scope, &wanted).await?;
            defaults.use_source(&wanted.uuid, found.as_ref());
        }
        let named = sqlx::query_scalar::<_, String>(DISPLAY_NAMED)
            .bind(scope.id().as_str())
            .bind(&defaults.display.name);
        match named.fetch_optional(&mut **self).await? {
            Some(known) => defaults.profile.display = Some(DisplayId(known)),
            None => display::insert(self, scope, &defaults.display).await?,
        }
        profile::insert(self, scope, &defaults.profile).await?;
        Ok(true)
    }

    /// The source of that name and backend, which is made if the name is free; none if another backend has the name.
    async fn source_for(&mut self, scope: &Tenant, wanted: &Source) -> Stored<Option<SourceId>> {
        let named = sqlx::query_as::<_, (String, String)>(SOURCE_NAMED)
            .bind(scope.id().as_str())
            .bind(&wanted.name);
        match named.fetch_optional(&mut **self).await? {
            Some((uuid, backend)) if backend == wanted.backend => Ok(Some(SourceId(uuid))),
            Some(_) => {
                let (source, tenant) = (&wanted.name, scope.id());
                tracing::error!(source, %tenant, "a default source is missing: its name is taken");
                Ok(None)
            }
            None => {
                source::insert(self, scope, wanted).await?;
                Ok(Some(wanted.uuid.clone()))
            }
        }
    }
}
