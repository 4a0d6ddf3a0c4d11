//! Many contacts in one transaction: a statement adds a whole batch, and leaves out what the list has already.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use sqlx::Row;

use super::{Postgres, Write};
use crate::identity::Tenant;
use crate::store::model::{Contact, ContactId, ListId};
use crate::store::written::{Written, outcomes};
use crate::store::{Import, Imported, StoreError, Stored};

const TAKEN: &str = "SELECT uuid FROM contact WHERE uuid = ANY($1)";
const INSERT: &str = "INSERT INTO contact (tenant_uuid, list_uuid, uuid, position, sequence, \
     hash, fields, folded, sort_name, sort_firstname, sort_lastname) \
     SELECT $1, $2, uuid, $3 + place - 1, $3 + place - 1, hash, fields, folded, name, firstname, lastname \
     FROM UNNEST($4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[]) \
       WITH ORDINALITY AS batch (uuid, hash, fields, folded, name, firstname, lastname, place) \
     ON CONFLICT (tenant_uuid, list_uuid, hash) DO NOTHING RETURNING uuid";
const KNOWN: &str = "SELECT hash, uuid FROM contact \
     WHERE tenant_uuid = $1 AND list_uuid = $2 AND hash = ANY($3)";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[TAKEN, INSERT, KNOWN];

/// One column of a batch.
fn column<'a, T>(
    rows: &[(&'a Contact, &'a Written)],
    pick: impl Fn(&'a Contact, &'a Written) -> T,
) -> Vec<T> {
    rows.iter()
        .map(|(contact, written)| pick(contact, written))
        .collect()
}

struct Batches {
    write: Write,
    scope: Tenant,
    list: ListId,
}

impl Postgres {
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
        let taken = sqlx::query_scalar(TAKEN).bind(ids);
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
        let rows: Vec<(&Contact, &Written)> = contacts
            .iter()
            .zip(written)
            .filter(|(contact, _)| !taken.contains(&contact.uuid.0))
            .collect();
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let last = self.write.lock_list(&self.scope, &self.list, count).await?;
        let new = sqlx::query_scalar(INSERT)
            .bind(self.scope.id().as_str())
            .bind(&self.list.0)
            .bind(last - count + 1)
            .bind(column(&rows, |contact, _| contact.uuid.0.as_str()))
            .bind(column(&rows, |_, written| written.hash.as_str()))
            .bind(column(&rows, |_, written| written.fields.as_str()))
            .bind(column(&rows, |_, written| written.folded.as_str()))
            .bind(column(&rows, |_, written| written.sort_name.as_deref()))
            .bind(column(&rows, |_, written| {
                written.sort_firstname.as_deref()
            }))
            .bind(column(&rows, |_, written| written.sort_lastname.as_deref()));
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
            .bind(hashes)
            .fetch_all(&mut *self.write)
            .await?;
        rows.iter()
            .map(|found| Ok((found.try_get("hash")?, ContactId(found.try_get("uuid")?))))
            .collect()
    }
}
