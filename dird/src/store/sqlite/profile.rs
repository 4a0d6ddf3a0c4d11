//! Rows of profiles, their services and their sources.

use async_trait::async_trait;
use indexmap::IndexMap;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Sqlite, Write, display, is_duplicate, row, source, tenant};
use crate::identity::Tenant;
use crate::store::model::{
    DisplayId, Profile, ProfileId, ProfileService, ResolvedProfile, SourceId,
};
use crate::store::{Profiles, StoreError, Stored};

const INSERT: &str = "INSERT INTO profile (tenant_uuid, uuid, name, sort_name, display_uuid) \
     VALUES ($1, $2, $3, $4, $5)";
const INSERT_SERVICE: &str = "INSERT INTO profile_service \
     (tenant_uuid, profile_uuid, service, position, options) VALUES ($1, $2, $3, $4, $5)";
const INSERT_SOURCE: &str = "INSERT INTO profile_source \
     (tenant_uuid, profile_uuid, service, source_uuid, position) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT DO NOTHING";
const DELETE: &str = "DELETE FROM profile WHERE tenant_uuid = $1 AND uuid = $2";
const BY_NAME: &str = "SELECT * FROM profile WHERE tenant_uuid = $1 AND name = $2";
const SERVICES: &str = "SELECT s.service, s.options, p.source_uuid \
     FROM profile_service s LEFT JOIN profile_source p \
       ON p.tenant_uuid = s.tenant_uuid AND p.profile_uuid = s.profile_uuid \
      AND p.service = s.service \
     WHERE s.tenant_uuid = $1 AND s.profile_uuid = $2 ORDER BY s.position, p.position";
const DISPLAY: &str = "SELECT * FROM display WHERE tenant_uuid = $1 AND uuid = $2";
const SOURCES: &str = "SELECT s.*, COALESCE(s.name, b.name) AS shown_name \
     FROM source s LEFT JOIN phonebook b \
       ON b.tenant_uuid = s.tenant_uuid AND b.uuid = s.phonebook_uuid \
     WHERE s.tenant_uuid = $1 AND s.uuid IN \
       (SELECT source_uuid FROM profile_source WHERE tenant_uuid = $1 AND profile_uuid = $2)";

#[async_trait]
impl Profiles for Sqlite {
    async fn create_profile(&self, scope: &Tenant, profile: &Profile) -> Stored<()> {
        let mut write = self.write().await?;
        tenant::touch(&mut write, scope.id()).await?;
        let inserted = sqlx::query(INSERT)
            .bind(scope.id().as_str())
            .bind(&profile.uuid.0)
            .bind(&profile.name)
            .bind(kit::fold::fold(&profile.name))
            .bind(profile.display.as_ref().map(|display| &display.0))
            .execute(&mut *write)
            .await;
        match inserted {
            Err(error) if is_duplicate(&error) => {
                return Err(StoreError::NameTaken(profile.name.clone()));
            }
            other => other?,
        };
        insert_services(&mut write, scope, profile).await?;
        Ok(write.commit().await?)
    }

    async fn delete_profile(&self, scope: &Tenant, profile: &ProfileId) -> Stored<()> {
        let mut write = self.write().await?;
        tenant::touch(&mut write, scope.id()).await?;
        let deleted = sqlx::query(DELETE)
            .bind(scope.id().as_str())
            .bind(&profile.0);
        if deleted.execute(&mut *write).await?.rows_affected() == 0 {
            return Err(StoreError::Missing {
                kind: "profile",
                id: profile.0.clone(),
            });
        }
        Ok(write.commit().await?)
    }

    async fn resolve_profile(&self, scope: &Tenant, name: &str) -> Stored<Option<ResolvedProfile>> {
        let mut read = self.readers.begin().await?;
        let tenant = scope.id().as_str();
        let found = sqlx::query(BY_NAME).bind(tenant).bind(name);
        let Some(found) = found.fetch_optional(&mut *read).await? else {
            return Ok(None);
        };
        let uuid: String = found.try_get("uuid")?;
        let services = sqlx::query(SERVICES).bind(tenant).bind(&uuid);
        let services = services.fetch_all(&mut *read).await?;
        let profile = read_profile(&found, &services)?;
        let shown = match &profile.display {
            None => None,
            Some(id) => {
                let shown = sqlx::query(DISPLAY).bind(tenant).bind(&id.0);
                shown
                    .fetch_optional(&mut *read)
                    .await?
                    .as_ref()
                    .map(display::read)
                    .transpose()?
            }
        };
        let sources = sqlx::query(SOURCES).bind(tenant).bind(&uuid);
        let sources = sources.fetch_all(&mut *read).await?;
        let sources = sources.iter().map(source::read).collect::<Stored<_>>()?;
        Ok(Some(ResolvedProfile {
            profile,
            display: shown,
            sources,
        }))
    }
}

async fn insert_services(write: &mut Write, scope: &Tenant, profile: &Profile) -> Stored<()> {
    for (position, (name, service)) in (0_i64..).zip(&profile.services) {
        sqlx::query(INSERT_SERVICE)
            .bind(scope.id().as_str())
            .bind(&profile.uuid.0)
            .bind(name)
            .bind(position)
            .bind(service.options.as_ref().map(row::to_json).transpose()?)
            .execute(&mut **write)
            .await?;
        for (position, source) in (0_i64..).zip(&service.sources) {
            sqlx::query(INSERT_SOURCE)
                .bind(scope.id().as_str())
                .bind(&profile.uuid.0)
                .bind(name)
                .bind(&source.0)
                .bind(position)
                .execute(&mut **write)
                .await?;
        }
    }
    Ok(())
}

fn read_profile(found: &SqliteRow, services: &[SqliteRow]) -> Stored<Profile> {
    let mut by_name: IndexMap<String, ProfileService> = IndexMap::new();
    for line in services {
        let options = row::json_or_null(line, "options")?;
        let service = by_name.entry(line.try_get("service")?).or_default();
        service.options = options;
        let source: Option<String> = line.try_get("source_uuid")?;
        service.sources.extend(source.map(SourceId));
    }
    Ok(Profile {
        uuid: ProfileId(found.try_get("uuid")?),
        tenant: row::tenant(found, "tenant_uuid")?,
        name: found.try_get("name")?,
        display: found
            .try_get::<Option<String>, _>("display_uuid")?
            .map(DisplayId),
        services: by_name,
    })
}
