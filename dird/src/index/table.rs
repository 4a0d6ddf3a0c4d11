//! The fields of many contacts in one piece of memory: all values in one text, a cell for each value, a row for each contact.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// More text or cells than offsets of 32 bits reach.
#[derive(Debug, thiserror::Error)]
#[error("a source may hold at most 4 GiB of text")]
pub struct TooLarge;

#[derive(Debug, Clone, Copy)]
struct Cell {
    column: u32,
    start: u32,
    end: u32,
}

/// End of a cell that holds nothing.
const NOTHING: u32 = u32::MAX;

/// Contacts, immutable once built.
#[derive(Debug, Default)]
pub struct Table {
    columns: Vec<Arc<str>>,
    text: String,
    cells: Vec<Cell>,
    row_ends: Vec<u32>,
}

/// Collects contacts for a [`Table`].
#[derive(Debug, Default)]
pub struct TableBuilder {
    table: Table,
    known: HashMap<Arc<str>, u32>,
}

impl TableBuilder {
    /// Appends a contact. A field that is given twice keeps its last value.
    pub fn push<'a>(
        &mut self,
        fields: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<(), TooLarge> {
        for (name, value) in fields {
            let column = self.column(name)?;
            let start = offset(self.table.text.len())?;
            let end = match value {
                Some(value) => {
                    self.table.text.push_str(value);
                    offset(self.table.text.len())?
                }
                None => NOTHING,
            };
            self.table.cells.push(Cell { column, start, end });
        }
        self.table.row_ends.push(offset(self.table.cells.len())?);
        Ok(())
    }

    fn column(&mut self, name: &str) -> Result<u32, TooLarge> {
        if let Some(&column) = self.known.get(name) {
            return Ok(column);
        }
        let column = offset(self.table.columns.len())?;
        let name: Arc<str> = name.into();
        self.table.columns.push(Arc::clone(&name));
        self.known.insert(name, column);
        Ok(column)
    }

    /// The table.
    pub fn build(mut self) -> Table {
        self.table.columns.shrink_to_fit();
        self.table.text.shrink_to_fit();
        self.table.cells.shrink_to_fit();
        self.table.row_ends.shrink_to_fit();
        self.table
    }
}

fn offset(length: usize) -> Result<u32, TooLarge> {
    u32::try_from(length)
        .ok()
        .filter(|&offset| offset != NOTHING)
        .ok_or(TooLarge)
}

impl Table {
    /// Number of contacts.
    pub fn len(&self) -> usize {
        self.row_ends.len()
    }

    /// True if there is no contact.
    pub fn is_empty(&self) -> bool {
        self.row_ends.is_empty()
    }

    /// The contact at `index`, which must be below [`Table::len`].
    pub fn row(&self, index: usize) -> Row<'_> {
        let start = index
            .checked_sub(1)
            .map_or(0, |before| self.row_ends[before]);
        Row {
            table: self,
            cells: &self.cells[start as usize..self.row_ends[index] as usize],
        }
    }

    /// For each of `numbers` the first row with exactly that value in one of `columns`.
    pub fn rows_of(&self, columns: &[String], numbers: &[String]) -> HashMap<String, usize> {
        let mut wanted: HashSet<&str> = numbers.iter().map(String::as_str).collect();
        let mut rows = HashMap::new();
        for index in 0..self.len() {
            if wanted.is_empty() {
                break;
            }
            let row = self.row(index);
            for value in columns.iter().filter_map(|column| row.get(column)) {
                if wanted.remove(value) {
                    rows.insert(value.to_owned(), index);
                }
            }
        }
        rows
    }

    /// Rows of which `column` is one of `values`.
    pub fn rows_with(&self, column: &str, values: &[String]) -> Vec<usize> {
        let wanted: HashSet<&str> = values.iter().map(String::as_str).collect();
        let has = |index: &usize| {
            let value = self.row(*index).get(column);
            value.is_some_and(|value| wanted.contains(value))
        };
        (0..self.len()).filter(has).collect()
    }

    /// True if some contact may have a field called `name`.
    pub fn has_column(&self, name: &str) -> bool {
        self.columns.iter().any(|column| **column == *name)
    }

    /// Memory in use, in bytes.
    pub fn bytes(&self) -> usize {
        self.text.capacity()
            + self.cells.capacity() * size_of::<Cell>()
            + self.row_ends.capacity() * size_of::<u32>()
    }
}

/// One contact of a table.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    cells: &'a [Cell],
}

impl<'a> Row<'a> {
    /// Text of the field called `name`; none also if the field is there and holds nothing.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.field(name).flatten()
    }

    /// The field called `name`, which may be there and hold nothing.
    pub fn field(&self, name: &str) -> Option<Option<&'a str>> {
        let named = |cell: &&Cell| *self.table.columns[cell.column as usize] == *name;
        self.cells
            .iter()
            .rev()
            .find(named)
            .map(|cell| self.value(cell))
    }

    /// Every field, in the order it was given.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let row = *self;
        row.cells.iter().map(move |cell| {
            let name: &'a str = &row.table.columns[cell.column as usize];
            (name, row.value(cell))
        })
    }

    fn value(&self, cell: &Cell) -> Option<&'a str> {
        let held = cell.end != NOTHING;
        held.then(|| &self.table.text[cell.start as usize..cell.end as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_own_fields() {
        let mut builder = TableBuilder::default();
        builder
            .push([
                ("name", Some("Zoé")),
                ("number", Some("100")),
                ("fax", None),
            ])
            .unwrap();
        builder.push([]).unwrap();
        builder
            .push([
                ("number", Some("200")),
                ("number", Some("201")),
                ("city", Some("")),
            ])
            .unwrap();
        let table = builder.build();
        assert_eq!(table.len(), 3);
        assert_eq!(table.row(0).get("name"), Some("Zoé"));
        assert_eq!(table.row(0).field("city"), None);
        assert_eq!(table.row(0).field("fax"), Some(None));
        assert_eq!(table.row(1).fields().count(), 0);
        assert_eq!(
            table.row(2).get("number"),
            Some("201"),
            "the last value of a name wins"
        );
        assert_eq!(table.row(2).get("city"), Some(""));
    }

    #[test]
    fn rows_are_found_by_whole_values() {
        let texts = |values: &[&str]| {
            values
                .iter()
                .map(|&value| value.to_owned())
                .collect::<Vec<_>>()
        };
        let mut builder = TableBuilder::default();
        builder
            .push([("id", Some("1")), ("num", Some("100"))])
            .unwrap();
        builder.push([]).unwrap();
        builder
            .push([
                ("id", Some("2")),
                ("cell", Some("100")),
                ("num", Some("A1")),
            ])
            .unwrap();
        let table = builder.build();
        let found = table.rows_of(&texts(&["cell", "num"]), &texts(&["100", "a1", "10", "A1"]));
        assert_eq!(found, HashMap::from([("100".into(), 0), ("A1".into(), 2)]));
        assert!(table.rows_of(&[], &texts(&["100"])).is_empty());
        assert_eq!(table.rows_with("id", &texts(&["2", "9", "1"])), [0, 2]);
        assert!(table.rows_with("id", &texts(&["*"])).is_empty());
    }
}
