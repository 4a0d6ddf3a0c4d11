//! Importing files over HTTP: what the import routes have in common. The answer may be as long as the file, so it is not kept in
//! memory either (dird-api-contacts.md §1.7, §4, §5).

use std::io;

use async_trait::async_trait;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

use super::call::Call;
use super::contact::Shown;
use crate::contacts::{Charset, Sink, Spool, UnknownCharset};
use crate::error::ApiError;
use crate::store::model::Contact;

/// Longest file, in bytes.
const LONGEST_FILE: u64 = 256 << 20;

/// Bytes of an answer that are sent at once.
const PIECE: usize = 64 << 10;

/// The file of a request and its charset.
pub(super) async fn file(
    call: &mut Call,
    unknown: impl FnOnce(UnknownCharset) -> ApiError,
) -> Result<(Spool, Charset), ApiError> {
    let kind = call.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|value| value.to_str().ok());
    let charset = Charset::of_content_type(kind).map_err(unknown)?;
    Ok((call.spool(LONGEST_FILE).await?, charset))
}

/// The answer of an import, written while it runs.
pub(super) struct ImportAnswer {
    written: Spool,
    separator: &'static str,
}

impl ImportAnswer {
    /// An answer without contacts so far.
    pub(super) fn new() -> Self {
        Self {
            written: Spool::default(),
            separator: "",
        }
    }

    async fn append(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        let written = std::mem::take(&mut self.written);
        self.written = written.append(bytes.into()).await?;
        Ok(())
    }

    /// The answer, with the rows that failed.
    pub(super) async fn finish(
        mut self,
        status: StatusCode,
        failed: &impl Serialize,
    ) -> Result<Response, ApiError> {
        let internal = |error: io::Error| ApiError::Internal(error.into());
        let failed = serde_json::to_string(failed);
        let failed = failed.map_err(|error| ApiError::Internal(error.into()))?;
        let start = if self.written.bytes() == 0 { START } else { "" };
        let end = format!("{start}], \"failed\": {failed}}}\n");
        self.append(end.into_bytes()).await.map_err(internal)?;
        self.written.rewind().map_err(internal)?;
        let length = self.written.bytes();
        let mut response = Response::new(Body::from_stream(pieces(self.written)));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        headers.insert(header::CONTENT_LENGTH, length.into());
        Ok(response)
    }
}

/// What comes before the contacts.
const START: &str = "{\"created\": [";

#[async_trait]
impl Sink for ImportAnswer {
    async fn added(&mut self, contacts: Vec<Contact>) -> io::Result<()> {
        let start = if self.written.bytes() == 0 { START } else { "" };
        let mut bytes = start.as_bytes().to_vec();
        for contact in &contacts {
            bytes.extend_from_slice(self.separator.as_bytes());
            serde_json::to_writer(&mut bytes, &Shown(contact))?;
            self.separator = ", ";
        }
        self.append(bytes).await
    }
}

/// The bytes of `written`, read where waiting for the disk holds up nobody.
fn pieces(written: Spool) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(written, |mut written| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let count = io::Read::read(&mut written, &mut piece)?;
            piece.truncate(count);
            Ok::<_, io::Error>((piece, written))
        });
        let (piece, written) = read.await.map_err(io::Error::other)??;
        Ok((!piece.is_empty()).then(|| (Bytes::from(piece), written)))
    })
}
