//! Asking every source of a service at once. Whoever has not answered at the limit is left out, whoever fails is logged and
//! left out; the answer keeps the profile's order (dird-api-semantics.md §2).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, timeout_at};

use super::plan::{PlannedSource, Service};
use crate::backends::{Asker, Entry};
use crate::store::model::SourceId;

/// What one source found.
pub(super) type Found = (Arc<PlannedSource>, Vec<Entry>);

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
    limit: Option<Duration>,
) -> Vec<Found> {
    if let [only] = service.sources.as_slice()
        && limit.is_none()
    {
        return vec![(Arc::clone(only), ask(only, question, asker).await)];
    }
    let mut asked: FuturesUnordered<_> = (0_usize..)
        .zip(&service.sources)
        .map(|(position, source)| async move { (position, ask(source, question, asker).await) })
        .collect();
    let mut answers: Vec<Option<Vec<Entry>>> = vec![None; service.sources.len()];
    let deadline = limit.map(|limit| Instant::now() + limit);
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

async fn next<F: Future>(
    asked: &mut FuturesUnordered<F>,
    deadline: Option<Instant>,
) -> Option<F::Output> {
    match deadline {
        None => asked.next().await,
        Some(deadline) => timeout_at(deadline, asked.next()).await.ok().flatten(),
    }
}

async fn ask(source: &PlannedSource, question: Question<'_>, asker: &Asker) -> Vec<Entry> {
    let answer = match question {
        Question::Search(term) => source.source.search(term, asker).await,
        Question::List(wanted) => match wanted.get(&source.id) {
            Some(ids) => source.source.list(ids, asker).await,
            None => Ok(Vec::new()),
        },
    };
    match answer {
        Ok(entries) => entries,
        Err(error) => {
            tracing::error!(source = source.name, %error, "the source did not answer");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use serde_json::{Map, json};

    use super::*;
    use crate::backends::{Relations, Source, SourceError};
    use crate::identity::{SystemAuthority, TenantId, Token};
    use crate::lookup::template::Formatter;

    enum Behaviour {
        Finds(&'static str, Duration),
        Fails,
        Hangs,
    }

    #[async_trait]
    impl Source for Behaviour {
        async fn search(&self, _: &str, _: &Asker) -> Result<Vec<Entry>, SourceError> {
            match self {
                Self::Finds(name, after) => {
                    tokio::time::sleep(*after).await;
                    let fields = Map::from_iter([("name".to_owned(), json!(name))]);
                    Ok(vec![Entry::of_map(fields, Relations::default())])
                }
                Self::Fails => Err(SourceError("broken".into())),
                Self::Hangs => std::future::pending().await,
            }
        }

        async fn reverse(
            &self,
            numbers: &[String],
            asker: &Asker,
        ) -> Result<HashMap<String, Entry>, SourceError> {
            let entries = self.search("", asker).await?;
            Ok(numbers.iter().cloned().zip(entries).collect())
        }

        async fn list(&self, _: &[String], asker: &Asker) -> Result<Vec<Entry>, SourceError> {
            self.search("", asker).await
        }
    }

    fn service(behaviours: Vec<Behaviour>) -> Service {
        let planned = |source| {
            Arc::new(PlannedSource {
                id: SourceId(String::new()),
                name: String::new(),
                backend: String::new(),
                personal: false,
                flagged: false,
                formatter: Formatter::default(),
                source: Arc::new(source),
            })
        };
        Service {
            sources: behaviours.into_iter().map(planned).collect(),
            timeout: None,
        }
    }

    async fn names(service: &Service, limit: Option<Duration>) -> Vec<String> {
        let asker = Asker {
            user: None,
            home: SystemAuthority::new("test").tenant(TenantId::random()),
            token: Token::default(),
        };
        let found = ask_all(service, Question::Search(""), &asker, limit).await;
        let entries = found.iter().flat_map(|(_, entries)| entries);
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
    async fn a_source_that_fails_or_hangs_takes_nothing_from_the_others() {
        let quick = Behaviour::Finds("quick", Duration::from_millis(10));
        let service = service(vec![Behaviour::Hangs, Behaviour::Fails, quick]);
        let started = Instant::now();
        assert_eq!(
            names(&service, Some(Duration::from_secs(1))).await,
            ["quick"]
        );
        assert_eq!(started.elapsed(), Duration::from_secs(1));
    }
}
