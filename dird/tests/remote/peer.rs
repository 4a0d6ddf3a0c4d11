//! An HTTP server that answers as a test wants it to, wrongly too, and remembers what it was asked.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// `GET /path?query`.
    pub(crate) line: String,
    /// Header lines, names in lower case.
    headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: String,
}

impl Asked {
    /// The value of a header; empty without.
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// A whole answer: status, content type, body.
    Whole(u16, &'static str, Vec<u8>),
    /// CSV with an `ETag`.
    Tagged(&'static str, Vec<u8>),
    /// A redirect to an address.
    Moved(String),
    /// Never answers.
    Hang,
    /// The same as a whole answer of status 200, one byte in so many milliseconds.
    Trickle(&'static str, u64),
    /// Announces more than it sends.
    Truncated,
    /// Closes the connection.
    Close,
    /// Text without end.
    Endless,
}

impl Reply {
    /// JSON with a status.
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::Whole(status, "application/json", body.to_string().into_bytes())
    }

    /// CSV with status 200.
    pub(crate) fn csv(text: &str) -> Self {
        Self::Whole(200, "text/csv; charset=utf-8", text.as_bytes().to_vec())
    }
}

type Answering = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A running server.
pub(crate) struct Peer {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    open: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

/// A port that nobody else is given, also after it was closed.
fn own_address() -> String {
    let [port] = e2e::ports::free().unwrap();
    format!("127.0.0.1:{port}")
}

impl Peer {
    /// A server on a free port.
    pub(crate) async fn start(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::serve(&own_address(), None, Arc::new(answer)).await
    }

    /// The same on a port that is known already.
    pub(crate) async fn start_at(
        addr: SocketAddr,
        answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::serve(&addr.to_string(), None, Arc::new(answer)).await
    }

    /// The same with TLS and a certificate that no system trusts.
    pub(crate) async fn start_tls(
        answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        kit::tls::install_provider();
        let chain = CertificateDer::from_pem_file(certificate("first.crt")).unwrap();
        let key = PrivateKeyDer::from_pem_file(certificate("first.key")).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::serve(&own_address(), Some(acceptor), Arc::new(answer)).await
    }

    async fn serve(addr: &str, tls: Option<TlsAcceptor>, answer: Arc<Answering>) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (asked, open) = (Arc::default(), Arc::<AtomicUsize>::default());
        let (seen, count) = (Arc::clone(&asked), Arc::clone(&open));
        let serving = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, answer, seen) = (tls.clone(), Arc::clone(&answer), Arc::clone(&seen));
                let here = Present::new(&count);
                connections.spawn(async move {
                    let _here = here;
                    connection(stream, tls, &*answer, &seen).await;
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            addr,
            asked,
            open,
            serving,
        }
    }

    /// `http://host:port/path`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// What it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The request lines so far, without method and version.
    pub(crate) fn paths(&self) -> Vec<String> {
        let asked = self.asked();
        asked
            .into_iter()
            .map(|asked| asked.line.split_once(' ').unwrap().1.to_owned())
            .collect()
    }

    /// Waits until no connection is open but those that wait for another request.
    pub(crate) async fn at_rest(&self, most: usize) {
        for _ in 0..500 {
            if self.open.load(Ordering::SeqCst) <= most {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!(
            "{} connections are still open",
            self.open.load(Ordering::SeqCst)
        );
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

struct Present(Arc<AtomicUsize>);

impl Present {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A file of the tests' certificates.
pub(crate) fn certificate(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../kit/tests/data")
        .join(name)
}

async fn connection(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    answer: &Answering,
    seen: &Mutex<Vec<Asked>>,
) {
    match tls {
        None => exchange(stream, answer, seen).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                exchange(stream, answer, seen).await;
            }
        }
    }
}

/// Answers requests until the connection ends; what goes wrong ends it, as the other side may leave at any time.
async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: &Answering,
    seen: &Mutex<Vec<Asked>>,
) {
    while let Some(asked) = read(&mut stream).await {
        seen.lock().unwrap().push(asked.clone());
        if write(&mut stream, answer(&asked)).await.is_none() {
            return;
        }
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let headers: Vec<_> = lines.filter_map(header).collect();
    let mut asked = Asked {
        line,
        headers,
        body: String::new(),
    };
    let mut body = vec![0; asked.header("content-length").parse().unwrap_or(0)];
    stream.read_exact(&mut body).await.ok()?;
    asked.body = String::from_utf8_lossy(&body).into_owned();
    Some(asked)
}

async fn write(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), reply: Reply) -> Option<()> {
    let head = |status: u16, media: &str, length: usize| {
        format!("HTTP/1.1 {status} x\r\nContent-Type: {media}\r\nContent-Length: {length}\r\n\r\n")
    };
    match reply {
        Reply::Whole(status, media, body) => {
            stream
                .write_all(head(status, media, body.len()).as_bytes())
                .await
                .ok()?;
            stream.write_all(&body).await.ok()
        }
        Reply::Tagged(tag, body) => {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 200 x\r\nETag: {tag}\r\nContent-Type: text/csv; charset=utf-8\r\nContent-Length: {length}\r\n\r\n"
            );
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(&body).await.ok()
        }
        Reply::Moved(to) => {
            let head = format!("HTTP/1.1 302 x\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(head.as_bytes()).await.ok()
        }
        Reply::Hang => {
            let mut ignored = [0; 64];
            while stream.read(&mut ignored).await.ok()? > 0 {}
            None
        }
        Reply::Trickle(body, pause) => {
            stream
                .write_all(head(200, "text/csv; charset=utf-8", body.len()).as_bytes())
                .await
                .ok()?;
            for byte in body.bytes() {
                stream.write_u8(byte).await.ok()?;
                stream.flush().await.ok()?;
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            Some(())
        }
        Reply::Truncated => {
            let half = head(200, "text/csv; charset=utf-8", 1000) + "id,fn\n1,Half\n2,";
            stream.write_all(half.as_bytes()).await.ok()?;
            None
        }
        Reply::Close => None,
        Reply::Endless => {
            let head =
                "HTTP/1.1 200 x\r\nContent-Type: text/csv\r\nConnection: close\r\n\r\nid,fn\n";
            stream.write_all(head.as_bytes()).await.ok()?;
            let rows = "1,Endless Row\n".repeat(4096);
            loop {
                stream.write_all(rows.as_bytes()).await.ok()?;
            }
        }
    }
}
