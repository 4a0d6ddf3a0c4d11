//! Finding contacts by a number: as it is written, and by its digits alone where people wrote separators between them.

use super::digits::separated;
use super::{ExactIndex, Table};

/// Rows of a table by the numbers in one column.
#[derive(Debug)]
pub struct NumberIndex {
    column: String,
    exact: ExactIndex,
    /// Rows whose number is written with separators, ordered by its digits, then by row.
    separated: Vec<u32>,
}

impl NumberIndex {
    /// Orders the rows of `table` by `column`.
    pub fn build(table: &Table, column: &str) -> Self {
        let count = u32::try_from(table.len()).unwrap_or(u32::MAX);
        let mut spaced: Vec<(String, u32)> = (0..count)
            .filter_map(|row| Some((digits_of(table, row, column)?, row)))
            .collect();
        spaced.sort_unstable();
        Self {
            column: column.to_owned(),
            exact: ExactIndex::build(table, column),
            separated: spaced.into_iter().map(|(_, row)| row).collect(),
        }
    }

    /// Rows of `table`, the one it was built from, whose column is `number`, `exact`ly or but for the case of ASCII letters.
    pub fn find(&self, table: &Table, number: &str, exact: bool) -> impl Iterator<Item = usize> {
        self.exact.find_any_case(table, number, exact)
    }

    /// Rows whose column is written with separators and is `digits` without them.
    pub fn find_separated(&self, table: &Table, digits: &str) -> impl Iterator<Item = usize> {
        let held = |row: u32| digits_of(table, row, &self.column).unwrap_or_default();
        let start = self
            .separated
            .partition_point(|&row| held(row).as_str() < digits);
        let rows = self.separated[start..].iter();
        rows.take_while(move |&&row| held(row) == digits)
            .map(|&row| row as usize)
    }

    /// Memory in use, in bytes.
    pub fn bytes(&self) -> usize {
        self.exact.bytes() + self.separated.capacity() * size_of::<u32>()
    }
}

fn digits_of(table: &Table, row: u32, column: &str) -> Option<String> {
    separated(table.row(row as usize).get(column)?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::index::TableBuilder;

    fn table(values: &[Option<String>]) -> Table {
        let mut builder = TableBuilder::default();
        for value in values {
            builder
                .push(value.iter().map(|value| ("num", Some(value.as_str()))))
                .unwrap();
        }
        builder.build()
    }

    proptest! {
        #[test]
        fn it_finds_what_a_scan_finds(
            values in prop::collection::vec(prop::option::of("[+0]{0,1}[ 12a(-]{0,3}"), 0..12), wanted in "[+0]{0,1}[12]{0,2}",
        ) {
            let table = table(&values);
            let index = NumberIndex::build(&table, "num");
            let found: Vec<usize> = index.find_separated(&table, &wanted).collect();
            let is_wanted = |value: &String| {
                let kept: String = value.chars().filter(|c| !" (-".contains(*c)).collect();
                let number = !kept.contains('a') && kept.rfind('+').unwrap_or_default() == 0;
                number && !kept.is_empty() && kept != *value && kept == wanted
            };
            let expected: Vec<usize> = (0..values.len())
                .filter(|&row| values[row].as_ref().is_some_and(is_wanted))
                .collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn separators_and_a_zero_for_readers_within_the_country_are_left_out() {
        let values = [
            "+33 (0)1 23",
            "01.23",
            "0123",
            "01 23 ",
            "1-2",
            "01 23x",
            "a b",
        ]
        .map(|value| Some(value.to_owned()));
        let table = table(&values);
        let index = NumberIndex::build(&table, "num");
        let found = |digits: &str| index.find_separated(&table, digits).collect::<Vec<_>>();
        assert_eq!(found("+33123"), [0]);
        assert_eq!(found("0123"), [1, 3]);
        assert_eq!(found("12"), [4]);
        assert!(found("").is_empty() && found("ab").is_empty());
    }
}
