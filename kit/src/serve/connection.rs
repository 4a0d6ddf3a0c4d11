//! The life of one connection: handshake, requests, end.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::admission::{Full, Place};
use super::exchange::Exchange;
use super::filter::Filter;
use super::paced::Paced;
use super::quota::LogQuota;
use super::wire::Wire;
use super::{Body, BoxError, Limits, Peer, proxied};
use crate::tls::Acceptor;

/// hyper's read buffer. A head within the default limits fits even when its whole target is percent-encoded.
const MIN_BUFFER: usize = 128 * 1024;
const MAX_STREAMS: u32 = 128;

/// What all connections of a listener share.
pub(super) struct Shared<S> {
    pub(super) service: S,
    pub(super) limits: Limits,
    pub(super) tls: Option<Acceptor>,
    pub(super) refusals: LogQuota,
    pub(super) tracker: TaskTracker,
    /// Finish what is under way.
    pub(super) stop: CancellationToken,
    /// Give up at once.
    pub(super) cut: CancellationToken,
}

impl<S> Shared<S> {
    /// Says that a connection of `peer` was closed because of a cap.
    pub(super) fn note_refused(&self, peer: IpAddr, limit: Full) {
        if self.refusals.allows(peer) {
            tracing::warn!(%peer, ?limit, "connection closed, too many are open");
        }
    }
}

