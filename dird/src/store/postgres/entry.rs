//! Rows of the entries of a directory, read as they stood at one time, and written in one transaction with the contacts that
//! hold a part of them (intercom-directory.md §7).

use std::collections::HashSet;

use async_trait::async_trait;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::contact::missing_list;
use super::feed::forget_beyond;
use super::session::Session;
use super::stamp::{HEADER, header};
use super::{Postgres, Write, is_duplicate, row};
use crate::identity::Tenant;
use crate::store::directories::{
    Directory, EntryChange, EntryReading, EntryWriting, Population, Sealed, StoredEntry,
};
use crate::store::model::{Contact, ContactId, ListId, PhonebookId};
use crate::store::stamped::{ContactWork, PIECE, new_contacts};
use crate::store::{StoreError, Stored};

const BY_UUID: &str = "SELECT intercom_entry.*, contact.fields FROM intercom_entry \
     LEFT JOIN contact ON contact.tenant_uuid = intercom_entry.tenant_uuid \
       AND contact.list_uuid = phonebook_uuid AND contact.uuid = contact_uuid \
     WHERE intercom_entry.tenant_uuid = $1 AND phonebook_uuid = $2 \
       AND intercom_entry.uuid = ANY($3)";
const BY_OWNER: &str = "SELECT intercom_entry.*, contact.fields FROM intercom_entry \
     LEFT JOIN contact ON contact.tenant_uuid = intercom_entry.tenant_uuid \
       AND contact.list_uuid = phonebook_uuid AND contact.uuid = contact_uuid \
     WHERE intercom_entry.tenant_uuid = $1 AND phonebook_uuid = $2 AND owner = $3 AND NOT deleted \
     ORDER BY timestamp";
const CHANGED: &str = "SELECT intercom_entry.*, contact.fields FROM intercom_entry \
     LEFT JOIN contact ON contact.tenant_uuid = intercom_entry.tenant_uuid \
       AND contact.list_uuid = phonebook_uuid AND contact.uuid = contact_uuid \
     WHERE intercom_entry.tenant_uuid = $1 AND phonebook_uuid = $2 AND timestamp > $3 \
     ORDER BY timestamp LIMIT $4";
const POPULATION: &str = "SELECT COUNT(*) FILTER (WHERE NOT deleted) AS live, COUNT(*) FILTER (WHERE deleted) AS tombstones \
     FROM intercom_entry WHERE tenant_uuid = $1 AND phonebook_uuid = $2";
const PUT: &str = "INSERT INTO intercom_entry (tenant_uuid, phonebook_uuid, \
       uuid, uuid_text, contact_uuid, timestamp, deleted, owner, data, secret) \
     SELECT $1, $2, * FROM UNNEST($3::text[], $4::text[], $5::text[], $6::bigint[], $7::boolean[], \
       $8::text[], $9::text[], $10::bytea[]) \
     ON CONFLICT (tenant_uuid, phonebook_uuid, uuid) DO UPDATE SET uuid_text = excluded.uuid_text, \
       contact_uuid = excluded.contact_uuid, timestamp = excluded.timestamp, deleted = excluded.deleted, \
       owner = excluded.owner, data = excluded.data, secret = excluded.secret";
const TIMESTAMP: &str = "UPDATE intercom_directory SET timestamp = $3 \
     WHERE tenant_uuid = $1 AND phonebook_uuid = $2";
const TAKEN: &str = "SELECT uuid FROM contact WHERE uuid = ANY($1)";
const MAKE: &str = "INSERT INTO contact (tenant_uuid, list_uuid, uuid, position, sequence, \
     hash, fields, folded, sort_name, sort_firstname, sort_lastname) \
     SELECT $1, $2, uuid, $3 + place - 1, $3 + place - 1, hash, fields, folded, name, firstname, lastname \
     FROM UNNEST($4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[]) \
       WITH ORDINALITY AS batch (uuid, hash, fields, folded, name, firstname, lastname, place)";
const EDIT: &str = "UPDATE contact SET sequence = $3 + place - 1, hash = batch.hash, fields = batch.fields, \
     folded = batch.folded, sort_name = batch.name, sort_firstname = batch.firstname, sort_lastname = batch.lastname \
     FROM UNNEST($4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[]) \
       WITH ORDINALITY AS batch (uuid, hash, fields, folded, name, firstname, lastname, place) \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND contact.uuid = batch.uuid";
const REMEMBER: &str = "INSERT INTO contact_removed (tenant_uuid, list_uuid, sequence, uuid) \
     SELECT $1, $2, $3 + place - 1, uuid FROM UNNEST($4::text[]) WITH ORDINALITY AS gone (uuid, place)";
const REMOVE: &str = "DELETE FROM contact WHERE tenant_uuid = $1 AND list_uuid = $2 \
       AND uuid = ANY($3)";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    BY_UUID, BY_OWNER, CHANGED, POPULATION, PUT, TIMESTAMP, TAKEN, MAKE, EDIT, REMEMBER, REMOVE,
];

