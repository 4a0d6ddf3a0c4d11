//! Answers of thousands of rows. They are written in pieces, each of which is given back to the system as soon as it is sent: one
//! buffer of many megabytes would be copied as it grows, and whoever drops it holds up everybody else of his worker.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderValue, header};
use http_body::{Frame, SizeHint};
use serde::Serialize;

use crate::error::ApiError;

/// Bytes of a piece.
const PIECE: usize = 64 << 10;

/// `body` as JSON, in pieces. It takes a while: not for a worker of the runtime.
pub(super) fn json_pieces(body: &impl Serialize) -> Result<Response, ApiError> {
    let mut pieces = Pieces::default();
    let written = serde_json::to_writer(&mut pieces, body);
    written.map_err(|error| ApiError::Internal(error.into()))?;
    pieces.current.push(b'\n');
    let mut response = Response::new(Body::new(pieces.finish()));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    Ok(response)
}

/// What is being written.
#[derive(Default)]
struct Pieces {
    full: VecDeque<Bytes>,
    current: Vec<u8>,
}

impl Pieces {
    fn finish(mut self) -> Written {
        self.full.push_back(self.current.into());
        Written(self.full)
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.current.len() + bytes.len() > PIECE {
            let next = Vec::with_capacity(PIECE.max(bytes.len()));
            let full = std::mem::replace(&mut self.current, next);
            if !full.is_empty() {
                self.full.push_back(full.into());
            }
        }
        self.current.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is left to be sent.
struct Written(VecDeque<Bytes>);

impl http_body::Body for Written {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_are_the_whole_text_with_its_length() {
        let body: Vec<String> = (0..40_000)
            .map(|number: usize| format!("{number} {}", "é".repeat(number % 7)))
            .chain(["x".repeat(3 * PIECE)])
            .collect();
        let response = json_pieces(&body).expect("text");
        let (head, pieces) = response.into_parts();
        assert_eq!(head.status, http::StatusCode::OK);
        let expected = serde_json::to_string(&body).expect("text") + "\n";
        let hint = http_body::Body::size_hint(&pieces);
        assert_eq!(hint.exact(), Some(expected.len() as u64));
        let read = axum::body::to_bytes(pieces, usize::MAX).await;
        assert!(read.expect("no errors") == expected.as_bytes());
    }

    #[test]
    fn no_piece_is_longer_than_what_was_written_at_once() {
        let mut pieces = Pieces::default();
        for length in [10, PIECE, 3 * PIECE, 1, PIECE - 1, 1] {
            io::Write::write_all(&mut pieces, &vec![b'x'; length]).expect("memory");
        }
        let Written(pieces) = pieces.finish();
        let lengths: Vec<usize> = pieces.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [10, PIECE, 3 * PIECE, PIECE, 1]);
    }
}
