//! From a configuration to open ports and back: everything is checked and bound before anything serves, so that the process may
//! give up its rights in between (phoned.md §2, §16.6).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use kit::{
    auth_client::{CredentialSource, KeyFileError},
    serve::{self, BindError, Bound, Limits},
    tls::Acceptor,
};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::{App, AppError},
    config::{Config, TlsListener},
    gate::Gate,
    router,
};

/// Time for requests under way when the process stops.
const DRAIN: Duration = Duration::from_secs(5);
/// Connections from one phone; loopback is exempt.
const CONNECTIONS_PER_PEER: usize = 16;

/// Why phoned does not start. The message names file or address.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A bad entry of the allowlist; the message names key and entry.
    #[error("{origin}rest_api.authorized_subnets: {problem}")]
    Subnet {
        /// `FILE:LINE: ` where it is known.
        origin: String,
        /// What is wrong with which entry.
        problem: String,
    },
    /// Templates or backends.
    #[error(transparent)]
    App(#[from] AppError),
    /// Our credentials.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// Every listener is disabled or impossible.
    #[error("No HTTP/HTTPS server enabled")]
    NoListener,
    /// An address is taken or not ours.
    #[error(transparent)]
    Bind(#[from] BindError),
}

impl StartError {
    /// 1 when the machine is at fault, 2 when the configuration is.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Bind(_) => 1,
            _ => 2,
        }
    }
}

/// Bound and checked, not serving yet.
pub struct Ready {
    app: Arc<App>,
    plain: Vec<Bound>,
    tls: Vec<(Bound, Acceptor)>,
}

/// Serving.
pub struct Running {
    /// Addresses of the plain listeners.
    pub http: Vec<SocketAddr>,
    /// Addresses of the TLS listeners.
    pub https: Vec<SocketAddr>,
    stop: CancellationToken,
    requests: TaskTracker,
    tasks: Vec<JoinHandle<()>>,
}

/// Checks `config` and binds its addresses. Must be called inside a runtime.
pub async fn prepare(config: Config) -> Result<Ready, StartError> {
    let gate =
        Gate::new(&config.rest_api.authorized_subnets).map_err(|bad| StartError::Subnet {
            origin: String::new(),
            problem: bad.to_string(),
        })?;
    let app = App::new(config, gate)?;
    let rest_api = &app.config.rest_api;
    let acceptor = acceptor(&rest_api.https);
    if !rest_api.http.enabled && acceptor.is_none() {
        return Err(StartError::NoListener);
    }
    CredentialSource::KeyFile(app.config.auth.key_file.clone())
        .read()
        .await?;
    let mut plain = Vec::new();
    if rest_api.http.enabled {
        for address in rest_api.http.listen.addresses() {
            plain.push(Bound::bind(SocketAddr::new(*address, rest_api.http.port))?);
        }
    } else {
        tracing::info!("HTTP server is disabled");
    }
    let mut tls = Vec::new();
    if let Some(acceptor) = acceptor {
        let listener = &rest_api.https.listener;
        for address in listener.listen.addresses() {
            let bound = Bound::bind(SocketAddr::new(*address, listener.port))?;
            tls.push((bound, acceptor.clone()));
        }
    }
    Ok(Ready {
        app: Arc::new(app),
        plain,
        tls,
    })
}

/// The TLS side, if it is wanted and its files are sound; else a line in the log says why not (phoned.md §2).
fn acceptor(settings: &TlsListener) -> Option<Acceptor> {
    if !settings.listener.enabled {
        tracing::info!("HTTPS server is disabled");
        return None;
    }
    let loaded = Acceptor::load_http1(&settings.certificate, &settings.private_key);
    loaded
        .inspect_err(|error| tracing::warn!("HTTPS server won't start: {error}"))
        .ok()
}

/// [`prepare`] and [`Ready::start`] in one.
pub async fn run(config: Config) -> Result<Running, StartError> {
    Ok(prepare(config).await?.start(CancellationToken::new()))
}

impl Ready {
    /// Serves until `stop` is cancelled.
    pub fn start(self, stop: CancellationToken) -> Running {
        let limits = limits(&self.app.config);
        let router = router::router(&self.app);
        let mut running = Running {
            http: self.plain.iter().map(Bound::local_addr).collect(),
            https: self
                .tls
                .iter()
                .map(|(bound, _)| bound.local_addr())
                .collect(),
            requests: self.app.tasks.clone(),
            tasks: vec![tokio::spawn(
                Arc::clone(&self.app.auth).keep_token(stop.clone()),
            )],
            stop,
        };
        let plain = self.plain.into_iter().map(|bound| (bound, None));
        let tls = self
            .tls
            .into_iter()
            .map(|(bound, acceptor)| (bound, Some(acceptor)));
        for (bound, acceptor) in plain.chain(tls) {
            tracing::info!(address = %bound.local_addr(), tls = acceptor.is_some(), "listening");
            let router = router.clone();
            let service = move |request| router::serve(router.clone(), request);
            let served = serve::serve(
                bound,
                acceptor,
                service,
                limits.clone(),
                running.stop.clone(),
            );
            running.tasks.push(tokio::spawn(served));
        }
        running
    }
}

fn limits(config: &Config) -> Limits {
    Limits {
        header_timeout: config.rest_api.header_timeout,
        idle_timeout: config.rest_api.keepalive_timeout,
        max_requests_per_connection: config.rest_api.max_requests_per_connection,
        max_connections_per_peer: CONNECTIONS_PER_PEER,
        drain: DRAIN,
        ..Limits::default()
    }
}

impl Running {
    /// Returns when everything has ended, which is after the token given to [`Ready::start`] was cancelled.
    pub async fn ended(self) {
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a listener failed");
            }
        }
        self.requests.close();
        // Searches whose callers are gone; they have deadlines of their own.
        let _ = timeout(Duration::from_millis(200), self.requests.wait()).await;
    }

    /// Stops: requests under way get five seconds.
    pub async fn stop(self) {
        self.stop.cancel();
        self.ended().await;
    }
}
