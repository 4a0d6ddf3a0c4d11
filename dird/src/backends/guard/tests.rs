//! The guard against a remote that does as it is told, on a paused clock.

use std::sync::atomic::{AtomicUsize, Ordering};

use indexmap::IndexMap;
use serde_json::{Map, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::backends::{Entry, Relations};
use crate::identity::{Token, UserId};
use crate::store::model::SourceId;

pub(super) const DEADLINE: Duration = Duration::from_secs(5);

/// What the remote does with a question, and what it has seen.
#[derive(Default)]
pub(super) struct Script {
    takes: Mutex<Duration>,
    fails: Mutex<Option<RemoteError>>,
    asked: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

impl Script {
    pub(super) fn takes(&self, time: Duration) {
        *self.takes.lock().unwrap() = time;
    }

    pub(super) fn fails(&self, error: Option<RemoteError>) {
        *self.fails.lock().unwrap() = error;
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

struct Played(Arc<Script>, bool);

struct UnderWay<'a>(&'a Script);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.at_once.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Remote for Played {
    async fn search(&self, term: &str, _: &Asker) -> Result<Vec<Entry>, RemoteError> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        let now = self.0.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most_at_once.fetch_max(now, Ordering::SeqCst);
        let _under_way = UnderWay(&self.0);
        let takes = *self.0.takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        assert_ne!(term, "panic", "a defect, on purpose");
        if let Some(error) = self.0.fails.lock().unwrap().clone() {
            return Err(error);
        }
        let fields = Map::from_iter([("name".to_owned(), json!(term))]);
        Ok(vec![Entry::of_map(fields, Relations::default())])
    }

    async fn reverse(
        &self,
        numbers: &[String],
        asker: &Asker,
    ) -> Result<HashMap<String, Entry>, RemoteError> {
        let entries = self.search("", asker).await?;
        Ok(numbers.iter().cloned().zip(entries).collect())
    }

    async fn list(&self, _: &[String], asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        self.search("", asker).await
    }

    fn is_personal(&self) -> bool {
        self.1
    }
}

fn guarded() -> (Arc<Guarded>, Arc<Script>) {
    let script = Arc::new(Script::default());
    let outside = Outside::new(CancellationToken::new());
    let guarded = guard(&script, &json!({}), false, &outside);
    (guarded, script)
}

/// A guard over what `script` plays, as a source with these keys of its own would have it.
pub(super) fn guard(
    script: &Arc<Script>,
    extra: &serde_json::Value,
    personal: bool,
    outside: &Outside,
) -> Arc<Guarded> {
    let source = Configured {
        uuid: SourceId("source".into()),
        tenant: crate::identity::TenantId::random(),
        backend: "csv_ws".into(),
        name: "remote".into(),
        searched_columns: Vec::new(),
        first_matched_columns: Vec::new(),
        format_columns: IndexMap::new(),
        phonebook: None,
        phonebook_description: None,
        extra: extra.as_object().unwrap().clone(),
    };
    let remote = Played(Arc::clone(script), personal);
    Guarded::new(&source, remote, DEADLINE, outside.clone()).unwrap()
}

pub(super) fn asker(token: &str) -> Asker {
    Asker {
        user: UserId::new("somebody"),
        home: crate::identity::SystemAuthority::new("test")
            .tenant(crate::identity::TenantId::random()),
        token: Token::new(token),
    }
}

pub(super) async fn search(guarded: &Guarded, term: &str) -> Result<usize, String> {
    let found = guarded.search(term, &asker("t")).await;
    found.map(|entries| entries.len()).map_err(|error| error.0)
}

#[tokio::test(start_paused = true)]
async fn a_question_ends_at_the_deadline() {
    let (guarded, script) = guarded();
    script.takes(Duration::from_secs(60));
    let started = Instant::now();
    assert_eq!(search(&guarded, "a").await, Err("no answer in time".into()));
    assert_eq!(started.elapsed(), DEADLINE);
}

#[tokio::test(start_paused = true)]
async fn a_hung_remote_holds_its_own_permits_and_no_more() {
    let (guarded, script) = guarded();
    script.takes(Duration::from_secs(60));
    let terms: Vec<String> = (0..WAITING + 50).map(|term| term.to_string()).collect();
    let asked = terms.iter().map(|term| search(&guarded, term));
    let answers = futures_util::future::join_all(asked).await;
    assert!(answers.iter().all(Result::is_err));
    let busy = RemoteError::Busy.to_string();
    assert_eq!(
        answers
            .iter()
            .filter(|answer| **answer == Err(busy.clone()))
            .count(),
        50
    );
    assert_eq!(script.most_at_once.load(Ordering::SeqCst), AT_ONCE);
    assert_eq!(
        script.at_once.load(Ordering::SeqCst),
        0,
        "nothing is left behind"
    );
}

#[tokio::test(start_paused = true)]
async fn identical_questions_of_one_asker_are_asked_once() {
    let (guarded, script) = guarded();
    script.takes(Duration::from_millis(100));
    let (one, other) = (asker("one"), asker("other"));
    let (a, b, c, d) = tokio::join!(
        guarded.search("x", &one),
        guarded.search("x", &one),
        guarded.search("y", &one),
        guarded.search("x", &other),
    );
    for answer in [a, b, c, d] {
        assert_eq!(answer.unwrap().len(), 1);
    }
    assert_eq!(
        script.asked(),
        3,
        "another term and another token are other questions"
    );
    guarded.search("x", &one).await.unwrap();
    assert_eq!(script.asked(), 4, "answers are live");
}

#[tokio::test(start_paused = true)]
async fn a_question_goes_on_when_the_first_of_its_askers_leaves() {
    let (guarded, script) = guarded();
    script.takes(Duration::from_millis(300));
    let first = timeout(Duration::from_millis(100), search(&guarded, "x"));
    let (first, second) = tokio::join!(first, search(&guarded, "x"));
    assert!(first.is_err());
    assert_eq!((second, script.asked()), (Ok(1), 1));
}

#[tokio::test(start_paused = true)]
async fn an_absent_remote_costs_two_questions_a_second_and_no_time() {
    let (guarded, script) = guarded();
    script.takes(Duration::from_secs(60));
    for _ in 0..3 {
        search(&guarded, "x").await.unwrap_err();
    }
    assert_eq!(script.asked(), 3);
    let started = Instant::now();
    let mut longest = Duration::ZERO;
    while started.elapsed() < Duration::from_secs(10) {
        let asked = Instant::now();
        search(&guarded, "x").await.unwrap_err();
        longest = longest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(script.asked() <= 3 + 21, "{}", script.asked());
    assert!(longest <= Duration::from_millis(1), "{longest:?}");
}

#[tokio::test(start_paused = true)]
async fn a_remote_that_came_back_is_seen_within_a_second() {
    let (guarded, script) = guarded();
    script.fails(Some(RemoteError::Refused));
    for _ in 0..3 {
        search(&guarded, "x").await.unwrap_err();
    }
    assert_eq!(
        search(&guarded, "x").await,
        Err(RemoteError::Resting.to_string())
    );
    script.fails(None);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        [search(&guarded, "x").await, search(&guarded, "y").await],
        [Ok(1), Ok(1)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_remote_that_came_back_slowly_is_seen_by_the_next_question() {
    let (guarded, script) = guarded();
    script.fails(Some(RemoteError::Broken));
    for _ in 0..3 {
        search(&guarded, "x").await.unwrap_err();
    }
    script.fails(None);
    script.takes(Duration::from_secs(2));
    tokio::time::sleep(Duration::from_secs(1)).await;
    search(&guarded, "x").await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        search(&guarded, "x").await,
        Ok(1),
        "the probe has answered meanwhile"
    );
}

#[tokio::test(start_paused = true)]
async fn callers_that_wait_less_than_the_deadline_still_show_that_a_remote_hangs() {
    let (guarded, script) = guarded();
    script.takes(Duration::from_secs(60));
    for _ in 0..3 {
        let waited = timeout(Duration::from_millis(500), search(&guarded, "x")).await;
        assert!(waited.is_err());
    }
    assert_eq!(
        search(&guarded, "x").await,
        Err(RemoteError::Resting.to_string())
    );
}

#[tokio::test(start_paused = true)]
async fn callers_that_leave_at_once_say_nothing_about_the_remote() {
    let (guarded, script) = guarded();
    script.takes(Duration::from_secs(1));
    for _ in 0..10 {
        let waited = timeout(Duration::from_millis(100), search(&guarded, "x")).await;
        assert!(waited.is_err());
    }
    assert_eq!(search(&guarded, "x").await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn refusals_of_single_questions_do_not_silence_a_remote() {
    let (guarded, script) = guarded();
    script.fails(Some(RemoteError::Status(500)));
    for _ in 0..10 {
        search(&guarded, "x").await.unwrap_err();
    }
    assert_eq!(script.asked(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_panics_fails_those_who_asked_it_and_nobody_else() {
    let (guarded, script) = guarded();
    script.takes(Duration::from_millis(100));
    let (one, same, other) = tokio::join!(
        search(&guarded, "panic"),
        search(&guarded, "panic"),
        search(&guarded, "x"),
    );
    let defect = Err(RemoteError::Defect.to_string());
    assert_eq!((one, same, other), (defect.clone(), defect, Ok(1)));
    assert_eq!(search(&guarded, "y").await, Ok(1));
}
