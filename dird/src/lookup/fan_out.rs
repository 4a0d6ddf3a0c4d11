//! Asking every source of a service at once. Whoever has not answered at the limit is left out, whoever fails is logged and
//! left out; the answer keeps the profile's order (dird-api-semantics.md §2).

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout_at};

use super::plan::{PlannedSource, Service};
use crate::backends::{Asker, Hits, SourceError};
use crate::monitor::Asked;
use crate::store::model::SourceId;

/// What one source found.
pub(super) type Found = (Arc<PlannedSource>, Hits);

/// What sources are asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Question<'a> {
    /// Who contains the term?
    Search(&'a str),
    /// Who has these identifiers? A source that is not named is not asked.
    List(&'a HashMap<SourceId, Vec<String>>),
}

/// Asks all sources of `service`.
pub(super) async fn ask_all(
    service: &Service,
    question: Question<'_>,
    asker: &Asker,
    deadline: Option<Instant>,
) -> Vec<Found> {
    if let [only] = service.sources.as_slice()
        && deadline.is_none()
    {
        return vec![(Arc::clone(only), ask(only, question, asker).await)];
    }
    let mut asked: FuturesUnordered<_> = (0_usize..)
        .zip(&service.sources)
        .map(|(position, source)| async move { (position, ask(source, question, asker).await) })
        .collect();
    let mut answers: Vec<Option<Hits>> = vec![None; service.sources.len()];
    while let Some((position, entries)) = next(&mut asked, deadline).await {
        answers[position] = Some(entries);
    }
    let mut found = Vec::new();
    for (source, answer) in service.sources.iter().zip(answers) {
        if let Some(entries) = answer {
            found.push((Arc::clone(source), entries));
        } else {
            tracing::warn!(source = source.name, "no answer within the time limit");
        }
    }
    found
}

/// The next answer, unless the deadline comes first.
pub(super) async fn next<F: Future>(
    asked: &mut FuturesUnordered<F>,
    deadline: Option<Instant>,
) -> Option<F::Output> {
    by(deadline, asked.next()).await.flatten()
}

/// What is answered by the deadline, if there is one.
pub(super) async fn by<F: Future>(deadline: Option<Instant>, answer: F) -> Option<F::Output> {
    match deadline {
        None => Some(answer.await),
        Some(deadline) => timeout_at(deadline, answer).await.ok(),
    }
}

/// A defect in one source is that source's failure, not the whole table's.
pub(super) async fn unless_it_panics<T>(
    asked: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, SourceError> {
    let answered = AssertUnwindSafe(asked).catch_unwind().await;
    answered.unwrap_or_else(|_| Err(SourceError("it met a defect".into())))
}

async fn ask(source: &PlannedSource, question: Question<'_>, asker: &Asker) -> Hits {
    let asked = Asked::of(&source.backend);
    let answer = match question {
        Question::Search(term) => unless_it_panics(source.source.search(term, asker)).await,
        Question::List(wanted) => match wanted.get(&source.id) {
            Some(ids) => unless_it_panics(source.source.list(ids, asker))
                .await
                .map(Hits::from),
            None => return Hits::default(),
        },
    };
    asked.ended(&answer);
    match answer {
        Ok(entries) => entries,
        Err(error) => {
            source.failed(&error);
            Hits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use async_trait::async_trait;
    use serde_json::{Map, json};

    use super::*;
    use crate::backends::{Entry, Relations, Source};
    use crate::identity::{SystemAuthority, TenantId, Token};

    enum Behaviour {
        Finds(&'static str, Duration),
        Fails,
        Panics,
        Hangs,
    }

    #[async_trait]
    impl Source for Behaviour {
        async fn search(&self, _: &str, _: &Asker) -> Result<Hits, SourceError> {
            match self {
                Self::Finds(name, after) => {
                    tokio::time::sleep(*after).await;
                    let fields = Map::from_iter([("name".to_owned(), json!(name))]);
                    Ok(vec![Entry::of_map(fields, Relations::default())].into())
                }
                Self::Fails => Err(SourceError("broken".into())),
                Self::Panics => panic!("a defect, on purpose"),
                Self::Hangs => std::future::pending().await,
            }
        }

        async fn reverse(
            &self,
            numbers: &[String],
            asker: &Asker,
        ) -> Result<HashMap<String, Entry>, SourceError> {
            let entries = self.search("", asker).await?;
            Ok(numbers.iter().cloned().zip(entries.iter()).collect())
        }

        async fn list(&self, _: &[String], asker: &Asker) -> Result<Vec<Entry>, SourceError> {
            Ok(self.search("", asker).await?.iter().collect())
        }
    }

    fn service(behaviours: Vec<Behaviour>) -> Service {
        let planned = |source| Arc::new(PlannedSource::of("", Arc::new(source)));
        Service {
            sources: behaviours.into_iter().map(planned).collect(),
            ..Service::default()
        }
    }

    async fn names(service: &Service, limit: Option<Duration>) -> Vec<String> {
        let asker = Asker {
            user: None,
            home: SystemAuthority::new("test").tenant(TenantId::random()),
            token: Token::default(),
        };
        let deadline = limit.map(|limit| Instant::now() + limit);
        let found = ask_all(service, Question::Search(""), &asker, deadline).await;
        let entries = found.iter().flat_map(|(_, entries)| entries.iter());
        entries
            .filter_map(|entry| entry.get("name")?.to_text())
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn answers_keep_the_profiles_order_whoever_is_quicker() {
        let slow = Behaviour::Finds("slow", Duration::from_secs(2));
        let quick = Behaviour::Finds("quick", Duration::ZERO);
        assert_eq!(
            names(&service(vec![slow, quick]), None).await,
            ["slow", "quick"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_source_that_fails_panics_or_hangs_takes_nothing_from_the_others() {
        let quick = Behaviour::Finds("quick", Duration::from_millis(10));
        let service = service(vec![
            Behaviour::Hangs,
            Behaviour::Panics,
            Behaviour::Fails,
            quick,
        ]);
        let started = Instant::now();
        assert_eq!(
            names(&service, Some(Duration::from_secs(1))).await,
            ["quick"]
        );
        assert_eq!(started.elapsed(), Duration::from_secs(1));
    }
}
