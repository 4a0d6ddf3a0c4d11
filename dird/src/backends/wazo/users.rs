//! Users of a platform as contacts (dird-backends.md §7).

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value, json};
use tokio::sync::OnceCell;

use crate::backends::guard::Remote;
use crate::backends::listing::{Contact, Listing, ListingError};
use crate::backends::matching::{Equality, Term, first_by_number, with_ids};
use crate::backends::mirror::{Copied, Fetch, Whole};
use crate::backends::platform::{all_of, id_text, listed, only};
use crate::backends::remote::{Confd, Parameters, RemoteError};
use crate::backends::{Asker, Entry, Relations};
use crate::store::{Listed, Page};

/// Questions to the service at once, for one question to the source.
const AT_ONCE: usize = 4;

/// Numbers in one question: more would make addresses that servers refuse.
const NUMBERS: usize = 100;

/// Columns by which the service can look for several numbers at once.
const NUMBER_COLUMNS: [&str; 2] = ["exten", "mobile_phone_number"];

/// What a contact has of a user's record.
const FIELDS: [&str; 9] = [
    "id",
    "exten",
    "firstname",
    "lastname",
    "userfield",
    "email",
    "description",
    "mobile_phone_number",
    "voicemail_number",
];

/// What the list of contacts shows of a record.
const LISTED: [&str; 8] = [
    "id",
    "uuid",
    "firstname",
    "lastname",
    "email",
    "exten",
    "mobile_phone_number",
    "voicemail_number",
];

/// The users of one platform.
pub(super) struct Users {
    pub(super) confd: Confd,
    pub(super) searched: Vec<String>,
    pub(super) matched: Vec<String>,
    /// Identity of the platform, asked for once.
    pub(super) identity: OnceCell<Option<Arc<str>>>,
}

impl Users {
    async fn users(&self, parameters: Parameters) -> Result<Vec<Entry>, RemoteError> {
        let identity = self.platform().await?;
        let page = self.confd.list("users", &self.asking(parameters)).await?;
        let records = page.items.iter();
        Ok(records
            .map(|record| entry(record, identity.as_deref()))
            .collect())
    }

    /// Identity of the platform, which is asked for once.
    async fn platform(&self) -> Result<Option<Arc<str>>, RemoteError> {
        let identity = self.identity.get_or_try_init(|| async {
            let identity = self.confd.identity().await?;
            Ok::<_, RemoteError>(identity.map(Arc::from))
        });
        Ok(identity.await?.clone())
    }

    fn asking(&self, parameters: Parameters) -> Parameters {
        let mut all = directory();
        all.push(("recurse".into(), "True".into()));
        all.extend(self.confd.extra_parameters());
        all.extend(parameters);
        all
    }

    /// One question a column and hundred numbers, where the service can search by the column itself.
    async fn by_columns(&self, numbers: &[String]) -> Result<HashMap<String, Entry>, RemoteError> {
        let questions: Vec<Parameters> = self
            .matched
            .iter()
            .flat_map(|column| {
                let chunks = numbers.chunks(NUMBERS);
                chunks.map(move |chunk| vec![(column.clone(), chunk.join(","))])
            })
            .collect();
        self.merged(questions, numbers).await
    }

    /// One question a number.
    async fn one_by_one(&self, numbers: &[String]) -> Result<HashMap<String, Entry>, RemoteError> {
        let question = |number: &String| vec![("search".to_owned(), number.clone())];
        self.merged(numbers.iter().map(question).collect(), numbers)
            .await
    }

    async fn merged(
        &self,
        questions: Vec<Parameters>,
        numbers: &[String],
    ) -> Result<HashMap<String, Entry>, RemoteError> {
        let answers: Vec<Vec<Entry>> = stream::iter(questions)
            .map(|question| self.users(question))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let users = answers.into_iter().flatten().collect();
        Ok(first_by_number(
            users,
            &self.matched,
            numbers,
            Equality::Exact,
        ))
    }
}

fn directory() -> Parameters {
    vec![("view".into(), "directory".into())]
}

fn entry(record: &Map<String, Value>, identity: Option<&str>) -> Entry {
    let (fields, relations) = contact(record, identity);
    Entry::of_map(fields, relations)
}

/// What a contact has of a record, and what a result says of the person.
fn contact(record: &Map<String, Value>, identity: Option<&str>) -> (Contact, Relations) {
    let mut fields = only(record, &FIELDS);
    let text = |name: &str| {
        record
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let names: Vec<&str> = [text("firstname"), text("lastname")]
        .into_iter()
        .flatten()
        .collect();
    fields.insert("full_name".into(), json!(names.join(" ")));
    let number = |name: &str| record.get(name).and_then(Value::as_i64);
    let relations = Relations {
        xivo_id: identity.map(str::to_owned),
        agent_id: number("agent_id"),
        user_id: number("id"),
        user_uuid: text("uuid").map(str::to_owned),
        endpoint_id: number("line_id"),
        source_entry_id: id_text(record.get("id")),
    };
    (fields, relations)
}

#[async_trait]
impl Whole for Users {
    fn numbers(&self) -> Equality {
        Equality::Exact
    }

    async fn fetch(&self, _mark: Option<&str>, _asker: &Asker) -> Result<Fetch, RemoteError> {
        let identity = self.platform().await?;
        let asking = self.asking(vec![("order".into(), "id".into())]);
        let records = all_of(&self.confd, "users", &asking).await?;
        let users = records.iter().map(|record| {
            let (fields, relations) = contact(record, identity.as_deref());
            let id = relations.source_entry_id.clone().unwrap_or_default();
            Copied::new(&id, fields, relations)
        });
        Ok(Fetch::Whole(users.collect(), None))
    }
}

#[async_trait]
impl Remote for Users {
    async fn search(&self, term: &str, _asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        let mut parameters = Parameters::new();
        if !term.is_empty() {
            parameters.push(("search".into(), term.to_owned()));
        }
        let mut users = self.users(parameters).await?;
        let term = Term::new(term);
        users.retain(|user| term.is_in(user, &self.searched));
        Ok(users)
    }

    async fn reverse(
        &self,
        numbers: &[String],
        _asker: &Asker,
    ) -> Result<HashMap<String, Entry>, RemoteError> {
        if self.matched.is_empty() {
            return Ok(HashMap::new());
        }
        let by_number = |column: &String| NUMBER_COLUMNS.contains(&column.as_str());
        let safe = numbers.iter().all(|number| !number.contains(','));
        if numbers.len() > 1
            && numbers.len() >= self.matched.len()
            && safe
            && self.matched.iter().all(by_number)
        {
            self.by_columns(numbers).await
        } else {
            self.one_by_one(numbers).await
        }
    }

    async fn list(&self, ids: &[String], _asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        Ok(with_ids(self.users(Parameters::new()).await?, ids))
    }

    fn whole(&self) -> Option<&dyn Whole> {
        Some(self)
    }

    fn listing(&self) -> Option<&dyn Listing> {
        Some(self)
    }
}

#[async_trait]
impl Listing for Users {
    async fn contacts(&self, page: &Page, _asker: &Asker) -> Result<Listed<Contact>, ListingError> {
        listed(&self.confd, "users", directory(), page, |record| {
            only(record, &LISTED)
        })
        .await
    }
}
