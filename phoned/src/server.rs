//! From a configuration to open ports and back: everything is checked and bound before anything serves, so that the process may
//! give up its rights in between (phoned.md §2, §16.6).

use std::{net::SocketAddr, sync::Arc, time::Duration};

use kit::{
    auth_client::{CredentialSource, KeyFileError},
    bus::{Queue, Settings},
    serve::{self, Admission, BindError, Bound, Limits, Trusted},
    tls::Acceptor,
};
use tokio::{task::JoinHandle, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    app::{App, AppError},
    changes,
    config::{Config, ProxyProtocol, TlsListener},
    events,
    gate::{Gate, GateFault},
    live::{Applied, Live, Source},
    monitor, router,
    turn::ListenerTurns,
    watch,
};

/// Time for requests under way when the process stops.
const DRAIN: Duration = Duration::from_secs(5);

/// Longest wait for the first token before phones are served.
const FIRST_TOKEN: Duration = Duration::from_secs(2);

/// Why phoned does not start. The message names file or address.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A bad entry of the allowlist or of the trusted proxies; the message names key and entry.
    #[error(transparent)]
    Gate(#[from] GateFault),
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
    /// What will serve, for those who reload it.
    pub live: Arc<Live>,
    plain: Vec<Bound>,
    tls: Vec<(Bound, Acceptor)>,
    monitor: Option<Bound>,
    watched: Option<watch::Look>,
}

/// Serving.
pub struct Running {
    /// Addresses of the plain listeners.
    pub http: Vec<SocketAddr>,
    /// Addresses of the TLS listeners.
    pub https: Vec<SocketAddr>,
    /// Address of the operators' listener, if there is one.
    pub monitor: Option<SocketAddr>,
    stop: CancellationToken,
    requests: TaskTracker,
    tasks: Vec<JoinHandle<()>>,
}

/// Checks `config` and binds its addresses. A reload finds the same configuration. Must be called inside a runtime.
pub async fn prepare(config: Config) -> Result<Ready, StartError> {
    let same = config.clone();
    let source = Box::new(move || Ok(same.clone()));
    prepare_from(config, source, Box::new(|_| {})).await
}