struct Writing {
    write: Write,
    scope: Tenant,
    list: ListId,
    directory: Directory,
}

struct Pieces {
    read: Session,
    scope: Tenant,
    list: ListId,
    directory: Directory,
    last: i64,
}

impl Postgres {
    /// [`crate::store::Directories::write_entries`].
    pub(super) async fn start_writing(
        &self,
        scope: &Tenant,
        phonebook: &PhonebookId,
    ) -> Stored<Box<dyn EntryWriting>> {
        let list: ListId = phonebook.into();
        let mut write = self.write().await?;
        write.lock_list(scope, &list, 0).await?;
        let directory = write.directory(scope, &list).await?;
        Ok(Box::new(Writing {
            write,
            scope: scope.clone(),
            directory: directory.ok_or_else(|| missing_list(&list))?,
            list,
        }))
    }

    /// [`crate::store::Directories::read_entries`].
    pub(super) async fn start_reading_entries(
        &self,
        scope: &Tenant,
        phonebook: &PhonebookId,
        after: i64,
    ) -> Stored<Box<dyn EntryReading>> {
        let list: ListId = phonebook.into();
        let mut read = self.read().await?;
        let found = sqlx::query(HEADER).bind(scope.id().as_str()).bind(&list.0);
        let found = found.fetch_optional(&mut read).await?;
        Ok(Box::new(Pieces {
            directory: header(&found.ok_or_else(|| missing_list(&list))?)?,
            read,
            scope: scope.clone(),
            list,
            last: after,
        }))
    }

    /// [`crate::store::Directories::entry_population`].
    pub(super) async fn count_entries(
        &self,
        scope: &Tenant,
        phonebook: &PhonebookId,
    ) -> Stored<Population> {
        count(
            &mut self.pool().await?.acquire().await?,
            scope,
            &phonebook.into(),
        )
        .await
    }
}

/// How many entries a directory has.
pub(super) async fn count(
    connection: &mut Session,
    scope: &Tenant,
    list: &ListId,
) -> Stored<Population> {
    let counted = sqlx::query(POPULATION)
        .bind(scope.id().as_str())
        .bind(&list.0);
    let counted = counted.fetch_one(connection).await?;
    Ok(Population {
        live: counted.try_get("live")?,
        tombstones: counted.try_get("tombstones")?,
    })
}

async fn by_uuid(
    connection: &mut Session,
    scope: &Tenant,
    list: &ListId,
    uuids: &[&str],
) -> Stored<Vec<StoredEntry>> {
    let found = sqlx::query(BY_UUID)
        .bind(scope.id().as_str())
        .bind(&list.0)
        .bind(uuids);
    let found = found.fetch_all(connection).await?;
    found.iter().map(read).collect()
}

fn read(found: &PgRow) -> Stored<StoredEntry> {
    let contact: Option<String> = found.try_get("contact_uuid")?;
    let fields = row::json_or_null(found, "fields")?;
    Ok(StoredEntry {
        uuid: found.try_get("uuid")?,
        spelling: found.try_get("uuid_text")?,
        contact: contact.zip(fields).map(|(uuid, fields)| Contact {
            uuid: ContactId(uuid),
            fields,
        }),
        timestamp: found.try_get("timestamp")?,
        deleted: found.try_get("deleted")?,
        owner: found.try_get("owner")?,
        data: found.try_get("data")?,
        secret: found.try_get::<Option<_>, _>("secret")?.map(Sealed),
    })
}

#[async_trait]
impl EntryReading for Pieces {
    fn directory(&self) -> &Directory {
        &self.directory
    }

    async fn entries(&mut self, uuids: &[&str]) -> Stored<Vec<StoredEntry>> {
        by_uuid(&mut self.read, &self.scope, &self.list, uuids).await
    }

    async fn next(&mut self) -> Stored<Vec<StoredEntry>> {
        let rows = sqlx::query(CHANGED)
            .bind(self.scope.id().as_str())
            .bind(&self.list.0)
            .bind(self.last)
            .bind(PIECE)
            .fetch_all(&mut self.read)
            .await?;
        let piece = rows.iter().map(read).collect::<Stored<Vec<_>>>()?;
        self.last = piece.last().map_or(self.last, |entry| entry.timestamp);
        Ok(piece)
    }
}

#[async_trait]
impl EntryWriting for Writing {
    fn directory(&self) -> &Directory {
        &self.directory
    }

    async fn entries(&mut self, uuids: &[&str]) -> Stored<Vec<StoredEntry>> {
        by_uuid(&mut self.write, &self.scope, &self.list, uuids).await
    }

