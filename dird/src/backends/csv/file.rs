//! Reading one CSV file into an index.

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::io::AsyncReadExt;

use super::OpenError;
use crate::index::{NumberIndex, SearchIndex, TableBuilder, TooLarge};

/// Longest file that is read, in bytes. It is held twice while it is read: as it is, and as the contacts in it.
const LONGEST: u64 = 256 * 1024 * 1024;

/// What tells one version of a file from the next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Stamp {
    /// The file was not looked at yet.
    #[default]
    Unread,
    /// There is no such file, or it may not be read.
    Absent(ErrorKind),
    /// Modification time and size.
    Present(Option<SystemTime>, u64),
}

/// How the file is written and what it is searched by.
#[derive(Debug, Clone)]
pub(super) struct Format {
    separator: u8,
    pub(super) searched: Vec<String>,
    matched: Vec<String>,
}

impl Format {
    pub(super) fn new(
        separator: char,
        searched: Vec<String>,
        matched: Vec<String>,
    ) -> Result<Self, OpenError> {
        let separator = u8::try_from(separator)
            .map_err(|_| OpenError(format!("the separator {separator:?} is not ASCII")))?;
        Ok(Self {
            separator,
            searched,
            matched,
        })
    }
}

/// A file's contacts.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) index: SearchIndex,
    matched: Vec<NumberIndex>,
}

impl Content {
    /// The first row of which a matched column is exactly `number`.
    pub(super) fn numbered(&self, number: &str) -> Option<usize> {
        let columns = self.matched.iter();
        columns
            .filter_map(|column| column.find(self.index.table(), number, true).next())
            .min()
    }

    /// The first row of which a matched column is written with separators and is `digits` without them.
    pub(super) fn separated(&self, digits: &str) -> Option<usize> {
        let columns = self.matched.iter();
        columns
            .filter_map(|column| column.find_separated(self.index.table(), digits).next())
            .min()
    }
}

/// Why a file is of no use.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// It cannot be read.
    #[error("{0}")]
    Unreadable(#[from] std::io::Error),
    /// It is not UTF-8; the line where it stops being so is named.
    #[error("line {0} is not UTF-8; save the file as UTF-8")]
    NotUtf8(usize),
    /// It has not even a line of column names.
    #[error("the file is empty; its first line must name the columns")]
    Empty,
    /// It is not CSV.
    #[error("{0}")]
    Malformed(#[from] csv::Error),
    /// It is longer than is read.
    #[error("the file has more than {0} bytes")]
    TooLong(u64),
    /// It has more text than an index holds.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The task that read it was cut short.
    #[error("reading was interrupted")]
    Interrupted,
}

/// What the file at `path` looks like now.
pub(super) async fn stamp(path: &Path) -> Stamp {
    match tokio::fs::metadata(path).await {
        Ok(metadata) => Stamp::Present(metadata.modified().ok(), metadata.len()),
        Err(error) => Stamp::Absent(error.kind()),
    }
}

/// Reads the file at `path`, off the async workers.
pub(super) async fn read(path: &Path, format: &Format) -> Result<Content, FileError> {
    let bytes = bytes_of(path, LONGEST).await?;
    let format = format.clone();
    let parsed = tokio::task::spawn_blocking(move || parse(&bytes, &format)).await;
    parsed.map_err(|_| FileError::Interrupted)?
}

/// What is in the file, unless that is more than `most` bytes. It is not asked how long it is: it may be a pipe, or grow.
async fn bytes_of(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    let file = tokio::fs::File::open(path).await?;
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 > most {
        return Err(FileError::TooLong(most));
    }
    Ok(bytes)
}

fn parse(bytes: &[u8], format: &Format) -> Result<Content, FileError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let good = &bytes[..error.valid_up_to()];
        FileError::NotUtf8(1 + memchr::memchr_iter(b'\n', good).count())
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(FileError::Empty);
    }
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(format.separator)
        .flexible(true)
        .from_reader(text.as_bytes());
    let columns = reader.headers()?.clone();
    let mut builder = TableBuilder::default();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        builder.push(columns.iter().zip(record.iter().map(Some)))?;
    }
    let table = Arc::new(builder.build());
    let matched = format.matched.iter();
    let matched = matched
        .map(|column| NumberIndex::build(&table, column))
        .collect();
    let index = SearchIndex::build(table, &format.searched)?;
    Ok(Content { index, matched })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(bytes: &[u8], searched: &[&str]) -> Result<Content, FileError> {
        let searched = searched.iter().map(|&name| name.to_owned()).collect();
        parse(
            bytes,
            &Format::new(',', searched, vec!["num".to_owned()]).unwrap(),
        )
    }

    #[test]
    fn rows_are_zipped_with_the_first_line() {
        let file =
            "\u{feff}id,fn,num\n1,André,555\n2,Bob\n\n3,Carl,557,extra\n4,\"D \"\"d\nd\",a\"b\n";
        let content = parsed(file.as_bytes(), &["fn", "num"]).unwrap();
        let table = content.index.table();
        assert_eq!(table.len(), 4);
        assert_eq!(
            table.row(0).get("id"),
            Some("1"),
            "the byte order mark is no part of a name"
        );
        assert_eq!(table.row(1).get("num"), None);
        assert_eq!(table.row(2).fields().count(), 3);
        assert_eq!(table.row(3).get("fn"), Some("D \"d\nd"));
        assert_eq!(table.row(3).get("num"), Some("a\"b"));
        assert_eq!(content.numbered("555"), Some(0));
        assert_eq!((content.numbered("5"), content.numbered("")), (None, None));
        assert_eq!(content.index.search("andre"), [0]);
        assert_eq!(content.index.search("b"), [1, 3]);
    }

    #[tokio::test]
    async fn a_file_that_is_too_long_is_not_held() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.csv");
        std::fs::write(&path, "id,fn\n1,Bob\n").unwrap();
        assert_eq!(bytes_of(&path, 12).await.unwrap(), b"id,fn\n1,Bob\n");
        let refused = bytes_of(&path, 11).await;
        assert!(matches!(refused, Err(FileError::TooLong(11))));
        let endless = bytes_of(Path::new("/dev/zero"), 100_000).await;
        assert!(matches!(endless, Err(FileError::TooLong(100_000))));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said() {
        let latin1 = b"id,fn\n1,Bob\n2,Andr\xe9\n";
        assert!(matches!(
            parsed(latin1, &["fn"]),
            Err(FileError::NotUtf8(3))
        ));
        assert!(matches!(parsed(b"\n", &["fn"]), Err(FileError::Empty)));
    }
}
