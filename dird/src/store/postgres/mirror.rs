//! Rows of mirrored directories.

use std::collections::HashSet;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{Postgres, Write};
use crate::identity::Tenant;
use crate::store::mirrors::BATCH;
use crate::store::{MirrorContent, MirrorHead, MirrorKey, MirroredContact, Mirrors, Stored};

const HEAD: &str = "SELECT version, fingerprint, mark, fetched FROM mirror \
     WHERE tenant_uuid = $1 AND source_uuid = $2 AND owner = $3";
const CONTACTS: &str = "SELECT contact_id, contact FROM mirrored_contact \
     WHERE tenant_uuid = $1 AND source_uuid = $2 AND owner = $3 ORDER BY position";
const BEGIN: &str = "INSERT INTO mirror \
     (tenant_uuid, source_uuid, owner, version, fingerprint, mark, fetched) \
     SELECT tenant_uuid, uuid, $3, $4, $5, $6, $7 FROM source \
     WHERE tenant_uuid = $1 AND uuid = $2 ON CONFLICT DO NOTHING";
const GO_ON: &str = "UPDATE mirror SET version = version + 1, fingerprint = $5, mark = $6, fetched = $7 \
     WHERE tenant_uuid = $1 AND source_uuid = $2 AND owner = $3 AND version = $4 - 1";
const CLEAR: &str = "DELETE FROM mirrored_contact \
     WHERE tenant_uuid = $1 AND source_uuid = $2 AND owner = $3";
const REMOVE: &str = "DELETE FROM mirrored_contact \
     WHERE tenant_uuid = $1 AND source_uuid = $2 AND owner = $3 AND contact_id = ANY($4)";
const EDIT: &str = "UPDATE mirrored_contact SET contact = batch.contact \
     FROM UNNEST($4::text[], $5::text[]) AS batch (contact_id, contact) \
     WHERE tenant_uuid = $1 AND source_uuid = $2 AND owner = $3 \
       AND mirrored_contact.contact_id = batch.contact_id RETURNING mirrored_contact.contact_id";
const END: &str = "SELECT COALESCE(MAX(position) + 1, 0) FROM mirrored_contact \
     WHERE tenant_uuid = $1 AND source_uuid = $2 AND owner = $3";
const INSERT: &str = "INSERT INTO mirrored_contact \
     (tenant_uuid, source_uuid, owner, position, contact_id, contact) \
     SELECT $1, $2, $3, $4 + place - 1, contact_id, contact \
     FROM UNNEST($5::text[], $6::text[]) WITH ORDINALITY AS batch (contact_id, contact, place)";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    HEAD, CONTACTS, BEGIN, GO_ON, CLEAR, REMOVE, EDIT, END, INSERT,
];

#[async_trait]
impl Mirrors for Postgres {
    async fn mirror(&self, scope: &Tenant, key: &MirrorKey) -> Stored<Option<MirrorHead>> {
        let found = sqlx::query(HEAD)
            .bind(scope.id().as_str())
            .bind(&key.source.0)
            .bind(&key.owner)
            .fetch_optional(self.pool().await?)
            .await?;
        found.as_ref().map(head).transpose()
    }

    async fn mirrored(
        &self,
        scope: &Tenant,
        key: &MirrorKey,
    ) -> Stored<Option<(MirrorHead, Vec<MirroredContact>)>> {
        let mut read = self.read().await?;
        let of_mirror = |statement| {
            let query = sqlx::query(statement).bind(scope.id().as_str());
            query.bind(&key.source.0).bind(&key.owner)
        };
        let Some(found) = of_mirror(HEAD).fetch_optional(&mut read).await? else {
            return Ok(None);
        };
        let rows = of_mirror(CONTACTS).fetch_all(&mut read).await?;
        let contacts: Stored<_> = rows.iter().map(contact).collect();
        Ok(Some((head(&found)?, contacts?)))
    }

