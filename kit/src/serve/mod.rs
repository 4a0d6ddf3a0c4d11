//! Serving HTTP: from a bound socket to a request in the hands of a service (phoned.md §2, dird-platform.md §9).
//!
//! `bound` binds; `accept`, below, takes connections within the caps of `admission`; `connection` drives one; `filter` and
//! `framer` hold HTTP/1 heads to our limits before hyper parses them; `exchange` calls the service. What a path or a header
//! means is not known here.

mod admission;
mod body;
mod bound;
mod chunked;
mod connection;
mod exchange;
mod filter;
mod framer;
mod head;
mod paced;
mod proxied;
mod quiet;
pub(crate) mod quota;
mod refusal;
#[cfg(test)]
mod split_tests;
mod target;
mod wire;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::connection::Shared;
use self::quota::LogQuota;
use crate::tls::Acceptor;

pub use self::admission::Admission;
pub use self::body::{Body, BodyError};
pub use self::bound::{BindError, Bound};
pub use self::proxied::Trusted;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How long accepting rests when the process is out of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Where a request came from; every request carries it as an extension. IPv4 addresses are IPv4 even on a dual-stack socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other end of the connection; behind a front proxy this is the proxy.
    pub remote: SocketAddr,
    /// Our end: the address the client reached us at.
    pub local: SocketAddr,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

/// The bounds of a listener and of each of its connections (phoned.md §2.1).
#[derive(Clone, Debug)]
pub struct Limits {
    /// For a TLS handshake; for the first byte of a connection; and, from a head's first byte, for the whole head.
    pub header_timeout: Duration,
    /// For the next request on a connection that served one.
    pub idle_timeout: Duration,
    /// For each 16 KiB of a request body, and for a client that does not take its answer.
    pub body_timeout: Duration,
    /// For requests under way when the server stops.
    pub drain: Duration,
    /// Places for connections; one for which there is none is closed at once. Listeners with the same have them together.
    pub admission: Arc<Admission>,
    /// Requests on one connection; the last is answered with `Connection: close`.
    pub max_requests_per_connection: usize,
    /// Bytes of a request line; more is 414.
    pub request_line: usize,
    /// Bytes of one header line; more is 431.
    pub one_header: usize,
    /// Bytes of all header lines; more is 431.
    pub all_headers: usize,
    /// Number of headers; more is 431.
    pub header_count: usize,
    /// Demands the PROXY protocol, from these peers; `None`: it is not spoken. [`Peer::remote`] is then whom the proxy names.
    pub proxies: Option<Trusted>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(5),
            admission: Arc::default(),
            max_requests_per_connection: 1000,
            request_line: 8 * 1024,
            one_header: 16 * 1024,
            all_headers: 32 * 1024,
            header_count: 100,
            proxies: None,
        }
    }
}

impl Limits {
    fn head(&self) -> head::HeadLimits {
        head::HeadLimits {
            request_line: self.request_line,
            one_field: self.one_header,
            all_fields: self.all_headers,
            field_count: self.header_count,
        }
    }

    /// Room for the largest head, whose target may triple when percent-encoded.
    fn buffer(&self) -> usize {
        let head = self.request_line.saturating_mul(3);
        head.saturating_add(self.all_headers).saturating_add(1024)
    }
}

/// Serves until `stop` is cancelled, then drains: connections that wait in the backlog are still served, idle ones are closed,
/// requests under way may finish within `limits.drain`, what is left is dropped. Returns when no task of it runs any more.
///
/// Without `tls` only HTTP/1 is spoken; with it, the protocol the client chose. The service sees targets in origin form and
/// a [`Peer`] among the extensions; a panic in it answers 500.
pub async fn serve<S, F, B>(
    bound: Bound,
    tls: Option<Acceptor>,
    service: S,
    limits: Limits,
    stop: CancellationToken,
) where
    S: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let address = bound.local_addr();
    let listener = match bound.into_listener() {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%address, %error, "cannot serve");
            return;
        }
    };
    let server = Server {
        admission: Arc::clone(&limits.admission),
        address,
        troubles: LogQuota::default(),
        shared: Arc::new(Shared {
            refusals: LogQuota::default(),
            service,
            limits,
            tls,
            tracker: TaskTracker::new(),
            stop,
            cut: CancellationToken::new(),
        }),
    };
    server.accept(&listener).await;
    server.take_backlog(listener);
    server.drain().await;
}

struct Server<S> {
    admission: Arc<Admission>,
    address: SocketAddr,
    troubles: LogQuota,
    shared: Arc<Shared<S>>,
}

impl<S, F, B> Server<S>
where
    S: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    async fn accept(&self, listener: &TcpListener) {
        let stop = &self.shared.stop;
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, remote)) => self.admit(stream, remote),
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    if self.troubles.allows(self.address.ip()) {
                        tracing::error!(address = %self.address, %error, "cannot accept connections");
                    }
                    sleep(ACCEPT_REST).await;
                }
            }
        }
    }

    fn admit(&self, stream: TcpStream, remote: SocketAddr) {
        let ip = remote.ip().to_canonical();
        match self.admission.admit(ip) {
            Ok(mut place) => {
                let shared = Arc::clone(&self.shared);
                self.shared.tracker.spawn(async move {
                    shared.run(stream, remote, &mut place).await;
                    drop(place);
                });
            }
            Err(full) => self.shared.note_refused(ip, full),
        }
    }

    /// Clients in the backlog believe they are connected. Asked of the socket itself: the runtime may not have noticed the
    /// last of them.
    fn take_backlog(&self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else {
            return;
        };
        loop {
            match listener.accept() {
                Ok((stream, remote)) => {
                    if let Ok(stream) = into_tokio(stream) {
                        self.admit(stream, remote);
                    }
                }
                Err(error)
                    if concerns_one_connection(&error)
                        || error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    async fn drain(&self) {
        let Shared {
            tracker,
            limits,
            cut,
            ..
        } = &*self.shared;
        tracker.close();
        if timeout(limits.drain, tracker.wait()).await.is_err() {
            tracing::warn!(
                connections = tracker.len(),
                "requests under way dropped at stop"
            );
            cut.cancel();
            tracker.wait().await;
        }
    }
}

fn into_tokio(stream: std::net::TcpStream) -> io::Result<TcpStream> {
    stream.set_nonblocking(true)?;
    TcpStream::from_std(stream)
}

fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}
