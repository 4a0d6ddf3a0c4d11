//! Finding contacts by the exact value of one column: the rows in the order of that value, four bytes a row.

use super::Table;

/// Rows of a table that have a column, ordered by its value, then by row.
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
        rows.sort_by_key(|&row| table.row(row as usize).get(column));
        rows.shrink_to_fit();
        Self {
            column: column.to_owned(),
            rows,
        }
    }

    /// Rows of `table`, the one it was built from, whose column has exactly this value.
    pub fn find(&self, table: &Table, value: &str) -> impl Iterator<Item = usize> {
        let held = |row: u32| table.row(row as usize).get(&self.column);
        let start = self.rows.partition_point(|&row| held(row) < Some(value));
        let count = self.rows[start..].partition_point(|&row| held(row) == Some(value));
        self.rows[start..start + count]
            .iter()
            .map(|&row| row as usize)
    }

    /// Memory in use, in bytes.
    pub fn bytes(&self) -> usize {
        self.rows.capacity() * size_of::<u32>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::TableBuilder;

    proptest! {
        #[test]
        fn it_finds_what_a_scan_finds(
            values in prop::collection::vec(prop::option::of("[ab]{0,2}"), 0..12), wanted in "[ab]{0,2}",
        ) {
            let mut builder = TableBuilder::default();
            for value in &values {
                builder.push(value.iter().map(|value| ("id", Some(value.as_str())))).unwrap();
            }
            let table = builder.build();
            let found: Vec<usize> = ExactIndex::build(&table, "id").find(&table, &wanted).collect();
            let expected: Vec<usize> = (0..values.len())
                .filter(|&row| values[row].as_ref() == Some(&wanted))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }
}
