//! The whole list of a CSV service, for a mirror. The service is asked whether it has changed (`If-None-Match`).

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::{LONGEST, Service, answer};
use crate::backends::matching::Equality;
use crate::backends::mirror::{Copied, Fetch, Whole};
use crate::backends::remote::{Fetched, Redirects, RemoteError};
use crate::backends::{Asker, Relations};
use crate::index::{Row, Table};

#[async_trait]
impl Whole for Service {
    fn numbers(&self) -> Equality {
        Equality::Exact
    }

    async fn fetch(&self, mark: Option<&str>, _asker: &Asker) -> Result<Fetch, RemoteError> {
        let url = self.list.clone().ok_or(RemoteError::Defect)?;
        let client = self.clients.get(&self.trust, Redirects::Followed).await?;
        let mut request = client.get(url);
        if let Some(mark) = mark {
            request = request.header("If-None-Match", mark);
        }
        let fetched = Fetched::get(request, self.deadline, LONGEST).await?;
        match fetched.status {
            200 => {}
            304 if mark.is_some() => return Ok(Fetch::Same),
            status => return Err(RemoteError::Status(status)),
        }
        if fetched.body.iter().all(u8::is_ascii_whitespace) {
            // Not even names of columns: that is no list, however short.
            return Err(RemoteError::CutShort);
        }
        let mark = Some(fetched.tag.clone()).filter(|tag| !tag.is_empty());
        let delimiter = self.delimiter;
        let table = tokio::task::spawn_blocking(move || answer::table(&fetched, delimiter)).await;
        let table = table.map_err(|error| RemoteError::Unreadable(error.to_string()))??;
        let contacts = copied(&table, self.unique_column.as_deref());
        Ok(Fetch::Whole(contacts, mark))
    }
}

fn copied(table: &Table, unique: Option<&str>) -> Vec<Copied> {
    let contact = |index: usize| {
        let row = table.row(index);
        let relations = Relations {
            source_entry_id: unique.and_then(|column| row.get(column)).map(str::to_owned),
            ..Relations::default()
        };
        Copied::new(&index.to_string(), fields(&row), relations)
    };
    (0..table.len()).map(contact).collect()
}

fn fields(row: &Row<'_>) -> Map<String, Value> {
    let value = |(name, value): (&str, Option<&str>)| (name.to_owned(), Value::from(value));
    row.fields().map(value).collect()
}
