//! Many contacts in one transaction: a statement adds a whole batch, and leaves out what the list has already.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use serde_json::json;
use sqlx::Row;

use super::{Sqlite, Write, row};
use crate::identity::Tenant;
use crate::store::model::{Contact, ContactId, ListId};
use crate::store::written::{Written, outcomes};
use crate::store::{Import, Imported, StoreError, Stored};

const TAKEN: &str = "SELECT uuid FROM contact WHERE uuid IN (SELECT value FROM json_each($1))";
const INSERT: &str = "INSERT INTO contact (tenant_uuid, list_uuid, uuid, position, sequence, \
     hash, fields, folded, sort_name, sort_firstname, sort_lastname) \
     SELECT $1, $2, value ->> 0, $3 + key, $3 + key, value ->> 1, value ->> 2, value ->> 3, \
       value ->> 4, value ->> 5, value ->> 6 \
     FROM json_each($4) WHERE true ORDER BY key \
     ON CONFLICT (tenant_uuid, list_uuid, hash) DO NOTHING RETURNING uuid";
const KNOWN: &str = "SELECT hash, uuid FROM contact \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND hash IN (SELECT value FROM json_each($3))";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[TAKEN, INSERT, KNOWN];

struct Batches {
    write: Write,
    scope: Tenant,
    list: ListId,
}

impl Sqlite {
    /// [`crate::store::Contacts::import_contacts`].
    pub(super) async fn start_import(
        &self,
        scope: &Tenant,
        list: &ListId,
    ) -> Stored<Box<dyn Import>> {
        let mut write = self.write().await?;
        write.lock_list(scope, list, 0).await?;
        Ok(Box::new(Batches {
            write,
            scope: scope.clone(),
            list: list.clone(),
        }))
    }
}

#[async_trait]
impl Import for Batches {
    async fn add(&mut self, contacts: &[Contact]) -> Stored<Vec<Imported>> {
        let written = contacts.iter().map(Written::new).collect::<Stored<_>>()?;
        self.put(contacts, written).await
    }

    async fn take(&mut self, contacts: &[Contact], hashes: &[String]) -> Stored<Vec<Imported>> {
        let hashed = contacts.iter().zip(hashes);
        let written = hashed.map(|(contact, hash)| Written::hashed(contact, hash.clone()));
        let written = written.collect::<Stored<_>>()?;
        self.put(contacts, written).await
    }

    async fn taken(&mut self, ids: &[&str]) -> Stored<HashSet<String>> {
        let taken = sqlx::query_scalar(TAKEN).bind(row::to_json(&ids)?);
        let taken = taken.fetch_all(&mut *self.write).await?;
        Ok(taken.into_iter().collect())
    }

    async fn commit(self: Box<Self>) -> Stored<()> {
        self.write.commit().await
    }
}

impl Batches {
    async fn put(&mut self, contacts: &[Contact], written: Vec<Written>) -> Stored<Vec<Imported>> {
        let ids: Vec<&str> = contacts.iter().map(|contact| &*contact.uuid.0).collect();
        let taken = self.taken(&ids).await?;
        let new = self.insert(contacts, &written, &taken).await?;
        let made = contacts.iter().map(|contact| &contact.uuid);
        let made: Vec<_> = made.filter(|uuid| new.contains(&uuid.0)).collect();
        self.write.note_new(&self.scope, &self.list, &made).await?;
        let known = if new.len() + taken.len() < contacts.len() {
            self.known(&written).await?
        } else {
            HashMap::new()
        };
        Ok(outcomes(contacts, &written, &taken, &new, &known))
    }

    /// Adds what is new; its identifiers.
    async fn insert(
        &mut self,
        contacts: &[Contact],
        written: &[Written],
        taken: &HashSet<String>,
    ) -> Stored<HashSet<String>> {
        let rows: Vec<_> = contacts
            .iter()
            .zip(written)
            .filter(|(contact, _)| !taken.contains(&contact.uuid.0))
            .map(|(contact, written)| {
                json!([
                    contact.uuid.0,
                    written.hash,
                    written.fields,
                    written.folded,
                    written.sort_name,
                    written.sort_firstname,
                    written.sort_lastname
                ])
            })
            .collect();
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let last = self.write.lock_list(&self.scope, &self.list, count).await?;
        let new = sqlx::query_scalar(INSERT)
            .bind(self.scope.id().as_str())
            .bind(&self.list.0)
            .bind(last - count + 1)
            .bind(row::to_json(&rows)?);
        let new = new
            .fetch_all(&mut *self.write)
            .await
            .map_err(StoreError::from)?;
        Ok(new.into_iter().collect())
    }

    /// Contacts of the list by the hash of their content.
    async fn known(&mut self, written: &[Written]) -> Stored<HashMap<String, ContactId>> {
        let hashes: Vec<&str> = written.iter().map(|written| &*written.hash).collect();
        let rows = sqlx::query(KNOWN)
            .bind(self.scope.id().as_str())
            .bind(&self.list.0)
            .bind(row::to_json(&hashes)?)
            .fetch_all(&mut *self.write)
            .await?;
        rows.iter()
            .map(|found| Ok((found.try_get("hash")?, ContactId(found.try_get("uuid")?))))
            .collect()
    }
}
