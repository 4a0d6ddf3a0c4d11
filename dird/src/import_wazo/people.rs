//! Users, contacts and favourites.

use std::collections::HashMap;

use super::{Import, ImportError, Named, Table};
use crate::identity::{Tenant, TenantId, UserId};
use crate::store::Imported;
use crate::store::model::{Contact, ContactId, Fields, PhonebookId, SourceId};
use crate::store::wazo_schema::{OldContact, OldFavorite};

/// Longest identifier of a contact that can be a favourite, in characters: what an index of every database takes.
const LONGEST_CONTACT: usize = 512;

/// Whose contacts they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// A phonebook's.
    Phonebook(Tenant, PhonebookId),
    /// What a user keeps for himself.
    User(Tenant, UserId),
}

/// Contacts of one list, next to each other as they were read.
struct Run {
    owner: Owner,
    contacts: Vec<Contact>,
    hashes: Vec<String>,
}

impl Import<'_> {
    /// Takes the users: what each keeps for himself has a place then.
    pub(super) async fn users(&mut self) -> Result<(), ImportError> {
        loop {
            let batch = self.old.next_users().await?;
            if batch.is_empty() {
                return Ok(());
            }
            for old in batch {
                let tenant = self.tenant(old.tenant.as_deref());
                let Some((tenant, user)) = tenant.zip(UserId::new(&old.uuid)) else {
                    let reason = "there is no such tenant, or it was refused";
                    self.refused(Table::Users, &old.uuid, reason);
                    continue;
                };
                let new = self.target.user(&tenant, &user).await?;
                self.taken(Table::Users, new);
            }
        }
    }

    pub(super) async fn contacts(&mut self) -> Result<(), ImportError> {
        loop {
            let batch = self.old.next_contacts().await?;
            if batch.is_empty() {
                return Ok(());
            }
            let mut run: Option<Run> = None;
            for old in batch {
                let Some((owner, contact, hash)) = self.contact_of(old) else {
                    continue;
                };
                if run.as_ref().is_some_and(|run| run.owner != owner) {
                    self.write(run.take()).await?;
                }
                let run = run.get_or_insert_with(|| Run {
                    owner,
                    contacts: Vec::new(),
                    hashes: Vec::new(),
                });
                run.contacts.push(contact);
                run.hashes.push(hash);
            }
            self.write(run).await?;
        }
    }

    /// A contact as it is kept here; one that cannot be is refused.
    fn contact_of(&mut self, old: OldContact) -> Option<(Owner, Contact, String)> {
        let uuid = old.uuid.clone();
        let judged = self.owner_of(&old).and_then(|owner| {
            let fields = fields_of(old.fields);
            if fields.is_empty() {
                return Err("there is nothing in it");
            }
            Ok((owner, fields))
        });
        match judged {
            Err(reason) => {
                self.refused(Table::Contacts, &uuid, reason);
                None
            }
            Ok((owner, fields)) => {
                let uuid = ContactId(uuid);
                Some((owner, Contact { uuid, fields }, old.hash))
            }
        }
    }

    fn owner_of(&self, old: &OldContact) -> Result<Owner, &'static str> {
        let tenant = self.tenant(old.tenant.as_deref());
        let tenant = tenant.ok_or("it has no tenant, or one that was refused")?;
        match (&old.phonebook, &old.user) {
            (Some(book), None) => {
                let book = PhonebookId(book.clone());
                let there = self.phonebooks.contains_key(&book);
                let owner = there.then_some(Owner::Phonebook(tenant, book));
                owner.ok_or("its phonebook was refused")
            }
            (None, Some(user)) => {
                let user = UserId::new(user).ok_or("its user was refused")?;
                Ok(Owner::User(tenant, user))
            }
            (Some(_), Some(_)) => Err("it is a user's and a phonebook's at once"),
            (None, None) => Err("it is nobody's"),
        }
    }

    /// Writes contacts of one list, all or nothing.
    async fn write(&mut self, run: Option<Run>) -> Result<(), ImportError> {
        let Some(run) = run else {
            return Ok(());
        };
        let taken = self.target.contacts(&run.owner, &run.contacts, &run.hashes);
        let (outcomes, known) = taken.await?;
        for (contact, outcome) in run.contacts.iter().zip(outcomes) {
            let uuid = &contact.uuid.0;
            match outcome {
                Imported::Created => self.taken(Table::Contacts, true),
                Imported::IdTaken if known.contains(uuid) => self.taken(Table::Contacts, false),
                Imported::IdTaken => {
                    let reason = "a contact elsewhere has its identifier";
                    self.refused(Table::Contacts, uuid, reason);
                }
                Imported::Known(other) => {
                    let reason = format!("its list has the same as {}", other.0);
                    self.refused(Table::Contacts, uuid, reason);
                }
            }
        }
        Ok(())
    }

    pub(super) async fn favorites(&mut self) -> Result<(), ImportError> {
        let mut by_name: HashMap<(TenantId, Named), SourceId> = HashMap::new();
        let mut sources: Vec<_> = self.sources.iter().collect();
        // Sources over one phonebook share its name: it is always the same of them that stands for it.
        sources.sort();
        for (source, (tenant, named)) in sources {
            let key = (tenant.clone(), named.clone());
            by_name.entry(key).or_insert_with(|| source.clone());
        }
        loop {
            let batch = self.old.next_favorites().await?;
            if batch.is_empty() {
                return Ok(());
            }
            for old in batch {
                self.favorite(&by_name, old).await?;
            }
        }
    }

    async fn favorite(
        &mut self,
        by_name: &HashMap<(TenantId, Named), SourceId>,
        old: OldFavorite,
    ) -> Result<(), ImportError> {
        let row = format!("{} of user {}", old.contact, old.user);
        let given = SourceId(old.source.clone());
        let (tenant, user, source) = match self.chosen(by_name, &old) {
            Ok(chosen) => chosen,
            Err(reason) => {
                self.refused(Table::Favorites, &row, reason);
                return Ok(());
            }
        };
        if source != given {
            let how = format!("source {given} is another tenant's, now {source}");
            self.report.repair(Table::Favorites, &row, how);
        }
        let added = self
            .target
            .favorite((&tenant, &user), &source, &old.contact);
        let new = added.await?;
        self.taken(Table::Favorites, new);
        Ok(())
    }

    /// Whose favourite it is, and of which source. One of another tenant's source becomes one of the source of the same name and
    /// backend in the user's own tenant, which is what the user has chosen (O-1).
    fn chosen(
        &self,
        by_name: &HashMap<(TenantId, Named), SourceId>,
        old: &OldFavorite,
    ) -> Result<(Tenant, UserId, SourceId), String> {
        let tenant = self.tenant(old.tenant.as_deref());
        let owner = tenant.zip(UserId::new(&old.user));
        let (tenant, user) = owner.ok_or("its user was refused")?;
        if old.contact.chars().count() > LONGEST_CONTACT {
            return Err("its contact's identifier is too long".to_owned());
        }
        let given = SourceId(old.source.clone());
        let known = self.sources.get(&given);
        let (of, named) = known.ok_or_else(|| format!("source {given} was refused"))?;
        if of == tenant.id() {
            return Ok((tenant, user, given));
        }
        let own = by_name.get(&(tenant.id().clone(), named.clone())).cloned();
        let own = own.ok_or_else(|| {
            let (backend, name) = named;
            format!(
                "source {given} is another tenant's, and its own has no {backend} source called {name}"
            )
        })?;
        Ok((tenant, user, own))
    }
}

/// The fields of a contact: of rows of one name the last counts, and the identifier, which is among them, does not.
fn fields_of(rows: Vec<(String, Option<String>)>) -> Fields {
    let mut fields: Fields = rows.into_iter().collect();
    fields.shift_remove("id");
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_rows_of_one_name_the_last_counts_and_the_identifier_does_not() {
        let row = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
        let rows = vec![
            row("id", "c"),
            row("b", "1"),
            row("id", "c"),
            row("a", "2"),
            row("b", "3"),
            ("n".to_owned(), None),
        ];
        let fields = fields_of(rows);
        let expected = [row("b", "3"), row("a", "2"), ("n".to_owned(), None)];
        assert_eq!(fields.into_iter().collect::<Vec<_>>(), expected);
    }
}
