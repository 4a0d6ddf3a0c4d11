//! HTTP/1.1 as bytes: what a phone sends and receives, with nothing hidden by a client library.
//!
//! Requests are written as given, so that malformed and Latin-1 ones can be sent; answers must be framed by
//! `Content-Length`, as desk phones need (phoned.md §2.1).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// How long any single wait may last before it counts as a failure.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// One complete HTTP answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// `HTTP/1.1` or `HTTP/1.0`.
    pub version: String,
    /// Header names in lower case, with their values, in the order received.
    pub headers: Vec<(String, String)>,
    /// Exactly `Content-Length` bytes.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text; a body that is not UTF-8 is an error.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.body).context("the body is not UTF-8")
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("not JSON: {:?}", String::from_utf8_lossy(&self.body)))
    }
}

/// A kept-alive connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Connection {
    /// Connects to `to`; `from` chooses the client's own address (any of 127/8 is there on Linux).
    pub async fn open(to: SocketAddr, from: Option<IpAddr>) -> Result<Self> {
        let socket = if to.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if let Some(address) = from {
            socket
                .bind(SocketAddr::new(address, 0))
                .with_context(|| format!("cannot speak from {address}"))?;
        }
        let stream = timeout(PATIENCE, socket.connect(to))
            .await?
            .with_context(|| format!("cannot connect to {to}"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            unread: Vec::new(),
        })
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        timeout(PATIENCE, self.stream.write_all(bytes))
            .await?
            .context("cannot send")
    }

    /// Reads one answer; a connection closed before its last byte is an error.
    pub async fn answer(&mut self) -> Result<Answer> {
        let head_end = loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                break at;
            }
            ensure!(
                self.read_more().await? > 0,
                "closed before the end of the answer's head"
            );
        };
        let head: Vec<u8> = self.unread.drain(..head_end + 4).collect();
        let mut answer = parse_head(&head)?;
        if matches!(answer.status, 204 | 304) {
            return Ok(answer);
        }
        let length: usize = answer
            .header("content-length")
            .context("an answer without Content-Length")?
            .parse()?;
        while self.unread.len() < length {
            ensure!(
                self.read_more().await? > 0,
                "closed after {} of {length} bytes of the body",
                self.unread.len()
            );
        }
        answer.body = self.unread.drain(..length).collect();
        Ok(answer)
    }

    /// Waits until the server closes; answers what it sent before that.
    pub async fn until_closed(&mut self) -> Result<Vec<u8>> {
        while self.read_more().await.unwrap_or(0) > 0 {}
        Ok(std::mem::take(&mut self.unread))
    }

    async fn read_more(&mut self) -> Result<usize> {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await;
        Ok(read.context("the server neither answers nor closes")??)
    }
}

/// An `http://` URL, cut into what a client needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Where to connect.
    pub address: SocketAddr,
    /// The `Host` header.
    pub authority: String,
    /// Path and query.
    pub target: String,
}

impl Url {
    /// Only what a phone in a test can follow: `http`, an address for a host, a port.
    pub fn parse(text: &str) -> Result<Self> {
        let rest = text
            .strip_prefix("http://")
            .with_context(|| format!("not an http URL: {text}"))?;
        let (authority, target) = rest
            .split_once('/')
            .with_context(|| format!("no path in {text}"))?;
        let address = authority
            .parse()
            .with_context(|| format!("not an address with a port: {authority}"))?;
        ensure!(
            text.bytes().all(|byte| byte.is_ascii_graphic()),
            "a URL with blanks or bytes beyond ASCII: {text:?}"
        );
        Ok(Self {
            address,
            authority: authority.to_owned(),
            target: format!("/{target}"),
        })
    }
}

/// One GET on a connection of its own.
pub async fn get(url: &str, from: Option<IpAddr>, headers: &[(&str, &str)]) -> Result<Answer> {
    let url = Url::parse(url)?;
    let headers: String = headers
        .iter()
        .flat_map(|(name, value)| [name, ": ", value, "\r\n"])
        .collect();
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n",
        url.target, url.authority
    );
    exchange(url.address, from, request.as_bytes()).await
}

/// Sends bytes on a connection of its own and reads one answer.
pub async fn exchange(to: SocketAddr, from: Option<IpAddr>, request: &[u8]) -> Result<Answer> {
    let mut connection = Connection::open(to, from).await?;
    connection.send(request).await?;
    connection.answer().await
}

fn parse_head(head: &[u8]) -> Result<Answer> {
    let head = std::str::from_utf8(head).context("a head that is not text")?;
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let mut words = status_line.splitn(3, ' ');
    let (Some(version), Some(status)) = (words.next(), words.next()) else {
        bail!("not a status line: {status_line:?}");
    };
    let mut headers = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line
            .split_once(':')
            .with_context(|| format!("not a header: {line:?}"))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let status = status
        .parse()
        .with_context(|| format!("not a status line: {status_line:?}"))?;
    Ok(Answer {
        status,
        version: version.to_owned(),
        headers,
        body: Vec::new(),
    })
}

/// Where `needle` starts in `hay`.
pub fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len())
        .position(|window| window == needle)
}
