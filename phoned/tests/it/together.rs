//! Searches that come together are one, and each of those who wait for it may still go away, or be sent away (phoned.md §14).

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::FutureExt;
use phoned::{
    app::App,
    dird_client::Question,
    error::PhoneError,
    gate::Gate,
    lookup::{Ask, Found, Lookups},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    changes::{PATIENCE, until},
    site::config,
    stub::{Stub, USER, World},
};

type Answer = Result<Found, PhoneError>;

/// The search service, as the pages of phones use it, over a dird that holds every search back.
struct Searches {
    stub: Stub,
    lookups: Lookups,
    /// The same memory for phones that wait for a moment only.
    hurried: Lookups,
    _folder: TempDir,
}

impl Searches {
    async fn start() -> Self {
        let (stub, folder) = (Stub::start(), TempDir::new().expect("a folder"));
        stub.world.hold.store(true, Ordering::SeqCst);
        let config = config(&folder, stub.address, &json!({}));
        let mut short = config.clone();
        short.lookup.deadline = Duration::from_millis(50);
        let gate = Gate::new(&config.rest_api).expect("a list");
        let app = App::new(config, gate).expect("an application");
        let hurried = app.lookups.with(Arc::clone(&app.caches), short.into());
        // The tenant is known from here on, so that each search is one call.
        let elsewhere = Ask {
            profile: "nowhere".into(),
            ..ask()
        };
        let known = tokio::spawn(find(app.lookups.clone(), elsewhere));
        until(|| stub.world.searched() == 1).await;
        stub.world.release.notify_waiters();
        let unknown = known.await.expect("no panic");
        assert!(matches!(unknown, Err(PhoneError::UnknownProfile { .. })));
        stub.world.searches.lock().expect("no panic").clear();
        Self {
            lookups: app.lookups,
            hurried,
            stub,
            _folder: folder,
        }
    }

    fn world(&self) -> &World {
        &self.stub.world
    }

    /// Begins a search in a task of its own, and returns when it has reached dird.
    async fn begin(&self, lookups: &Lookups) -> JoinHandle<Answer> {
        let searching = tokio::spawn(find(lookups.clone(), ask()));
        until(|| self.world().searched() == 1).await;
        searching
    }

    /// Lets dird answer.
    fn release(&self) {
        self.world().hold.store(false, Ordering::SeqCst);
        self.world().release.notify_waiters();
    }
}

fn ask() -> Ask {
    Ask {
        profile: "default".into(),
        user: USER.into(),
        question: Question::Lookup("a".into()),
        within: None,
        trace: None,
        listener: None,
    }
}

async fn find(lookups: Lookups, ask: Ask) -> Answer {
    lookups.find(&ask).await
}

/// Lets other tasks go on until they wait for something.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_phone_that_goes_away_takes_nothing_from_those_that_joined_its_search() {
    let searches = Searches::start().await;
    let first = searches.begin(&searches.lookups).await;
    let mut second = pin!(find(searches.lookups.clone(), ask()));
    assert!(second.as_mut().now_or_never().is_none(), "it waits");
    settle().await;
    first.abort();
    assert!(first.await.is_err(), "it is gone");
    settle().await;
    searches.release();
    let found = second.await.expect("people");
    assert!(!found.stale);
    assert_eq!(searches.world().searched(), 1);
    searches.stub.stop().await;
}

#[tokio::test]
async fn each_phone_waits_for_a_shared_search_until_its_own_deadline() {
    for first_is_hurried in [true, false] {
        let searches = Searches::start().await;
        let (first, second) = if first_is_hurried {
            (&searches.hurried, &searches.lookups)
        } else {
            (&searches.lookups, &searches.hurried)
        };
        let first = searches.begin(first).await;
        let second = tokio::spawn(find(second.clone(), ask()));
        let (short, long) = if first_is_hurried {
            (first, second)
        } else {
            (second, first)
        };
        let given_up = timeout(PATIENCE, short).await.expect("it gives up");
        let given_up = given_up.expect("no panic").map(|_| ());
        assert_eq!(given_up, Err(PhoneError::DirdUnreachable));
        settle().await;
        assert!(!long.is_finished(), "it has time");
        searches.release();
        long.await.expect("no panic").expect("people");
        assert_eq!(searches.world().searched(), 1);
        searches.stub.stop().await;
    }
}

#[tokio::test]
async fn those_who_wait_together_get_the_same_error_and_the_next_one_asks_anew() {
    let searches = Searches::start().await;
    searches.world().dird_fails.store(403, Ordering::SeqCst);
    let first = searches.begin(&searches.lookups).await;
    let mut second = pin!(find(searches.lookups.clone(), ask()));
    assert!(second.as_mut().now_or_never().is_none(), "it waits");
    settle().await;
    searches.release();
    for answer in [first.await.expect("no panic"), second.await] {
        assert_eq!(answer.map(|_| ()), Err(PhoneError::DirdRefuses(403)));
    }
    assert_eq!(searches.world().searched(), 1);
    searches.world().dird_fails.store(0, Ordering::SeqCst);
    find(searches.lookups.clone(), ask()).await.expect("people");
    assert_eq!(searches.world().searched(), 2);
    searches.stub.stop().await;
}
