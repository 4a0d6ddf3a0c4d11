//! phoned as a service: what its command line and environment say, whose rights it has, how it is ended, and the unit that starts
//! it (phoned.md §16.5, §16.6).

use std::{
    fs,
    io::Write,
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown},
    path::Path,
    process::Command,
};

use e2e::{binaries::repository, daemon::logged};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::{
    changes::PATIENCE,
    process::{Daemon, KEY, POLL, Plan},
};

/// Lines of the log: one that is there unless only errors are logged, one of everyday logs, and all of those for debugging.
const LINES: [&str; 3] = ["XIVO_UUID is not set", "): listening address=", "(DEBUG)"];

#[tokio::test]
async fn the_command_line_says_what_is_logged_whatever_the_file_says() {
    for (file, options, lines) in [
        (json!({}), vec![], 2),
        (json!({"log_level": "critical"}), vec!["-d"], 3),
        (json!({"log_level": "error"}), vec!["-l", "Debug"], 3),
        (json!({}), vec!["--log-level", "WARNING"], 1),
        (json!({}), vec!["-l", "CRITICAL"], 0),
    ] {
        let phoned = Plan::new(&file).start(&options).await;
        let log = phoned.stop().await;
        for (number, line) in LINES.iter().enumerate() {
            let expected = number < lines;
            assert_eq!(log.contains(line), expected, "{file} {options:?}: {log}");
        }
    }
}

#[tokio::test]
async fn an_unknown_level_is_refused_with_those_that_there_are() {
    let levels = "critical, error, warning, info, debug";
    let plan = Plan::new(&json!({}));
    let (status, said) = plan.run(plan.command(&["-l", "loud"])).await;
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("loud") && said.contains(levels), "{said}");
    fs::write(plan.file("conf.d/level.yml"), "log_level: loud\n").expect("written");
    let (status, said) = plan.run(plan.command(&[])).await;
    assert_eq!(status, Some(2), "{said}");
    let place = said.contains("level.yml:1");
    assert!(place && said.contains(levels), "{said}");
}

#[tokio::test]
async fn the_platform_is_named_by_its_environment_and_missed_with_a_warning_only() {
    let uuid = "4c7bb4b0-6d0f-4a51-9a6c-8d1a5d7a00ff";
    for set in [true, false] {
        let plan = Plan::new(&json!({}));
        let mut command = plan.command(&[]);
        if set {
            command.env("XIVO_UUID", uuid);
        }
        let phoned = plan.start_as(command).await;
        let shown = phoned.operate("GET", "/0.1/config").await.json();
        assert_eq!(shown["uuid"], if set { json!(uuid) } else { json!(null) });
        let log = phoned.stop().await;
        let warned = log
            .lines()
            .any(|line| line.contains("(WARNING)") && line.contains("XIVO_UUID"));
        assert_eq!(warned, !set, "{log}");
    }
}

/// Whether there is somebody else to become.
fn is_root(about: &Path) -> bool {
    let is_root = fs::metadata(about).expect("a file").uid() == 0;
    if !is_root {
        eprintln!("only root can become somebody else; nothing to try");
    }
    is_root
}

/// The number of a user that every system has.
fn nobody() -> u32 {
    let output = Command::new("id").args(["-u", "nobody"]).output();
    let text = String::from_utf8(output.expect("id runs").stdout).expect("a number");
    text.trim().parse().expect("a number")
}

#[tokio::test]
async fn it_becomes_the_user_that_it_is_told_and_still_follows_its_log_file() {
    let plan = Plan::new(&json!({"user": "nobody"}));
    if !is_root(&plan.file("main.yml")) {
        return;
    }
    for (options, user) in [(vec![], nobody()), (vec!["-u", "root"], 0)] {
        let plan = Plan::new(&json!({"user": "nobody"}));
        let folder = plan.file("");
        fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).expect("opened");
        chown(&folder, Some(user), None).expect("given");
        let (log, moved) = (plan.file("phoned.log"), plan.file("phoned.log.1"));
        let phoned = plan.start(&options).await;
        let status = format!("/proc/{}/status", phoned.daemon.id());
        let status = fs::read_to_string(status).expect("a process");
        let users = format!("\nUid:\t{user}\t{user}\t{user}\t{user}\n");
        assert!(status.contains(&users), "{options:?}: {status}");

        fs::rename(&log, &moved).expect("moved");
        phoned.daemon.signal("HUP");
        phoned.daemon.logs("configuration reloaded").await;
        assert_eq!(fs::metadata(&log).expect("a new file").uid(), user);
        phoned.send("/0.1/later", "").await;
        phoned.daemon.logs("answered").await;
        phoned.stop().await;
    }
}

