//! The files of a configuration: reads each, and lays one over the other in the order of dird-platform.md §2.1.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::error::ConfigError;
use super::exec::Programs;
use super::node::{Kind, Node, Origin};
use super::parse::parse;
use super::{BrokenExtra, Layering};

const MAX_FILE: u64 = 8 * 1024 * 1024;
const EXTRA_ENDING: &[u8] = b".yml";

/// The layers below the key file, merged; what is worth a warning goes to `notes`.
pub(super) fn merge(
    layering: &Layering<'_>,
    defaults: &Node,
    notes: &mut Vec<String>,
) -> Result<Node, ConfigError> {
    let mut merged = defaults.clone();
    match read_file(layering.main, layering.allow_exec)? {
        Some(main) => merged.overlay(main),
        None => notes.push(format!(
            "{}: does not exist; the defaults are used",
            layering.main.display()
        )),
    }
    // The first file wins: it is laid on last.
    for extra in extras(layering, &merged, notes)?.into_iter().rev() {
        merged.overlay(extra);
    }
    if layering.flags.is_object() {
        merged.overlay(Node::uniform(layering.flags.clone(), &Origin::CommandLine));
    }
    Ok(merged)
}

fn extras(
    layering: &Layering<'_>,
    merged: &Node,
    notes: &mut Vec<String>,
) -> Result<Vec<Node>, ConfigError> {
    let Some((directory, origin)) = path_at(merged, &["extra_config_files"])? else {
        return Ok(Vec::new());
    };
    let paths = match extra_paths(&directory) {
        Ok(paths) => paths,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let directory = directory.display();
            notes.push(format!(
                "{directory}: does not exist; no extra files are read"
            ));
            return Ok(Vec::new());
        }
        Err(error) => {
            let problem = format!("cannot list {}: {error}", directory.display());
            let fault = ConfigError::new(origin, "extra_config_files", &problem);
            return skip_or_fail(layering.broken_extra, fault, notes).map(|()| Vec::new());
        }
    };
    let mut extras = Vec::with_capacity(paths.len());
    for path in paths {
        match read_file(&path, layering.allow_exec) {
            Ok(Some(extra)) => extras.push(extra),
            Ok(None) => {
                let fault = ConfigError::of_file(&path, "leads to no file; remove the link");
                skip_or_fail(layering.broken_extra, fault, notes)?;
            }
            Err(fault) => skip_or_fail(layering.broken_extra, fault, notes)?,
        }
    }
    Ok(extras)
}

fn skip_or_fail(
    broken: BrokenExtra,
    fault: ConfigError,
    notes: &mut Vec<String>,
) -> Result<(), ConfigError> {
    match broken {
        BrokenExtra::Fail => Err(fault),
        BrokenExtra::Skip => {
            notes.push(format!("{fault}; the file is skipped"));
            Ok(())
        }
    }
}

/// The files of the directory that count, in ascending order of their names.
fn extra_paths(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let counts = name.ends_with(EXTRA_ENDING) && !name.starts_with(b".");
        // A link that leads nowhere is kept here, so that reading it says so.
        if counts && fs::metadata(entry.path()).map_or(true, |found| found.is_file()) {
            paths.push(entry.path());
        }
    }
    paths.sort();
    Ok(paths)
}

/// `None` where there is no such file.
fn read_file(path: &Path, allow_exec: bool) -> Result<Option<Node>, ConfigError> {
    let unreadable =
        |error: io::Error| ConfigError::of_file(path, &format!("cannot be read: {error}"));
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    // Asked of the open file, so that what was checked is what is read.
    let metadata = file.metadata().map_err(unreadable)?;
    let text = read_text(file).map_err(unreadable)?;
    let programs = Programs::of_file(allow_exec, &metadata);
    parse(&text, &Origin::whole_file(path), &programs).map(Some)
}

fn read_text(file: File) -> io::Result<String> {
    let mut text = String::new();
    file.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(io::Error::other(format!(
            "it is longer than {MAX_FILE} bytes"
        )));
    }
    Ok(text)
}

/// The path that stands at `key`, with its origin; null and empty text are none.
pub(super) fn path_at(tree: &Node, key: &[&str]) -> Result<Option<(PathBuf, Origin)>, ConfigError> {
    let Some(node) = tree.get(key) else {
        return Ok(None);
    };
    match &node.kind {
        Kind::Scalar(Value::Null) => Ok(None),
        Kind::Scalar(Value::String(path)) if path.is_empty() => Ok(None),
        Kind::Scalar(Value::String(path)) => Ok(Some((path.into(), node.origin.clone()))),
        _ => Err(ConfigError::new(
            node.origin.clone(),
            &key.join("."),
            "is not a path; should be text",
        )),
    }
}
