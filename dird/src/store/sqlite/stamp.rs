//! Counting what writers of contacts change in a phonebook that is published as a directory (intercom-directory.md §7.5). The
//! writer holds the list, and with it the directory's counter.

use sqlx::Row;

use super::{Write, contact, row};
use crate::identity::Tenant;
use crate::store::directories::Directory;
use crate::store::model::{Contact, ContactId, ListId, PhonebookId};
use crate::store::stamped::{Stamp, stamps};
use crate::store::{StoreError, Stored};

pub(super) const HEADER: &str = "SELECT intercom_directory.*, phonebook.name FROM intercom_directory \
     JOIN phonebook ON phonebook.tenant_uuid = intercom_directory.tenant_uuid \
       AND phonebook.uuid = intercom_directory.phonebook_uuid \
     WHERE intercom_directory.tenant_uuid = $1 AND intercom_directory.phonebook_uuid = $2";
const ADVANCE: &str = "UPDATE intercom_directory SET timestamp = timestamp + $3 \
     WHERE tenant_uuid = $1 AND phonebook_uuid = $2 RETURNING timestamp";
const APPEAR: &str = "INSERT INTO intercom_entry \
       (tenant_uuid, phonebook_uuid, uuid, uuid_text, contact_uuid, timestamp) \
     SELECT $1, $2, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each($3) WHERE true \
     ON CONFLICT (tenant_uuid, phonebook_uuid, uuid) DO UPDATE SET deleted = 0, \
       uuid_text = excluded.uuid_text, contact_uuid = excluded.contact_uuid, timestamp = excluded.timestamp \
     WHERE intercom_entry.deleted = 1 RETURNING contact_uuid";
const EDITED: &str = "UPDATE intercom_entry SET timestamp = $4 \
     WHERE tenant_uuid = $1 AND phonebook_uuid = $2 AND contact_uuid = $3";
const REMOVED: &str = "UPDATE intercom_entry SET timestamp = $4, deleted = 1, contact_uuid = NULL, \
     owner = '', data = '{}', secret = NULL \
     WHERE tenant_uuid = $1 AND phonebook_uuid = $2 AND contact_uuid = $3";
const COUNT: &str = "SELECT COUNT(contact_uuid) FROM intercom_entry \
     WHERE tenant_uuid = $1 AND phonebook_uuid = $2";
const CLEARED: &str = "UPDATE intercom_entry SET timestamp = $3 + place.number, deleted = 1, \
       contact_uuid = NULL, owner = '', data = '{}', secret = NULL \
     FROM (SELECT uuid AS id, ROW_NUMBER() OVER (ORDER BY timestamp) AS number FROM intercom_entry \
       WHERE tenant_uuid = $1 AND phonebook_uuid = $2 AND contact_uuid IS NOT NULL) AS place \
     WHERE tenant_uuid = $1 AND phonebook_uuid = $2 AND uuid = place.id";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[HEADER, ADVANCE, APPEAR, EDITED, REMOVED, COUNT, CLEARED];

impl Write {
    /// The header of the list's directory, if it is published.
    pub(super) async fn directory(
        &mut self,
        scope: &Tenant,
        list: &ListId,
    ) -> Stored<Option<Directory>> {
        let found = sqlx::query(HEADER).bind(scope.id().as_str()).bind(&list.0);
        let found = found.fetch_optional(&mut **self).await?;
        found.as_ref().map(header).transpose()
    }

    /// Counts `changes`; the number of the last of them.
    async fn advance(&mut self, scope: &Tenant, list: &ListId, changes: i64) -> Stored<i64> {
        let advanced = sqlx::query_scalar(ADVANCE)
            .bind(scope.id().as_str())
            .bind(&list.0)
            .bind(changes);
        Ok(advanced.fetch_one(&mut **self).await?)
    }

    /// Notes new contacts, in their order.
    pub(super) async fn note_new(
        &mut self,
        scope: &Tenant,
        list: &ListId,
        contacts: &[&ContactId],
    ) -> Stored<()> {
        if contacts.is_empty() || self.directory(scope, list).await?.is_none() {
            return Ok(());
        }
        self.stamp_new(scope, list, contacts).await
    }

