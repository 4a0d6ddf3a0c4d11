//! The fields of many contacts in one piece of memory: all values in one text, a cell for each value, a row for each contact.

use std::collections::HashMap;
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
        fields: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), TooLarge> {
        for (name, value) in fields {
            let column = self.column(name)?;
            let start = offset(self.table.text.len())?;
            self.table.text.push_str(value);
            let end = offset(self.table.text.len())?;
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
    u32::try_from(length).map_err(|_| TooLarge)
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
    /// Value of the field called `name`.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let named = |cell: &&Cell| *self.table.columns[cell.column as usize] == *name;
        self.cells
            .iter()
            .rev()
            .find(named)
            .map(|cell| self.value(cell))
    }

    /// Every field, in the order it was given.
    pub fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let row = *self;
        row.cells.iter().map(move |cell| {
            let name: &'a str = &row.table.columns[cell.column as usize];
            (name, row.value(cell))
        })
    }

    fn value(&self, cell: &Cell) -> &'a str {
        &self.table.text[cell.start as usize..cell.end as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_own_fields() {
        let mut builder = TableBuilder::default();
        builder.push([("name", "Zoé"), ("number", "100")]).unwrap();
        builder.push([]).unwrap();
        builder
            .push([("number", "200"), ("number", "201"), ("city", "")])
            .unwrap();
        let table = builder.build();
        assert_eq!(table.len(), 3);
        assert_eq!(table.row(0).get("name"), Some("Zoé"));
        assert_eq!(table.row(0).get("city"), None);
        assert_eq!(table.row(1).fields().count(), 0);
        assert_eq!(
            table.row(2).get("number"),
            Some("201"),
            "the last value of a name wins"
        );
        assert_eq!(table.row(2).get("city"), Some(""));
    }
}