/// As [`prepare`]; a reload reads `source`, and `applied` is told what is in force then.
pub async fn prepare_from(
    config: Config,
    source: Source,
    applied: Applied,
) -> Result<Ready, StartError> {
    let gate = Gate::new(&config.rest_api)?;
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
    let mut listeners = plain.iter().chain(tls.iter().map(|(bound, _)| bound));
    let beyond = |bound: &Bound| !bound.local_addr().ip().is_loopback();
    if listeners.any(beyond) && app.gate.trusts_loopback_blindly() {
        tracing::warn!(
            "authorized_subnets has loopback and trusted_proxies is empty: a proxy on this machine would open the directory \
             to everybody"
        );
    }
    let monitor = monitor::bind(app.config.metrics);
    let watched = app.config.watch.then(|| watch::look_at(&app.config));
    let certificates = tls.iter().map(|(_, acceptor)| acceptor.clone()).take(1);
    let certificates = certificates.collect();
    Ok(Ready {
        live: Live::new(app, source, applied, certificates),
        plain,
        tls,
        monitor,
        watched,
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
    let (ready, stop) = (prepare(config).await?, CancellationToken::new());
    ready.first_token(&stop).await;
    Ok(ready.start(stop))
}

impl Ready {
    /// Waits until auth has answered with our first token, so that no phone has to. That there is none, a stop, or an auth that
    /// hangs ends the wait.
    pub async fn first_token(&self, stop: &CancellationToken) {
        let app = &self.live.current().app;
        tokio::select! {
            () = stop.cancelled() => {}
            // Why it failed is in the log; whoever needs a token tries again.
            _made = timeout(FIRST_TOKEN, app.auth.token()) => {}
        }
    }

    /// Serves until `stop` is cancelled.
    pub fn start(self, stop: CancellationToken) -> Running {
        let (live, app) = (self.live.clone(), Arc::clone(&self.live.current().app));
        let (limits, rest_api) = (limits(&app.config, trusted(&live)), &app.config.rest_api);
        let plain_proxies = proxies(&live, rest_api.http.proxy_protocol);
        let tls_proxies = proxies(&live, rest_api.https.listener.proxy_protocol);
        let mut running = Running {
            http: self.plain.iter().map(Bound::local_addr).collect(),
            https: self
                .tls
                .iter()
                .map(|(bound, _)| bound.local_addr())
                .collect(),
            monitor: self.monitor.as_ref().map(Bound::local_addr),
            requests: app.tasks.clone(),
            tasks: vec![tokio::spawn(Arc::clone(&app.auth).keep_token(stop.clone()))],
            stop,
        };
        running.join_bus(&live);
        running.follow_changes(&app);
        if let Some(bound) = self.monitor {
            let stop = running.stop.clone();
            // Operators are to see what goes on even when phones have taken every place.
            let limits = Limits {
                admission: Arc::default(),
                ..limits.clone()
            };
            let answered = monitor::run(bound, Arc::clone(&live), limits, stop);
            running.tasks.push(tokio::spawn(answered));
        }
        if let Some(files) = self.watched {
            let watched = watch::run(Arc::clone(&live), files, running.stop.clone());
            running.tasks.push(tokio::spawn(watched));
        }
        let plain = self.plain.into_iter().map(|bound| (bound, None));
        let tls = self
            .tls
            .into_iter()
            .map(|(bound, acceptor)| (bound, Some(acceptor)));
        for (bound, acceptor) in plain.chain(tls) {
            tracing::info!(address = %bound.local_addr(), tls = acceptor.is_some(), "listening");
            let proxies = if acceptor.is_some() {
                &tls_proxies
            } else {
                &plain_proxies
            };
            let live = Arc::clone(&live);
            let turns = ListenerTurns::new(rest_api.max_threads, app.config.lookup.queued);
            let service = move |request| router::serve(live.current(), turns.clone(), request);
            let served = serve::serve(
                bound,
                acceptor,
                service,
                Limits {
                    proxies: proxies.clone(),
                    ..limits.clone()
                },
                running.stop.clone(),
            );
            running.tasks.push(tokio::spawn(served));
        }
        running
    }
}

/// The trusted proxies of the moment.
fn trusted(live: &Arc<Live>) -> Trusted {
    let live = Arc::clone(live);
    Trusted(Arc::new(move |proxy| {
        live.current().app.gate.trusted().allows(proxy)
    }))
}

/// Whose PROXY headers a listener believes.
fn proxies(live: &Arc<Live>, protocol: ProxyProtocol) -> Option<Trusted> {
    (protocol == ProxyProtocol::Required).then(|| trusted(live))
}

/// phoned has a queue of its own; what it listens to is bound to it.
fn bus_settings(config: &Config) -> Settings {
    let bus = &config.bus;
    Settings {
        client: "phoned",
        host: bus.host.clone(),
        port: bus.port,
        username: bus.username.clone(),
        password: bus.password.clone(),
        vhost: bus.vhost.clone(),
        exchange_name: bus.subscribe_exchange_name.clone(),
        exchange_type: bus.subscribe_exchange_type.clone(),
        queue: Queue::Exclusive,
        events: events::EVENTS,
    }
}

/// Bounds of the phones' listeners, which have their places together.
fn limits(config: &Config, fronts: Trusted) -> Limits {
    Limits {
        header_timeout: config.rest_api.header_timeout,
        idle_timeout: config.rest_api.keepalive_timeout,
        max_requests_per_connection: config.rest_api.max_requests_per_connection,
        admission: Arc::new(Admission::new(
            config.rest_api.max_connections,
            config.rest_api.max_connections_per_address,
            Some(fronts),
        )),
        drain: DRAIN,
        ..Limits::default()
    }
}

impl Running {
    /// Keeps the bus connected and works off what it says until the stop; nothing is published, so that it can be left at once.
    fn join_bus(&mut self, live: &Arc<Live>) {
        let app = &live.current().app;
        let (listener, worker) = events::queue(Arc::clone(live));
        let (settings, stop) = (bus_settings(&app.config), self.stop.clone());
        let kept = app.bus.clone().run(settings, listener, stop);
        self.tasks.push(tokio::spawn(kept));
        self.tasks.push(tokio::spawn(worker.run(self.stop.clone())));
        let (bus, stop) = (app.bus.clone(), self.stop.clone());
        self.tasks.push(tokio::spawn(async move {
            stop.cancelled().await;
            bus.close();
        }));
    }

    /// Lets dird tell what changes until the stop.
    fn follow_changes(&mut self, app: &App) {
        if app.config.cache.follow_changes {
            let (dird, outdated) = (app.lookups.dird(), Arc::clone(&app.caches.outdated));
            let following = changes::follow(dird, outdated, self.stop.clone());
            self.tasks.push(tokio::spawn(following));
        }
    }

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
