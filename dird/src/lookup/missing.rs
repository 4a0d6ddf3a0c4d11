//! Where somebody is who was expected in a result and is not there.

use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use kit::fold::fold;
use serde::Serialize;
use tokio::time::Instant;

use super::Lookup;
use super::explain::{Examined, Inquiry, Outcome, within};
use crate::backends::{Asker, Entry, Field};
use crate::identity::Tenant;
use crate::store::model::Source as Configured;
use crate::store::{Page, StoreError};

/// Other sources that are asked at once.
const AT_ONCE: usize = 8;

/// How long other sources are asked where lookups have no limit.
const LONGEST: Duration = Duration::from_secs(10);

/// Why somebody is not in a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Why {
    /// The source did not answer in time; he may be there or not.
    SourceTimedOut,
    /// The source could not answer; he may be there or not.
    SourceFailed,
    /// The source could not be asked; he may be there or not.
    SourceCannotBeUsed,
    /// He has the term or number, but in columns that the source does not look into.
    NotInTheSearchedColumns,
    /// He has no number in the columns that the source compares.
    NumberColumnEmpty,
    /// He has other numbers.
    NumberDiffers,
    /// He has the term nowhere.
    TermDiffers,
    /// He has the number, and so has somebody of a source that comes before.
    AnEarlierSourceHasTheNumber,
    /// A source of the tenant has him that the profile does not ask.
    ProfileHasNoSuchSource,
    /// No source of the tenant has anybody of the name.
    NobodyOfThatName,
}

/// A reason, and the source that it is about.
#[derive(Debug, Serialize)]
pub(super) struct Reason {
    /// Name of the source; none if it is about all of them.
    source: Option<String>,
    #[serde(rename = "reason")]
    why: Why,
    /// Where he has what was asked, if that is the reason.
    columns: Vec<String>,
}

impl Reason {
    fn new(source: Option<&Configured>, why: Why) -> Self {
        Self {
            source: source.map(|source| source.name.clone()),
            why,
            columns: Vec::new(),
        }
    }
}

/// The search for somebody.
pub(super) struct Search<'a> {
    pub(super) lookup: &'a Lookup,
    pub(super) tenant: &'a Tenant,
    pub(super) inquiry: &'a Inquiry,
    pub(super) asker: &'a Asker,
    pub(super) expect: &'a str,
    pub(super) limit: Option<Duration>,
}

impl Search<'_> {
    /// Every reason; none if he is in the result.
    pub(super) async fn reasons(&self, examined: &[Examined]) -> Result<Vec<Reason>, StoreError> {
        let shown = examined.iter().filter(|source| !source.dropped);
        let mut shown = shown.flat_map(|source| &source.found);
        if shown.any(|entry| self.is_expected(entry)) {
            return Ok(Vec::new());
        }
        let mut reasons = Vec::new();
        for source in examined {
            reasons.extend(self.in_source(source).await);
        }
        reasons.extend(self.elsewhere(examined).await?);
        if reasons.is_empty() {
            reasons.push(Reason::new(None, Why::NobodyOfThatName));
        }
        Ok(reasons)
    }

    /// Why a source of the service does not show him; none if he is not there.
    async fn in_source(&self, examined: &Examined) -> Option<Reason> {
        let configured = &examined.configured;
        let because = |reason| Some(Reason::new(Some(configured), reason));
        let source = match (examined.outcome, &examined.source) {
            (Outcome::TimedOut, _) => return because(Why::SourceTimedOut),
            (Outcome::Failed, _) => return because(Why::SourceFailed),
            (Outcome::Unusable, _) | (_, None) => return because(Why::SourceCannotBeUsed),
            (Outcome::Answered, Some(source)) => source,
        };
        if examined.dropped && examined.found.iter().any(|entry| self.is_expected(entry)) {
            return because(Why::AnEarlierSourceHasTheNumber);
        }
        match within(self.limit, source.mentioning(self.expect, self.asker)).await {
            None => because(Why::SourceTimedOut),
            Some(Err(_)) => because(Why::SourceFailed),
            Some(Ok(found)) => Some(self.compare(configured, found.first()?)),
        }
    }

    /// Why he, who is in the source, was not found there.
    fn compare(&self, source: &Configured, person: &Entry) -> Reason {
        let wanted = fold(self.inquiry.text());
        let fields = person.fields().into_iter();
        let holding = fields.filter(|(_, field)| match self.inquiry {
            Inquiry::Term(_) => text(*field).is_some_and(|text| text.contains(&wanted)),
            Inquiry::Number(_) => text(*field).is_some_and(|text| text == wanted),
        });
        let columns: Vec<String> = holding.map(|(name, _)| name.to_owned()).collect();
        let looked_into = self.inquiry.columns(source);
        let empty = || {
            let mut values = looked_into
                .iter()
                .filter_map(|column| text(person.get(column)?));
            values.all(|value| value.is_empty())
        };
        let reason = match self.inquiry {
            _ if !columns.is_empty() => Why::NotInTheSearchedColumns,
            Inquiry::Term(_) => Why::TermDiffers,
            Inquiry::Number(_) if empty() => Why::NumberColumnEmpty,
            Inquiry::Number(_) => Why::NumberDiffers,
        };
        Reason {
            columns,
            ..Reason::new(Some(source), reason)
        }
    }

    /// Sources of the tenant that have him and that the profile does not ask.
    async fn elsewhere(&self, examined: &[Examined]) -> Result<Vec<Reason>, StoreError> {
        let page = Page {
            order: "name",
            ..Page::default()
        };
        let tenant = self.tenant.alone();
        let all = self.lookup.store.list_sources(&tenant, None, &page).await?;
        let others = all.items.into_iter().filter(|source| {
            let mut asked = examined.iter();
            !asked.any(|asked| asked.configured.uuid == source.uuid)
        });
        let started = Instant::now();
        let limit = self.limit.unwrap_or(LONGEST);
        let having = stream::iter(others)
            .map(|source| async move {
                // All of them together take no longer than one.
                let left = limit.saturating_sub(started.elapsed());
                self.has_him(&source, left).await.then_some(source)
            })
            .buffered(AT_ONCE)
            .filter_map(|found| async { found });
        let reason = |source: Configured| Reason::new(Some(&source), Why::ProfileHasNoSuchSource);
        Ok(having.map(reason).collect().await)
    }

    /// True if the source says in time that it has him.
    async fn has_him(&self, configured: &Configured, limit: Duration) -> bool {
        let Some(source) = self.lookup.sources.get(configured).await else {
            return false;
        };
        let found = within(Some(limit), source.mentioning(self.expect, self.asker)).await;
        matches!(found, Some(Ok(found)) if !found.is_empty())
    }

    /// True if the contact is him: his name is in one of the columns, or spread over several.
    fn is_expected(&self, entry: &Entry) -> bool {
        let fields: Vec<String> = entry
            .fields()
            .into_iter()
            .filter_map(|(_, field)| text(field))
            .collect();
        let expected = fold(self.expect);
        let mut words = expected.split_whitespace();
        words.all(|word| fields.iter().any(|field| field.contains(word)))
    }
}

fn text(field: Field<'_>) -> Option<String> {
    field.to_text().map(|text| fold(&text))
}
