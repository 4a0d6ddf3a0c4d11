//! `!exec {command: …}`: a program whose output takes the tag's place. Refused unless the start allows it, and then only from a
//! file that nobody but root can write (design.md §6).

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::tree::{self, Body, Node};
use super::{ConfigError, Origin};

/// How long a program may run.
const LIMIT: Duration = Duration::from_secs(10);

/// How often it is looked whether it has ended.
const PAUSE: Duration = Duration::from_millis(10);

/// Runs what is tagged below `node`, a tree read from `path`.
pub(super) fn resolve(node: Node, path: &Path, allowed: bool) -> Result<Node, ConfigError> {
    let Node { origin, body } = node;
    let body = match body {
        Body::Scalar(_) => body,
        Body::List(items) => {
            let items = items.into_iter().map(|item| resolve(item, path, allowed));
            Body::List(items.collect::<Result<_, _>>()?)
        }
        Body::Map(members) => {
            let members = members.into_iter();
            let resolved = members.map(|(key, member)| Ok((key, resolve(member, path, allowed)?)));
            Body::Map(resolved.collect::<Result<_, ConfigError>>()?)
        }
        Body::Exec(below) => {
            let failed = |problem: String| ConfigError::at(&origin, "!exec", problem);
            if !allowed {
                return Err(failed(
                    "programs are not run from configuration; start with --allow-exec".into(),
                ));
            }
            owned_by_root(path).map_err(failed)?;
            return run(&below, &origin).map_err(failed);
        }
    };
    Ok(Node { origin, body })
}

fn owned_by_root(path: &Path) -> Result<(), String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if metadata.uid() != 0 || metadata.mode() & 0o022 != 0 {
        return Err("the file must belong to root and be writable by nobody else".into());
    }
    Ok(())
}

fn run(below: &Node, origin: &Origin) -> Result<Node, String> {
    let command = below.get("command").map(Node::to_value);
    let command = command
        .as_ref()
        .and_then(|value| value.as_str())
        .unwrap_or_default();
    let mut words = command.split(' ').filter(|word| !word.is_empty());
    let program = words.next().ok_or("it needs a command")?;
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{program}: {error}"))?;
    let output = child.stdout.take().ok_or("its output cannot be read")?;
    let reader = std::thread::spawn(move || std::io::read_to_string(output));
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            break status;
        }
        if started.elapsed() > LIMIT {
            let _already_ended = child.kill();
            return Err(format!(
                "{program} did not end within {} seconds",
                LIMIT.as_secs()
            ));
        }
        pause();
    };
    if !status.success() {
        return Err(format!("{program} ended with {status}"));
    }
    let text = reader.join().map_err(|_| "its output cannot be read")?;
    let text = text.map_err(|error| error.to_string())?;
    tree::parse(&text, &|_| origin.clone()).map_err(|problem| format!("{program}: {problem}"))
}

/// Files are read before there is a runtime to block.
#[expect(
    clippy::disallowed_methods,
    reason = "configuration is read before the runtime starts"
)]
fn pause() {
    std::thread::sleep(PAUSE);
}
