//! A CSV file as rows (dird-api-contacts.md §1.7): comma, double quote, the first row names the columns, blank lines do not
//! count, rows may be too short or too long.

use std::collections::HashSet;
use std::io::{self, Read};

use csv::StringRecord;

use super::charset::Charset;
use super::text::{Text, TextError};

/// Columns of a file at most: each one is a field of every contact.
const MOST_COLUMNS: usize = 1_000;

/// Why a file cannot be read to its end.
#[derive(Debug, thiserror::Error)]
pub enum SheetError {
    /// Its bytes are not of the charset.
    #[error("{0}")]
    Encoding(String),
    /// It is no CSV.
    #[error("{0}")]
    Format(String),
    /// The file itself does not read.
    #[error("{0}")]
    Io(io::Error),
}

impl From<csv::Error> for SheetError {
    fn from(error: csv::Error) -> Self {
        let format = error.to_string();
        match error.into_kind() {
            csv::ErrorKind::Io(error) => match error.downcast::<TextError>() {
                Ok(error @ TextError::Bytes { .. }) => Self::Encoding(error.to_string()),
                Ok(error) => Self::Format(error.to_string()),
                Err(error) => Self::Io(error),
            },
            _ => Self::Format(format),
        }
    }
}

/// A row below the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SheetRow {
    /// Line in which it ends, from 1, as an editor counts.
    pub(super) line: u64,
    /// Cells, as many as there are.
    pub(super) cells: StringRecord,
}

/// A file being read.
pub(super) struct Sheet<R> {
    reader: csv::Reader<Text<R>>,
    columns: Vec<String>,
}

impl<R: Read> Sheet<R> {
    /// Reads the names of the columns; an empty file has none.
    pub(super) fn open(source: R, charset: Charset) -> Result<Self, SheetError> {
        let reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .from_reader(Text::new(source, charset));
        let mut sheet = Self {
            reader,
            columns: Vec::new(),
        };
        if let Some(first) = sheet.next_row()? {
            if first.cells.len() > MOST_COLUMNS {
                let count = first.cells.len();
                let error =
                    format!("the first row names {count} columns; at most {MOST_COLUMNS} are read");
                return Err(SheetError::Format(error));
            }
            sheet.columns = first.cells.iter().map(str::to_owned).collect();
        }
        Ok(sheet)
    }

    /// Names of the columns.
    pub(super) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Names that several columns have, in their order.
    pub(super) fn repeated_columns(&self) -> Vec<&str> {
        let (mut seen, mut told) = (HashSet::new(), HashSet::new());
        let names = self.columns.iter().map(String::as_str);
        names
            .filter(|name| !seen.insert(*name) && told.insert(*name))
            .collect()
    }

    /// The next row.
    pub(super) fn next_row(&mut self) -> Result<Option<SheetRow>, SheetError> {
        let mut cells = StringRecord::new();
        if !self.reader.read_record(&mut cells)? {
            return Ok(None);
        }
        // The reader stands behind the line feed that ended the row, unless a quote was never closed.
        let read = self.reader.position().byte();
        let open = self.reader.get_ref().ends_quoted_at(read);
        let line = self.reader.position().line() - u64::from(!open);
        Ok(Some(SheetRow { line, cells }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Result<Vec<(u64, Vec<String>)>, String> {
        let read = || {
            let mut sheet = Sheet::open(text.as_bytes(), Charset::UTF_8)?;
            let mut rows = vec![(0, sheet.columns().to_vec())];
            while let Some(row) = sheet.next_row()? {
                rows.push((row.line, row.cells.iter().map(str::to_owned).collect()));
            }
            Ok(rows)
        };
        read().map_err(|error: SheetError| error.to_string())
    }

    #[test]
    fn a_file_of_too_many_columns_is_refused_before_its_rows_are_read() {
        let names = |count: usize| "a,".repeat(count - 1) + "a\n1\n";
        assert_eq!(rows(&names(MOST_COLUMNS)).unwrap().len(), 2);
        let refused = rows(&names(MOST_COLUMNS + 1)).unwrap_err();
        assert!(refused.contains("1001 columns"), "{refused}");
    }

    #[test]
    fn rows_know_the_line_they_end_in() {
        let text = "a,b\r\n\r\n1,2\n\n\"x\ny\",\"say \"\"hi\"\"\"\r\n3\n1,2,3";
        let row = |cells: &[&str]| {
            cells
                .iter()
                .map(|&cell| cell.to_owned())
                .collect::<Vec<_>>()
        };
        let expected = vec![
            (0, row(&["a", "b"])),
            (3, row(&["1", "2"])),
            (6, row(&["x\ny", "say \"hi\""])),
            (7, row(&["3"])),
            (8, row(&["1", "2", "3"])),
        ];
        assert_eq!(rows(text), Ok(expected));
        assert_eq!(rows("a\n\"open").unwrap()[1], (2, row(&["open"])));
        assert_eq!(rows("").unwrap(), [(0, row(&[]))]);
    }

    #[test]
    fn an_unreadable_row_ends_the_reading() {
        assert!(rows("a\nb\rc\nd\n").unwrap_err().contains("line 2"));
        let sheet = Sheet::open(&b"a,b,a,a,b"[..], Charset::UTF_8).unwrap();
        assert_eq!(sheet.repeated_columns(), ["a", "b"]);
    }
}
