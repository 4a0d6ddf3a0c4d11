//! Why a lookup answers what it answers: every source of the service is asked alone, and what it was asked, how it answered and
//! what became of its contacts is written down. Who is expected and missing is looked for in [`missing`]. Nothing here is on the
//! way of real lookups; it may take longer than they do.
//!
//! The answer, for `{"profile": "default", "term": "zoe", "expect": "Zoe Adams"}`:
//!
//! ```json
//! {"profile": "default", "service": "lookup", "asked": "zoe", "spellings": [], "timeout": 5.0, "seconds": 0.002,
//!  "sources": [{"uuid": "…", "name": "people", "backend": "csv", "columns": ["fn"], "from": "index",
//!    "age": null, "outcome": "answered", "error": null, "seconds": 0.001, "found": 1, "rows": [{"fn": "Zoe", …}], "dropped": []}],
//!  "missing": []}
//! ```
//!
//! `missing` is there when somebody is expected, and empty when he is found.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout};

use super::number::Region;
use super::plan::{self, OpenSources};
use super::reverse::{DEFAULT_LIMIT, Spelled};
use super::template::Formatter;
use super::{Lookup, LookupError, missing, typed};
use crate::backends::{self, Asker, Entry, Source, SourceError, SourceKind, keypad};
use crate::identity::Tenant;
use crate::store::model::{ProfileService, ResolvedProfile, Source as Configured};

/// Contacts of a source that are shown.
const SHOWN: usize = 20;

/// A question to a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inquiry {
    /// A lookup of a term.
    Term(String),
    /// A reverse lookup of a number.
    Number(String),
}

impl Inquiry {
    /// The service of a profile that answers it.
    pub(super) fn service(&self) -> &'static str {
        match self {
            Self::Term(_) => "lookup",
            Self::Number(_) => "reverse",
        }
    }

    /// The term or number.
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Term(text) | Self::Number(text) => text,
        }
    }

    /// The columns in which a source looks for it.
    pub(super) fn columns<'a>(&self, source: &'a Configured) -> &'a [String] {
        match self {
            Self::Term(_) => &source.searched_columns,
            Self::Number(_) => &source.first_matched_columns,
        }
    }
}

/// What is to be explained, and of which profile.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Name of the profile.
    pub profile: &'a str,
    /// What it is asked.
    pub inquiry: &'a Inquiry,
    /// Name of somebody who should be found.
    pub expect: Option<&'a str>,
}

/// What a lookup did and why.
#[derive(Debug, Serialize)]
pub struct Explanation {
    profile: String,
    service: &'static str,
    asked: String,
    /// Other ways to write the number, which were looked for too.
    spellings: Vec<String>,
    /// Seconds that sources are waited for; null for no limit.
    timeout: Option<f64>,
    /// Seconds that it took.
    seconds: f64,
    sources: Vec<Report>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Vec<missing::Reason>>,
}

/// How a source ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// It answered.
    Answered,
    /// It said that it cannot answer.
    Failed,
    /// It did not answer in time.
    TimedOut,
    /// It could not be asked at all.
    Unusable,
}

/// What one source did.
#[derive(Debug, Serialize)]
struct Report {
    uuid: String,
    name: String,
    backend: String,
    columns: Vec<String>,
    /// `index` for contacts in memory, `mirror` for a copy of a whole directory, `copy` for a copy of an earlier answer, `live`
    /// for what a remote says now.
    from: Option<&'static str>,
    /// Seconds since a mirror or copy was known to be true.
    age: Option<f64>,
    outcome: Outcome,
    error: Option<String>,
    seconds: f64,
    found: usize,
    /// The first contacts that are part of the result, with every column.
    rows: Vec<Value>,
    /// Contacts that were found and are not part of the result.
    dropped: Vec<Value>,
}

