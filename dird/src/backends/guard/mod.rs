//! What stands between lookups and a remote service, so that a remote that is slow, wrong or gone costs the others nothing: a
//! deadline for each question, so many questions at once (bulkhead), one call for identical questions, and rest for a remote
//! that fails ([`breaker`]). Answers are live unless the source asks for [`copies`]. What happened is in the [`record`].

mod breaker;
mod copies;
#[cfg(test)]
mod copies_tests;
mod question;
mod record;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use self::breaker::{Breaker, Leave};
pub(super) use self::copies::Copies;
use self::copies::Own;
pub(super) use self::question::fingerprint;
use self::question::{Answer, Asked, Question};
use self::record::Record;
use super::mirror::Whole;
use super::remote::{Outside, RemoteError};
use super::{Asker, Entry, Health, Hits, Listing, OpenError, Source, SourceError, Standing};
use crate::store::model::Source as Configured;

/// Questions under way at once, for one source.
const AT_ONCE: usize = 16;

/// Questions under way or waiting for their turn, for one source.
const WAITING: usize = 256;

/// An unfinished question that nobody waits for any longer counts as a failure of the remote from this age on. Younger ones
/// were given up by people who went on typing.
const GIVEN_UP: Duration = Duration::from_millis(400);

/// How long the question that serves as a probe is waited for.
const PROBE_WAIT: Duration = Duration::from_millis(250);

/// A source behind the network. What it answers need not be bounded in time; its guard sees to that.
#[async_trait]
pub(super) trait Remote: Send + Sync {
    /// See [`Source::search`].
    async fn search(&self, term: &str, asker: &Asker) -> Result<Vec<Entry>, RemoteError>;

    /// See [`Source::reverse`].
    async fn reverse(
        &self,
        numbers: &[String],
        asker: &Asker,
    ) -> Result<HashMap<String, Entry>, RemoteError>;

    /// See [`Source::list`].
    async fn list(&self, ids: &[String], asker: &Asker) -> Result<Vec<Entry>, RemoteError>;

    /// True if answers are of the asker's own contacts, and must not be given to anybody else.
    fn is_personal(&self) -> bool {
        false
    }

    /// The directory as a whole, if the backend can fetch it as it is configured.
    fn whole(&self) -> Option<&dyn Whole> {
        None
    }

    /// See [`Source::listing`]. Lists are not guarded: whoever asks for one wants to know why there is none.
    fn listing(&self) -> Option<&dyn Listing> {
        None
    }
}

type Shareable = BoxFuture<'static, Result<Answer, RemoteError>>;

/// A remote with its guard.
pub(super) struct Guarded {
    watch: Arc<Watch>,
    under_way: Mutex<HashMap<Asked, WeakShared<Shareable>>>,
    copies: Option<Own>,
    outside: Outside,
}

/// What outlives a single question.
struct Watch {
    name: String,
    remote: Box<dyn Remote>,
    deadline: Duration,
    turns: Semaphore,
    breaker: Breaker,
    record: Record,
}

impl Guarded {
    /// Guards `remote`, which is configured as `source`: no question takes longer than `deadline`.
    pub(super) fn new(
        source: &Configured,
        remote: impl Remote + 'static,
        deadline: Duration,
        outside: Outside,
    ) -> Result<Arc<Self>, OpenError> {
        Ok(Arc::new(Self {
            copies: outside.copies().of(source)?,
            watch: Arc::new(Watch {
                name: source.name.clone(),
                remote: Box::new(remote),
                deadline,
                turns: Semaphore::new(AT_ONCE),
                breaker: Breaker::default(),
                record: Record::default(),
            }),
            under_way: Mutex::default(),
            outside,
        }))
    }

    /// What is guarded.
    pub(super) fn remote(&self) -> &dyn Remote {
        self.watch.remote.as_ref()
    }

    async fn ask(&self, question: Question, asker: &Asker) -> Result<Answer, SourceError> {
        let answered = match &self.copies {
            None => self.ask_live(question, asker).await,
            Some(copies) => self.ask_or_copy(copies, question, asker).await,
        };
        answered.map_err(|error| SourceError(error.to_string()))
    }

    /// A young copy, else a live answer, else an older copy.
    async fn ask_or_copy(
        &self,
        copies: &Own,
        question: Question,
        asker: &Asker,
    ) -> Result<Answer, RemoteError> {
        let place = copies.place(&question, asker, self.watch.remote.is_personal());
        let copy = copies.copy(&place).await;
        if let Some(fresh) = copy.as_ref().filter(|copy| copies.is_fresh(copy)) {
            self.watch.record.copied(fresh.age());
            return Ok(fresh.answer.clone());
        }
        let error = match self.ask_live(question, asker).await {
            Ok(answer) => {
                copies.keep(place, &answer).await;
                return Ok(answer);
            }
            Err(error) => error,
        };
        match copy.filter(|copy| copies.is_good(copy) && !error.is_refusal()) {
            Some(copy) => {
                self.watch.record.stale(copy.age());
                Ok(copy.answer)
            }
            None => Err(error),
        }
    }

