//! A server with a service that tells what it saw, and a client that writes bytes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use kit::serve::{Body, Bound, Limits, Peer, serve};
use kit::tls::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// No test may hang.
const PATIENCE: Duration = Duration::from_secs(20);
pub(crate) const LARGE: usize = 16 * 1024 * 1024;

/// Generous, so that a loaded machine cannot trip what a test is not about.
pub(crate) fn calm() -> Limits {
    Limits {
        header_timeout: PATIENCE,
        idle_timeout: PATIENCE,
        body_timeout: PATIENCE,
        drain: PATIENCE,
        ..Limits::default()
    }
}

/// Holds requests to `/wait` until let go.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) entered: Arc<Semaphore>,
    pub(crate) leave: Arc<Semaphore>,
}

pub(crate) struct Site {
    pub(crate) addr: SocketAddr,
    pub(crate) stop: CancellationToken,
    pub(crate) gate: Gate,
    served: JoinHandle<()>,
}

impl Site {
    pub(crate) fn start(limits: Limits) -> Self {
        Self::start_with(limits, None)
    }

    pub(crate) fn start_with(limits: Limits, tls: Option<Acceptor>) -> Self {
        let bound = Bound::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        Self::start_on(bound, limits, tls)
    }

    pub(crate) fn start_on(bound: Bound, limits: Limits, tls: Option<Acceptor>) -> Self {
        let addr = bound.local_addr();
        let stop = CancellationToken::new();
        let gate = Gate {
            entered: Arc::new(Semaphore::new(0)),
            leave: Arc::new(Semaphore::new(0)),
        };
        let inside = gate.clone();
        let service = move |request: Request<Body>| {
            assert!(request.uri().path() != "/panic-early", "early");
            answer(request, inside.clone())
        };
        let served = tokio::spawn(serve(bound, tls, service, limits, stop.clone()));
        Self {
            addr,
            stop,
            gate,
            served,
        }
    }

    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        Client(TcpStream::connect(self.addr).await.unwrap())
    }

    /// Sends, closes nothing, and reads until the server closes.
    pub(crate) async fn talk(&self, bytes: impl AsRef<[u8]>) -> Vec<Answer> {
        let mut client = self.connect().await;
        client.send(bytes).await;
        client.rest().await
    }

    /// Returns once `serve` has returned.
    pub(crate) async fn ended(self) {
        timeout(PATIENCE, self.served)
            .await
            .expect("serve goes on")
            .unwrap();
    }

    /// Returns once a request is held at the gate.
    pub(crate) async fn request_entered(&self) {
        let entered = timeout(PATIENCE, self.gate.entered.acquire()).await;
        entered.expect("no request came").unwrap().forget();
    }
}

async fn answer(request: Request<Body>, gate: Gate) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    match parts.uri.path() {
        "/panic" => panic!("on purpose"),
        "/ignore" => return Response::new(Full::from("ignored")),
        "/large" => return Response::new(Full::from(vec![b'x'; LARGE])),
        "/wait" => {
            gate.entered.add_permits(1);
            gate.leave.acquire().await.unwrap().forget();
        }
        _ => {}
    }
    let body = match body.collect().await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        Err(error) => {
            let mut response = Response::new(Full::from(error.to_string()));
            *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
            return response;
        }
    };
    let peer = parts.extensions.get::<Peer>().expect("no peer");
    let host = parts.headers.get("host").map(|host| host.to_str().unwrap());
    let text = format!(
        "{} {} host={} from={} tls={} body={body}",
        parts.method,
        parts.uri,
        host.unwrap_or("-"),
        peer.remote.ip(),
        peer.tls,
    );
    Response::new(Full::from(text))
}

/// One parsed answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn closes(&self) -> bool {
        self.head.contains("\r\nconnection: close\r\n")
    }

    /// The request target which the service saw.
    pub(crate) fn target(&self) -> &str {
        self.body.split(' ').nth(1).unwrap_or_default()
    }

    /// Takes one answer off the front; `None` when it is not complete.
    fn take(bytes: &mut Vec<u8>, head_only: bool) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let length = head.split_once("content-length: ");
        let (_, length) = length.unwrap_or_else(|| panic!("no length: {head}"));
        let length = length.split("\r\n").next().unwrap().parse().unwrap();
        let length: usize = if head_only { 0 } else { length };
        let body = bytes.get(end..end + length)?.to_vec();
        bytes.drain(..end + length);
        Some(Self {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: String::from_utf8(body).unwrap(),
        })
    }
}

pub(crate) struct Client<T>(pub(crate) T);

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads one answer.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.read_one(false).await
    }

    /// Reads the answer to a HEAD request.
    pub(crate) async fn head_answer(&mut self) -> Answer {
        self.read_one(true).await
    }

    // Clients that pipeline use `rest`: what lies behind the answer would be lost here.
    async fn read_one(&mut self, head_only: bool) -> Answer {
        let mut bytes = Vec::new();
        loop {
            if let Some(answer) = Answer::take(&mut bytes, head_only) {
                assert_eq!(bytes, b"", "more than one answer");
                return answer;
            }
            let read = timeout(PATIENCE, self.0.read_buf(&mut bytes)).await;
            let read = read.expect("no answer").unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(read > 0, "closed after {text:?}");
        }
    }

    /// Reads all answers until the server closes.
    pub(crate) async fn rest(&mut self) -> Vec<Answer> {
        let mut bytes = Vec::new();
        let read = timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await;
        read.expect("the connection stays open").unwrap();
        let mut answers = Vec::new();
        while let Some(answer) = Answer::take(&mut bytes, false) {
            answers.push(answer);
        }
        assert_eq!(bytes, b"", "not an answer");
        answers
    }
}

pub(crate) fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|answer| answer.status).collect()
}

pub(crate) fn targets(answers: &[Answer]) -> Vec<&str> {
    answers.iter().map(Answer::target).collect()
}
