//! Rows of directories: phonebooks that are published to intercoms (intercom-directory.md §7).

use std::sync::Once;

use async_trait::async_trait;

use super::stamp::header;
use super::{Postgres, Write, entry, row};
use crate::identity::{SystemAuthority, Tenant};
use crate::store::directories::{
    Directories, Directory, EntryReading, EntryWriting, NewSeries, Population,
};
use crate::store::mapping::Mapping;
use crate::store::model::{ContactId, ListId, PhonebookId};
use crate::store::{StoreError, Stored};

const ALL: &str = "SELECT intercom_directory.*, phonebook.name FROM intercom_directory \
     JOIN phonebook ON phonebook.tenant_uuid = intercom_directory.tenant_uuid \
       AND phonebook.uuid = intercom_directory.phonebook_uuid \
     ORDER BY intercom_directory.tenant_uuid, intercom_directory.phonebook_uuid";
const OF_PHONEBOOK: &str = "SELECT intercom_directory.*, phonebook.name FROM intercom_directory \
     JOIN phonebook ON phonebook.tenant_uuid = intercom_directory.tenant_uuid \
       AND phonebook.uuid = intercom_directory.phonebook_uuid \
     WHERE intercom_directory.phonebook_uuid = $1";
const OF_TENANT: &str = "SELECT intercom_directory.*, phonebook.name FROM intercom_directory \
     JOIN phonebook ON phonebook.tenant_uuid = intercom_directory.tenant_uuid \
       AND phonebook.uuid = intercom_directory.phonebook_uuid \
     WHERE intercom_directory.tenant_uuid = $1 AND is_default";
const INSERT: &str = "INSERT INTO intercom_directory \
     (tenant_uuid, phonebook_uuid, is_default, series, instance, mapping) \
     VALUES ($1, $2, false, $3, $4, $5)";
const CONTACTS: &str =
    "SELECT uuid FROM contact WHERE tenant_uuid = $1 AND list_uuid = $2 ORDER BY uuid";
const DELETE: &str =
    "DELETE FROM intercom_directory WHERE tenant_uuid = $1 AND phonebook_uuid = $2";
const NO_DEFAULT: &str = "UPDATE intercom_directory SET is_default = false WHERE tenant_uuid = $1";
const DEFAULT: &str = "UPDATE intercom_directory SET is_default = true \
     WHERE tenant_uuid = $1 AND phonebook_uuid = $2";
const BEGIN: &str = "UPDATE intercom_directory SET series = $3, instance = $4, \
     timestamp = GREATEST(timestamp, $5), series_start = GREATEST(timestamp, $5) \
     WHERE tenant_uuid = $1 AND phonebook_uuid = $2";
const REMAP: &str = "UPDATE intercom_directory SET mapping = $3, \
     timestamp = timestamp + (SELECT COUNT(*) FROM intercom_entry \
       WHERE tenant_uuid = $1 AND phonebook_uuid = $2) \
     WHERE tenant_uuid = $1 AND phonebook_uuid = $2";
const RESTAMP: &str = "UPDATE intercom_entry SET timestamp = $3::bigint + place.number \
     FROM (SELECT uuid AS id, ROW_NUMBER() OVER (ORDER BY timestamp) AS number FROM intercom_entry \
       WHERE tenant_uuid = $1 AND phonebook_uuid = $2) AS place \
     WHERE tenant_uuid = $1 AND phonebook_uuid = $2 AND uuid = place.id";
const PURGE: &str = "DELETE FROM intercom_entry WHERE tenant_uuid = $1 AND phonebook_uuid = $2 \
       AND uuid IN (SELECT uuid FROM intercom_entry \
         WHERE tenant_uuid = $1 AND phonebook_uuid = $2 AND deleted ORDER BY timestamp LIMIT $3)";
const DATABASE: &str = "SELECT oid::bigint FROM pg_database WHERE datname = current_database()";
const SYSTEM: &str = "SELECT system_identifier, timeline_id::bigint \
     FROM pg_control_system(), pg_control_checkpoint()";

