//! From a configuration to open ports: binds first, becomes the unprivileged user, opens the store, then serves
//! (dird-platform.md §13).

mod authority;
mod intercom;
mod platform;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use kit::http_client::ClientError;
use kit::privilege::{self, PrivilegeError};
use kit::serve::{self, Admission, BindError, Bound, Limits};
use kit::tls::{Acceptor, TlsError};
use kit::turns::Turns;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::api::config::RunningConfig;
use crate::app::App;
use crate::backends::{Outside, Surroundings};
use crate::config::{Config, Workers};
use crate::events::Events;
use crate::followers::Followers;
use crate::identity::Authority;
use crate::identity::builtin::{self, AccountsError};
use crate::index::{Lists, People};
use crate::intercom::KeyError;
use crate::lookup::{Lookup, ServiceTurns, limit};
use crate::monitor::{self, Monitored};
use crate::slow_lane::SlowLane;
use crate::store::{self, Store};

use platform::Membership;

pub use authority::open_authority;

/// Requests that wait for a turn, for each one that is served.
const WAITING: usize = 10;

/// Longest that they wait.
const TURN: Duration = Duration::from_secs(10);

/// Why dird does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A port cannot be opened.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// Certificate and key are of no use.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The database cannot be opened.
    #[error("db_uri: {0}")]
    Store(#[from] store::OpenError),
    /// The built-in authority has no accounts.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// No client of the auth service can be made of the configuration.
    #[error("auth.{0}")]
    AuthClient(#[from] ClientError),
    /// No client of Consul can be made of the configuration.
    #[error("consul: {0}")]
    Consul(ClientError),
    /// The directory functions of an intercom cannot be offered.
    #[error("intercom.{0}")]
    Intercom(#[from] KeyError),
    /// The system user cannot be taken.
    #[error("user: {0}")]
    User(#[from] PrivilegeError),
}

/// From the stop to the end of what goes on after the last request, of the six seconds that a stop may take.
const LAST: Duration = Duration::from_millis(5300);

/// A dird that serves.
pub struct Running {
    /// Address of the REST interface.
    pub rest: SocketAddr,
    /// Address of the operators' listener, if there is one.
    pub monitor: Option<SocketAddr>,
    /// Address of the built-in authority, if it is the one in use.
    pub auth: Option<SocketAddr>,
    /// Address of the intercom's own listener, if there is one.
    pub intercom: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    /// Cancelled when no request is under way any more.
    quiet: CancellationToken,
    /// Tasks that go on until then.
    last: JoinSet<()>,
    membership: Option<Membership>,
}

impl Running {
    /// Serves until `stop` is cancelled and requests under way are answered or out of time.
    pub async fn until_stopped(mut self) {
        self.stop.cancelled().await;
        let end = Instant::now() + LAST;
        all_ended(&mut self.tasks).await;
        self.quiet.cancel();
        if timeout_at(end, all_ended(&mut self.last)).await.is_err() {
            tracing::warn!("what was to be kept last is not; the database does not answer");
            self.last.shutdown().await;
        }
        if let Some(membership) = self.membership {
            membership.leave().await;
        }
    }

    /// Opens the built-in authority and serves it.
    async fn serve_builtin(
        &mut self,
        bound: Bound,
        config: &Config,
        store: &Store,
    ) -> Result<Arc<dyn Authority>, AccountsError> {
        let builtin = authority::builtin(&config.auth, store, &mut self.tasks, &self.stop).await?;
        tracing::info!("auth listening on http://{}", bound.local_addr());
        let router = builtin::http::router(Arc::clone(&builtin));
        let serving = serve_router(bound, None, router, limits(config), self.stop.clone());
        self.tasks.spawn(serving);
        Ok(builtin)
    }
}

async fn all_ended(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a task ended by itself");
        }
    }
}

/// Starts serving; cancelling `stop` ends it.
pub async fn run(
    config: &Config,
    shown: RunningConfig,
    stop: CancellationToken,
) -> Result<Running, StartError> {
    let tls = certificate(config)?;
    let own = intercom::bind(config)?;
    let (rest, auth, operators) = bind(config)?;
    warn_of_strangers(config);
    let store = store::open(config.db_uri.expose()).await?;
    let mut running = Running {
        rest: rest.local_addr(),
        monitor: operators.as_ref().map(Bound::local_addr),
        auth: auth.as_ref().map(Bound::local_addr),
        intercom: own.as_ref().map(|(bound, _)| bound.local_addr()),
        stop: stop.clone(),
        tasks: JoinSet::new(),
        quiet: CancellationToken::new(),
        last: JoinSet::new(),
        membership: None,
    };
    let authority = match auth {
        Some(bound) => running.serve_builtin(bound, config, &store).await?,
        None => authority::wazo(&config.auth, &mut running.tasks, &stop)?,
    };
    let around = surroundings(config, &store, &stop);
    let (lists, outside) = (Arc::clone(&around.lists), around.outside.clone());
    let membership = Membership::join(config, &store, &authority, &stop);
    let parts = (&store, &authority, lists.slow_lane());
    let intercom = intercom::open(config, parts, &mut running.last, &running.quiet).await?;
    let mut app = app(config, &store, authority, around, shown);
    app.intercom = intercom;
    app.events = membership.events.clone();
    app.followers = Followers::new(stop.clone());
    running.membership = Some(membership);
    if let Some(bound) = operators {
        let router = monitor::router(Monitored::of(&app, Arc::clone(&lists), outside.clone()));
        let serving = serve_router(bound, None, router, limits(config), stop.clone());
        running.tasks.spawn(serving);
    }
    platform::register(
        config,
        (running.rest, tls.is_some()),
        &app.events,
        &mut running.tasks,
        &stop,
    )?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!("listening on {scheme}://{}", running.rest);
    let app = Arc::new(app);
    if let Some(own) = own {
        let serving = intercom::serve(own, Arc::clone(&app), limits(config), stop.clone());
        running.tasks.spawn(serving);
    }
    let router = crate::router::router(app);
    let serving = serve_router(rest, tls, router, limits(config), stop.clone());
    running.tasks.spawn(serving);
    running.tasks.spawn(async move {
        outside.until_stopped().await;
        lists.until_stopped().await;
    });
    Ok(running)
}

/// Parts that dird does not have are told, not refused.
fn warn_of_strangers(config: &Config) {
    for name in config.strangers() {
        tracing::warn!(name, "dird has no such part; the setting does nothing");
    }
}

/// What sources need from the rest of dird.
fn surroundings(config: &Config, store: &Store, stop: &CancellationToken) -> Surroundings {
    let (lane, stop) = (SlowLane::default(), stop.clone());
    Surroundings {
        lists: Lists::new(
            Arc::clone(store),
            config.index.max_bytes,
            lane,
            stop.clone(),
        ),
        people: Arc::new(People::new(Arc::clone(store))),
        store: Arc::clone(store),
        outside: Outside::new(stop),
    }
}

/// Listens for REST, the accounts and the operators, then gives up rights that are not needed any more.
fn bind(config: &Config) -> Result<Bounds, StartError> {
    let address = SocketAddr::new(config.rest_api.listen, config.rest_api.port);
    let rest = Bound::bind(address)?;
    let auth = authority::bind(&config.auth)?;
    let operators = platform::bind_monitor(config);
    become_user(config)?;
    Ok((rest, auth, operators))
}

type Bounds = (Bound, Option<Bound>, Option<Bound>);

/// TLS, when both files are named.
fn certificate(config: &Config) -> Result<Option<Acceptor>, TlsError> {
    match (&config.rest_api.certificate, &config.rest_api.private_key) {
        (Some(certificate), Some(key)) => {
            tracing::warn!("rest_api.certificate is deprecated; terminate TLS in front of dird");
            Ok(Some(Acceptor::load(certificate, key)?))
        }
        _ => Ok(None),
    }
}

/// Drops privileges. Having none to drop is said and forgiven; that there is no such user is not.
fn become_user(config: &Config) -> Result<(), PrivilegeError> {
    let Some(user) = config.user.as_deref().filter(|user| !user.is_empty()) else {
        return Ok(());
    };
    match privilege::drop_to(user) {
        Err(error @ PrivilegeError::NotRoot(_)) => {
            tracing::warn!(user, %error, "going on as the present user");
            Ok(())
        }
        other => other,
    }
}

fn app(
    config: &Config,
    store: &Store,
    authority: Arc<dyn Authority>,
    around: Surroundings,
    shown: RunningConfig,
) -> App {
    let limit = config.lookup.default_timeout.and_then(limit);
    let of = |workers: &Workers| workers.executor_workers.map(turns);
    let services = ServiceTurns {
        lookup: of(&config.lookup_service),
        reverse: of(&config.reverse_service),
        favorites: of(&config.favorites_service),
    };
    let slow_lane = around.lists.slow_lane().clone();
    App {
        authority,
        turns: turns(config.rest_api.max_threads),
        slow_lane,
        store: Arc::clone(store),
        lookup: Lookup::new(Arc::clone(store), around, limit)
            .asking_only(config.enabled_plugins.backends())
            .in_turns(services),
        log_privacy: config.log.privacy,
        strict_conventions: config.rest_api.strict_conventions,
        enabled: config.enabled_plugins.clone(),
        events: Events::default(),
        followers: Followers::new(CancellationToken::new()),
        config: shown,
        intercom: None,
        cors: config.rest_api.cors.clone(),
    }
}

/// Turns for so many requests at once, for which ten times as many wait (dird-platform.md §8).
fn turns(at_once: u32) -> Turns {
    let at_once = usize::try_from(at_once).unwrap_or(usize::MAX);
    Turns::new(at_once, at_once.saturating_mul(WAITING), TURN)
}

/// Bounds of one listener, with places of its own.
fn limits(config: &Config) -> Limits {
    let rest = &config.rest_api;
    Limits {
        header_timeout: seconds(rest.header_timeout),
        body_timeout: seconds(rest.body_timeout),
        idle_timeout: seconds(rest.keepalive_timeout),
        admission: Arc::new(Admission::new(rest.max_connections, 0, None)),
        ..Limits::default()
    }
}

/// Configured times were checked when they were read; what still does not fit is as good as for ever.
fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

async fn serve_router(
    bound: Bound,
    tls: Option<Acceptor>,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
) {
    let service = move |request: Request<serve::Body>| {
        let router = router.clone();
        async move {
            let request = request.map(axum::body::Body::new);
            let answered: Result<_, Infallible> = router.oneshot(request).await;
            answered.unwrap_or_else(|never| match never {})
        }
    };
    serve::serve(bound, tls, service, limits, stop).await;
}
