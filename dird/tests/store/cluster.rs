//! A `PostgreSQL` server of the tests' own: a new cluster in a temporary folder, on a free loopback port, run by a user without
//! rights because the server refuses root. A shell keeps it company: once this process ends, however it ends, the shell's
//! input is closed, and it stops the server that it started and removes the folder.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::unistd::{User, geteuid};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Where Debian keeps the programs, by version.
const PROGRAMS: &str = "/usr/lib/postgresql";

/// The cluster compares text by a language's rules unless told otherwise, so that a forgotten `COLLATE` shows.
const SCRIPT: &str = r#"
bin=$1 folder=$2 port=$3
"$bin/initdb" --no-sync -D "$folder/data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 \
    --locale-provider=icu --icu-locale=en-US >"$folder/initdb.log" 2>&1 || { cat "$folder/initdb.log" >&2; exit 1; }
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
echo ready
read -r _
"$bin/pg_ctl" -w -m immediate -D "$folder/data" stop >/dev/null 2>&1
rm -rf "$folder/data"
"#;

/// A running server.
pub(crate) struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    port: u16,
    /// Its input, open as long as this lives, is what keeps the server.
    _keeper: Child,
}

impl Cluster {
    /// The server that most tests share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts another server, for tests that stop it.
    pub(crate) fn start() -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new()
            .prefix("dird-postgres-")
            .tempdir()
            .expect("a temporary folder")
            .keep();
        let user = user();
        if let Some(user) = &user {
            chown(&folder, Some(user.uid.as_raw()), Some(user.gid.as_raw())).expect("chown");
        }
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = free.local_addr().expect("its address").port();
        drop(free);
        let mut keeper = as_user(user.as_ref(), Path::new("sh"))
            .args(["-c", SCRIPT, "sh"])
            .args([&programs, &folder])
            .arg(port.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sh starts");
        let mut line = String::new();
        let output = keeper.stdout.take().expect("it is piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("it reads");
        assert_eq!(line, "ready\n", "PostgreSQL did not start, see above");
        Self {
            folder,
            programs,
            port,
            _keeper: keeper,
        }
    }

    /// Stops or starts the server.
    pub(crate) fn control(&self, action: &[&str]) {
        let done = as_user(user().as_ref(), &self.programs.join("pg_ctl"))
            .args(["-w", "-D"])
            .arg(self.folder.join("data"))
            .arg("-l")
            .arg(self.folder.join("server.log"))
            .args(action)
            .current_dir("/")
            .stdout(Stdio::null())
            .status();
        assert!(done.expect("pg_ctl runs").success(), "pg_ctl {action:?}");
    }

    /// A new, empty database; returns its address.
    pub(crate) async fn database(&self) -> String {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let name = format!("site{}", LAST.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&self.address("postgres"))
            .await
            .expect("the server answers");
        let create = format!("CREATE DATABASE {name}");
        sqlx::raw_sql(AssertSqlSafe(create))
            .execute(&mut admin)
            .await
            .expect("a database is created");
        admin.close().await.expect("it closes");
        self.address(&name)
    }

    fn address(&self, database: &str) -> String {
        format!(
            "postgresql://postgres@127.0.0.1:{}/{database}?application_name=tests&connect_timeout=5",
            self.port
        )
    }
}

/// The newest version's programs.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir(PROGRAMS).into_iter().flatten().flatten();
    let newest = versions
        .map(|version| version.path().join("bin"))
        .filter(|programs| programs.join("initdb").exists())
        .max();
    newest.unwrap_or_else(|| {
        panic!("no PostgreSQL server in {PROGRAMS}: install the Debian package `postgresql` (see scripts/packages.txt)")
    })
}

/// Who runs the server, if not the present user.
fn user() -> Option<User> {
    if !geteuid().is_root() {
        return None;
    }
    let named = |name| User::from_name(name).ok().flatten();
    Some(
        named("postgres")
            .or_else(|| named("nobody"))
            .expect("root needs a user `postgres` or `nobody` to run PostgreSQL as"),
    )
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
