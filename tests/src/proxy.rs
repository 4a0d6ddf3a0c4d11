//! The web server that stands before phoned in many sites: phones reach it below a prefix, and it tells phoned of them.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::wire::{self, PATIENCE, find};

/// Longest head of a request.
const LONGEST_HEAD: usize = 64 * 1024;

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    /// Where phones connect.
    pub address: SocketAddr,
    passed: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    /// Starts one that passes what is below `prefix` on to `to`, as requests of the phone at `phone`.
    pub async fn start(prefix: &'static str, to: SocketAddr, phone: &'static str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let passed = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&passed);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let counted = Arc::clone(&counted);
                tokio::spawn(async move {
                    // A client that is not answered reports it itself.
                    let done = pass(client, prefix, address, to, phone).await;
                    counted.fetch_add(usize::from(done.is_ok()), Ordering::SeqCst);
                });
            }
        });
        Ok(Self {
            address,
            passed,
            accepting,
        })
    }

    /// Requests that were answered.
    pub fn passed(&self) -> usize {
        self.passed.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// One request on a connection of its own.
async fn pass(
    mut client: TcpStream,
    prefix: &str,
    own: SocketAddr,
    to: SocketAddr,
    phone: &str,
) -> Result<()> {
    let head = timeout(PATIENCE, head(&mut client)).await??;
    let (method, rest) = head.split_once(' ').context("no target")?;
    let rest = rest
        .strip_prefix(prefix)
        .with_context(|| format!("not below {prefix}: {rest}"))?;
    let (line, headers) = rest.split_once("\r\n").context("no headers")?;
    let headers: String = headers
        .split("\r\n")
        .filter(|line| !line.is_empty() && !is_connection(line))
        .flat_map(|line| [line, "\r\n"])
        .collect();
    let (host, port) = (own.ip(), own.port());
    let request = format!(
        "{method} {line}\r\n{headers}Connection: close\r\nX-Forwarded-For: {phone}\r\nX-Forwarded-Proto: http\r\n\
         X-Forwarded-Host: {host}\r\nX-Forwarded-Port: {port}\r\nX-Script-Name: {prefix}\r\n\r\n"
    );
    let answer = wire::exchange(to, None, request.as_bytes()).await?;
    let mut bytes = format!(
        "{} {} x\r\nConnection: close\r\n",
        answer.version, answer.status
    );
    for (name, value) in answer
        .headers
        .iter()
        .filter(|(name, _)| name != "connection")
    {
        write!(bytes, "{name}: {value}\r\n")?;
    }
    client.write_all(format!("{bytes}\r\n").as_bytes()).await?;
    client.write_all(&answer.body).await?;
    Ok(client.shutdown().await?)
}

fn is_connection(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    name.eq_ignore_ascii_case("connection")
}

async fn head(client: &mut TcpStream) -> Result<String> {
    let mut read = Vec::new();
    loop {
        ensure!(read.len() < LONGEST_HEAD, "a head without end");
        ensure!(client.read_buf(&mut read).await? > 0, "half a request");
        if find(&read, b"\r\n\r\n").is_some() {
            return Ok(String::from_utf8(read)?);
        }
    }
}