    async fn write_mirror(
        &self,
        scope: &Tenant,
        key: &MirrorKey,
        head: &MirrorHead,
        content: &MirrorContent,
    ) -> Stored<Option<i64>> {
        let mut write = self.write().await?;
        let version = head.version + 1;
        let statement = if head.version == 0 { BEGIN } else { GO_ON };
        let taken = sqlx::query(statement)
            .bind(scope.id().as_str())
            .bind(&key.source.0)
            .bind(&key.owner)
            .bind(version)
            .bind(&head.fingerprint)
            .bind(&head.mark)
            .bind(head.fetched)
            .execute(&mut *write)
            .await?;
        if taken.rows_affected() == 0 {
            return Ok(None);
        }
        let mut writing = Writing { write, scope, key };
        match content {
            MirrorContent::Same => {}
            MirrorContent::Whole(contacts) => {
                writing.clear().await?;
                writing.append(&contacts.iter().collect::<Vec<_>>()).await?;
            }
            MirrorContent::Changes { written, removed } => {
                writing.remove(removed).await?;
                let new = writing.edit(written).await?;
                writing.append(&new).await?;
            }
        }
        writing.write.commit().await?;
        Ok(Some(version))
    }
}

/// One write of a mirror's contacts.
struct Writing<'a> {
    write: Write,
    scope: &'a Tenant,
    key: &'a MirrorKey,
}

impl Writing<'_> {
    async fn clear(&mut self) -> Stored<()> {
        sqlx::query(CLEAR)
            .bind(self.scope.id().as_str())
            .bind(&self.key.source.0)
            .bind(&self.key.owner)
            .execute(&mut *self.write)
            .await?;
        Ok(())
    }

    async fn remove(&mut self, ids: &[String]) -> Stored<()> {
        for batch in ids.chunks(BATCH) {
            sqlx::query(REMOVE)
                .bind(self.scope.id().as_str())
                .bind(&self.key.source.0)
                .bind(&self.key.owner)
                .bind(batch)
                .execute(&mut *self.write)
                .await?;
        }
        Ok(())
    }

    /// Writes the contacts that are known; the others.
    async fn edit<'c>(
        &mut self,
        contacts: &'c [MirroredContact],
    ) -> Stored<Vec<&'c MirroredContact>> {
        let mut new: Vec<&MirroredContact> = contacts.iter().collect();
        let mut known: HashSet<String> = HashSet::new();
        for batch in new.chunks(BATCH) {
            let edited = sqlx::query_scalar(EDIT)
                .bind(self.scope.id().as_str())
                .bind(&self.key.source.0)
                .bind(&self.key.owner)
                .bind(column(batch, |contact| contact.id.as_str()))
                .bind(column(batch, |contact| contact.contact.as_str()));
            known.extend(edited.fetch_all(&mut *self.write).await?);
        }
        new.retain(|contact| !known.contains(&contact.id));
        Ok(new)
    }

    /// Adds contacts behind those that are there.
    async fn append(&mut self, contacts: &[&MirroredContact]) -> Stored<()> {
        let end = sqlx::query_scalar(END)
            .bind(self.scope.id().as_str())
            .bind(&self.key.source.0)
            .bind(&self.key.owner);
        let mut end: i64 = end.fetch_one(&mut *self.write).await?;
        for batch in contacts.chunks(BATCH) {
            sqlx::query(INSERT)
                .bind(self.scope.id().as_str())
                .bind(&self.key.source.0)
                .bind(&self.key.owner)
                .bind(end)
                .bind(column(batch, |contact| contact.id.as_str()))
                .bind(column(batch, |contact| contact.contact.as_str()))
                .execute(&mut *self.write)
                .await?;
            end += i64::try_from(batch.len()).unwrap_or(i64::MAX);
        }
        Ok(())
    }
}

/// One column of a batch.
fn column<'a>(
    batch: &[&'a MirroredContact],
    pick: fn(&'a MirroredContact) -> &'a str,
) -> Vec<&'a str> {
    batch.iter().map(|&contact| pick(contact)).collect()
}

fn head(found: &PgRow) -> Stored<MirrorHead> {
    Ok(MirrorHead {
        version: found.try_get("version")?,
        fingerprint: found.try_get("fingerprint")?,
        mark: found.try_get("mark")?,
        fetched: found.try_get("fetched")?,
    })
}

fn contact(found: &PgRow) -> Stored<MirroredContact> {
    Ok(MirroredContact {
        id: found.try_get("contact_id")?,
        contact: found.try_get("contact")?,
    })
}
