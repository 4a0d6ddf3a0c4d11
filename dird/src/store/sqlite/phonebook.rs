//! Rows of phonebooks and of their contacts. Every writer of contacts first takes the phonebook's header row, so that the
//! order of sequence numbers is the order of commits (design.md §4).

use std::collections::HashMap;

use async_trait::async_trait;
use indexmap::IndexMap;
use kit::fold::fold;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::{Sqlite, is_duplicate, row};
use crate::identity::Tenant;
use crate::store::hash::{contact_hash, folded_text};
use crate::store::model::{Contact, ContactId, Phonebook, PhonebookId, random_id};
use crate::store::{PhonebookContents, Phonebooks, StoreError, Stored};

const INSERT: &str = "INSERT INTO phonebook (tenant_uuid, uuid, id, name, sort_name, description) \
     SELECT $1, $2, COALESCE(MAX(id), 0) + 1, $3, $4, $5 FROM phonebook RETURNING id";
const BY_NAME: &str = "SELECT * FROM phonebook WHERE tenant_uuid = $1 AND name = $2";
const LOCK: &str = "UPDATE phonebook SET version = version + 1 \
     WHERE tenant_uuid = $1 AND uuid = $2 RETURNING sequence";
const UNLOCK: &str = "UPDATE phonebook SET sequence = $3 WHERE tenant_uuid = $1 AND uuid = $2";
const INSERT_CONTACT: &str = "INSERT INTO contact \
     (tenant_uuid, phonebook_uuid, uuid, sequence, hash, fields, folded) \
     VALUES ($1, $2, $3, $4, $5, $6, $7) \
     ON CONFLICT (tenant_uuid, phonebook_uuid, hash) DO NOTHING";
const VERSION: &str = "SELECT version FROM phonebook WHERE tenant_uuid = $1 AND uuid = $2";
const CONTACTS: &str = "SELECT uuid, fields FROM contact \
     WHERE tenant_uuid = $1 AND phonebook_uuid = $2 ORDER BY sequence";
const VERSIONS: &str = "SELECT uuid, version FROM phonebook \
     WHERE uuid IN (SELECT value FROM json_each($1))";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[
    INSERT,
    BY_NAME,
    LOCK,
    UNLOCK,
    INSERT_CONTACT,
    VERSION,
    CONTACTS,
    VERSIONS,
];

#[async_trait]
impl Phonebooks for Sqlite {
    async fn create_phonebook(
        &self,
        scope: &Tenant,
        name: &str,
        description: Option<&str>,
    ) -> Stored<Phonebook> {
        let mut write = self.write().await?;
        write.touch(scope.id()).await?;
        let uuid = PhonebookId(random_id());
        let inserted = sqlx::query(INSERT)
            .bind(scope.id().as_str())
            .bind(&uuid.0)
            .bind(name)
            .bind(fold(name))
            .bind(description)
            .fetch_one(&mut *write)
            .await;
        let id = match inserted {
            Err(error) if is_duplicate(&error) => return Err(StoreError::NameTaken(name.into())),
            other => other?.try_get("id")?,
        };
        write.commit().await?;
        Ok(Phonebook {
            uuid,
            id,
            tenant: scope.id().clone(),
            name: name.to_owned(),
            description: description.map(str::to_owned),
        })
    }

    async fn phonebook_named(&self, scope: &Tenant, name: &str) -> Stored<Option<Phonebook>> {
        let found = sqlx::query(BY_NAME).bind(scope.id().as_str()).bind(name);
        found
            .fetch_optional(&self.readers)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    async fn add_contacts(
        &self,
        scope: &Tenant,
        phonebook: &PhonebookId,
        contacts: &[Contact],
    ) -> Stored<usize> {
        let mut write = self.write().await?;
        let tenant = scope.id().as_str();
        let header = sqlx::query(LOCK).bind(tenant).bind(&phonebook.0);
        let Some(header) = header.fetch_optional(&mut *write).await? else {
            return Err(StoreError::Missing {
                kind: "phonebook",
                id: phonebook.0.clone(),
            });
        };
        let first: i64 = header.try_get("sequence")?;
        let mut sequence = first;
        for contact in contacts {
            let inserted = sqlx::query(INSERT_CONTACT)
                .bind(tenant)
                .bind(&phonebook.0)
                .bind(&contact.uuid.0)
                .bind(sequence + 1)
                .bind(contact_hash(contact))
                .bind(row::to_json(&contact.fields)?)
                .bind(folded_text(contact))
                .execute(&mut *write)
                .await?;
            sequence += i64::from(inserted.rows_affected() > 0);
        }
        let unlock = sqlx::query(UNLOCK)
            .bind(tenant)
            .bind(&phonebook.0)
            .bind(sequence);
        unlock.execute(&mut *write).await?;
        write.commit().await?;
        Ok(usize::try_from(sequence - first).unwrap_or(0))
    }

    async fn contents(&self, scope: &Tenant, phonebook: &PhonebookId) -> Stored<PhonebookContents> {
        let mut read = self.readers.begin().await?;
        let tenant = scope.id().as_str();
        let header = sqlx::query(VERSION).bind(tenant).bind(&phonebook.0);
        let Some(header) = header.fetch_optional(&mut *read).await? else {
            return Err(StoreError::Missing {
                kind: "phonebook",
                id: phonebook.0.clone(),
            });
        };
        let rows = sqlx::query(CONTACTS).bind(tenant).bind(&phonebook.0);
        let rows = rows.fetch_all(&mut *read).await?;
        Ok(PhonebookContents {
            version: header.try_get("version")?,
            contacts: rows.iter().map(read_contact).collect::<Stored<_>>()?,
        })
    }

    async fn versions(&self, phonebooks: &[PhonebookId]) -> Stored<HashMap<PhonebookId, i64>> {
        let ids: Vec<&str> = phonebooks
            .iter()
            .map(|phonebook| phonebook.0.as_str())
            .collect();
        let rows = sqlx::query(VERSIONS).bind(row::to_json(&ids)?);
        let rows = rows.fetch_all(&self.readers).await?;
        rows.iter()
            .map(|found| {
                Ok((
                    PhonebookId(found.try_get("uuid")?),
                    found.try_get("version")?,
                ))
            })
            .collect()
    }
}

fn read(found: &SqliteRow) -> Stored<Phonebook> {
    Ok(Phonebook {
        uuid: PhonebookId(found.try_get("uuid")?),
        id: found.try_get("id")?,
        tenant: row::tenant(found, "tenant_uuid")?,
        name: found.try_get("name")?,
        description: found.try_get("description")?,
    })
}

fn read_contact(found: &SqliteRow) -> Stored<Contact> {
    Ok(Contact {
        uuid: ContactId(found.try_get("uuid")?),
        fields: row::json::<IndexMap<String, String>>(found, "fields")?,
    })
}