    async fn ask_live(&self, question: Question, asker: &Asker) -> Result<Answer, RemoteError> {
        match self.watch.breaker.admit() {
            Leave::Ask => self.join(question, asker)?.await,
            Leave::Probe => self.probe(question, asker, PROBE_WAIT).await,
            Leave::ProbeAside => self.probe(question, asker, Duration::ZERO).await,
            Leave::Refused => Err(RemoteError::Resting),
        }
    }

    /// The call for this question that is under way, or a new one.
    fn join(&self, question: Question, asker: &Asker) -> Result<Shared<Shareable>, RemoteError> {
        let asked = Asked::new(question, asker);
        let mut under_way = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let present = under_way.get(&asked).and_then(WeakShared::upgrade);
        if let Some(call) = present.filter(|call| call.peek().is_none()) {
            return Ok(call);
        }
        under_way.retain(|_, call| call.upgrade().is_some_and(|call| call.peek().is_none()));
        if under_way.len() >= WAITING {
            return Err(RemoteError::Busy);
        }
        let call = call(&self.watch, asked.question.clone(), asker);
        let call = call.boxed().shared();
        if let Some(weak) = call.downgrade() {
            under_way.insert(asked, weak);
        }
        Ok(call)
    }

    /// Asks in a task of its own: whoever asked does not wait for a remote that is likely to fail, and its answer counts all
    /// the same.
    async fn probe(
        &self,
        question: Question,
        asker: &Asker,
        wait: Duration,
    ) -> Result<Answer, RemoteError> {
        let task = self.outside.spawn(call(&self.watch, question, asker));
        match timeout(wait.min(self.watch.deadline), task).await {
            Ok(Ok(Some(answered))) => answered,
            Ok(Ok(None) | Err(_)) | Err(_) => Err(RemoteError::Resting),
        }
    }
}

fn call(
    watch: &Arc<Watch>,
    question: Question,
    asker: &Asker,
) -> impl Future<Output = Result<Answer, RemoteError>> + use<> {
    let (watch, asker) = (Arc::clone(watch), asker.clone());
    async move {
        let deadline = Instant::now() + watch.deadline;
        let attempt = Attempt::new(&watch);
        let work = async {
            let _turn = watch.turns.acquire().await.map_err(|_| RemoteError::Busy)?;
            question.put(watch.remote.as_ref(), &asker).await
        };
        // A defect in one backend must not take a request with it, nor whoever waits for the same answer.
        let work = AssertUnwindSafe(timeout_at(deadline, work)).catch_unwind();
        let answered = match work.await {
            Ok(in_time) => in_time.unwrap_or(Err(RemoteError::Deadline)),
            Err(_) => Err(RemoteError::Defect),
        };
        attempt.ended(answered)
    }
}

/// Tells the breaker how a call ended, also one that was dropped before its end.
struct Attempt<'a> {
    watch: &'a Watch,
    started: Instant,
    ended: bool,
}

impl<'a> Attempt<'a> {
    fn new(watch: &'a Watch) -> Self {
        Self {
            watch,
            started: Instant::now(),
            ended: false,
        }
    }

    fn ended<T>(mut self, answered: Result<T, RemoteError>) -> Result<T, RemoteError> {
        self.ended = true;
        match &answered {
            Ok(_) => self.watch.record.answered(),
            Err(error) => self.watch.record.failed(error),
        }
        match &answered {
            Err(error) if error.is_absence() => self.failed(error),
            _ if self.watch.breaker.answered() => {
                tracing::info!(source = self.watch.name, "the source answers again");
            }
            _ => {}
        }
        answered
    }

    fn failed(&self, error: &RemoteError) {
        if self.watch.breaker.failed() {
            let source = &self.watch.name;
            tracing::error!(source, %error, "the source is asked twice a second only, until it answers");
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if !self.ended && self.started.elapsed() >= GIVEN_UP {
            self.watch.record.failed(&RemoteError::Deadline);
            self.failed(&RemoteError::Deadline);
        }
    }
}

#[async_trait]
impl Source for Guarded {
    async fn search(&self, term: &str, asker: &Asker) -> Result<Hits, SourceError> {
        let question = Question::Search(term.to_owned());
        let answer = self.ask(question, asker).await?;
        Ok(answer.contacts().into())
    }

    async fn reverse(
        &self,
        numbers: &[String],
        asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError> {
        if numbers.is_empty() {
            return Ok(HashMap::new());
        }
        let question = Question::Reverse(numbers.to_vec());
        self.ask(question, asker).await.map(Answer::by_number)
    }

    async fn list(&self, ids: &[String], asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let question = Question::List(ids.to_vec());
        self.ask(question, asker).await.map(Answer::contacts)
    }

    fn health(&self) -> Option<Health> {
        let standing = if self.watch.breaker.rests() {
            Standing::Resting
        } else {
            Standing::Asked
        };
        Some(self.watch.record.health(standing))
    }

    fn listing(&self) -> Option<&dyn Listing> {
        self.watch.remote.listing()
    }
}
