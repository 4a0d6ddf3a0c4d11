//! The fields of many contacts in one piece of memory: all values in one text, four bytes for each, eight for each contact.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// More text or cells than offsets of 32 bits reach.
#[derive(Debug, thiserror::Error)]
#[error("a source may hold at most 4 GiB of text")]
pub struct TooLarge;

/// Column of a cell, and whether it holds anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Slot {
    column: u32,
    held: bool,
}

/// Which columns a row has, in their order. Most rows of a list are alike, so each is kept once.
type Shape = Box<[Slot]>;

#[derive(Debug, Clone, Copy)]
struct Head {
    shape: u32,
    first: u32,
}

/// Contacts, immutable once built.
#[derive(Debug, Default)]
pub struct Table {
    columns: Vec<Arc<str>>,
    shapes: Vec<Shape>,
    text: String,
    /// Where the text of each cell ends; it begins where that of the cell before ends.
    ends: Vec<u32>,
    rows: Vec<Head>,
}

/// Collects contacts for a [`Table`].
#[derive(Debug, Default)]
pub struct TableBuilder {
    table: Table,
    known: HashMap<Arc<str>, u32>,
    shapes: HashMap<Shape, u32>,
}

impl TableBuilder {
    /// Appends a contact. A field that is given twice keeps its last value.
    pub fn push<'a>(
        &mut self,
        fields: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<(), TooLarge> {
        let first = offset(self.table.ends.len())?;
        let mut slots = Vec::new();
        for (name, value) in fields {
            let column = self.column(name)?;
            self.table.text.push_str(value.unwrap_or_default());
            self.table.ends.push(offset(self.table.text.len())?);
            slots.push(Slot {
                column,
                held: value.is_some(),
            });
        }
        let shape = self.shape(slots.into())?;
        self.table.rows.push(Head { shape, first });
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

    fn shape(&mut self, shape: Shape) -> Result<u32, TooLarge> {
        if let Some(&known) = self.shapes.get(&shape) {
            return Ok(known);
        }
        let number = offset(self.table.shapes.len())?;
        self.table.shapes.push(shape.clone());
        self.shapes.insert(shape, number);
        Ok(number)
    }

    /// The table.
    pub fn build(mut self) -> Table {
        self.table.text.shrink_to_fit();
        self.table.ends.shrink_to_fit();
        self.table.rows.shrink_to_fit();
        self.table
    }
}

fn offset(length: usize) -> Result<u32, TooLarge> {
    u32::try_from(length).map_err(|_| TooLarge)
}

impl Table {
    /// Number of contacts.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True if there is no contact.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The contact at `index`, which must be below [`Table::len`].
    pub fn row(&self, index: usize) -> Row<'_> {
        Row {
            table: self,
            head: self.rows[index],
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
        let slots: usize = self.shapes.iter().map(|shape| shape.len()).sum();
        self.text.capacity()
            + self.ends.capacity() * size_of::<u32>()
            + self.rows.capacity() * size_of::<Head>()
            + slots * size_of::<Slot>()
    }
}

/// One contact of a table.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    head: Head,
}

impl<'a> Row<'a> {
    /// Text of the field called `name`; none also if the field is there and holds nothing.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.field(name).flatten()
    }

    /// The field called `name`, which may be there and hold nothing.
    pub fn field(&self, name: &str) -> Option<Option<&'a str>> {
        let columns = &self.table.columns;
        let named = |slot: &Slot| *columns[slot.column as usize] == *name;
        let position = self.shape().iter().rposition(named)?;
        Some(self.value(position))
    }

    /// Every field, in the order it was given.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let row = *self;
        row.shape().iter().enumerate().map(move |(position, slot)| {
            let name: &'a str = &row.table.columns[slot.column as usize];
            (name, row.value(position))
        })
    }

    fn shape(&self) -> &'a [Slot] {
        &self.table.shapes[self.head.shape as usize]
    }

    fn value(&self, position: usize) -> Option<&'a str> {
        let cell = self.head.first as usize + position;
        let start = cell
            .checked_sub(1)
            .map_or(0, |before| self.table.ends[before]);
        let text = &self.table.text[start as usize..self.table.ends[cell] as usize];
        self.shape()[position].held.then_some(text)
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
