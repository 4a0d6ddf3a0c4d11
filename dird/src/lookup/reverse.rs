//! Whose numbers these are: every source of the `reverse` service is asked at once for all of them. A number is settled when a
//! source knows it and every source before that one has answered; the search ends when all numbers are settled, all sources
//! have answered, or the time is up (dird-api-semantics.md §2).

use std::borrow::Cow;
use std::collections::HashMap;
use std::iter;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use serde::ser::{Serialize, SerializeMap, Serializer};
use tokio::time::Instant;

use super::fan_out::{next, unless_it_panics};
use super::number::Region;
use super::plan::{PlannedSource, Service};
use crate::backends::{Asker, Entry, Field, Relations, Source, SourceError};
use crate::monitor::Asked;

/// Time for an answer, if the profile sets none (dird-backends.md §12).
pub(super) const DEFAULT_LIMIT: Duration = Duration::from_secs(1);

/// The contact behind a number, with all its columns.
pub struct Known {
    source: Arc<PlannedSource>,
    entry: Entry,
}

impl Known {
    fn new(source: &Arc<PlannedSource>, mut entry: Entry) -> Self {
        source.formatter.apply(&mut entry);
        Self {
            source: Arc::clone(source),
            entry,
        }
    }

    /// Name of the contact's source.
    pub fn source(&self) -> &str {
        &self.source.name
    }

    /// Backend of the contact's source.
    pub fn backend(&self) -> &str {
        &self.source.backend
    }

    /// A field or formatted column.
    pub fn field(&self, name: &str) -> Option<Field<'_>> {
        self.entry.get(name)
    }

    /// What the contact's source says of the person behind it.
    pub fn relations(&self) -> &Relations {
        &self.entry.relations
    }

    /// The `reverse` column: what a phone shows. None if the source has no such column or it is empty.
    pub fn display(&self) -> Option<String> {
        self.entry.get("reverse").and_then(Field::to_text)
    }
}

impl Serialize for Known {
    /// Every field and every formatted column.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.entry.fields();
        let mut map = serializer.serialize_map(Some(fields.len()))?;
        for (name, field) in fields {
            map.serialize_entry(name, &field)?;
        }
        map.end()
    }
}

type Answer = Option<HashMap<String, Entry>>;

/// The contacts behind `numbers`, as far as they are known.
pub(super) async fn reverse(
    service: &Service,
    numbers: &[String],
    asker: &Asker,
) -> HashMap<String, Known> {
    let asked = Spelled::new(numbers, service.region);
    let asked = &asked;
    let mut answers: Vec<Answer> = service.sources.iter().map(|_| None).collect();
    let mut waiting: FuturesUnordered<_> = (0_usize..)
        .zip(&service.sources)
        .map(|(position, source)| async move { (position, ask(source, asked, asker).await) })
        .collect();
    let deadline = Instant::now() + service.timeout.unwrap_or(DEFAULT_LIMIT);
    while !numbers.iter().all(|number| settled(&answers, number)) {
        let Some((position, answer)) = next(&mut waiting, Some(deadline)).await else {
            break;
        };
        answers[position] = Some(answer);
    }
    let mut known = HashMap::new();
    for (source, answer) in service.sources.iter().zip(answers) {
        for (number, entry) in answer.into_iter().flatten() {
            known
                .entry(number)
                .or_insert_with(|| Known::new(source, entry));
        }
    }
    known
}

/// True if no answer that is still out could change whose `number` is.
fn settled(answers: &[Answer], number: &str) -> bool {
    let answered = answers.iter().map_while(Option::as_ref);
    let mut known = answered.map(|found| found.contains_key(number));
    known.any(|known| known)
}

async fn ask(
    source: &PlannedSource,
    numbers: &Spelled<'_>,
    asker: &Asker,
) -> HashMap<String, Entry> {
    let asked = Asked::of(&source.backend);
    let answered = unless_it_panics(numbers.ask(source.source.as_ref(), asker)).await;
    asked.ended(&answered);
    match answered {
        Ok(found) => found,
        Err(error) => {
            source.failed(&error);
            HashMap::new()
        }
    }
}

/// Numbers, and the other ways in which a source may have them. Sources compare texts, so they are asked for each; those whose
/// contacts are in memory also find numbers that are written with separators.
pub(super) struct Spelled<'a> {
    given: &'a [String],
    /// Further spellings of each number; none at all without a region.
    others: Vec<Vec<String>>,
    /// All of them.
    asked: Cow<'a, [String]>,
}

