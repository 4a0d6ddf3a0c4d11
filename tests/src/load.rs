//! Load: a closed loop, in which every connection sends the next request when it has its answer, or an open one, in which
//! requests fall due at a steady rate whether answers come or not.
//!
//! It must cost less than what it measures: requests are bytes made beforehand, and of an answer only the
//! status, the length and a wish to close are read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::wire::find;

/// What one run found.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// Complete 200 answers.
    pub requests: u64,
    /// Other statuses, and connections that broke.
    pub errors: u64,
    /// Answers per second.
    pub per_second: f64,
    /// Median time of an answer, in microseconds.
    pub p50_us: u64,
    /// 99th percentile, in microseconds.
    pub p99_us: u64,
}

/// Sends `requests` in turn over `connections` kept-alive connections for `duration`: as fast as answers come, or, at a `rate` of
/// requests per second, each when it is due. The time of an answer then begins when the request was due.
pub async fn drive(
    to: SocketAddr,
    requests: Vec<Vec<u8>>,
    connections: usize,
    duration: Duration,
    rate: Option<f64>,
) -> Result<Measured> {
    ensure!(!requests.is_empty(), "nothing to send");
    let started = Instant::now();
    let work = Arc::new(Work {
        to,
        requests,
        turn: AtomicUsize::new(0),
        started,
        end: started + duration,
        rate,
    });
    let clients: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(client(Arc::clone(&work))))
        .collect();
    let mut times = Vec::new();
    let mut errors = 0;
    for client in clients {
        let (of_one, failed) = client.await.context("a client failed")?;
        times.extend(of_one);
        errors += failed;
    }
    Ok(summary(times, errors, started.elapsed()))
}

struct Work {
    to: SocketAddr,
    requests: Vec<Vec<u8>>,
    turn: AtomicUsize,
    started: Instant,
    end: Instant,
    rate: Option<f64>,
}

impl Work {
    /// The next request, and when its time begins. That is when it was due, if all connections were busy then; else it is now:
    /// a late timer is not the server's.
    async fn next(&self) -> (&[u8], Instant) {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let request = &self.requests[turn % self.requests.len()];
        let Some(rate) = self.rate else {
            return (request, Instant::now());
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "a run has far fewer than 2^52 requests"
        )]
        let due = self.started + Duration::from_secs_f64(turn as f64 / rate);
        if Instant::now() > due {
            return (request, due);
        }
        tokio::time::sleep_until(due.into()).await;
        (request, Instant::now())
    }
}

/// Microseconds of every good answer, and the number of bad ones.
async fn client(work: Arc<Work>) -> (Vec<u32>, u64) {
    let (mut times, mut errors) = (Vec::with_capacity(1 << 16), 0);
    let mut line: Option<Line> = None;
    while Instant::now() < work.end {
        let open = match line.take() {
            Some(open) => Ok(open),
            None => Line::open(work.to).await,
        };
        let (request, before) = work.next().await;
        match exchange(open, request).await {
            Ok((kept, 200)) => {
                times.push(u32::try_from(before.elapsed().as_micros()).unwrap_or(u32::MAX));
                line = kept;
            }
            Ok((kept, _)) => {
                errors += 1;
                line = kept;
            }
            Err(_) => errors += 1,
        }
    }
    (times, errors)
}

async fn exchange(line: Result<Line>, request: &[u8]) -> Result<(Option<Line>, u16)> {
    let mut line = line?;
    line.stream.write_all(request).await?;
    let (status, keep) = line.answer().await?;
    Ok((keep.then_some(line), status))
}

struct Line {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Line {
    async fn open(to: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(to).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            unread: Vec::with_capacity(64 * 1024),
        })
    }

    /// Reads one answer whole: its status, and whether the connection goes on.
    async fn answer(&mut self) -> Result<(u16, bool)> {
        self.unread.clear();
        let mut searched = 0;
        let head = loop {
            ensure!(self.stream.read_buf(&mut self.unread).await? > 0, "closed");
            let from = searched.max(3) - 3;
            if let Some(at) = find(&self.unread[from..], b"\r\n\r\n") {
                break from + at + 4;
            }
            searched = self.unread.len();
        };
        let (status, length, keep) = read_head(&self.unread[..head])?;
        while self.unread.len() < head + length {
            ensure!(self.stream.read_buf(&mut self.unread).await? > 0, "closed");
        }
        Ok((status, keep))
    }
}

fn read_head(head: &[u8]) -> Result<(u16, usize, bool)> {
    let head = std::str::from_utf8(head)?;
    let status = head.get(9..12).context("no status")?.parse()?;
    let (mut length, mut keep) = (None, true);
    for line in head.split("\r\n").skip(1) {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = Some(value.trim().parse()?);
        } else if name.eq_ignore_ascii_case("connection") {
            keep = !value.trim().eq_ignore_ascii_case("close");
        }
    }
    Ok((status, length.context("no Content-Length")?, keep))
}

fn summary(mut times: Vec<u32>, errors: u64, elapsed: Duration) -> Measured {
    times.sort_unstable();
    let at = |hundredths: usize| {
        times
            .get(times.len() * hundredths / 100)
            .copied()
            .map_or(0, u64::from)
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "a run has far fewer than 2^52 answers"
    )]
    let per_second = times.len() as f64 / elapsed.as_secs_f64();
    Measured {
        requests: times.len() as u64,
        errors,
        per_second,
        p50_us: at(50),
        p99_us: at(99),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_all_answers() {
        let measured = summary((1..=1000).rev().collect(), 2, Duration::from_secs(2));
        assert_eq!((measured.requests, measured.errors), (1000, 2));
        assert_eq!((measured.p50_us, measured.p99_us), (501, 991));
        assert!((measured.per_second - 500.0).abs() < 1e-9);
    }

    #[test]
    fn a_head_gives_status_length_and_the_wish_to_close() {
        let head = b"HTTP/1.1 503 x\r\ncontent-LENGTH: 12\r\nConnection: close\r\n\r\n";
        assert_eq!(read_head(head).unwrap(), (503, 12, false));
    }
}
