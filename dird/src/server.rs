//! From a configuration to open ports: binds first, becomes the unprivileged user, opens the store, then serves
//! (dird-platform.md §13).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use kit::privilege::{self, PrivilegeError};
use kit::serve::{self, BindError, Bound, Limits};
use kit::tls::{Acceptor, TlsError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::app::App;
use crate::backends::{Phonebooks, Surroundings};
use crate::config::{Auth, AuthBackend, Config};
use crate::identity::Authority;
use crate::identity::builtin::{self, AccountsError, Builtin};
use crate::lookup::Lookup;
use crate::store::{self, Store};

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
    /// The authority that is configured cannot be had.
    #[error("auth.backend: asking an auth service is not supported by this version; builtin is")]
    NoSuchAuthority,
    /// The system user cannot be taken.
    #[error("user: {0}")]
    User(#[from] PrivilegeError),
}

/// A dird that serves.
pub struct Running {
    /// Address of the REST interface.
    pub rest: SocketAddr,
    /// Address of the built-in authority, if it is the one in use.
    pub auth: Option<SocketAddr>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Running {
    /// Serves until `stop` is cancelled and requests under way are answered or out of time.
    pub async fn until_stopped(mut self) {
        self.stop.cancelled().await;
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Starts serving; cancelling `stop` ends it.
pub async fn run(config: &Config, stop: CancellationToken) -> Result<Running, StartError> {
    let builtin = config.auth.backend == AuthBackend::Builtin;
    let tls = certificate(config)?;
    let rest = Bound::bind(SocketAddr::new(
        config.rest_api.listen,
        config.rest_api.port,
    ))?;
    let auth = if builtin {
        Bound::bind(SocketAddr::new(config.auth.listen, config.auth.port))?
    } else {
        return Err(StartError::NoSuchAuthority);
    };
    become_user(config)?;
    let store = store::open(config.db_uri.expose()).await?;
    let authority = Arc::new(open_authority(&config.auth, &store).await?);
    let phonebooks = Arc::new(Phonebooks::new(Arc::clone(&store), config.index.max_bytes));
    let app = app(config, &store, authority.clone(), Arc::clone(&phonebooks));
    let mut running = Running {
        rest: rest.local_addr(),
        auth: None,
        stop: stop.clone(),
        tasks: JoinSet::new(),
    };
    let limits = limits(config);
    tracing::info!(
        "listening on {}://{}",
        if tls.is_some() { "https" } else { "http" },
        running.rest
    );
    let router = crate::router::router(Arc::new(app));
    running.tasks.spawn(serve_router(
        rest,
        tls,
        router,
        limits.clone(),
        stop.clone(),
    ));
    tracing::info!("auth listening on http://{}", auth.local_addr());
    running.auth = Some(auth.local_addr());
    let router = builtin::http::router(authority);
    running
        .tasks
        .spawn(serve_router(auth, None, router, limits, stop.clone()));
    running.tasks.spawn(phonebooks.follow(stop));
    Ok(running)
}

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

/// Drops privileges. Having none to drop, or no such user, is said and forgiven; a refusal by the system is not.
fn become_user(config: &Config) -> Result<(), PrivilegeError> {
    let Some(user) = config.user.as_deref().filter(|user| !user.is_empty()) else {
        return Ok(());
    };
    match privilege::drop_to(user) {
        Err(error @ (PrivilegeError::NotRoot(_) | PrivilegeError::NoSuchUser(_))) => {
            tracing::warn!(user, %error, "going on as the present user");
            Ok(())
        }
        other => other,
    }
}

/// The built-in authority over `store`.
pub async fn open_authority(auth: &Auth, store: &Store) -> Result<Builtin, AccountsError> {
    let address = (auth.listen.to_string(), auth.port);
    Builtin::open(Arc::clone(store) as _, seconds(auth.cache_ttl), address).await
}

fn app(
    config: &Config,
    store: &Store,
    authority: Arc<dyn Authority>,
    phonebooks: Arc<Phonebooks>,
) -> App {
    let limit = config
        .lookup
        .default_timeout
        .map(seconds)
        .filter(|limit| !limit.is_zero());
    App {
        authority,
        store: Arc::clone(store),
        lookup: Lookup::new(Arc::clone(store), Surroundings { phonebooks }, limit),
        cors: config.rest_api.cors.clone(),
    }
}

fn limits(config: &Config) -> Limits {
    let rest = &config.rest_api;
    Limits {
        header_timeout: seconds(rest.header_timeout),
        body_timeout: seconds(rest.body_timeout),
        idle_timeout: seconds(rest.keepalive_timeout),
        max_connections: rest.max_connections,
        max_connections_per_peer: 0,
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
