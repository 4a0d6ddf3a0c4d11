//! What both engines do with their driver: migrations as it wants them, its errors as callers want them.

use std::borrow::Cow;

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use super::contract::Step;
use super::{StoreError, Stored};
use crate::identity::builtin::AccountsError;

/// The driver's form of `steps`.
pub(super) fn migrator(steps: &[Step]) -> Migrator {
    let migrations = steps
        .iter()
        .map(|&(version, name, sql)| {
            let name = Cow::Borrowed(name);
            Migration::new(
                version,
                name,
                MigrationType::Simple,
                sql.into_sql_str(),
                false,
            )
        })
        .collect();
    Migrator::with_migrations(migrations)
}

/// True if `error` is a violated uniqueness.
pub(super) fn is_duplicate(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_passing(&error) {
            Self::Unavailable(error.to_string())
        } else if is_conflict(&error) {
            Self::Conflict
        } else {
            Self::Internal(Box::new(error))
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) => error.into(),
            other => Self::Internal(Box::new(other)),
        }
    }
}

/// True if the same call may succeed later: no connection, or a database server that starts, stops or lacks room for one.
pub(super) fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::BeginFailed
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(error) => {
            match error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>() {
                Some(error) => is_passing_code(error.code()),
                None => error.code().is_some_and(|code| is_busy(&code)),
            }
        }
        _ => false,
    }
}

/// True if two transactions stood in each other's way, and this one had to give in.
fn is_conflict(error: &sqlx::Error) -> bool {
    let error = error.as_database_error();
    let error = error.and_then(|error| error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>());
    error.is_some_and(|error| matches!(error.code(), "40001" | "40P01"))
}

/// `SQLite`'s codes for a file that another program has locked. The low byte names the kind, what is above it the occasion.
fn is_busy(code: &str) -> bool {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, BUSY | LOCKED))
}

/// `PostgreSQL`'s classes of connection trouble, lack of resources and shutdown; a standby that takes no writes yet; what the
/// server ended because it took too long.
fn is_passing_code(code: &str) -> bool {
    matches!(
        code,
        "57P01" | "57P02" | "57P03" | "25006" | "57014" | "25P03"
    ) || code.starts_with("08")
        || code.starts_with("53")
}

/// Fails if `current` is not what is `known`. The caller holds what every writer of the object takes first. Whether there is
/// an object at all its own statement finds out.
pub(super) async fn unless_changed<T: PartialEq>(
    known: Option<&T>,
    current: impl Future<Output = Stored<Option<T>>>,
) -> Stored<()> {
    let Some(known) = known else {
        return Ok(());
    };
    match current.await? {
        Some(current) if current != *known => Err(StoreError::Changed),
        _ => Ok(()),
    }
}

impl From<sqlx::Error> for AccountsError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(StoreError::from(error).to_string())
    }
}

impl From<StoreError> for AccountsError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// A refused write of something called `name`.
pub(super) fn taken(error: sqlx::Error, name: &str) -> AccountsError {
    if is_duplicate(&error) {
        AccountsError::Taken(name.to_owned())
    } else {
        error.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shutdown_and_lost_connections_pass_but_mistakes_do_not() {
        for code in [
            "57P01", "57P02", "57P03", "57014", "08006", "08P01", "53300",
        ] {
            assert!(is_passing_code(code), "{code}");
        }
        for code in ["42601", "23505", "22021"] {
            assert!(!is_passing_code(code), "{code}");
        }
    }

    #[test]
    fn a_file_that_another_program_has_locked_passes_but_mistakes_do_not() {
        for code in ["5", "6", "261", "517"] {
            assert!(is_busy(code), "{code}");
        }
        for code in ["1", "19", "2067", "23505", ""] {
            assert!(!is_busy(code), "{code}");
        }
    }

    #[test]
    fn a_pool_without_connections_is_unavailable() {
        let error = StoreError::from(sqlx::Error::PoolTimedOut);
        assert!(matches!(error, StoreError::Unavailable(_)));
        let error = StoreError::from(sqlx::Error::RowNotFound);
        assert!(matches!(error, StoreError::Internal(_)));
    }
}