impl<'a> Spelled<'a> {
    pub(super) fn new(given: &'a [String], region: Option<&Region>) -> Self {
        let Some(region) = region else {
            return Self {
                given,
                others: Vec::new(),
                asked: given.into(),
            };
        };
        let others: Vec<Vec<String>> = given
            .iter()
            .map(|number| region.spellings(number))
            .collect();
        let mut asked = given.to_vec();
        asked.extend(others.iter().flatten().cloned());
        asked.sort_unstable();
        asked.dedup();
        Self {
            given,
            others,
            asked: asked.into(),
        }
    }

    /// What a source knows of them, under the numbers as they were given.
    pub(super) async fn ask(
        &self,
        source: &dyn Source,
        asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError> {
        let mut known = self.as_given(source.reverse(&self.asked, asker).await?);
        let numbers = self.given.iter().zip(&self.others);
        let digits: Vec<String> = numbers
            .filter(|(number, others)| !others.is_empty() && !known.contains_key(*number))
            .flat_map(|(number, others)| iter::once(number).chain(others))
            .cloned()
            .collect();
        if !digits.is_empty() {
            let separated = self.as_given(source.separated(&digits, asker).await?);
            known.extend(separated);
        }
        Ok(known)
    }

    /// What a source found, under the numbers as they were given. A number as it was given wins over its other spellings.
    fn as_given(&self, found: HashMap<String, Entry>) -> HashMap<String, Entry> {
        if self.others.is_empty() {
            return found;
        }
        let numbers = self.given.iter().zip(&self.others);
        let known = numbers.filter_map(|(number, others)| {
            let mut spellings = iter::once(number).chain(others);
            let entry = spellings.find_map(|spelling| found.get(spelling))?;
            Some((number.clone(), entry.clone()))
        });
        known.collect()
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde_json::{Map, json};

    use super::*;
    use crate::backends::Hits;
    use crate::identity::Token;

    /// A source that knows some numbers after some time, in milliseconds; none never answers.
    struct Numbers(&'static str, Option<u64>, &'static [&'static str]);

    #[async_trait]
    impl Source for Numbers {
        async fn search(&self, _: &str, _: &Asker) -> Result<Hits, SourceError> {
            Ok(Hits::default())
        }

        async fn reverse(
            &self,
            numbers: &[String],
            _: &Asker,
        ) -> Result<HashMap<String, Entry>, SourceError> {
            let Some(after) = self.1 else {
                return std::future::pending().await;
            };
            tokio::time::sleep(Duration::from_millis(after)).await;
            let fields = Map::from_iter([("reverse".to_owned(), json!(self.0))]);
            let entry = Entry::of_map(fields, Relations::default());
            let known = numbers
                .iter()
                .filter(|number| self.2.contains(&number.as_str()));
            Ok(known
                .map(|number| (number.clone(), entry.clone()))
                .collect())
        }

        async fn list(&self, _: &[String], _: &Asker) -> Result<Vec<Entry>, SourceError> {
            Ok(Vec::new())
        }
    }

    async fn displays(sources: Vec<Numbers>, numbers: &[&str]) -> (Vec<Option<String>>, u128) {
        let planned = |source| Arc::new(PlannedSource::of("", Arc::new(source)));
        let service = Service {
            sources: sources.into_iter().map(planned).collect(),
            ..Service::default()
        };
        let asker = Asker {
            user: None,
            home: crate::identity::SystemAuthority::new("test")
                .tenant(crate::identity::TenantId::random()),
            token: Token::default(),
        };
        let numbers: Vec<String> = numbers.iter().map(|&number| number.to_owned()).collect();
        let started = Instant::now();
        let known = reverse(&service, &numbers, &asker).await;
        let display = |number| known.get(number).and_then(Known::display);
        let displays = numbers.iter().map(display).collect();
        (displays, started.elapsed().as_millis())
    }

    fn named(name: &str) -> Vec<Option<String>> {
        vec![Some(name.to_owned())]
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_source_of_the_profile_that_knows_a_number_has_it() {
        let sources = vec![
            Numbers("slow", Some(300), &["1"]),
            Numbers("quick", Some(10), &["1"]),
        ];
        assert_eq!(displays(sources, &["1"]).await, (named("slow"), 300));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_sources_that_could_change_nothing() {
        let sources = vec![
            Numbers("other", Some(10), &["2"]),
            Numbers("quick", Some(50), &["1"]),
            Numbers("hung", None, &["1"]),
        ];
        assert_eq!(displays(sources, &["1"]).await, (named("quick"), 50));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_found_in_time_is_kept() {
        let sources = vec![
            Numbers("hung", None, &["1"]),
            Numbers("one", Some(10), &["1"]),
            Numbers("two", Some(20), &["2"]),
        ];
        let (found, took) = displays(sources, &["1", "2", "3"]).await;
        assert_eq!(found, [named("one"), named("two"), vec![None]].concat());
        assert_eq!(took, DEFAULT_LIMIT.as_millis());
    }
}