    /// The same, for a directory.
    pub(super) async fn stamp_new(
        &mut self,
        scope: &Tenant,
        list: &ListId,
        contacts: &[&ContactId],
    ) -> Stored<()> {
        let count = i64::try_from(contacts.len()).unwrap_or(i64::MAX);
        let last = self.advance(scope, list, count).await?;
        let mut wanted = stamps(contacts, last - count);
        while !wanted.is_empty() {
            let rows: Vec<_> = wanted.iter().map(Stamp::columns).collect();
            let placed: Vec<String> = sqlx::query_scalar(APPEAR)
                .bind(scope.id().as_str())
                .bind(&list.0)
                .bind(row::to_json(&rows)?)
                .fetch_all(&mut **self)
                .await?;
            Stamp::retry_others(&mut wanted, placed);
        }
        Ok(())
    }

    /// What [`Self::note_edit`] has to know of a contact before it is edited: nothing where nothing is published.
    pub(super) async fn before_edit(
        &mut self,
        scope: &Tenant,
        list: &ListId,
        id: &ContactId,
    ) -> Stored<Option<(Directory, Contact)>> {
        let Some(directory) = self.directory(scope, list).await? else {
            return Ok(None);
        };
        let before = contact::find(self, scope, list, id).await?;
        Ok(before.map(|before| (directory, before)))
    }

    /// Notes an edit, if it changed what the entry shows.
    pub(super) async fn note_edit(
        &mut self,
        scope: &Tenant,
        list: &ListId,
        before: Option<(Directory, Contact)>,
        after: &Contact,
    ) -> Stored<()> {
        let Some((directory, before)) = before else {
            return Ok(());
        };
        let shown = |contact: &Contact| directory.mapping.read(&contact.fields);
        if shown(&before) == shown(after) {
            return Ok(());
        }
        self.note_one(EDITED, scope, list, &after.uuid).await
    }

    /// Notes that a contact was removed.
    pub(super) async fn note_removal(
        &mut self,
        scope: &Tenant,
        list: &ListId,
        id: &ContactId,
    ) -> Stored<()> {
        match self.directory(scope, list).await? {
            Some(_) => self.note_one(REMOVED, scope, list, id).await,
            None => Ok(()),
        }
    }

    async fn note_one(
        &mut self,
        statement: &'static str,
        scope: &Tenant,
        list: &ListId,
        id: &ContactId,
    ) -> Stored<()> {
        let timestamp = self.advance(scope, list, 1).await?;
        let noted = sqlx::query(statement)
            .bind(scope.id().as_str())
            .bind(&list.0)
            .bind(&id.0)
            .bind(timestamp);
        let noted = noted.execute(&mut **self).await?;
        StoreError::unless_found(noted.rows_affected(), "entry", &id.0)
    }

    /// Notes that every contact was removed.
    pub(super) async fn note_clearing(&mut self, scope: &Tenant, list: &ListId) -> Stored<()> {
        if self.directory(scope, list).await?.is_none() {
            return Ok(());
        }
        let tenant = scope.id().as_str();
        let count = sqlx::query_scalar(COUNT).bind(tenant).bind(&list.0);
        let count: i64 = count.fetch_one(&mut **self).await?;
        let last = self.advance(scope, list, count).await?;
        let cleared = sqlx::query(CLEARED)
            .bind(tenant)
            .bind(&list.0)
            .bind(last - count);
        cleared.execute(&mut **self).await?;
        Ok(())
    }
}

/// A header from its row.
pub(super) fn header(found: &sqlx::sqlite::SqliteRow) -> Stored<Directory> {
    Ok(Directory {
        tenant: row::tenant(found, "tenant_uuid")?,
        phonebook: PhonebookId(found.try_get("phonebook_uuid")?),
        name: found.try_get("name")?,
        default: found.try_get("is_default")?,
        series: found.try_get("series")?,
        series_start: found.try_get("series_start")?,
        timestamp: found.try_get("timestamp")?,
        instance: found.try_get("instance")?,
        mapping: row::json(found, "mapping")?,
    })
}
