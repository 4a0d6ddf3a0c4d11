//! Rows of contacts. Every writer first takes the row of the list, so that the order of sequence numbers is the order of
//! commits (design.md §4); `import` adds many at once, `feed` is what followers read.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::{Sqlite, Write, feed, is_duplicate, row};
use crate::identity::Tenant;
use crate::store::engine::unless_changed;
use crate::store::model::{Contact, ContactId, ListId, PhonebookId};
use crate::store::written::Written;
use crate::store::{
    Change, Contacts, Contents, Followed, Holder, Import, Listed, Page, Reading, StoreError, Stored,
};

const OPEN: &str = "INSERT INTO contact_list (tenant_uuid, uuid) VALUES ($1, $2)";
const DROP: &str = "DELETE FROM contact_list WHERE tenant_uuid = $1 AND uuid = $2";
const LOCK: &str = "UPDATE contact_list SET version = version + 1, sequence = sequence + $3 \
     WHERE tenant_uuid = $1 AND uuid = $2 RETURNING sequence, \
       (SELECT user_uuid FROM personal_list \
        WHERE tenant_uuid = $1 AND list_uuid = $2) AS owner";
const INSERT: &str = "INSERT INTO contact (tenant_uuid, list_uuid, uuid, position, sequence, \
     hash, fields, folded, sort_name, sort_firstname, sort_lastname) \
     VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8, $9, $10)";
const BY_ID: &str = "SELECT uuid, fields FROM contact \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND uuid = $3";
const UPDATE: &str = "UPDATE contact SET sequence = $4, \
     hash = $5, fields = $6, folded = $7, sort_name = $8, sort_firstname = $9, sort_lastname = $10 \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND uuid = $3";
const DELETE: &str = "DELETE FROM contact \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND uuid = $3";
const CLEAR: &str = "DELETE FROM contact WHERE tenant_uuid = $1 AND list_uuid = $2";
const TOTAL: &str = "SELECT COUNT(*) FROM contact WHERE tenant_uuid = $1 AND list_uuid = $2";
const FILTERED: &str = "SELECT COUNT(*) FROM contact \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND instr(folded, $3) > 0";
// Only the page's contacts are read whole: the rest is sorted by key alone.
const LIST: &str = "SELECT contact.uuid, contact.fields FROM (SELECT rowid AS place, position, \
       CASE $4 WHEN 'name' THEN sort_name WHEN 'firstname' THEN sort_firstname \
         WHEN 'lastname' THEN sort_lastname \
         WHEN 'number' THEN NULLIF(json_extract(fields, '$.number'), '') END AS sort_key \
     FROM contact \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND ($3 IS NULL OR instr(folded, $3) > 0) \
     ORDER BY CASE WHEN $5 THEN sort_key IS NULL END DESC, CASE WHEN NOT $5 THEN sort_key IS NULL END, \
       CASE WHEN $5 THEN sort_key END DESC, CASE WHEN NOT $5 THEN sort_key END, position \
     LIMIT $6 OFFSET $7) AS page CROSS JOIN contact ON contact.rowid = page.place \
     ORDER BY CASE WHEN $5 THEN sort_key IS NULL END DESC, CASE WHEN NOT $5 THEN sort_key IS NULL END, \
       CASE WHEN $5 THEN sort_key END DESC, CASE WHEN NOT $5 THEN sort_key END, page.position";
// What lists are asked for most has an index.
const BY_NAME: &str = "SELECT uuid, fields FROM contact WHERE rowid IN (SELECT rowid FROM contact \
     WHERE tenant_uuid = $1 AND list_uuid = $2 ORDER BY sort_name NULLS LAST, position LIMIT $3 OFFSET $4) \
     ORDER BY sort_name NULLS LAST, position";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    OPEN, DROP, LOCK, INSERT, BY_ID, UPDATE, DELETE, CLEAR, TOTAL, FILTERED, LIST, BY_NAME,
];

impl Write {
    /// Makes an empty list.
    pub(super) async fn open_list(&mut self, scope: &Tenant, list: &ListId) -> Stored<()> {
        let opened = sqlx::query(OPEN).bind(scope.id().as_str()).bind(&list.0);
        opened.execute(&mut **self).await?;
        Ok(())
    }