/// What the server says when a role lacks a right.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    ALL,
    OF_PHONEBOOK,
    OF_TENANT,
    INSERT,
    CONTACTS,
    DELETE,
    NO_DEFAULT,
    DEFAULT,
    BEGIN,
    REMAP,
    RESTAMP,
    PURGE,
    DATABASE,
    SYSTEM,
];

/// Contacts stamped by one statement.
const BATCH: usize = 5_000;

impl Write {
    async fn publish_new(
        &mut self,
        scope: &Tenant,
        list: &ListId,
        begun: &NewSeries,
        mapping: &Mapping,
    ) -> Stored<()> {
        let tenant = scope.id().as_str();
        let inserted = sqlx::query(INSERT)
            .bind(tenant)
            .bind(&list.0)
            .bind(&begun.series)
            .bind(&begun.instance)
            .bind(row::to_json(mapping)?);
        inserted.execute(&mut **self).await?;
        let contacts = sqlx::query_scalar(CONTACTS).bind(tenant).bind(&list.0);
        let contacts: Vec<String> = contacts.fetch_all(&mut **self).await?;
        let contacts: Vec<ContactId> = contacts.into_iter().map(ContactId).collect();
        for batch in contacts.chunks(BATCH) {
            let batch: Vec<&ContactId> = batch.iter().collect();
            self.stamp_new(scope, list, &batch).await?;
        }
        Ok(())
    }

    /// Another mapping shows other entries: all of them are new to everybody.
    async fn remap(
        &mut self,
        scope: &Tenant,
        known: &Directory,
        begun: &NewSeries,
        mapping: &Mapping,
    ) -> Stored<()> {
        let (tenant, list) = (scope.id().as_str(), &known.phonebook.0);
        self.begin(scope, &known.phonebook, begun).await?;
        let remapped = sqlx::query(REMAP).bind(tenant).bind(list);
        let remapped = remapped.bind(row::to_json(mapping)?);
        remapped.execute(&mut **self).await?;
        let stamped = sqlx::query(RESTAMP).bind(tenant).bind(list);
        let stamped = stamped.bind(known.timestamp.max(begun.at_least));
        stamped.execute(&mut **self).await?;
        Ok(())
    }

    async fn begin(
        &mut self,
        scope: &Tenant,
        phonebook: &PhonebookId,
        begun: &NewSeries,
    ) -> Stored<()> {
        let updated = sqlx::query(BEGIN)
            .bind(scope.id().as_str())
            .bind(&phonebook.0)
            .bind(&begun.series)
            .bind(&begun.instance)
            .bind(begun.at_least);
        let updated = updated.execute(&mut **self).await?;
        StoreError::unless_found(updated.rows_affected(), "directory", &phonebook.0)
    }
}

#[async_trait]
impl Directories for Postgres {
    async fn publish(
        &self,
        scope: &Tenant,
        phonebook: &PhonebookId,
        begun: &NewSeries,
        (mapping, default): (&Mapping, bool),
    ) -> Stored<()> {
        let list: ListId = phonebook.into();
        let mut write = self.write().await?;
        write.lock_list(scope, &list, 0).await?;
        match write.directory(scope, &list).await? {
            None => write.publish_new(scope, &list, begun, mapping).await?,
            Some(known) if known.mapping != *mapping => {
                write.remap(scope, &known, begun, mapping).await?;
            }
            Some(_) => {}
        }
        if default {
            let tenant = scope.id().as_str();
            let others = sqlx::query(NO_DEFAULT).bind(tenant);
            others.execute(&mut *write).await?;
            let chosen = sqlx::query(DEFAULT).bind(tenant).bind(&list.0);
            chosen.execute(&mut *write).await?;
        }
        write.commit().await
    }

