//! What became of what was read: counts for each table, and every row that was mended or refused, with the reason.

use std::fmt;

/// Rows that are named one by one, of those that were mended and of those that were refused.
const NAMED: usize = 10_000;

/// A table of the old database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Tenants.
    Tenants,
    /// Users.
    Users,
    /// Phonebooks.
    Phonebooks,
    /// Contacts of phonebooks and of users.
    Contacts,
    /// Displays.
    Displays,
    /// Sources.
    Sources,
    /// Profiles.
    Profiles,
    /// Favourites.
    Favorites,
}

/// Every table, in the order in which they are read.
const TABLES: [(Table, &str); 8] = [
    (Table::Tenants, "tenants"),
    (Table::Users, "users"),
    (Table::Phonebooks, "phonebooks"),
    (Table::Contacts, "contacts"),
    (Table::Displays, "displays"),
    (Table::Sources, "sources"),
    (Table::Profiles, "profiles"),
    (Table::Favorites, "favorites"),
];

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It was written, or would be.
    New,
    /// It was there.
    Known,
    /// It cannot be taken.
    Refused,
}

/// Rows of a table by their fate; those that were mended are also among the others.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Written, or to be written.
    pub new: u64,
    /// There already.
    pub known: u64,
    /// Taken otherwise than they were.
    pub repaired: u64,
    /// Left out.
    pub refused: u64,
}

/// The report.
#[derive(Debug, Default)]
pub struct Report {
    counts: [Counts; TABLES.len()],
    repaired: Vec<String>,
    refused: Vec<String>,
}

impl Report {
    /// What is known of a table.
    pub fn of(&self, table: Table) -> Counts {
        self.counts[table as usize]
    }

    /// Rows read.
    pub fn read(&self) -> u64 {
        let read = |counts: &Counts| counts.new + counts.known + counts.refused;
        self.counts.iter().map(read).sum()
    }

    pub(super) fn count(&mut self, table: Table, fate: Fate) {
        let counts = &mut self.counts[table as usize];
        match fate {
            Fate::New => counts.new += 1,
            Fate::Known => counts.known += 1,
            Fate::Refused => counts.refused += 1,
        }
    }

    pub(super) fn refuse(&mut self, table: Table, row: &str, reason: impl fmt::Display) {
        self.count(table, Fate::Refused);
        name(&mut self.refused, table, row, &reason);
    }

    pub(super) fn repair(&mut self, table: Table, row: &str, how: impl fmt::Display) {
        self.counts[table as usize].repaired += 1;
        name(&mut self.repaired, table, row, &how);
    }
}

fn name(named: &mut Vec<String>, table: Table, row: &str, text: &dyn fmt::Display) {
    if named.len() < NAMED {
        let (_, table) = TABLES[table as usize];
        named.push(format!("{table} {row}: {text}"));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            text,
            "{:<12}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "table", "read", "new", "known", "repaired", "refused"
        )?;
        for (table, name) in TABLES {
            let Counts {
                new,
                known,
                repaired,
                refused,
            } = self.of(table);
            let read = new + known + refused;
            writeln!(
                text,
                "{name:<12}{read:>10}{new:>10}{known:>10}{repaired:>10}{refused:>10}"
            )?;
        }
        let total = |pick: fn(&Counts) -> u64| self.counts.iter().map(pick).sum::<u64>();
        section(
            text,
            "repaired",
            &self.repaired,
            total(|counts| counts.repaired),
        )?;
        section(
            text,
            "refused",
            &self.refused,
            total(|counts| counts.refused),
        )
    }
}

fn section(
    text: &mut fmt::Formatter<'_>,
    title: &str,
    named: &[String],
    total: u64,
) -> fmt::Result {
    if total == 0 {
        return Ok(());
    }
    writeln!(text, "\n{title}:")?;
    for line in named {
        writeln!(text, "  {line}")?;
    }
    let more = total.saturating_sub(named.len() as u64);
    if more > 0 {
        writeln!(text, "  and {more} more")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_counts_each_table_and_names_what_is_not_as_it_was() {
        let mut report = Report::default();
        report.count(Table::Tenants, Fate::New);
        report.count(Table::Favorites, Fate::Known);
        report.repair(Table::Favorites, "1 of u", "now of s");
        report.refuse(Table::Sources, "s", "no tenant");
        assert_eq!(report.read(), 3);
        let text = report.to_string();
        let row = |name: &str, rest: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            assert_eq!(
                line.split_whitespace()
                    .skip(1)
                    .collect::<Vec<_>>()
                    .join(" "),
                rest
            );
        };
        row("tenants", "1 1 0 0 0");
        row("favorites", "1 0 1 1 0");
        row("sources", "1 0 0 0 1");
        assert!(
            text.ends_with("refused:\n  sources s: no tenant\n"),
            "{text}"
        );
    }

    #[test]
    fn no_more_rows_are_named_than_memory_should_hold() {
        let mut report = Report::default();
        for number in 0..NAMED + 5 {
            report.refuse(Table::Contacts, &number.to_string(), "x");
        }
        assert!(report.to_string().ends_with("  and 5 more\n"));
    }
}
