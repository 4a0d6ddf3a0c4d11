//! Bytes that may be many: the first of them stay in memory, more go to a file without a name, which is gone when it is closed.

use std::io::{self, Read, Seek, SeekFrom, Write};

use bytes::Bytes;
use http_body_util::BodyExt;
use tempfile::SpooledTempFile;

/// What stays in memory, in bytes.
const IN_MEMORY: usize = 32 << 10;

/// Why a body was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// It is longer than allowed.
    #[error("too long")]
    TooLong,
    /// The client stopped sending.
    #[error("the body broke off")]
    Broken,
    /// There is no room for it.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Bytes, and what counting them told.
pub struct Spool {
    file: SpooledTempFile,
    bytes: u64,
    line_feeds: u64,
}

impl Default for Spool {
    fn default() -> Self {
        Self {
            file: SpooledTempFile::new(IN_MEMORY),
            bytes: 0,
            line_feeds: 0,
        }
    }
}

impl Spool {
    /// Takes a body of at most `longest` bytes.
    pub async fn receive<B>(mut body: B, longest: u64) -> Result<Self, SpoolError>
    where
        B: http_body::Body<Data = Bytes> + Unpin,
    {
        // What says that it is too long need not be read.
        if body.size_hint().lower() > longest {
            return Err(SpoolError::TooLong);
        }
        let mut spool = Self::default();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| SpoolError::Broken)?.into_data() else {
                continue;
            };
            if spool.bytes + data.len() as u64 > longest {
                return Err(SpoolError::TooLong);
            }
            spool = spool.append(data).await?;
        }
        Ok(spool)
    }

    /// Pieces that stay in memory are appended at once, others where waiting for the disk holds up nobody.
    pub async fn append(mut self, data: Bytes) -> io::Result<Self> {
        if self.bytes + data.len() as u64 <= IN_MEMORY as u64 {
            self.write_all(&data)?;
            return Ok(self);
        }
        let writing = tokio::task::spawn_blocking(move || {
            self.write_all(&data)?;
            Ok(self)
        });
        writing.await.map_err(io::Error::other)?
    }

    /// Bytes that were written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Line feeds among them.
    pub fn line_feeds(&self) -> u64 {
        self.line_feeds
    }

    /// Goes back to the first byte.
    pub fn rewind(&mut self) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(0)).map(drop)
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        let line_feeds = memchr::memchr_iter(b'\n', &bytes[..count]).count();
        self.bytes += count as u64;
        self.line_feeds += line_feeds as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Read for Spool {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        self.file.read(target)
    }
}
