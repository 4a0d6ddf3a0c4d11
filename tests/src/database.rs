//! A site's database from beside its dird: backed up and restored by the commands that docs/operations.md gives to
//! administrators, and read row by row.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

use crate::postgres;

/// Where a dird keeps what it knows.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// The address of a database that has nothing but dird's schema.
    Postgres(String),
}

impl Database {
    /// What `db_uri` says of it.
    pub fn uri(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(uri) => uri.clone(),
        }
    }

    /// Copies it to the file `to`; dird may be running.
    pub async fn back_up(&self, to: &Path) -> Result<()> {
        let mut command = match self {
            Self::Sqlite(path) => {
                let mut command = Command::new("sqlite3");
                command.arg(path).arg(format!(".backup '{}'", to.display()));
                command
            }
            Self::Postgres(uri) => {
                let mut command = program("pg_dump")?;
                command.args(["--schema=dird", "--format=custom", "--file"]);
                command.arg(to).arg(uri);
                command
            }
        };
        done(&mut command).await.map(drop)
    }

    /// Puts the copy in the file `from` in its place; dird must be stopped.
    pub async fn restore(&self, from: &Path) -> Result<()> {
        match self {
            Self::Sqlite(path) => {
                for latest in ["-wal", "-shm"] {
                    let mut beside = path.clone().into_os_string();
                    beside.push(latest);
                    done(Command::new("rm").arg("-f").arg(beside)).await?;
                }
                let mut command = Command::new("install");
                done(command.args(["-m", "600"]).arg(from).arg(path)).await?;
            }
            Self::Postgres(uri) => {
                let mut drop = program("psql")?;
                drop.args(["--quiet", "--command", "DROP SCHEMA IF EXISTS dird CASCADE"]);
                // What goes with the schema is listed as a notice.
                done(
                    drop.arg(uri)
                        .env("PGOPTIONS", "-c client_min_messages=warning"),
                )
                .await?;
                let mut restore = program("pg_restore")?;
                let whole = restore.args(["--exit-on-error", "--dbname"]).arg(uri);
                done(whole.arg(from)).await?;
            }
        }
        Ok(())
    }

    /// The rows that a query finds, their values as text; NULL is empty.
    pub async fn rows(&self, query: &str) -> Result<Vec<Vec<String>>> {
        let mut command = match self {
            Self::Sqlite(path) => {
                let mut command = Command::new("sqlite3");
                command.arg("-csv").arg(path).arg(query);
                command
            }
            Self::Postgres(uri) => {
                let mut command = program("psql")?;
                command.env("PGOPTIONS", "-c search_path=dird");
                command.args(["--csv", "--tuples-only", "--command", query]);
                command.arg(uri);
                command
            }
        };
        let table = done(&mut command).await?;
        let mut reader = csv::ReaderBuilder::new();
        let mut reader = reader.has_headers(false).from_reader(table.as_slice());
        let rows = reader.records().map(|row| {
            let row = row?;
            Ok(row.iter().map(str::to_owned).collect())
        });
        rows.collect()
    }
}

fn program(name: impl AsRef<OsStr> + AsRef<Path>) -> Result<Command> {
    Ok(Command::new(postgres::programs()?.join(name)))
}

/// Runs a command to its end; what it printed.
async fn done(command: &mut Command) -> Result<Vec<u8>> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = command.output().await;
    let ended = ended.with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "{command:?}: {said}");
    Ok(ended.stdout)
}