#[tokio::test]
async fn a_log_file_is_that_of_the_user_and_goes_on_where_it_is_if_no_new_one_can_be_made() {
    let plan = Plan::new(&json!({"user": "nobody"}));
    if !is_root(&plan.file("main.yml")) {
        return;
    }
    fs::set_permissions(plan.file(""), PermissionsExt::from_mode(0o755)).expect("opened");
    let (log, moved) = (plan.file("phoned.log"), plan.file("phoned.log.1"));
    let phoned = plan.start(&[]).await;
    let complaint = "the log file cannot be reopened";
    assert_eq!(fs::metadata(&log).expect("a file").uid(), nobody());
    phoned.daemon.signal("HUP");
    let text = phoned.daemon.logs("generation=2").await;
    assert!(!text.contains(complaint), "it was given away: {text}");

    fs::rename(&log, &moved).expect("moved");
    phoned.daemon.signal("HUP");
    let text = logged(&moved, "generation=3").await.expect("a line");
    assert!(text.contains(complaint), "{text}");
    assert!(!log.exists());
    phoned.stop().await;
}

/// Lets somebody read the key from a pipe, once somebody wants to.
async fn feed(pipe: &Path) {
    /// Opening a pipe that nobody reads is an error then, and no wait.
    const O_NONBLOCK: i32 = 0o4000;
    let opening = async {
        loop {
            let mut options = fs::OpenOptions::new();
            let opened = options.write(true).custom_flags(O_NONBLOCK).open(pipe);
            match opened {
                Ok(opened) => return opened,
                Err(_) => sleep(POLL).await,
            }
        }
    };
    let opened = timeout(PATIENCE, opening).await;
    let mut opened = opened.expect("somebody reads");
    opened.write_all(KEY.as_bytes()).expect("written");
}

#[tokio::test]
async fn a_stop_that_comes_before_it_serves_keeps_it_from_serving() {
    let plan = Plan::new(&json!({}));
    let key = plan.file("key.yml");
    fs::remove_file(&key).expect("removed");
    let made = Command::new("mkfifo").arg(&key).status();
    assert!(made.expect("mkfifo runs").success());
    let mut daemon = Daemon::spawn(&mut plan.command(&[]), plan.file("phoned.log"));
    // It is read with the configuration, and once more before the ports are opened.
    feed(&key).await;
    daemon.logs("XIVO_UUID is not set").await;
    minds_its_signals(&daemon).await;
    daemon.signal("TERM");
    daemon.logs("stopping").await;
    feed(&key).await;
    let status = daemon.ended().await;
    let log = daemon.log();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("): listening address="), "{log}");
    plan.stub.stop().await;
}

/// Waits until the daemon has come so far that a stop is not the end of it.
async fn minds_its_signals(daemon: &Daemon) {
    let minds = async {
        loop {
            let status = fs::read_to_string(format!("/proc/{}/status", daemon.id()));
            let status = status.expect("a process");
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
            let caught = u64::from_str_radix(caught.expect("a mask").trim(), 16);
            // SIGTERM is the fifteenth.
            if caught.expect("a mask") & (1 << 14) != 0 {
                return;
            }
            sleep(POLL).await;
        }
    };
    timeout(PATIENCE, minds).await.expect("it minds them");
}

#[tokio::test]
async fn the_unit_starts_it_as_the_platform_wants_and_with_options_that_there_are() {
    let unit = repository().join("config/systemd/phoned.service");
    let unit = fs::read_to_string(unit).expect("a unit");
    let values = |key: &str| -> Vec<&str> {
        let lines = unit.lines().filter_map(|line| line.split_once('='));
        lines
            .filter(|(name, _)| *name == key)
            .map(|(_, value)| value)
            .collect()
    };
    for (key, value) in [
        ("ConditionPathExists", "!/var/lib/wazo/disabled"),
        ("Restart", "on-failure"),
        ("RestartSec", "5"),
        ("Type", "notify"),
        ("ExecReload", "/bin/kill -HUP $MAINPID"),
    ] {
        assert_eq!(values(key), [value], "{key}");
    }
    let given: u32 = values("TimeoutStopSec")[0].parse().expect("seconds");
    assert!(given > 6, "a stop takes up to six seconds");
    let start: Vec<&str> = values("ExecStart")[0].split(' ').collect();
    assert_eq!(start[0], "/usr/bin/phoned");
    assert!(start.windows(2).any(|pair| pair == ["--user", "www-data"]));
    let plan = Plan::new(&json!({}));
    let main = plan.file("main.yml").display().to_string();
    let arguments = start[1..].iter();
    let arguments = arguments.map(|word| word.replace("/etc/wazo-phoned/config.yml", &main));
    let mut command = Command::new(env!("CARGO_BIN_EXE_phoned"));
    command.args(arguments).arg("--check-config");
    let (status, said) = plan.run(command).await;
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("user: \"www-data\""), "{said}");
}
