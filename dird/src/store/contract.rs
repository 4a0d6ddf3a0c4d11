//! What the engines have in common, for the tests that hold them to it: the same migrations, and statements that their
//! database takes.

use super::{postgres, sqlite};

/// Migrations and statements of an engine.
#[derive(Debug, Clone)]
pub struct Inventory {
    /// Number and name of every migration, in order.
    pub migrations: Vec<(i64, &'static str)>,
    /// Every statement.
    pub statements: Vec<&'static str>,
}

/// What the embedded engine has.
pub fn sqlite() -> Inventory {
    inventory(&sqlite::MIGRATIONS, &sqlite::STATEMENTS)
}

/// What the `PostgreSQL` engine has.
pub fn postgres() -> Inventory {
    inventory(&postgres::MIGRATIONS, &postgres::STATEMENTS)
}

fn inventory(migrations: &[Step], statements: &[&[&'static str]]) -> Inventory {
    Inventory {
        migrations: migrations
            .iter()
            .map(|&(number, name, _)| (number, name))
            .collect(),
        statements: statements.concat(),
    }
}

/// Number, name and text of a migration.
pub(super) type Step = (i64, &'static str, &'static str);
