//! The private tag `!exec` (dird-platform.md §2.1, phoned.md §17.1): a value that a program prints. Only when the start
//! flag allows it, and only for files that nobody but root can have written.

use std::fs::Metadata;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

const DEADLINE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);
const MAX_OUTPUT: u64 = 4 * 1024 * 1024;
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Whether the programs that a file names may be run, and how long each may take.
pub(super) struct Programs {
    refusal: Option<&'static str>,
    deadline: Duration,
}

impl Programs {
    /// For a file on disk. `allowed` is the start flag.
    pub(super) fn of_file(allowed: bool, file: &Metadata) -> Self {
        Self {
            refusal: refusal(allowed, file.uid(), file.mode()),
            deadline: DEADLINE,
        }
    }

    /// For the defaults, which name none.
    pub(super) fn of_defaults() -> Self {
        Self::refusing("!exec is not allowed in the defaults")
    }

    /// For what a program printed.
    pub(super) fn nested() -> Self {
        Self::refusing("the output of !exec names another !exec; it should print plain YAML")
    }

    fn refusing(refusal: &'static str) -> Self {
        Self {
            refusal: Some(refusal),
            deadline: DEADLINE,
        }
    }

    /// What `command`, split on blanks and given to no shell, prints. The error names the program but not its
    /// arguments, which may be secrets.
    pub(super) fn run(&self, command: &str) -> Result<String, String> {
        if let Some(refusal) = self.refusal {
            return Err(refusal.to_owned());
        }
        let mut words = command.split_whitespace();
        let Some(program) = words.next() else {
            return Err("!exec has an empty command; name a program".to_owned());
        };
        let child = Command::new(program)
            .args(words)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("!exec cannot start {program}: {error}"))?;
        self.collect(child)
            .map_err(|why| format!("!exec {program} {why}"))
    }

    fn collect(&self, mut child: Child) -> Result<String, String> {
        let end = Instant::now() + self.deadline;
        let output = child.stdout.take().map(read_aside);
        let Some(status) = wait_until(&mut child, end) else {
            kill_group(&mut child);
            return Err(format!(
                "did not end within {} s; it should be quick",
                self.deadline.as_secs_f32()
            ));
        };
        let left = end.saturating_duration_since(Instant::now());
        // A child of the program may still hold the pipe: the same deadline ends that wait.
        let Some(bytes) = output.and_then(|output| output.recv_timeout(left).ok()) else {
            kill_group(&mut child);
            return Err("left its output open; nothing it starts should outlive it".to_owned());
        };
        if bytes.len() as u64 > MAX_OUTPUT {
            return Err(format!("printed more than {MAX_OUTPUT} bytes"));
        }
        if !status.success() {
            return Err(format!("failed ({status}); run it by hand to see why"));
        }
        String::from_utf8(bytes).map_err(|_| "printed bytes that are not UTF-8".to_owned())
    }
}

fn refusal(allowed: bool, owner: u32, mode: u32) -> Option<&'static str> {
    if !allowed {
        return Some("!exec is refused; start with --allow-exec, or write the value itself");
    }
    if owner != 0 {
        return Some("!exec is refused as root does not own this file; chown it to root");
    }
    if mode & WRITABLE_BY_OTHERS != 0 {
        return Some("!exec is refused as others may write to this file; chmod go-w it");
    }
    None
}

/// Drains the pipe on a thread of its own, so that a full pipe cannot stop the program.
fn read_aside(pipe: ChildStdout) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if pipe.take(MAX_OUTPUT + 1).read_to_end(&mut bytes).is_ok() {
            // The receiver is gone once the deadline has passed; then nobody wants the output.
            let _ = sender.send(bytes);
        }
    });
    receiver
}

fn wait_until(child: &mut Child, end: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < end => thread::park_timeout(POLL),
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Ends the program and what it started, and reaps it.
fn kill_group(child: &mut Child) {
    if let Ok(id) = i32::try_from(child.id()) {
        // Gone already is as good as killed.
        let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(command: &str, deadline: Duration) -> Result<String, String> {
        let programs = Programs {
            refusal: None,
            deadline,
        };
        programs.run(command)
    }

    #[test]
    fn only_files_that_root_alone_can_write_may_run_programs() {
        assert_eq!(refusal(true, 0, 0o100_644), None);
        let told = |allowed, owner, mode| refusal(allowed, owner, mode).unwrap_or("allowed");
        assert!(told(false, 0, 0o644).contains("--allow-exec"));
        assert!(told(true, 1000, 0o644).contains("root does not own"));
        assert!(told(true, 0, 0o664).contains("others may write"));
        assert!(told(true, 0, 0o646).contains("others may write"));
    }

    #[test]
    fn the_command_is_split_on_blanks_and_no_shell_reads_it() {
        let printed = run("echo  $HOME ; a|b", DEADLINE);
        assert_eq!(printed.as_deref(), Ok("$HOME ; a|b\n"));
    }

    #[test]
    fn a_program_that_takes_too_long_is_ended() {
        let started = Instant::now();
        let error = run("sleep 60", Duration::from_millis(50)).expect_err("too slow");
        assert!(error.contains("did not end within 0.05 s"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_program_that_fails_or_does_not_exist_is_an_error_without_its_arguments() {
        for command in ["false hunter2", "/nonexistent/program hunter2"] {
            let error = run(command, DEADLINE).expect_err("a failing program");
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(run(" ", DEADLINE).is_err());
    }

    #[test]
    fn a_child_that_keeps_the_output_open_does_not_hold_the_start() {
        let script = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(script.path(), "sleep 60 &\n").expect("a written script");
        let command = format!("sh {}", script.path().display());
        let error = run(&command, Duration::from_secs(5)).expect_err("an open pipe");
        assert!(error.contains("left its output open"), "{error}");
    }

    #[test]
    fn endless_output_is_an_error() {
        let error = run("yes", DEADLINE).expect_err("too much");
        assert!(error.contains("printed more than"), "{error}");
    }

    #[test]
    fn a_refused_program_does_not_run() {
        assert!(Programs::nested().run("echo").is_err());
        assert!(Programs::of_defaults().run("echo").is_err());
    }
}
