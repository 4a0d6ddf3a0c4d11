//! How many statements a request takes. They are counted by what the driver logs of each, within a span that only the counted
//! call has.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::{Event, Instrument, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use dird::identity::Tenant;
use dird::store::model::Profile;

use crate::world::{World, by_name, columns, csv, profile, service, tenant};

on_both_engines!(a_request_takes_as_many_statements_for_many_profiles_as_for_one);

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

/// What is asked of the store.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Profiles,
    Displays,
    Sources,
    /// One profile with everything that a lookup needs.
    Resolved,
}

/// How much there is.
#[derive(Debug, Clone, Copy)]
struct Size {
    profiles: usize,
    sources: usize,
}

/// Makes sources, and profiles that ask all of them, each with a display.
async fn fill(world: &World, size: Size) -> Tenant {
    let scope = tenant();
    let mut stored = Vec::new();
    for number in 0..size.sources {
        let source = csv(&scope, &format!("source{number}"));
        world.store.create_source(&scope, &source).await.unwrap();
        stored.push(source);
    }
    let used: Vec<_> = stored.iter().collect();
    for number in 0..size.profiles {
        let shown = columns("fn");
        let display = world.store.create_display(&scope, "desk", &shown);
        let mut added = profile(&scope, &format!("profile{number}"));
        added.display = Some(display.await.unwrap().uuid);
        added.services.insert("lookup".into(), service(&used));
        world.store.create_profile(&scope, &added).await.unwrap();
    }
    scope
}

/// Statements that a request takes, once the connections are warm: a new one is made ready by statements that do not count, so
/// the least of several times does.
async fn statements(world: &World, scope: &Tenant, asked: Asked, size: Size) -> usize {
    let mut least = usize::MAX;
    for _ in 0..6 {
        let _turn = COUNTING.lock().await;
        COUNTED.store(0, Ordering::SeqCst);
        let counted = ask(world, scope, asked, size);
        counted.instrument(tracing::info_span!(SPAN)).await;
        least = least.min(COUNTED.load(Ordering::SeqCst));
    }
    least
}

/// Asks, and makes sure that everything is in the answer.
async fn ask(world: &World, scope: &Tenant, asked: Asked, size: Size) {
    let (store, alone, page) = (&world.store, scope.alone(), by_name());
    match asked {
        Asked::Profiles => {
            let listed = store.list_profiles(&alone, &page).await.unwrap().items;
            assert_eq!(listed.len(), size.profiles);
            let sources = |profile: &Profile| profile.services["lookup"].sources.len();
            assert!(listed.iter().all(|one| sources(one) == size.sources));
        }
        Asked::Displays => {
            let listed = store.list_displays(&alone, &page).await.unwrap();
            assert_eq!(listed.items.len(), size.profiles);
        }
        Asked::Sources => {
            let listed = store.list_sources(&alone, None, &page).await.unwrap();
            assert_eq!(listed.items.len(), size.sources);
        }
        Asked::Resolved => {
            let found = store.resolve_profile(scope, "profile0").await.unwrap();
            assert_eq!(found.unwrap().sources.len(), size.sources);
        }
    }
}

async fn a_request_takes_as_many_statements_for_many_profiles_as_for_one(world: World) {
    install();
    let few = Size {
        profiles: 1,
        sources: 1,
    };
    let many = Size {
        profiles: 30,
        sources: 23,
    };
    let (one, other) = (fill(&world, few).await, fill(&world, many).await);
    for asked in [
        Asked::Profiles,
        Asked::Displays,
        Asked::Sources,
        Asked::Resolved,
    ] {
        let least = statements(&world, &one, asked, few).await;
        assert!(least >= 2, "{asked:?}: {least} statements were seen");
        let most = statements(&world, &other, asked, many).await;
        assert_eq!(most, least, "{asked:?}");
    }
}
