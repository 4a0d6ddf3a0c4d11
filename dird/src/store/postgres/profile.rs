//! Rows of profiles, their services and their sources.

use async_trait::async_trait;
use indexmap::IndexMap;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::session::Session;
use super::{Postgres, Write, display, is_duplicate, row, source};
use crate::identity::{Tenant, Tenants};
use crate::store::engine::unless_changed;
use crate::store::model::{DisplayId, Profile, ProfileId, ResolvedProfile};
use crate::store::services::{self, ServiceRow, Services};
use crate::store::{Listed, Page, Profiles, StoreError, Stored};

const INSERT: &str = "INSERT INTO profile \
     (tenant_uuid, uuid, name, sort_name, display_uuid) VALUES ($1, $2, $3, $4, $5)";
const UPDATE: &str = "UPDATE profile SET name = $3, sort_name = $4, display_uuid = $5 \
     WHERE tenant_uuid = $1 AND uuid = $2";
const CLEAR: &str = "DELETE FROM profile_service WHERE tenant_uuid = $1 AND profile_uuid = $2";
const INSERT_SERVICE: &str = "INSERT INTO profile_service \
     (tenant_uuid, profile_uuid, service, position, options) VALUES ($1, $2, $3, $4, $5)";
const INSERT_SOURCE: &str = "INSERT INTO profile_source \
     (tenant_uuid, profile_uuid, service, source_uuid, position) VALUES ($1, $2, $3, $4, $5) \
     ON CONFLICT DO NOTHING";
const DELETE: &str = "DELETE FROM profile WHERE tenant_uuid = $1 AND uuid = $2";
const TOTAL: &str = "SELECT COUNT(*) FROM profile \
     WHERE tenant_uuid = ANY($1)";
const FILTERED: &str = "SELECT COUNT(*) FROM profile \
     WHERE tenant_uuid = ANY($1) \
       AND ($2::text IS NULL OR uuid = $2) AND ($3::text IS NULL OR name = $3) \
       AND ($4::text IS NULL OR strpos(sort_name, $4) > 0)";
const LIST: &str = "SELECT * FROM profile \
     WHERE tenant_uuid = ANY($1) \
       AND ($2::text IS NULL OR uuid = $2) AND ($3::text IS NULL OR name = $3) \
       AND ($4::text IS NULL OR strpos(sort_name, $4) > 0) \
     ORDER BY CASE WHEN $5::boolean THEN sort_name END DESC, CASE WHEN NOT $5 THEN sort_name END, \
       name, uuid \
     LIMIT $6 OFFSET $7";
const BY_ID: &str = "SELECT * FROM profile \
     WHERE tenant_uuid = ANY($1) AND uuid = $2";
const BY_NAME: &str = "SELECT * FROM profile WHERE tenant_uuid = $1 AND name = $2";
const SERVICES: &str = "SELECT s.profile_uuid, s.service, s.options, \
       (SELECT COALESCE(json_agg(p.source_uuid ORDER BY p.position), '[]')::text \
         FROM profile_source p \
         WHERE p.tenant_uuid = s.tenant_uuid AND p.profile_uuid = s.profile_uuid \
           AND p.service = s.service) AS sources \
     FROM profile_service s \
     WHERE s.tenant_uuid = ANY($1) \
       AND s.profile_uuid = ANY($2) \
     ORDER BY s.profile_uuid, s.position";
const SOURCES: &str = "SELECT s.*, COALESCE(s.name, b.name) AS shown_name, \
       b.description AS phonebook_description \
     FROM source s LEFT JOIN phonebook b \
       ON b.tenant_uuid = s.tenant_uuid AND b.uuid = s.phonebook_uuid \
     WHERE s.tenant_uuid = $1 AND s.uuid IN \
       (SELECT source_uuid FROM profile_source WHERE tenant_uuid = $1 AND profile_uuid = $2)";
const HAS_DISPLAY: &str = "SELECT 1 FROM display WHERE tenant_uuid = $1 AND uuid = $2";
const HAS_SOURCE: &str = "SELECT 1 FROM source WHERE tenant_uuid = $1 AND uuid = $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    INSERT,
    UPDATE,
    CLEAR,
    INSERT_SERVICE,
    INSERT_SOURCE,
    DELETE,
    TOTAL,
    FILTERED,
    LIST,
    BY_ID,
    BY_NAME,
    SERVICES,
    SOURCES,
    HAS_DISPLAY,
    HAS_SOURCE,
];

