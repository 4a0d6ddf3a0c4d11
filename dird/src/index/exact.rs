//! Finding contacts by the exact value of one column: the rows in the order of that value, four bytes a row.

use std::cmp::Ordering;

use super::Table;

/// Rows of a table that have a column, ordered by its value without regard to case, then by row.
#[derive(Debug)]
pub struct ExactIndex {
    column: String,
    rows: Vec<u32>,
}

impl ExactIndex {
    /// Orders the rows of `table` by `column`.
    pub fn build(table: &Table, column: &str) -> Self {
        let count = u32::try_from(table.len()).unwrap_or(u32::MAX);
        let mut rows: Vec<u32> = (0..count)
            .filter(|&row| table.row(row as usize).get(column).is_some())
            .collect();
        rows.sort_by(|&one, &other| {
            let held = |row: u32| table.row(row as usize).get(column).unwrap_or_default();
            compare(held(one), held(other)).then(one.cmp(&other))
        });
        rows.shrink_to_fit();
        Self {
            column: column.to_owned(),
            rows,
        }
    }

    /// Rows of `table`, the one it was built from, whose column has exactly this value.
    pub fn find(&self, table: &Table, value: &str) -> impl Iterator<Item = usize> {
        self.find_any_case(table, value, true)
    }

    /// Rows whose column has this value, `exact`ly or but for the case of ASCII letters.
    pub fn find_any_case(
        &self,
        table: &Table,
        value: &str,
        exact: bool,
    ) -> impl Iterator<Item = usize> {
        let held = |row: u32| {
            table
                .row(row as usize)
                .get(&self.column)
                .unwrap_or_default()
        };
        let start = self
            .rows
            .partition_point(|&row| compare(held(row), value).is_lt());
        let count = self.rows[start..].partition_point(|&row| compare(held(row), value).is_eq());
        let rows = self.rows[start..start + count].iter();
        rows.filter(move |&&row| !exact || held(row) == value)
            .map(|&row| row as usize)
    }

    /// Memory in use, in bytes.
    pub fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<u32>()
    }
}

/// By code point, upper case of ASCII letters as lower.
fn compare(one: &str, other: &str) -> Ordering {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    one.bytes().map(lower).cmp(other.bytes().map(lower))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::TableBuilder;

    proptest! {
        #[test]
        fn it_finds_what_a_scan_finds(
            values in prop::collection::vec(prop::option::of("[aAb]{0,2}"), 0..12), wanted in "[aAb]{0,2}",
        ) {
            let mut builder = TableBuilder::default();
            for value in &values {
                builder.push(value.iter().map(|value| ("id", Some(value.as_str())))).unwrap();
            }
            let table = builder.build();
            let index = ExactIndex::build(&table, "id");
            let mut found: Vec<usize> = index.find_any_case(&table, &wanted, false).collect();
            found.sort_unstable();
            let expected: Vec<usize> = (0..values.len())
                .filter(|&row| values[row].as_ref().is_some_and(|value| value.eq_ignore_ascii_case(&wanted)))
                .collect();
            prop_assert_eq!(found, expected);
            let found: Vec<usize> = index.find(&table, &wanted).collect();
            let expected: Vec<usize> = (0..values.len())
                .filter(|&row| values[row].as_ref() == Some(&wanted))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
