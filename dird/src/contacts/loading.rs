//! Filling a phonebook from a file by hand: every row or card that makes a contact is taken, and what was left out is counted
//! and named.

use std::collections::BTreeMap;
use std::io::{self, Read};

use tokio::sync::mpsc;

use super::charset::Charset;
use super::import::{BATCH, Refused, phonebook_row, read_ahead};
use super::sheet::SheetError;
use super::spool::Spool;
use super::text::Text;
use super::vcard;
use crate::identity::Tenant;
use crate::store::model::{Contact, ListId};
use crate::store::{Imported, Store};

/// Rows that are named one by one.
const NAMED: usize = 20;

/// Form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileForm {
    /// Rows below a row of names.
    Csv,
    /// Cards.
    Vcard,
}

/// What became of a file.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Rows or cards that were read.
    pub read: u64,
    /// Contacts that are new.
    pub created: u64,
    /// Contacts that the phonebook has already.
    pub known: u64,
    /// Rows or cards that make no contact.
    pub bad: u64,
    /// The first of them: line and reason.
    pub named: Vec<(u64, String)>,
    /// Properties of cards that contacts have no field for, and how often they were met.
    pub left_out: BTreeMap<String, u64>,
}

struct Row {
    line: u64,
    read: Result<Contact, String>,
    left_out: Vec<String>,
}

type Rows = mpsc::Receiver<Result<Vec<Row>, Refused>>;

/// Fills a phonebook in one transaction; `progress` is told after each batch.
pub async fn load_into_phonebook(
    store: &Store,
    tenant: &Tenant,
    list: &ListId,
    (file, charset, form): (Spool, Charset, FileForm),
    mut progress: impl FnMut(&Loaded),
) -> Result<Loaded, Refused> {
    let mut rows = match form {
        FileForm::Csv => read_ahead(file, charset, |columns, line, row| {
            Some(csv_row(columns, line, row))
        }),
        FileForm::Vcard => cards(file, charset),
    };
    let mut import = store.import_contacts(tenant, list).await?;
    let mut loaded = Loaded::default();
    while let Some(batch) = rows.recv().await {
        let contacts = loaded.sort(batch?);
        for outcome in import.add(&contacts).await? {
            match outcome {
                Imported::Created => loaded.created += 1,
                Imported::Known(_) | Imported::IdTaken => loaded.known += 1,
            }
        }
        progress(&loaded);
    }
    import.commit().await?;
    Ok(loaded)
}

impl Loaded {
    /// Counts a batch and keeps what makes contacts.
    fn sort(&mut self, batch: Vec<Row>) -> Vec<Contact> {
        let mut contacts = Vec::with_capacity(batch.len());
        for row in batch {
            self.read += 1;
            for property in row.left_out {
                *self.left_out.entry(property).or_default() += 1;
            }
            match row.read {
                Ok(contact) => contacts.push(contact),
                Err(reason) => {
                    self.bad += 1;
                    if self.named.len() < NAMED {
                        self.named.push((row.line, reason));
                    }
                }
            }
        }
        contacts
    }
}

fn csv_row(columns: &[String], line: u64, row: &super::sheet::SheetRow) -> Row {
    Row {
        line,
        read: phonebook_row(columns, row).map_err(|(reason, _)| reason.to_owned()),
        left_out: Vec::new(),
    }
}

/// Reads cards on a thread of its own.
fn cards(file: Spool, charset: Charset) -> Rows {
    let (batches, rows) = mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        let text = match text_of(file, charset) {
            Ok(text) => text,
            Err(error) => {
                let _ = batches.blocking_send(Err(error));
                return;
            }
        };
        let mut cards = vcard::read(&text).into_iter().map(row_of).peekable();
        while cards.peek().is_some() {
            let batch: Vec<Row> = cards.by_ref().take(BATCH).collect();
            if batches.blocking_send(Ok(batch)).is_err() {
                return;
            }
        }
    });
    rows
}

fn text_of(mut file: Spool, charset: Charset) -> Result<String, Refused> {
    file.rewind()?;
    let mut text = String::new();
    let read = Text::new(&mut file, charset).read_to_string(&mut text);
    read.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => Refused::Sheet(SheetError::Encoding(error.to_string())),
        _ => Refused::Io(error),
    })?;
    Ok(text)
}

fn row_of(card: vcard::Card) -> Row {
    let line = card.line;
    match card.read {
        Ok((contact, left_out)) => Row {
            line,
            read: Ok(contact),
            left_out,
        },
        Err(reason) => Row {
            line,
            read: Err(reason),
            left_out: Vec::new(),
        },
    }
}
