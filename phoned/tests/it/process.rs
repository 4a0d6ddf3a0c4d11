//! A phoned as a process of its own, over a stub: for its log, its user, its signals, and figures that nobody else raises.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use e2e::daemon::logged;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use crate::{
    changes::PATIENCE,
    site::{Answer, exchange, merge, request},
    stub::{Stub, TENANT},
};

/// Pause between two looks.
pub(crate) const POLL: Duration = Duration::from_millis(5);

/// A phoned that is configured and not started. Its folder, which everybody can read, has its files.
pub(crate) struct Plan {
    /// Both services behind it.
    pub(crate) stub: Stub,
    /// Where it will listen.
    pub(crate) address: SocketAddr,
    folder: TempDir,
    tree: Value,
}

impl Plan {
    /// One with `changes` to the defaults of the tests.
    pub(crate) fn new(changes: &Value) -> Self {
        let (stub, folder) = (Stub::start(), TempDir::new().expect("a folder"));
        let [port] = e2e::ports::free().expect("a free port");
        let upstream = json!({"host": "127.0.0.1", "port": stub.address.port(), "prefix": null, "timeout": 60});
        let file = |name: &str| folder.path().join(name);
        let mut tree = json!({
            "auth": upstream, "dird": upstream, "bus": {"enabled": false}, "metrics": {"port": null},
            "user": "", "log_filename": file("phoned.log"), "extra_config_files": file("conf.d"),
            "rest_api": {"http": {"listen": "127.0.0.1", "port": port}, "https": {"enabled": false}},
        });
        tree["auth"]["key_file"] = json!(file("key.yml"));
        tree["auth"]["master_tenant_uuid"] = json!(TENANT);
        fs::write(file("key.yml"), KEY).expect("written");
        fs::create_dir(file("conf.d")).expect("made");
        merge(&mut tree, changes);
        let plan = Self {
            stub,
            address: ([127, 0, 0, 1], port).into(),
            folder,
            tree,
        };
        plan.write();
        plan
    }

    /// A file of its folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self) {
        fs::write(self.file("main.yml"), self.tree.to_string()).expect("written");
    }

    /// How it is run, with further `arguments`.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_phoned"));
        command.arg("-c").arg(self.file("main.yml")).args(arguments);
        command.env_remove("XIVO_UUID");
        command
    }

    /// Runs it to its end, which must come, by a command of the caller's: its status, and what it said.
    pub(crate) async fn run(&self, mut command: Command) -> (Option<i32>, String) {
        let said = self.file("said");
        let output = fs::File::create(&said).expect("a file");
        command.stderr(output.try_clone().expect("the same file"));
        let child = command.stdout(output).spawn().expect("it starts");
        let status = Daemon {
            child,
            log: said.clone(),
        }
        .ended()
        .await;
        (status.code(), fs::read_to_string(said).expect("a file"))
    }

    /// Starts it with further `arguments`, and returns when it answers.
    pub(crate) async fn start(self, arguments: &[&str]) -> Process {
        let started = self.command(arguments);
        self.start_as(started).await
    }

    /// Starts it by a command of the caller's, and returns when it answers.
    pub(crate) async fn start_as(self, mut command: Command) -> Process {
        let daemon = Daemon::spawn(&mut command, self.file("phoned.log"));
        let answers = async {
            while tokio::net::TcpStream::connect(self.address).await.is_err() {
                sleep(POLL).await;
            }
        };
        let answered = timeout(PATIENCE, answers).await;
        assert!(answered.is_ok(), "it never listens: {}", daemon.log());
        // Before its first answer a signal may still find nobody who minds it.
        request(self.address, "GET", "/", "").await;
        Process { plan: self, daemon }
    }
}

/// What phoned and auth share.
pub(crate) const KEY: &str = "service_id: phoned\nservice_key: secret\n";

/// A phoned that answers, and its stub.
pub(crate) struct Process {
    /// Its configuration and folder.
    pub(crate) plan: Plan,
    /// The process.
    pub(crate) daemon: Daemon,
}

impl Process {
    /// Sends a GET as a phone would, with further header lines.
    pub(crate) async fn send(&self, target: &str, headers: &str) -> Answer {
        request(self.plan.address, "GET", target, headers).await
    }

    /// Asks a route of operators as one of the master tenant.
    pub(crate) async fn operate(&self, method: &str, target: &str) -> Answer {
        let headers = "X-Auth-Token: operator\r\nContent-Length: 0\r\n";
        exchange(self.plan.address, method, target, headers, "").await
    }

    /// Writes further `changes` into its main file.
    pub(crate) fn write(&mut self, changes: &Value) {
        merge(&mut self.plan.tree, changes);
        self.plan.write();
    }

    /// Has it read its files.
    pub(crate) async fn reload(&self) {
        let answer = self.operate("POST", "/0.1/config/reload").await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Stops it; all that it logged.
    pub(crate) async fn stop(mut self) -> String {
        self.daemon.signal("TERM");
        let status = self.daemon.ended().await;
        assert!(status.success(), "{status}: {}", self.daemon.log());
        self.plan.stub.stop().await;
        self.daemon.log()
    }
}

/// A process that is ended with the test.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it; its log is the file `log`.
    pub(crate) fn spawn(command: &mut Command, log: PathBuf) -> Self {
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self {
            child: child.expect("it starts"),
            log,
        }
    }

    /// Its number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it has logged, once `wanted` is in it.
    pub(crate) async fn logs(&self, wanted: &str) -> String {
        logged(&self.log, wanted).await.expect("a line")
    }

    /// Sends the signal of this name.
    pub(crate) fn signal(&self, name: &str) {
        let arguments = [format!("-{name}"), self.id().to_string()];
        let sent = Command::new("kill").args(arguments).status();
        assert!(sent.expect("kill runs").success());
    }

    /// How it ended, once it has.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let waiting = async {
            loop {
                if let Some(status) = self.child.try_wait().expect("a child") {
                    return status;
                }
                sleep(POLL).await;
            }
        };
        let ended = timeout(PATIENCE, waiting).await;
        ended.unwrap_or_else(|_| panic!("it never ends: {}", self.log()))
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}