/// A source that was asked, and what it found.
pub(super) struct Examined {
    pub(super) configured: Configured,
    pub(super) source: Option<Arc<dyn Source>>,
    pub(super) outcome: Outcome,
    pub(super) found: Vec<Entry>,
    /// True if an earlier source has the number.
    pub(super) dropped: bool,
    error: Option<String>,
    seconds: f64,
}

impl Lookup {
    /// Explains what is found with a profile, and why somebody is not.
    pub async fn explain(
        &self,
        tenant: &Tenant,
        wanted: Wanted<'_>,
        asker: &Asker,
    ) -> Result<Explanation, LookupError> {
        let Wanted {
            profile,
            inquiry,
            expect,
        } = wanted;
        let started = Instant::now();
        let unknown = || LookupError::UnknownProfile(profile.to_owned());
        let resolved = self.store.resolve_profile(tenant, profile);
        let resolved = resolved.await.map_err(Arc::new)?.ok_or_else(unknown)?;
        let country = self.store.country(tenant).await.map_err(Arc::new)?;
        let service = resolved.profile.services.get(inquiry.service());
        let question = Question::new(inquiry, service, country.as_deref(), self.default_timeout);
        let mut examined = question
            .ask_each(&resolved, service, &self.sources, asker)
            .await;
        if matches!(inquiry, Inquiry::Number(_)) {
            keep_first(&mut examined);
        }
        for source in &mut examined {
            source.format();
        }
        let missing = match expect {
            None => None,
            Some(expect) => {
                let search = missing::Search {
                    lookup: self,
                    tenant,
                    inquiry,
                    asker,
                    expect,
                    limit: question.limit,
                };
                Some(search.reasons(&examined).await.map_err(Arc::new)?)
            }
        };
        Ok(Explanation {
            profile: profile.to_owned(),
            service: inquiry.service(),
            asked: inquiry.text().to_owned(),
            spellings: question.spellings,
            timeout: question.limit.map(|limit| limit.as_secs_f64()),
            seconds: started.elapsed().as_secs_f64(),
            sources: examined
                .iter()
                .map(|source| source.report(inquiry))
                .collect(),
            missing,
        })
    }
}

/// What every source is asked.
struct Question<'a> {
    inquiry: &'a Inquiry,
    region: Option<&'static Region>,
    spellings: Vec<String>,
    keypad: bool,
    limit: Option<Duration>,
}

impl<'a> Question<'a> {
    fn new(
        inquiry: &'a Inquiry,
        service: Option<&ProfileService>,
        country: Option<&str>,
        default_limit: Option<Duration>,
    ) -> Self {
        let own_limit = service.and_then(plan::timeout);
        let (region, limit) = match inquiry {
            Inquiry::Term(_) => (None, own_limit.or(default_limit)),
            Inquiry::Number(_) => {
                let own = service.and_then(plan::region);
                let region = own.or_else(|| country.and_then(Region::named));
                (region, Some(own_limit.unwrap_or(DEFAULT_LIMIT)))
            }
        };
        let spellings = region.map(|region| region.spellings(inquiry.text()));
        Self {
            inquiry,
            region,
            spellings: spellings.unwrap_or_default(),
            keypad: service.is_some_and(plan::keypad),
            limit,
        }
    }

    async fn ask_each(
        &self,
        resolved: &ResolvedProfile,
        service: Option<&ProfileService>,
        open: &OpenSources,
        asker: &Asker,
    ) -> Vec<Examined> {
        let ids = service.into_iter().flat_map(|service| &service.sources);
        let configured = ids.filter_map(|id| {
            let mut sources = resolved.sources.iter();
            sources.find(|source| source.uuid == *id)
        });
        join_all(configured.map(|source| self.ask(source, open, asker))).await
    }

