//! Where the daemons' executables are: beside the running one, so that both are of one build.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The executable `name` of the same build as the running program.
///
/// Fails with the command that builds it when it is not there: `cargo test -p e2e` alone builds no daemon.
pub fn path_of(name: &str) -> Result<PathBuf> {
    let running = std::env::current_exe().context("the path of the running program is unknown")?;
    let found = running
        .ancestors()
        .skip(1)
        .take(2)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    let Some(path) = found else {
        bail!(
            "no executable `{name}` beside {}: run `cargo build --workspace` first (or `make test`)",
            running.display()
        );
    };
    Ok(path)
}

/// The top of the repository, where the daemons of tests are at home.
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