    /// Removes a list with its contacts.
    pub(super) async fn drop_list(&mut self, scope: &Tenant, list: &ListId) -> Stored<()> {
        let dropped = sqlx::query(DROP).bind(scope.id().as_str()).bind(&list.0);
        dropped.execute(&mut **self).await?;
        Ok(())
    }

    /// Takes the list until the end of the transaction, for `changes` changes; the number of the last of them.
    pub(super) async fn lock_list(
        &mut self,
        scope: &Tenant,
        list: &ListId,
        changes: i64,
    ) -> Stored<i64> {
        let locked = sqlx::query(LOCK)
            .bind(scope.id().as_str())
            .bind(&list.0)
            .bind(changes)
            .fetch_optional(&mut **self)
            .await?;
        let locked = locked.ok_or_else(|| missing_list(list))?;
        let holder = match locked.try_get::<Option<&str>, _>("owner")? {
            Some(_) => Holder::User(row::user(&locked, "owner")?),
            None => Holder::Phonebook(PhonebookId(list.0.clone())),
        };
        self.changed(Change::Contacts(scope.id().clone(), holder));
        Ok(locked.try_get("sequence")?)
    }
}

pub(super) fn missing_list(list: &ListId) -> StoreError {
    StoreError::Missing {
        kind: "list",
        id: list.0.clone(),
    }
}

/// A refused write of one contact.
fn refused(error: sqlx::Error) -> StoreError {
    if is_duplicate(&error) {
        StoreError::Duplicate
    } else {
        error.into()
    }
}

#[async_trait]
impl Contacts for Sqlite {
    async fn create_contact(&self, scope: &Tenant, list: &ListId, contact: &Contact) -> Stored<()> {
        let mut write = self.write().await?;
        let sequence = write.lock_list(scope, list, 1).await?;
        put(&mut write, INSERT, (scope, list), contact, sequence).await?;
        write.note_new(scope, list, &[&contact.uuid]).await?;
        write.commit().await
    }

    async fn contact(
        &self,
        scope: &Tenant,
        list: &ListId,
        id: &ContactId,
    ) -> Stored<Option<Contact>> {
        find(&mut *self.readers.acquire().await?, scope, list, id).await
    }

    async fn update_contact(
        &self,
        scope: &Tenant,
        list: &ListId,
        contact: &Contact,
        known: Option<&Contact>,
    ) -> Stored<()> {
        let mut write = self.write().await?;
        let sequence = write.lock_list(scope, list, 1).await?;
        unless_changed(known, find(&mut write, scope, list, &contact.uuid)).await?;
        let before = write.before_edit(scope, list, &contact.uuid).await?;
        let updated = put(&mut write, UPDATE, (scope, list), contact, sequence).await?;
        StoreError::unless_found(updated, "contact", &contact.uuid.0)?;
        write.note_edit(scope, list, before, contact).await?;
        write.commit().await
    }

    async fn delete_contact(
        &self,
        scope: &Tenant,
        list: &ListId,
        id: &ContactId,
        known: Option<&Contact>,
    ) -> Stored<()> {
        let mut write = self.write().await?;
        let sequence = write.lock_list(scope, list, 1).await?;
        unless_changed(known, find(&mut write, scope, list, id)).await?;
        let deleted = sqlx::query(DELETE)
            .bind(scope.id().as_str())
            .bind(&list.0)
            .bind(&id.0)
            .execute(&mut *write)
            .await?;
        StoreError::unless_found(deleted.rows_affected(), "contact", &id.0)?;
        feed::remember_removal(&mut write, scope, list, id, sequence).await?;
        write.note_removal(scope, list, id).await?;
        write.commit().await
    }

    async fn clear_contacts(&self, scope: &Tenant, list: &ListId) -> Stored<()> {
        let mut write = self.write().await?;
        let sequence = write.lock_list(scope, list, 1).await?;
        let cleared = sqlx::query(CLEAR).bind(scope.id().as_str()).bind(&list.0);
        cleared.execute(&mut *write).await?;
        feed::forget_removals(&mut write, scope, list, sequence).await?;
        write.note_clearing(scope, list).await?;
        write.commit().await
    }

