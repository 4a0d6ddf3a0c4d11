//! A `PostgreSQL` server of the tests' own: a new cluster in a temporary folder, on a free loopback port, run by a user without
//! rights because the server refuses root. A shell keeps it company: once this process ends, however it ends, the shell's
//! input is closed, and it stops the server that it started and removes the folder.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail, ensure};
use nix::unistd::{User, geteuid};

use crate::ports;

/// Where Debian keeps the programs, by version.
const PROGRAMS: &str = "/usr/lib/postgresql";

/// The cluster compares text by a language's rules unless told otherwise, so that a forgotten `COLLATE` shows.
const SCRIPT: &str = r#"
bin=$1 folder=$2 port=$3 origin=$4
if [ -n "$origin" ]; then
    "$bin/pg_basebackup" --no-sync --checkpoint=fast -h 127.0.0.1 -U postgres -p "$origin" -D "$folder/data" || exit 1
    cat >>"$folder/data/postgresql.conf" <<END
hot_standby = off
restore_command = 'false'
recovery_target = 'immediate'
recovery_target_action = 'promote'
END
    touch "$folder/data/recovery.signal"
else
    "$bin/initdb" --no-sync -D "$folder/data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 \
        --locale-provider=icu --icu-locale=en-US >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; exit 1; }
fi
cat >>"$folder/data/postgresql.conf" <<END
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$folder'
max_connections = 400
fsync = off
synchronous_commit = off
full_page_writes = off
END
"$bin/pg_ctl" -w -D "$folder/data" -l "$folder/server.log" start >/dev/null || { cat "$folder/server.log" >&2; exit 1; }
# A key at the terminal reaches the whole group; what was started must be stopped all the same.
trap "" INT TERM HUP
echo ready
read -r _
"$bin/pg_ctl" -w -m immediate -D "$folder/data" stop >/dev/null 2>&1
rm -rf "$folder"
"#;

/// A running server. Calls of its methods block until they are done.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    /// Its input, open as long as this lives, is what keeps the server.
    keeper: Child,
}

impl Cluster {
    /// The server that most tests of a process share.
    ///
    /// # Panics
    ///
    /// When no server can be started: no test that needs it can go on.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| match Self::start() {
            Ok(cluster) => cluster,
            Err(error) => panic!("no PostgreSQL: {error:#}"),
        })
    }

    /// Starts a server, for tests that stop it.
    pub fn start() -> Result<Self> {
        Self::start_from(None)
    }

    /// Another server with what is in this one now, by way of a base backup that is recovered to its end; also the address there
    /// of the database at `uri`.
    pub fn recovered(&self, uri: &str) -> Result<(Self, String)> {
        let copy = Self::start_from(Some(self.port))?;
        let uri = uri.replacen(&format!(":{}/", self.port), &format!(":{}/", copy.port), 1);
        Ok((copy, uri))
    }

    fn start_from(origin: Option<u16>) -> Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new()
            .prefix("dird-postgres-")
            .tempdir()?
            .keep();
        let user = user()?;
        if let Some(user) = &user {
            chown(&folder, Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
        }
        let [port] = ports::free()?;
        let mut keeper = as_user(user.as_ref(), Path::new("sh"))
            .args(["-c", SCRIPT, "sh"])
            .args([&programs, &folder])
            .arg(port.to_string())
            .arg(origin.map(|port| port.to_string()).unwrap_or_default())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = keeper.stdout.take().context("the shell has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        ensure!(line == "ready\n", "the server did not start, see above");
        Ok(Self {
            folder,
            programs,
            port,
            keeper,
        })
    }

    /// Stops or starts the server: the arguments of `pg_ctl`.
    pub fn control(&self, action: &[&str]) -> Result<()> {
        let mut command = as_user(user()?.as_ref(), &self.programs.join("pg_ctl"));
        command.args(["-w", "-D"]).arg(self.folder.join("data"));
        command.arg("-l").arg(self.folder.join("server.log"));
        run(command.args(action))
    }

    /// A new, empty database; returns its address.
    pub fn database(&self) -> Result<String> {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let name = format!("site{}", LAST.fetch_add(1, Ordering::Relaxed));
        let mut command = Command::new(self.programs.join("createdb"));
        command.args(["-h", "127.0.0.1", "-U", "postgres", "-p"]);
        run(command.arg(self.port.to_string()).arg(&name))?;
        Ok(format!(
            "postgresql://postgres@127.0.0.1:{}/{name}?application_name=tests&connect_timeout=5",
            self.port
        ))
    }

    /// A new database with what is in the one at `uri`, by way of a dump.
    pub fn restored(&self, uri: &str) -> Result<String> {
        let copy = self.database()?;
        let dump = tempfile::NamedTempFile::new()?;
        let mut written = Command::new(self.programs.join("pg_dump"));
        run(written.arg("--file").arg(dump.path()).arg(uri))?;
        let mut read = Command::new(self.programs.join("psql"));
        read.args(["--quiet", "--set", "ON_ERROR_STOP=1", "--file"]);
        run(read.arg(dump.path()).arg(&copy))?;
        Ok(copy)
    }

    /// Stops the server for good, and waits until its folder is gone.
    pub fn end(mut self) -> Result<()> {
        drop(self.keeper.stdin.take());
        self.keeper.wait()?;
        ensure!(!self.folder.exists(), "the server's folder stays");
        Ok(())
    }
}

fn run(command: &mut Command) -> Result<()> {
    command.current_dir("/").stdout(Stdio::null());
    let status = command.status()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}

/// Where the newest version's programs are.
pub(crate) fn programs() -> Result<PathBuf> {
    let versions = std::fs::read_dir(PROGRAMS).into_iter().flatten().flatten();
    let newest = versions
        .map(|version| version.path().join("bin"))
        .filter(|programs| programs.join("initdb").exists())
        .max();
    newest.with_context(|| {
        format!(
            "none in {PROGRAMS}: install the Debian package `postgresql` (see scripts/packages.txt)"
        )
    })
}

/// Who runs the server, if not the present user.
fn user() -> Result<Option<User>> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    for name in ["postgres", "nobody"] {
        if let Some(user) = User::from_name(name)? {
            return Ok(Some(user));
        }
    }
    bail!("root needs a user `postgres` or `nobody` to run it as")
}

fn as_user(user: Option<&User>, program: &Path) -> Command {
    let Some(user) = user else {
        return Command::new(program);
    };
    let mut command = Command::new("setpriv");
    command
        .arg(format!("--reuid={}", user.uid))
        .arg(format!("--regid={}", user.gid))
        .arg("--clear-groups")
        .arg(program);
    command
}
