//! How many statements a list takes. They are counted by what the driver logs of each, within a span that only the counted
//! call has.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::{Event, Instrument, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use dird::identity::Tenant;
use dird::store::model::Profile;

use crate::world::{World, by_name, csv, profile, service, tenant};

on_both_engines!(a_list_of_many_profiles_takes_as_many_statements_as_of_one);

const SPAN: &str = "counted";

static COUNTED: AtomicUsize = AtomicUsize::new(0);

/// One count at a time.
static COUNTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

struct Counter;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Counter {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let counted = context.event_scope(event).into_iter().flatten();
        if event.metadata().target() == "sqlx::query"
            && counted.into_iter().any(|span| span.name() == SPAN)
        {
            COUNTED.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn install() {
    static INSTALLED: Mutex<bool> = Mutex::new(false);
    let mut installed = INSTALLED.lock().unwrap();
    if !*installed {
        let subscriber = tracing_subscriber::registry().with(Counter);
        tracing::subscriber::set_global_default(subscriber).unwrap();
        *installed = true;
    }
}

/// Statements that listing the profiles takes, with as many profiles over as many sources.
async fn statements(world: &World, profiles: usize, sources: usize) -> usize {
    let scope = tenant();
    let mut stored = Vec::new();
    for number in 0..sources {
        let source = csv(&scope, &format!("source{number}"));
        world.store.create_source(&scope, &source).await.unwrap();
        stored.push(source);
    }
    let used: Vec<_> = stored.iter().collect();
    for number in 0..profiles {
        let mut added = profile(&scope, &format!("profile{number}"));
        added.services.insert("lookup".into(), service(&used));
        world.store.create_profile(&scope, &added).await.unwrap();
    }
    // A connection of the pool that is new is made ready by statements that do not count: the least of several lists does.
    let mut least = usize::MAX;
    for _ in 0..6 {
        least = least.min(listing(world, &scope, profiles, sources).await);
    }
    least
}

/// Statements of one listing.
async fn listing(world: &World, scope: &Tenant, profiles: usize, sources: usize) -> usize {
    let (alone, page) = (scope.alone(), by_name());
    let _turn = COUNTING.lock().await;
    COUNTED.store(0, Ordering::SeqCst);
    let span = tracing::info_span!("counted");
    let listed = world.store.list_profiles(&alone, &page);
    let listed = listed.instrument(span).await.unwrap();
    assert_eq!(listed.items.len(), profiles);
    let lookup = |profile: &Profile| profile.services["lookup"].sources.len();
    assert!(
        listed
            .items
            .iter()
            .all(|profile| lookup(profile) == sources)
    );
    COUNTED.load(Ordering::SeqCst)
}

async fn a_list_of_many_profiles_takes_as_many_statements_as_of_one(world: World) {
    install();
    let one = statements(&world, 1, 1).await;
    assert!(one >= 4, "{one} statements were seen");
    assert_eq!(statements(&world, 30, 23).await, one);
}