#[async_trait]
impl Profiles for Postgres {
    async fn create_profile(&self, scope: &Tenant, profile: &Profile) -> Stored<()> {
        let mut write = self.write().await?;
        insert(&mut write, scope, profile).await?;
        Ok(write.commit().await?)
    }

    async fn list_profiles(&self, tenants: &Tenants, page: &Page) -> Stored<Listed<Profile>> {
        let scope = row::tenants(tenants);
        let (id, name, search) = (
            page.filter("uuid"),
            page.filter("name"),
            page.folded_search(),
        );
        let mut read = self.read().await?;
        let total = sqlx::query_scalar(TOTAL)
            .bind(&scope)
            .fetch_one(&mut read)
            .await?;
        if !row::storable([id, name, search.as_deref()]) {
            return Ok(Listed::none_of(total));
        }
        let filtered = sqlx::query_scalar(FILTERED)
            .bind(&scope)
            .bind(id)
            .bind(name)
            .bind(&search);
        let filtered = filtered.fetch_one(&mut read).await?;
        let rows = sqlx::query(LIST)
            .bind(&scope)
            .bind(id)
            .bind(name)
            .bind(&search);
        let rows = rows
            .bind(page.descending)
            .bind(page.limit)
            .bind(page.offset);
        let rows = rows.fetch_all(&mut read).await?;
        let ids: Vec<String> = rows
            .iter()
            .map(|found| found.try_get("uuid"))
            .collect::<Result<_, _>>()?;
        let services = sqlx::query(SERVICES).bind(&scope).bind(&ids);
        let mut services = read_services(&services.fetch_all(&mut read).await?)?;
        let items = rows.iter().map(|found| self::read(found, &mut services));
        Ok(Listed {
            total,
            filtered,
            items: items.collect::<Stored<_>>()?,
        })
    }

    async fn profile(&self, tenants: &Tenants, id: &ProfileId) -> Stored<Option<Profile>> {
        let mut read = self.read().await?;
        find(&mut read, tenants, id).await
    }

    async fn update_profile(
        &self,
        scope: &Tenant,
        profile: &Profile,
        known: Option<&Profile>,
    ) -> Stored<()> {
        let mut write = self.write().await?;
        write.touch(scope.id()).await?;
        let alone = scope.alone();
        unless_changed(known, find(&mut write, &alone, &profile.uuid)).await?;
        put(&mut write, scope, profile, UPDATE).await?;
        let clear = sqlx::query(CLEAR)
            .bind(scope.id().as_str())
            .bind(&profile.uuid.0);
        clear.execute(&mut *write).await?;
        insert_services(&mut write, scope, profile).await?;
        Ok(write.commit().await?)
    }

    async fn delete_profile(
        &self,
        scope: &Tenant,
        id: &ProfileId,
        known: Option<&Profile>,
    ) -> Stored<()> {
        let mut write = self.write().await?;
        write.touch(scope.id()).await?;
        let alone = scope.alone();
        unless_changed(known, find(&mut write, &alone, id)).await?;
        let deleted = sqlx::query(DELETE).bind(scope.id().as_str()).bind(&id.0);
        let deleted = deleted.execute(&mut *write).await?.rows_affected();
        StoreError::unless_found(deleted, "profile", &id.0)?;
        Ok(write.commit().await?)
    }