    async fn owned_by(&mut self, owner: &str) -> Stored<Vec<StoredEntry>> {
        if !row::storable([Some(owner)]) {
            return Ok(Vec::new());
        }
        let found = sqlx::query(BY_OWNER)
            .bind(self.scope.id().as_str())
            .bind(&self.list.0)
            .bind(owner);
        let found = found.fetch_all(&mut *self.write).await?;
        found.iter().map(read).collect()
    }

    async fn population(&mut self) -> Stored<Population> {
        count(&mut self.write, &self.scope, &self.list).await
    }

    async fn write(&mut self, mut changes: Vec<EntryChange>, timestamp: i64) -> Stored<()> {
        let taken = sqlx::query_scalar(TAKEN).bind(new_contacts(&changes));
        let taken: Vec<String> = taken.fetch_all(&mut *self.write).await?;
        let taken: HashSet<String> = taken.into_iter().collect();
        let work = ContactWork::of(&mut changes, &taken)?;
        self.write_contacts(&work).await?;
        self.put(&changes).await?;
        let (tenant, list) = (self.scope.id().as_str(), &self.list.0);
        let counted = sqlx::query(TIMESTAMP)
            .bind(tenant)
            .bind(list)
            .bind(timestamp);
        counted.execute(&mut *self.write).await?;
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Stored<()> {
        self.write.commit().await
    }
}

impl Writing {
    async fn put(&mut self, changes: &[EntryChange]) -> Stored<()> {
        let put = sqlx::query(PUT)
            .bind(self.scope.id().as_str())
            .bind(&self.list.0)
            .bind(column(changes, |change| change.entry.uuid.as_str()))
            .bind(column(changes, |change| change.entry.spelling.as_str()))
            .bind(column(changes, |change| {
                let contact = change.entry.contact.as_ref();
                contact.map(|contact| contact.uuid.0.as_str())
            }))
            .bind(column(changes, |change| change.entry.timestamp))
            .bind(column(changes, |change| change.entry.deleted))
            .bind(column(changes, |change| change.entry.owner.as_str()))
            .bind(column(changes, |change| change.entry.data.as_str()))
            .bind(column(changes, |change| {
                let sealed = change.entry.secret.as_ref();
                sealed.map(|sealed| sealed.0.as_slice())
            }));
        let put = put.execute(&mut *self.write).await;
        put.map_err(in_the_way)?;
        Ok(())
    }

    async fn write_contacts(&mut self, work: &ContactWork) -> Stored<()> {
        let last = self.write.lock_list(&self.scope, &self.list, work.len());
        let first = last.await? - work.len() + 1;
        let edited = first + count_of(&work.removed);
        let made = edited + count_of(&work.edited);
        if !work.removed.is_empty() {
            self.remove(&work.removed, first).await?;
        }
        for (statement, contacts, first) in [(EDIT, &work.edited, edited), (MAKE, &work.made, made)]
        {
            if contacts.is_empty() {
                continue;
            }
            let written = sqlx::query(statement)
                .bind(self.scope.id().as_str())
                .bind(&self.list.0)
                .bind(first)
                .bind(column(contacts, |(id, _)| id.0.as_str()))
                .bind(column(contacts, |(_, written)| written.hash.as_str()))
                .bind(column(contacts, |(_, written)| written.fields.as_str()))
                .bind(column(contacts, |(_, written)| written.folded.as_str()))
                .bind(column(contacts, |(_, written)| {
                    written.sort_name.as_deref()
                }))
                .bind(column(contacts, |(_, written)| {
                    written.sort_firstname.as_deref()
                }))
                .bind(column(contacts, |(_, written)| {
                    written.sort_lastname.as_deref()
                }));
            let written = written.execute(&mut *self.write).await;
            written.map_err(in_the_way)?;
        }
        Ok(())
    }

    async fn remove(&mut self, removed: &[ContactId], first: i64) -> Stored<()> {
        let ids: Vec<&str> = removed.iter().map(|id| id.0.as_str()).collect();
        let tenant = self.scope.id().as_str();
        let gone = sqlx::query(REMOVE)
            .bind(tenant)
            .bind(&self.list.0)
            .bind(&ids);
        gone.execute(&mut *self.write).await?;
        let noted = sqlx::query(REMEMBER)
            .bind(tenant)
            .bind(&self.list.0)
            .bind(first)
            .bind(&ids);
        noted.execute(&mut *self.write).await?;
        forget_beyond(&mut self.write, &self.scope, &self.list).await
    }
}

fn count_of<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

/// Somebody else has made a contact of that identifier meanwhile.
fn in_the_way(error: sqlx::Error) -> StoreError {
    if is_duplicate(&error) {
        StoreError::Conflict
    } else {
        error.into()
    }
}

/// One column of a batch.
fn column<'a, Item, T>(items: &'a [Item], pick: impl Fn(&'a Item) -> T) -> Vec<T> {
    items.iter().map(pick).collect()
}
