//! What followers of a list read: the whole of it, or what has changed since they last did (design.md §4). Removed contacts
//! are remembered up to a bound; who missed more reads the list whole.

use sqlx::Row;
use sqlx::postgres::PgRow;

use super::contact::{self, missing_list};
use super::{Postgres, Write};
use crate::identity::Tenant;
use crate::store::model::{ContactId, ListId};
use crate::store::{Contents, Followed, Placed, REMOVALS_KEPT, Standing, Stored};

pub(super) const STANDING: &str = "SELECT version, sequence, purged FROM contact_list \
     WHERE tenant_uuid = $1 AND uuid = $2";
const ALL: &str = "SELECT uuid, fields, position FROM contact \
     WHERE tenant_uuid = $1 AND list_uuid = $2 ORDER BY position";
const WRITTEN: &str = "SELECT uuid, fields, position FROM contact \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND sequence > $3 ORDER BY sequence LIMIT $4";
const REMOVED: &str = "SELECT uuid FROM contact_removed \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND sequence > $3 ORDER BY sequence";
const REMEMBER: &str = "INSERT INTO contact_removed (tenant_uuid, list_uuid, sequence, uuid) \
     VALUES ($1, $2, $3, $4)";
const OLDEST_KEPT: &str = "SELECT sequence FROM contact_removed \
     WHERE tenant_uuid = $1 AND list_uuid = $2 ORDER BY sequence DESC LIMIT 1 OFFSET $3";
const FORGET: &str = "DELETE FROM contact_removed \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND sequence <= $3";
const PURGED: &str = "UPDATE contact_list SET purged = $3 WHERE tenant_uuid = $1 AND uuid = $2";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    STANDING,
    ALL,
    WRITTEN,
    REMOVED,
    REMEMBER,
    OLDEST_KEPT,
    FORGET,
    PURGED,
];

/// Notes that the contact is gone; of every so many notes, forgets those beyond the bound.
pub(super) async fn remember_removal(
    write: &mut Write,
    scope: &Tenant,
    list: &ListId,
    id: &ContactId,
    sequence: i64,
) -> Stored<()> {
    let tenant = scope.id().as_str();
    let remembered = sqlx::query(REMEMBER)
        .bind(tenant)
        .bind(&list.0)
        .bind(sequence)
        .bind(&id.0);
    remembered.execute(&mut **write).await?;
    forget_beyond(write, scope, list).await
}

/// Forgets removals beyond the bound.
pub(super) async fn forget_beyond(write: &mut Write, scope: &Tenant, list: &ListId) -> Stored<()> {
    let oldest: Option<i64> = sqlx::query_scalar(OLDEST_KEPT)
        .bind(scope.id().as_str())
        .bind(&list.0)
        .bind(REMOVALS_KEPT)
        .fetch_optional(&mut **write)
        .await?;
    match oldest {
        Some(oldest) => forget_removals(write, scope, list, oldest).await,
        None => Ok(()),
    }
}

/// Forgets removals up to the change of number `sequence`; who follows from before it has to read the list whole.
pub(super) async fn forget_removals(
    write: &mut Write,
    scope: &Tenant,
    list: &ListId,
    sequence: i64,
) -> Stored<()> {
    for statement in [FORGET, PURGED] {
        let done = sqlx::query(statement)
            .bind(scope.id().as_str())
            .bind(&list.0)
            .bind(sequence);
        done.execute(&mut **write).await?;
    }
    Ok(())
}

impl Postgres {
    /// [`crate::store::Contacts::contents`].
    pub(super) async fn read_contents(&self, scope: &Tenant, list: &ListId) -> Stored<Contents> {
        let mut read = self.read().await?;
        let tenant = scope.id().as_str();
        let header = sqlx::query(STANDING).bind(tenant).bind(&list.0);
        let header = header.fetch_optional(&mut read).await?;
        let standing = standing(&header.ok_or_else(|| missing_list(list))?)?;
        let rows = sqlx::query(ALL).bind(tenant).bind(&list.0);
        let rows = rows.fetch_all(&mut read).await?;
        Ok(Contents {
            standing,
            contacts: rows.iter().map(placed).collect::<Stored<_>>()?,
        })
    }

    /// [`crate::store::Contacts::version`].
    pub(super) async fn read_version(&self, scope: &Tenant, list: &ListId) -> Stored<Option<i64>> {
        let header = sqlx::query(STANDING)
            .bind(scope.id().as_str())
            .bind(&list.0);
        let header = header.fetch_optional(self.pool().await?).await?;
        Ok(header.map(|header| header.try_get("version")).transpose()?)
    }

    /// [`crate::store::Contacts::follow`].
    pub(super) async fn read_changes(
        &self,
        scope: &Tenant,
        list: &ListId,
        sequence: i64,
    ) -> Stored<Followed> {
        let mut read = self.read().await?;
        let tenant = scope.id().as_str();
        let header = sqlx::query(STANDING).bind(tenant).bind(&list.0);
        let header = header.fetch_optional(&mut read).await?;
        let header = header.ok_or_else(|| missing_list(list))?;
        let standing = standing(&header)?;
        let purged: i64 = header.try_get("purged")?;
        if sequence < purged || sequence > standing.sequence {
            return Ok(Followed::Reload);
        }
        let rows = sqlx::query(WRITTEN)
            .bind(tenant)
            .bind(&list.0)
            .bind(sequence)
            .bind(REMOVALS_KEPT + 1);
        let rows = rows.fetch_all(&mut read).await?;
        if rows.len() > usize::try_from(REMOVALS_KEPT).unwrap_or(usize::MAX) {
            return Ok(Followed::Reload);
        }
        let removed = sqlx::query_scalar(REMOVED)
            .bind(tenant)
            .bind(&list.0)
            .bind(sequence);
        let removed: Vec<String> = removed.fetch_all(&mut read).await?;
        Ok(Followed::Changes {
            standing,
            written: rows.iter().map(placed).collect::<Stored<_>>()?,
            removed: removed.into_iter().map(ContactId).collect(),
        })
    }
}

pub(super) fn standing(header: &PgRow) -> Stored<Standing> {
    Ok(Standing {
        version: header.try_get("version")?,
        sequence: header.try_get("sequence")?,
    })
}

pub(super) fn placed(found: &PgRow) -> Stored<Placed> {
    Ok(Placed {
        position: found.try_get("position")?,
        contact: contact::read(found)?,
    })
}