    async fn unpublish(&self, scope: &Tenant, phonebook: &PhonebookId) -> Stored<()> {
        let mut write = self.write().await?;
        write.lock_list(scope, &phonebook.into(), 0).await?;
        let deleted = sqlx::query(DELETE)
            .bind(scope.id().as_str())
            .bind(&phonebook.0);
        let deleted = deleted.execute(&mut *write).await?;
        StoreError::unless_found(deleted.rows_affected(), "directory", &phonebook.0)?;
        write.commit().await
    }

    async fn directories(&self, _by: SystemAuthority) -> Stored<Vec<Directory>> {
        let found = sqlx::query(ALL).fetch_all(self.pool().await?).await?;
        found.iter().map(header).collect()
    }

    async fn directory_of(
        &self,
        _by: SystemAuthority,
        phonebook: &PhonebookId,
    ) -> Stored<Option<Directory>> {
        if !row::storable([Some(&phonebook.0)]) {
            return Ok(None);
        }
        let found = sqlx::query(OF_PHONEBOOK).bind(&phonebook.0);
        let found = found.fetch_optional(self.pool().await?).await?;
        found.as_ref().map(header).transpose()
    }

    async fn default_directory(&self, scope: &Tenant) -> Stored<Option<Directory>> {
        let found = sqlx::query(OF_TENANT).bind(scope.id().as_str());
        let found = found.fetch_optional(self.pool().await?).await?;
        found.as_ref().map(header).transpose()
    }

    async fn entry_population(
        &self,
        scope: &Tenant,
        phonebook: &PhonebookId,
    ) -> Stored<Population> {
        self.count_entries(scope, phonebook).await
    }

    async fn begin_series(
        &self,
        scope: &Tenant,
        phonebook: &PhonebookId,
        begun: &NewSeries,
    ) -> Stored<()> {
        let mut write = self.write().await?;
        write.lock_list(scope, &phonebook.into(), 0).await?;
        write.begin(scope, phonebook, begun).await?;
        write.commit().await
    }

    async fn purge_tombstones(
        &self,
        scope: &Tenant,
        phonebook: &PhonebookId,
        most: i64,
        begun: &NewSeries,
    ) -> Stored<bool> {
        let list: ListId = phonebook.into();
        let mut write = self.write().await?;
        write.lock_list(scope, &list, 0).await?;
        let tombstones = entry::count(&mut write, scope, &list).await?.tombstones;
        if tombstones <= most {
            return Ok(false);
        }
        let purged = sqlx::query(PURGE)
            .bind(scope.id().as_str())
            .bind(&list.0)
            .bind((tombstones + 1) / 2);
        purged.execute(&mut *write).await?;
        write.begin(scope, phonebook, begun).await?;
        write.commit().await?;
        Ok(true)
    }

    async fn write_entries(
        &self,
        scope: &Tenant,
        phonebook: &PhonebookId,
    ) -> Stored<Box<dyn EntryWriting>> {
        self.start_writing(scope, phonebook).await
    }

    async fn read_entries(
        &self,
        scope: &Tenant,
        phonebook: &PhonebookId,
        after: i64,
    ) -> Stored<Box<dyn EntryReading>> {
        self.start_reading_entries(scope, phonebook, after).await
    }

    async fn fingerprint(&self, _by: SystemAuthority) -> Stored<String> {
        let pool = self.pool().await?;
        let database: i64 = sqlx::query_scalar(DATABASE).fetch_one(pool).await?;
        match sqlx::query_as::<_, (i64, i64)>(SYSTEM)
            .fetch_one(pool)
            .await
        {
            Ok((system, timeline)) => Ok(format!("database {system}:{timeline}:{database}")),
            Err(error) if is_forbidden(&error) => {
                static TOLD: Once = Once::new();
                TOLD.call_once(|| {
                    tracing::warn!(%error, "what tells a restored database is not readable");
                });
                Ok(format!("database {database}"))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// True if the role may not read what was asked for. Whatever else goes wrong says nothing of the database.
fn is_forbidden(error: &sqlx::Error) -> bool {
    let told = error.as_database_error();
    let code = told.and_then(sqlx::error::DatabaseError::code);
    code.as_deref() == Some(INSUFFICIENT_PRIVILEGE)
}
