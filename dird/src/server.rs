//! From a configuration to open ports: binds first, becomes the unprivileged user, opens the store, then serves
//! (dird-platform.md §13).

mod authority;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use kit::http_client::ClientError;
use kit::privilege::{self, PrivilegeError};
use kit::serve::{self, BindError, Bound, Limits};
use kit::tls::{Acceptor, TlsError};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::api::config::RunningConfig;
use crate::app::App;
use crate::backends::Surroundings;
use crate::config::Config;
use crate::identity::Authority;
use crate::identity::builtin::{self, AccountsError};
use crate::index::{Lists, People};
use crate::lookup::Lookup;
use crate::store::{self, Store};

pub use authority::open_authority;

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
pub async fn run(
    config: &Config,
    shown: RunningConfig,
    stop: CancellationToken,
) -> Result<Running, StartError> {
    let tls = certificate(config)?;
    let rest = Bound::bind(SocketAddr::new(
        config.rest_api.listen,
        config.rest_api.port,
    ))?;
    let auth = authority::bind(&config.auth)?;
    become_user(config)?;
    for name in config.strangers() {
        tracing::warn!(name, "dird has no such part; the setting does nothing");
    }
    let store = store::open(config.db_uri.expose()).await?;
    let mut running = Running {
        rest: rest.local_addr(),
        auth: auth.as_ref().map(Bound::local_addr),
        stop: stop.clone(),
        tasks: JoinSet::new(),
    };
    let limits = limits(config);
    let authority: Arc<dyn Authority> = if let Some(bound) = auth {
        let builtin = Arc::new(open_authority(&config.auth, &store).await?);
        tracing::info!("auth listening on http://{}", bound.local_addr());
        let router = builtin::http::router(Arc::clone(&builtin));
        let serving = serve_router(bound, None, router, limits.clone(), stop.clone());
        running.tasks.spawn(serving);
        builtin
    } else {
        authority::wazo(&config.auth, &mut running.tasks, &stop)?
    };
    let app = app(config, &store, authority, shown);
    let scheme = if tls.is_some() { "https" } else { "http" };
    tracing::info!("listening on {scheme}://{}", running.rest);
    let router = crate::router::router(Arc::new(app));
    let serving = serve_router(rest, tls, router, limits, stop.clone());
    running.tasks.spawn(serving);
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

fn app(config: &Config, store: &Store, authority: Arc<dyn Authority>, shown: RunningConfig) -> App {
    let limit = config
        .lookup
        .default_timeout
        .map(seconds)
        .filter(|limit| !limit.is_zero());
    let around = Surroundings {
        lists: Arc::new(Lists::new(Arc::clone(store), config.index.max_bytes)),
        people: Arc::new(People::new(Arc::clone(store))),
    };
    App {
        authority,
        store: Arc::clone(store),
        lookup: Lookup::new(Arc::clone(store), around, limit)
            .asking_only(config.enabled_plugins.backends()),
        strict_conventions: config.rest_api.strict_conventions,
        enabled: config.enabled_plugins.clone(),
        config: shown,
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