    async fn list_contacts(
        &self,
        scope: &Tenant,
        list: &ListId,
        page: &Page,
    ) -> Stored<Listed<Contact>> {
        let (tenant, search) = (scope.id().as_str(), page.folded_search());
        let mut read = self.readers.begin().await?;
        let total = sqlx::query_scalar(TOTAL).bind(tenant).bind(&list.0);
        let total = total.fetch_one(&mut *read).await?;
        let filtered = match &search {
            None => total,
            Some(search) => {
                let filtered = sqlx::query_scalar(FILTERED).bind(tenant).bind(&list.0);
                filtered.bind(search).fetch_one(&mut *read).await?
            }
        };
        let rows = if search.is_none() && page.is_by_name() {
            sqlx::query(BY_NAME).bind(tenant).bind(&list.0)
        } else {
            sqlx::query(LIST)
                .bind(tenant)
                .bind(&list.0)
                .bind(&search)
                .bind(page.order)
                .bind(page.descending)
        };
        let rows = rows.bind(page.limit.unwrap_or(-1)).bind(page.offset);
        let rows = rows.fetch_all(&mut *read).await?;
        let items = rows.iter().map(self::read).collect::<Stored<_>>()?;
        Ok(Listed {
            total,
            filtered,
            items,
        })
    }

    async fn import_contacts(&self, scope: &Tenant, list: &ListId) -> Stored<Box<dyn Import>> {
        self.start_import(scope, list).await
    }

    async fn contents(&self, scope: &Tenant, list: &ListId) -> Stored<Contents> {
        self.read_contents(scope, list).await
    }

    async fn read_contacts(&self, scope: &Tenant, list: &ListId) -> Stored<Box<dyn Reading>> {
        self.start_reading(scope, list).await
    }

    async fn containing(
        &self,
        scope: &Tenant,
        list: &ListId,
        text: &str,
        most: i64,
    ) -> Stored<Option<Contents>> {
        self.read_containing(scope, list, text, most).await
    }

    async fn identified(&self, scope: &Tenant, list: &ListId, ids: &[String]) -> Stored<Contents> {
        self.read_identified(scope, list, ids).await
    }

    async fn has_more_than(&self, scope: &Tenant, list: &ListId, count: i64) -> Stored<bool> {
        self.count_beyond(scope, list, count).await
    }

    async fn version(&self, scope: &Tenant, list: &ListId) -> Stored<Option<i64>> {
        self.read_version(scope, list).await
    }

    async fn follow(&self, scope: &Tenant, list: &ListId, sequence: i64) -> Stored<Followed> {
        self.read_changes(scope, list, sequence).await
    }
}

/// The contact with this identifier.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    scope: &Tenant,
    list: &ListId,
    id: &ContactId,
) -> Stored<Option<Contact>> {
    let found = sqlx::query(BY_ID)
        .bind(scope.id().as_str())
        .bind(&list.0)
        .bind(&id.0)
        .fetch_optional(connection)
        .await?;
    found.as_ref().map(read).transpose()
}

/// Runs `statement`, which writes one contact; how many rows it wrote.
async fn put(
    write: &mut Write,
    statement: &'static str,
    (scope, list): (&Tenant, &ListId),
    contact: &Contact,
    sequence: i64,
) -> Stored<u64> {
    let written = Written::new(contact)?;
    let done = sqlx::query(statement)
        .bind(scope.id().as_str())
        .bind(&list.0)
        .bind(&contact.uuid.0)
        .bind(sequence)
        .bind(written.hash)
        .bind(written.fields)
        .bind(written.folded)
        .bind(written.sort_name)
        .bind(written.sort_firstname)
        .bind(written.sort_lastname)
        .execute(&mut **write)
        .await;
    Ok(done.map_err(refused)?.rows_affected())
}

/// A contact from its row.
pub(super) fn read(found: &SqliteRow) -> Stored<Contact> {
    Ok(Contact {
        uuid: ContactId(found.try_get("uuid")?),
        fields: row::json(found, "fields")?,
    })
}
