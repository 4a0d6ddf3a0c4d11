//! What the two sources over a platform's configuration service share: how they list, and how its records become contacts.

use serde_json::{Map, Value};

use super::listing::{Contact, ListingError};
use super::remote::{Confd, Parameters, RemoteError};
use crate::store::{Listed, Page};

/// A page of the list at `path`; the service sorts, filters and pages. Each record is shown as `shape` makes it.
pub(super) async fn listed(
    confd: &Confd,
    path: &str,
    mut parameters: Parameters,
    page: &Page,
    shape: fn(&Map<String, Value>) -> Contact,
) -> Result<Listed<Contact>, ListingError> {
    parameters.extend(confd.extra_parameters());
    parameters.extend(of_page(page));
    let answered = confd.list(path, &parameters).await;
    let answered = answered.map_err(|error| failure(confd, &error))?;
    let items: Vec<Contact> = answered.items.iter().map(shape).collect();
    let total = answered.total.unwrap_or(items.len() as u64);
    let total = i64::try_from(total).unwrap_or(i64::MAX);
    Ok(Listed {
        total,
        filtered: total,
        items,
    })
}

/// Contacts of a directory that are fetched at most.
const MOST: usize = 200_000;

/// Records in one page of a fetch.
const PAGE: &str = "1000";

/// Every record of the list at `path`, page by page. A list that ends before its own count is no list.
pub(super) async fn all_of(
    confd: &Confd,
    path: &str,
    parameters: &Parameters,
) -> Result<Vec<Map<String, Value>>, RemoteError> {
    let mut records = Vec::new();
    loop {
        let mut asking = parameters.clone();
        asking.push(("limit".to_owned(), PAGE.to_owned()));
        asking.push(("offset".to_owned(), records.len().to_string()));
        let page = confd.list(path, &asking).await?;
        let total = page.total.ok_or(RemoteError::CutShort)?;
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        if total > MOST {
            return Err(RemoteError::TooMany(MOST));
        }
        let came = page.items.len();
        records.extend(page.items);
        if records.len() >= total {
            return Ok(records);
        }
        if came == 0 {
            return Err(RemoteError::CutShort);
        }
    }
}

fn failure(confd: &Confd, error: &RemoteError) -> ListingError {
    ListingError::Confd(confd.shown(), error.to_string())
}

/// Booleans travel as the platform's own clients write them.
fn of_page(page: &Page) -> Parameters {
    let mut parameters = vec![
        (
            "recurse".to_owned(),
            if page.recurse { "True" } else { "False" }.to_owned(),
        ),
        ("order".to_owned(), page.order.to_owned()),
        (
            "direction".to_owned(),
            if page.descending { "desc" } else { "asc" }.to_owned(),
        ),
        ("offset".to_owned(), page.offset.to_string()),
    ];
    if let Some(limit) = page.limit {
        parameters.push(("limit".to_owned(), limit.to_string()));
    }
    if let Some(search) = &page.search {
        parameters.push(("search".to_owned(), search.clone()));
    }
    let filters = page.filters.iter();
    parameters.extend(filters.map(|(name, value)| ((*name).to_owned(), value.clone())));
    parameters
}

/// The members of `record` called `names`, null where there are none.
pub(super) fn only(record: &Map<String, Value>, names: &[&str]) -> Contact {
    let member = |name: &&str| {
        let value = record.get(*name).cloned().unwrap_or(Value::Null);
        ((*name).to_owned(), value)
    };
    names.iter().map(member).collect()
}

/// The text form of an identifier; null has none.
pub(super) fn id_text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