    async fn resolve_profile(&self, scope: &Tenant, name: &str) -> Stored<Option<ResolvedProfile>> {
        if !row::storable([Some(name)]) {
            return Ok(None);
        }
        let mut read = self.read().await?;
        let tenant = scope.id().as_str();
        let found = sqlx::query(BY_NAME).bind(tenant).bind(name);
        let Some(found) = found.fetch_optional(&mut read).await? else {
            return Ok(None);
        };
        let uuid: String = found.try_get("uuid")?;
        let services = sqlx::query(SERVICES).bind(vec![tenant]);
        let services = services.bind(vec![&uuid]).fetch_all(&mut read).await?;
        let profile = self::read(&found, &mut read_services(&services)?)?;
        let shown = match &profile.display {
            None => None,
            Some(id) => {
                let shown = sqlx::query(display::BY_ID).bind(vec![tenant]).bind(&id.0);
                shown
                    .fetch_optional(&mut read)
                    .await?
                    .as_ref()
                    .map(display::read)
                    .transpose()?
            }
        };
        let sources = sqlx::query(SOURCES).bind(tenant).bind(&uuid);
        let sources = sources.fetch_all(&mut read).await?;
        let sources = sources.iter().map(source::read).collect::<Stored<_>>()?;
        Ok(Some(ResolvedProfile::new(profile, shown, sources)))
    }
}

/// The profile with this identifier.
async fn find(
    connection: &mut Session,
    tenants: &Tenants,
    id: &ProfileId,
) -> Stored<Option<Profile>> {
    if !row::storable([Some(&id.0)]) {
        return Ok(None);
    }
    let scope = row::tenants(tenants);
    let found = sqlx::query(BY_ID).bind(&scope).bind(&id.0);
    let Some(found) = found.fetch_optional(&mut *connection).await? else {
        return Ok(None);
    };
    let services = sqlx::query(SERVICES).bind(&scope).bind(vec![&id.0]);
    let mut services = read_services(&services.fetch_all(connection).await?)?;
    read(&found, &mut services).map(Some)
}

/// Adds a profile with its services.
pub(super) async fn insert(write: &mut Write, scope: &Tenant, profile: &Profile) -> Stored<()> {
    write.touch(scope.id()).await?;
    put(write, scope, profile, INSERT).await?;
    insert_services(write, scope, profile).await
}

/// Inserts or updates the row of a profile, then checks what it refers to.
async fn put(
    write: &mut Write,
    scope: &Tenant,
    profile: &Profile,
    statement: &'static str,
) -> Stored<()> {
    let done = sqlx::query(statement)
        .bind(scope.id().as_str())
        .bind(&profile.uuid.0)
        .bind(&profile.name)
        .bind(kit::fold::fold(&profile.name))
        .bind(profile.display.as_ref().map(|display| &display.0))
        .execute(&mut **write)
        .await;
    let done = match done {
        Err(error) if is_duplicate(&error) => {
            return Err(StoreError::NameTaken(profile.name.clone()));
        }
        other => other?,
    };
    StoreError::unless_found(done.rows_affected(), "profile", &profile.uuid.0)?;
    if let Some(display) = &profile.display {
        must_exist(write, scope, HAS_DISPLAY, ("display", &display.0)).await?;
    }
    for source in profile
        .services
        .values()
        .flat_map(|service| &service.sources)
    {
        must_exist(write, scope, HAS_SOURCE, ("source", &source.0)).await?;
    }
    Ok(())
}

async fn must_exist(
    write: &mut Write,
    scope: &Tenant,
    statement: &'static str,
    (kind, id): (&'static str, &str),
) -> Stored<()> {
    let found = sqlx::query(statement).bind(scope.id().as_str()).bind(id);
    let found = found.fetch_optional(&mut **write).await?;
    StoreError::unless_found(u64::from(found.is_some()), kind, id)
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

/// Services by profile, from one row a service.
fn read_services(rows: &[PgRow]) -> Stored<IndexMap<String, Services>> {
    let rows = rows.iter().map(|found| {
        Ok(ServiceRow {
            profile: found.try_get("profile_uuid")?,
            service: found.try_get("service")?,
            options: row::json_or_null(found, "options")?,
            sources: row::json(found, "sources")?,
        })
    });
    services::assemble(rows)
}

fn read(found: &PgRow, services: &mut IndexMap<String, Services>) -> Stored<Profile> {
    let uuid: String = found.try_get("uuid")?;
    Ok(Profile {
        services: services.swap_remove(&uuid).unwrap_or_default(),
        uuid: ProfileId(uuid),
        tenant: row::tenant(found, "tenant_uuid")?,
        name: found.try_get("name")?,
        display: found
            .try_get::<Option<String>, _>("display_uuid")?
            .map(DisplayId),
    })
}
