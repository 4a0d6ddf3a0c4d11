//! A connection's verdict must not depend on how its bytes were cut into reads.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use tokio::io::{AsyncRead, ReadBuf};

use super::Limits;
use super::filter::Filter;
use super::refusal::Refusal;
use super::wire::Wire;

/// A peer that sends these chunks, one a read, and closes.
struct Chunks(VecDeque<Vec<u8>>);

impl AsyncRead for Chunks {
    fn poll_read(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let chunks = &mut self.get_mut().0;
        if let Some(mut chunk) = chunks.pop_front() {
            let rest = chunk.split_off(chunk.len().min(buf.remaining()));
            buf.put_slice(&chunk);
            if !rest.is_empty() {
                chunks.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// What hyper gets to read, and the refusal if there is one.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    read: String,
    refusal: Option<(usize, Refusal)>,
}

fn outcome(chunks: impl IntoIterator<Item = Vec<u8>>, buffer: usize) -> Outcome {
    let limits = Limits {
        request_line: 60,
        one_header: 40,
        all_headers: 90,
        header_count: 3,
        ..Limits::default()
    };
    let wire = Arc::new(Wire::new(1000));
    let mut filter = Filter::new(
        Chunks(chunks.into_iter().collect()),
        &limits,
        Arc::clone(&wire),
    );
    let mut cx = Context::from_waker(Waker::noop());
    let mut read = Vec::new();
    loop {
        let mut space = vec![0; buffer];
        let mut buf = ReadBuf::new(&mut space);
        match Pin::new(&mut filter).poll_read(&mut cx, &mut buf) {
            Poll::Ready(Ok(())) if !buf.filled().is_empty() => {
                read.extend_from_slice(buf.filled());
            }
            _ => break,
        }
    }
    let refusal = (0..40)
        .map(|ordinal| (ordinal, wire.next_turn()))
        .find_map(|(ordinal, turn)| Some((ordinal, turn.refusal?)));
    Outcome {
        read: String::from_utf8_lossy(&read).into_owned(),
        refusal,
    }
}

fn cut(bytes: &[u8], places: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut ends: Vec<usize> = places.iter().map(|i| i.index(bytes.len() + 1)).collect();
    ends.push(bytes.len());
    ends.sort_unstable();
    let mut start = 0;
    let mut chunks = Vec::new();
    for end in ends {
        chunks.push(bytes[start..end].to_vec());
        start = end;
    }
    chunks.retain(|chunk| !chunk.is_empty());
    chunks
}

fn fragment() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        12 => prop::sample::select(vec![
            &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
            b"GET /\xe9t\xe9?q=\xff HTTP/1.0\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 7\r\n\r\nGET /\r\n",
            b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT: 1\r\n\r\n",
            b"\r\n",
        ]).prop_map(<[u8]>::to_vec),
        2 => prop::sample::select(vec![
            &b"GET / HTTP/1.1\nHost: a\n\n"[..],
            b"GET / HTTP/1.1\r\nHost: a\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nz",
            b"GET / HTTP/1.1\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n",
            b"GET / HT",
        ]).prop_map(<[u8]>::to_vec),
        1 => (30usize..80).prop_map(|n| format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(n)).into_bytes()),
        1 => (20usize..60).prop_map(|n| {
            let value = "x".repeat(n);
            format!("GET / HTTP/1.1\r\nA: {value}\r\nB: {value}\r\n\r\n").into_bytes()
        }),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ]
}

proptest! {
    #[test]
    fn cutting_the_input_changes_nothing(
        fragments in prop::collection::vec(fragment(), 1..8),
        places in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
        buffer in 1usize..300,
    ) {
        let bytes = fragments.concat();
        let whole = outcome([bytes.clone()], 4096);
        prop_assert_eq!(outcome(cut(&bytes, &places), buffer), whole);
    }

    #[test]
    fn byte_by_byte_changes_nothing(fragments in prop::collection::vec(fragment(), 1..8)) {
        let bytes = fragments.concat();
        let whole = outcome([bytes.clone()], 4096);
        prop_assert_eq!(outcome(bytes.iter().map(|byte| vec![*byte]), 64), whole);
    }
}

#[test]
fn ordinary_requests_pass_unchanged() {
    let bytes =
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\n\n";
    let passed = outcome([bytes.to_vec()], 4096);
    assert_eq!(passed.read.as_bytes(), bytes);
    assert_eq!(passed.refusal, None);
}

#[test]
fn raw_bytes_in_the_target_are_encoded_and_nothing_else_is() {
    let bytes = b"GET /caf\xe9?a=\xc3\xa9 HTTP/1.1\r\nX: \xe9\r\n\r\n";
    let passed = outcome([bytes.to_vec()], 4096);
    assert!(
        passed
            .read
            .starts_with("GET /caf%E9?a=%C3%A9 HTTP/1.1\r\nX: ")
    );
    assert!(!passed.read.contains("X: %"));
}

#[test]
fn nothing_passes_after_a_refused_head() {
    let bytes = b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\n\r\nGET /3 HTTP/1.1\r\n\r\n";
    let passed = outcome([bytes.to_vec()], 4096);
    assert_eq!(passed.refusal, Some((1, Refusal::Malformed)));
    assert!(passed.read.starts_with("GET /1 HTTP/1.1\r\n\r\n"));
    assert!(!passed.read.contains("/2") && !passed.read.contains("/3"));
}
