//! One daemon as a child process: started, watched until healthy, stopped by its pid.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::binaries;
use crate::wire::PATIENCE;

/// Pause between two looks at a daemon that is starting.
const POLL: Duration = Duration::from_millis(10);

/// A running daemon; dropped, it is killed.
#[derive(Debug)]
pub struct Daemon {
    /// `dird` or `phoned`.
    pub name: &'static str,
    /// The process.
    pub pid: i32,
    /// From its start to its first healthy answer; zero until then.
    pub ready_after: Duration,
    child: Child,
    output: PathBuf,
    started: Instant,
}

impl Daemon {
    /// Starts the executable `name` at `home`; its output goes to `{output}/{name}.out`.
    pub fn start(
        name: &'static str,
        arguments: &[&str],
        home: &Path,
        output: &Path,
    ) -> Result<Self> {
        Self::start_in(name, arguments, &[], home, output)
    }

    /// The same, with further variables in its environment.
    pub fn start_in(
        name: &'static str,
        arguments: &[&str],
        variables: &[(&str, &Path)],
        home: &Path,
        output: &Path,
    ) -> Result<Self> {
        let program = binaries::path_of(name)?;
        let output = output.join(format!("{name}.out"));
        let log =
            File::create(&output).with_context(|| format!("cannot write {}", output.display()))?;
        let started = Instant::now();
        let child = Command::new(&program)
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(home)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            // A Ctrl-C at the terminal must reach the harness alone: it stops its daemons in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let pid = child.id().context("ended at once")?;
        Ok(Self {
            name,
            pid: i32::try_from(pid)?,
            ready_after: Duration::ZERO,
            child,
            output,
            started,
        })
    }

    /// Waits until `probe` answers true; a daemon that ends first is an error with its output.
    pub async fn healthy<F>(&mut self, patience: Duration, mut probe: F) -> Result<()>
    where
        F: AsyncFnMut() -> bool,
    {
        while self.started.elapsed() < patience {
            if probe().await {
                self.ready_after = self.started.elapsed();
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "{} ended at its start ({status}):\n{}",
                    self.name,
                    self.output()
                );
            }
            tokio::time::sleep(POLL).await;
        }
        bail!(
            "{} is not healthy after {patience:?}:\n{}",
            self.name,
            self.output()
        )
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        kill(Pid::from_raw(self.pid), signal)
            .with_context(|| format!("cannot signal {}", self.name))
    }

    /// Waits for the end of the process, at most so long.
    pub async fn ended(&mut self, patience: Duration) -> Result<ExitStatus> {
        let waited = timeout(patience, self.child.wait()).await;
        Ok(waited.with_context(|| format!("{} still runs after {patience:?}", self.name))??)
    }

    /// SIGTERM, then waits; a daemon that does not end in time is killed and reported.
    pub async fn stop(mut self, patience: Duration) -> Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        self.signal(Signal::SIGTERM)?;
        let ended = self.ended(patience).await;
        if ended.is_err() {
            self.child.kill().await?;
        }
        ended
    }

    /// What it printed so far.
    pub fn output(&self) -> String {
        std::fs::read(&self.output)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Resident memory in kibibytes.
    pub fn resident_kib(&self) -> Result<u64> {
        self.memory_kib("VmRSS:")
    }

    /// The most that was resident since [`Daemon::forget_peak`], in kibibytes.
    pub fn peak_kib(&self) -> Result<u64> {
        self.memory_kib("VmHWM:")
    }

    /// Starts anew to note the most that is resident.
    pub fn forget_peak(&self) -> Result<()> {
        std::fs::write(format!("/proc/{}/clear_refs", self.pid), "5")?;
        Ok(())
    }

    /// Files and sockets that are open.
    pub fn open_files(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.pid))?.count())
    }

    fn memory_kib(&self, what: &'static str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(what))
            .context(what)?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
    }
}

/// Lets this process, and the daemons that it starts from now on, have so many files and sockets open.
pub fn allow_files(needed: u64) -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    ensure!(hard >= needed, "no more than {hard} files may be open");
    if soft < needed {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(())
}

/// What a program that runs to its end said.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Exit status; `None` when a signal ended it.
    pub status: Option<i32>,
    /// Standard output, then standard error.
    pub output: String,
}

/// Runs the executable `name` to its end; one that stays is killed, which is an error.
pub async fn run(
    name: &str,
    arguments: &[&str],
    home: &Path,
    patience: Duration,
) -> Result<Outcome> {
    let program = binaries::path_of(name)?;
    let child = Command::new(&program)
        .args(arguments)
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let ended = timeout(patience, child.wait_with_output()).await;
    let ended =
        ended.with_context(|| format!("`{name} {}` does not end", arguments.join(" ")))??;
    let mut output = String::from_utf8_lossy(&ended.stdout).into_owned();
    output.push_str(&String::from_utf8_lossy(&ended.stderr));
    Ok(Outcome {
        status: ended.status.code(),
        output,
    })
}

/// What is in a log file, once `wanted` is in it.
pub async fn logged(file: &Path, wanted: &str) -> Result<String> {
    let reading = async {
        loop {
            let text = std::fs::read_to_string(file).unwrap_or_default();
            if text.contains(wanted) {
                return text;
            }
            tokio::time::sleep(POLL).await;
        }
    };
    let read = timeout(PATIENCE, reading).await;
    read.with_context(|| format!("no {wanted:?} in {}", file.display()))
}
