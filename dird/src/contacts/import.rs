//! Rows of a file as contacts of a list, in one transaction. A phonebook takes all rows or none; a user's own contacts take
//! every good row. Reading runs beside the transaction, a few batches ahead of it.

use std::io;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::charset::Charset;
use super::sheet::{Sheet, SheetError, SheetRow};
use super::spool::Spool;
use crate::identity::Tenant;
use crate::store::model::{Contact, ContactId, Fields, ListId, random_id};
use crate::store::{Import, Imported, Store, StoreError};

/// Contacts that one statement adds.
pub(super) const BATCH: usize = 100;

/// Batches that may be read before they are added.
const AHEAD: usize = 2;

/// Bad rows that are told one by one; a file with more has another problem.
const MOST_BAD_ROWS: usize = 10_000;

/// Longest identifier of a contact, in characters (dird-api-contacts.md §1.3).
pub const LONGEST_ID: usize = 38;

/// A row that makes no contact of a phonebook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BadRow {
    /// What it holds; cells without a column are under `null`.
    pub contact: Map<String, Value>,
    /// What is wrong.
    pub message: &'static str,
    /// Number of the row, from 0.
    pub index: u64,
}

/// A row that makes no personal contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedRow {
    /// What is wrong.
    pub errors: Vec<String>,
    /// Line in which the row ends, from 1.
    pub line: u64,
}

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The file does not read.
    #[error(transparent)]
    Sheet(#[from] SheetError),
    /// Several columns have these names.
    #[error("repeated columns: {0:?}")]
    RepeatedColumns(Vec<String>),
    /// There is no row.
    #[error("no row")]
    Empty,
    /// Rows that a phonebook does not take.
    #[error("{} bad rows", .0.len())]
    BadRows(Vec<BadRow>),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file of our own failed.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Who wants to know what has been added.
#[async_trait]
pub trait Sink: Send {
    /// Contacts that the list now has, in the order of their rows.
    async fn added(&mut self, contacts: Vec<Contact>) -> io::Result<()>;
}

/// A file in which every row makes a contact of a phonebook.
pub async fn checked_for_phonebook(file: Spool, charset: Charset) -> Result<Spool, Refused> {
    on_a_thread(move || check(file, charset)).await
}

/// Imports a file that was checked into a phonebook, in one transaction. Rows whose content the phonebook has are left out.
pub async fn import_into_phonebook(
    store: &Store,
    tenant: &Tenant,
    list: &ListId,
    (file, charset): (Spool, Charset),
    sink: &mut dyn Sink,
) -> Result<(), Refused> {
    let mut batches = read_ahead(file, charset, |columns, _, row| {
        phonebook_row(columns, row).ok()
    });
    let mut import = store.import_contacts(tenant, list).await?;
    while let Some(batch) = batches.recv().await {
        let batch = batch?;
        let outcomes = import.add(&batch).await?;
        let added = batch.into_iter().zip(outcomes);
        let added = added.filter(|(_, outcome)| *outcome == Imported::Created);
        sink.added(added.map(|(contact, _)| contact).collect())
            .await?;
    }
    Ok(import.commit().await?)
}

/// Reads the whole file once, so that nothing is written of one that is not good to its end.
fn check(mut file: Spool, charset: Charset) -> Result<Spool, Refused> {
    file.rewind()?;
    let mut sheet = Sheet::open(&mut file, charset)?;
    let repeated = sheet.repeated_columns();
    if !repeated.is_empty() {
        let repeated = repeated.into_iter().map(str::to_owned).collect();
        return Err(Refused::RepeatedColumns(repeated));
    }
    let (mut rows, mut bad) = (0, Vec::new());
    while let Some(row) = sheet.next_row()? {
        if let Err((message, contact)) = phonebook_row(sheet.columns(), &row)
            && bad.len() < MOST_BAD_ROWS
        {
            bad.push(BadRow {
                contact,
                message,
                index: rows,
            });
        }
        rows += 1;
    }
    match (rows, bad.is_empty()) {
        (0, _) => Err(Refused::Empty),
        (_, true) => Ok(file),
        (_, false) => Err(Refused::BadRows(bad)),
    }
}

/// A row as a contact of a phonebook (dird-api-contacts.md §4), or what is wrong with it and what it holds.
pub(super) fn phonebook_row(
    columns: &[String],
    row: &SheetRow,
) -> Result<Contact, (&'static str, Map<String, Value>)> {
    let cells = || {
        columns
            .iter()
            .zip(row.cells.iter().map(Some).chain(std::iter::repeat(None)))
    };
    let refused = |message| {
        let mut held: Map<String, Value> = cells()
            .map(|(column, cell)| (column.clone(), cell.into()))
            .collect();
        let surplus: Vec<Value> = row
            .cells
            .iter()
            .skip(columns.len())
            .map(Value::from)
            .collect();
        if !surplus.is_empty() {
            held.insert("null".into(), surplus.into());
        }
        (message, held)
    };
    if row.cells.len() > columns.len() {
        return Err(refused("Contacts cannot have null keys"));
    }
    if columns.iter().any(String::is_empty) {
        return Err(refused("Contacts cannot have empty keys"));
    }
    let fields: Fields = cells()
        .filter(|(column, _)| *column != "id")
        .map(|(column, cell)| (column.clone(), cell.map(str::to_owned)))
        .collect();
    if fields.is_empty() {
        return Err(refused("Contacts cannot be empty"));
    }
    Ok(Contact {
        uuid: ContactId(random_id()),
        fields,
    })
}

/// A row of a user's file: what it holds, and the line it ends in.
struct PersonalRow {
    line: u64,
    read: Result<Contact, String>,
    /// An identifier that no other contact may have, though it need not be this one's.
    claimed: Option<String>,
}

/// Imports a file into a user's own contacts: every good row, also those that the list has already. What is wrong with the
/// others is the result; without a good row nothing is written and it is an error.
pub async fn import_personal(
    store: &Store,
    tenant: &Tenant,
    list: &ListId,
    (mut file, charset): (Spool, Charset),
    sink: &mut dyn Sink,
) -> Result<Vec<FailedRow>, PersonalRefused> {
    file.rewind().map_err(Refused::from)?;
    let mut rows = read_ahead(file, charset, |columns, line, row| {
        Some(personal_row(columns, line, row))
    });
    let mut import = store
        .import_contacts(tenant, list)
        .await
        .map_err(Refused::from)?;
    let (mut failed, mut good) = (Vec::new(), false);
    while let Some(batch) = rows.recv().await {
        let added = add_personal(import.as_mut(), batch?, &mut failed).await?;
        good |= !added.is_empty();
        sink.added(added).await.map_err(Refused::from)?;
    }
    if !good {
        return Err(PersonalRefused::NoGoodRow(failed));
    }
    import.commit().await.map_err(Refused::from)?;
    Ok(failed)
}

/// Why no personal contact was imported.
#[derive(Debug, thiserror::Error)]
pub enum PersonalRefused {
    /// There is no row, or only bad ones.
    #[error("no good row")]
    NoGoodRow(Vec<FailedRow>),
    /// The file or the store.
    #[error(transparent)]
    Other(#[from] Refused),
}

/// Adds the good rows of a batch; they get the identifiers that the list has for them.
async fn add_personal(
    import: &mut dyn Import,
    batch: Vec<PersonalRow>,
    failed: &mut Vec<FailedRow>,
) -> Result<Vec<Contact>, Refused> {
    let claimed: Vec<&str> = batch
        .iter()
        .filter_map(|row| row.claimed.as_deref())
        .collect();
    let mut taken = import.taken(&claimed).await?;
    let mut good = Vec::new();
    for row in batch {
        let exists = row.claimed.filter(|id| taken.contains(id));
        match (row.read, exists) {
            (Ok(contact), None) => {
                taken.insert(contact.uuid.0.clone());
                good.push(contact);
            }
            (Ok(_), Some(id)) => fail(failed, row.line, format!("contact \"{id}\" already exist")),
            (Err(error), _) => fail(failed, row.line, error),
        }
    }
    let outcomes = import.add(&good).await?;
    for (contact, outcome) in good.iter_mut().zip(outcomes) {
        if let Imported::Known(known) = outcome {
            contact.uuid = known;
        }
    }
    Ok(good)
}

fn fail(failed: &mut Vec<FailedRow>, line: u64, error: String) {
    if failed.len() < MOST_BAD_ROWS {
        let errors = vec![error];
        failed.push(FailedRow { errors, line });
    }
}

fn personal_row(columns: &[String], line: u64, row: &SheetRow) -> PersonalRow {
    let mut fields: Fields = columns
        .iter()
        .zip(row.cells.iter())
        .map(|(column, cell)| (column.clone(), Some(cell.to_owned())))
        .collect();
    let id = fields.shift_remove("id").flatten();
    let (own, claimed) = match id.filter(|id| !id.is_empty()) {
        Some(id) => (Some(id.clone()), Some(id)),
        None if columns.iter().any(|column| column == "id") => (None, None),
        None => (None, fields.get("uuid").cloned().flatten()),
    };
    let read = if row.cells.len() < columns.len() {
        Err("missing fields".to_owned())
    } else if row.cells.len() > columns.len() {
        Err("too many fields".to_owned())
    } else if columns.iter().any(String::is_empty) {
        Err("\"\" is a forbidden in keys".to_owned())
    } else if own
        .as_ref()
        .is_some_and(|id| id.chars().count() > LONGEST_ID)
    {
        Err(format!("an id has at most {LONGEST_ID} characters"))
    } else {
        Ok(Contact {
            uuid: ContactId(own.unwrap_or_else(random_id)),
            fields,
        })
    };
    PersonalRow {
        line,
        claimed: if read.is_ok() { claimed } else { None },
        read,
    }
}

/// Reads a file on a thread of its own, a few batches ahead. The receiver going away ends it.
pub(super) fn read_ahead<T: Send + 'static>(
    file: Spool,
    charset: Charset,
    make: impl Fn(&[String], u64, &SheetRow) -> Option<T> + Send + 'static,
) -> mpsc::Receiver<Result<Vec<T>, Refused>> {
    let (batches, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = send_batches(file, charset, make, &batches) {
            // Nobody waiting for it any more is no failure.
            let _ = batches.blocking_send(Err(error));
        }
    });
    receiver
}

fn send_batches<T>(
    mut file: Spool,
    charset: Charset,
    make: impl Fn(&[String], u64, &SheetRow) -> Option<T>,
    batches: &mpsc::Sender<Result<Vec<T>, Refused>>,
) -> Result<(), Refused> {
    file.rewind()?;
    let mut sheet = Sheet::open(&mut file, charset)?;
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(row) = sheet.next_row()? {
        batch.extend(make(sheet.columns(), row.line, &row));
        if batch.len() == BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH));
            if batches.blocking_send(Ok(full)).is_err() {
                return Ok(());
            }
        }
    }
    let _ = batches.blocking_send(Ok(batch));
    Ok(())
}

async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Refused::Io(io::Error::other(error)))?
}