impl<S, F, B> Shared<S>
where
    S: Fn(Request<Body>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// Serves one accepted connection, which has `place`, to its end.
    pub(super) async fn run(&self, mut stream: TcpStream, remote: SocketAddr, place: &mut Place) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let Ok(local) = stream.local_addr() else {
            return;
        };
        let Some(remote) = self.client(&mut stream, canonical(remote)).await else {
            return;
        };
        if self.limits.proxies.is_some()
            && let Err(full) = place.count(remote.ip())
        {
            self.note_refused(remote.ip(), full);
            return;
        }
        let peer = Peer {
            remote,
            local: canonical(local),
            tls: self.tls.is_some(),
        };
        match &self.tls {
            None => self.serve_http1(stream, peer).await,
            Some(acceptor) => self.serve_tls(acceptor, stream, peer).await,
        }
    }

    /// Whom the connection is for: the other end, or whom a trusted proxy names. `None`: nobody to speak to.
    async fn client(&self, stream: &mut TcpStream, remote: SocketAddr) -> Option<SocketAddr> {
        let Some(trusted) = &self.limits.proxies else {
            return Some(remote);
        };
        if !(trusted.0)(remote.ip()) {
            tracing::debug!(peer = %remote.ip(), "connection closed, it comes from no trusted proxy");
            return None;
        }
        let header = timeout(self.limits.header_timeout, proxied::read(stream));
        let result = tokio::select! {
            result = header => result,
            () = self.cut.cancelled() => return None,
        };
        match result {
            Ok(Ok(named)) => Some(named.map_or(remote, canonical)),
            Ok(Err(error)) => {
                tracing::debug!(peer = %remote.ip(), %error, "connection closed");
                None
            }
            Err(_elapsed) => None,
        }
    }

    async fn serve_tls(&self, acceptor: &Acceptor, stream: TcpStream, peer: Peer) {
        let handshake = timeout(self.limits.header_timeout, acceptor.accept(stream));
        let result = tokio::select! {
            result = handshake => result,
            () = self.cut.cancelled() => return,
        };
        match result {
            Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                self.serve_http2(stream, peer).await;
            }
            Ok(Ok(stream)) => self.serve_http1(stream, peer).await,
            Ok(Err(error)) => acceptor.note_failure(peer.remote.ip(), &error),
            Err(_elapsed) => {
                let error = std::io::ErrorKind::TimedOut.into();
                acceptor.note_failure(peer.remote.ip(), &error);
            }
        }
    }

    /// hyper's own timer stays off: the filter covers what it would, and more.
    async fn serve_http1<T>(&self, stream: T, peer: Peer)
    where
        T: AsyncRead + AsyncWrite + Unpin,
    {
        let wire = self.wire();
        let exchange = self.exchange(peer, &wire);
        let paced = Paced::new(stream, self.limits.body_timeout, Arc::clone(&wire));
        let io = TokioIo::new(Filter::new(paced, &self.limits, Arc::clone(&wire)));
        let mut builder = http1::Builder::new();
        // A client may close its sending side once its request is sent; it still gets the answer.
        builder.half_close(true);
        builder.max_buf_size(self.limits.buffer().max(MIN_BUFFER));
        // hyper's own count is on the stack up to 100 and on the heap beyond.
        if self.limits.header_count > 100 {
            builder.max_headers(self.limits.header_count);
        }
        let mut connection =
            pin!(builder.serve_connection(io, service_fn(move |request| exchange.call(request))));
        // Asked at each wake-up: a token of its own spares the connections a shared lock.
        let stop = self.stop.child_token();
        loop {
            tokio::select! {
                biased;
                result = connection.as_mut() => return log_end(result),
                () = stop.cancelled(), if !wire.draining() => wire.drain(),
                () = self.cut.cancelled(), if wire.draining() => return,
            }
        }
    }

    async fn serve_http2<T>(&self, stream: T, peer: Peer)
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let wire = self.wire();
        let exchange = self.exchange(peer, &wire);
        let paced = Paced::new(stream, self.limits.body_timeout, Arc::clone(&wire));
        let executor = Tracked {
            tracker: self.tracker.clone(),
            cut: self.cut.clone(),
        };
        let mut builder = http2::Builder::new(executor);
        let header_list = u32::try_from(self.limits.all_headers).unwrap_or(u32::MAX);
        builder
            .timer(TokioTimer::new())
            .max_header_list_size(header_list)
            .max_concurrent_streams(MAX_STREAMS)
            .keep_alive_interval(self.limits.idle_timeout)
            .keep_alive_timeout(self.limits.idle_timeout);
        let service = service_fn(move |request| exchange.call(request));
        let mut connection = pin!(builder.serve_connection(TokioIo::new(paced), service));
        let stop = self.stop.child_token();
        let mut leaving = false;
        let mut check = pin!(sleep(self.limits.header_timeout));
        loop {
            tokio::select! {
                biased;
                result = connection.as_mut() => return log_end(result),
                () = self.cut.cancelled() => return,
                () = stop.cancelled(), if !wire.draining() => wire.drain(),
                () = wire.used_up.notified(), if !leaving => {}
                () = check.as_mut() => {
                    let active = wire.take_activity();
                    if wire.requests() == 0 || (leaving && !active) {
                        return;
                    }
                    let pause = if active { self.limits.idle_timeout } else { self.limits.body_timeout };
                    check.as_mut().reset(Instant::now() + pause);
                    if active {
                        continue;
                    }
                }
            }
            // Whatever got here, no new request is taken; a peer that does not leave is dropped at the next check.
            leaving = true;
            connection.as_mut().graceful_shutdown();
        }
    }

    fn wire(&self) -> Arc<Wire> {
        Arc::new(Wire::new(self.limits.max_requests_per_connection))
    }

    fn exchange(&self, peer: Peer, wire: &Arc<Wire>) -> Exchange<S> {
        Exchange {
            service: self.service.clone(),
            peer,
            wire: Arc::clone(wire),
            body_timeout: self.limits.body_timeout,
        }
    }
}

fn log_end(result: Result<(), hyper::Error>) {
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}

/// Runs HTTP/2 streams in tasks which the listener waits for.
#[derive(Clone)]
struct Tracked {
    tracker: TaskTracker,
    cut: CancellationToken,
}

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let cut = self.cut.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                biased;
                () = stream => {}
                () = cut.cancelled() => {}
            }
        });
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    let ip: IpAddr = address.ip().to_canonical();
    if ip == address.ip() {
        address
    } else {
        SocketAddr::new(ip, address.port())
    }
}