    async fn ask(&self, configured: &Configured, open: &OpenSources, asker: &Asker) -> Examined {
        let started = Instant::now();
        let source = open.get(configured).await;
        let (outcome, found, error) = match &source {
            None => (Outcome::Unusable, Vec::new(), None),
            Some(source) => match within(self.limit, self.found(source.as_ref(), asker)).await {
                None => (Outcome::TimedOut, Vec::new(), None),
                Some(Ok(found)) => (Outcome::Answered, found, None),
                Some(Err(error)) => (Outcome::Failed, Vec::new(), Some(error.to_string())),
            },
        };
        Examined {
            configured: configured.clone(),
            source,
            outcome,
            found,
            dropped: false,
            error,
            seconds: started.elapsed().as_secs_f64(),
        }
    }

    async fn found(&self, source: &dyn Source, asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        let term = match self.inquiry {
            Inquiry::Term(term) => term,
            Inquiry::Number(number) => {
                let given = [number.clone()];
                let numbers = Spelled::new(&given, self.region);
                let found = numbers.ask(source, asker).await?;
                return Ok(found.into_values().collect());
            }
        };
        let mut found = source.search(term, asker).await?.entries();
        if self.keypad
            && let Some(keys) = keypad::keys(term)
        {
            let typed = source.typed(keys, asker).await?;
            let new = typed::unknown(typed, found.iter().cloned());
            found.extend(new);
        }
        Ok(found)
    }
}

/// The answer of a source, unless the limit comes first.
pub(super) async fn within<F: Future>(limit: Option<Duration>, answer: F) -> Option<F::Output> {
    match limit {
        None => Some(answer.await),
        Some(limit) => timeout(limit, answer).await.ok(),
    }
}

/// A number is answered by the first source that has it.
fn keep_first(examined: &mut [Examined]) {
    let having = examined
        .iter_mut()
        .filter(|source| !source.found.is_empty());
    for later in having.skip(1) {
        later.dropped = true;
    }
}

impl Examined {
    /// Makes every column of every contact.
    fn format(&mut self) {
        let mut formatter = Formatter::new(&self.configured.format_columns);
        let kind = backends::kind(&self.configured.backend);
        if let Some(template) = kind.and_then(SourceKind::implicit_reverse) {
            formatter = formatter.or("reverse", template);
        }
        for entry in &mut self.found {
            formatter.apply(entry);
        }
    }

    fn report(&self, inquiry: &Inquiry) -> Report {
        let shown: Vec<Value> = self.found.iter().take(SHOWN).map(columns).collect();
        let (rows, dropped) = if self.dropped {
            let reason = missing::Why::AnEarlierSourceHasTheNumber;
            let dropped = shown.into_iter();
            let dropped = dropped.map(|row| json!({"row": row, "reason": reason}));
            (Vec::new(), dropped.collect())
        } else {
            (shown, Vec::new())
        };
        let (from, age) = self.source.as_deref().map(origin).unzip();
        Report {
            uuid: self.configured.uuid.0.clone(),
            name: self.configured.name.clone(),
            backend: self.configured.backend.clone(),
            columns: inquiry.columns(&self.configured).to_vec(),
            from,
            age: age.flatten(),
            outcome: self.outcome,
            error: self.error.clone(),
            seconds: self.seconds,
            found: self.found.len(),
            rows,
            dropped,
        }
    }
}

/// Where the last answer of a source came from, and the seconds since that was known to be true.
fn origin(source: &dyn Source) -> (&'static str, Option<f64>) {
    if source.is_held() {
        return ("index", None);
    }
    let health = source.health();
    let mirror = health.as_ref().and_then(|health| health.mirror.as_ref());
    let copy = health.as_ref().and_then(|health| health.copy);
    match (mirror, copy) {
        (Some(mirror), _) => ("mirror", Some(mirror.age.as_secs_f64())),
        (None, Some(age)) => ("copy", Some(age.as_secs_f64())),
        (None, None) => ("live", None),
    }
}

/// Every column of a contact.
fn columns(entry: &Entry) -> Value {
    let fields = entry.fields().into_iter();
    let fields = fields.map(|(name, field)| (name.to_owned(), json!(field)));
    Value::Object(fields.collect::<Map<String, Value>>())
}
