//! Finding the layers and putting them over each other, highest last: defaults, main file, extra folder, command line, key file.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::tree::{self, Node};
use super::{BrokenExtra, ConfigError, Layering, MissingKeyFile, Origin, exec};

/// The merged tree. What is missing or skipped is noted.
pub(super) fn merge(
    layering: &Layering<'_>,
    defaults: Node,
    notes: &mut Vec<String>,
) -> Result<Node, ConfigError> {
    let mut merged = defaults;
    match std::fs::read_to_string(layering.main) {
        Ok(text) => {
            let main = read(layering.main, &text, layering.allow_exec)?;
            merged = main.over(merged);
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            notes.push(format!(
                "{}: {error}; defaults are used",
                layering.main.display()
            ));
        }
        Err(error) => return Err(ConfigError(format!("{}: {error}", layering.main.display()))),
    }
    merged = extra_files(layering, merged, notes)?;
    merged = Node::of_value(&flags(layering), &Origin::CommandLine).over(merged);
    match key_file(layering, &merged, notes)? {
        Some(key) => Ok(key.over(merged)),
        None => Ok(merged),
    }
}

fn flags(layering: &Layering<'_>) -> Value {
    if layering.flags.is_null() {
        json!({})
    } else {
        layering.flags.clone()
    }
}

fn read(path: &Path, text: &str, allow_exec: bool) -> Result<Node, ConfigError> {
    let located = |line| Origin::File(path.to_owned(), line);
    let node = tree::parse(text, &located)
        .map_err(|problem| ConfigError(format!("{}: {problem}", path.display())))?;
    exec::resolve(node, path, allow_exec)
}

/// Puts the folder's files over `merged`; of two files the first by name wins.
fn extra_files(
    layering: &Layering<'_>,
    mut merged: Node,
    notes: &mut Vec<String>,
) -> Result<Node, ConfigError> {
    let folder = merged.get("extra_config_files").map(Node::to_value);
    let Some(folder) = folder
        .as_ref()
        .and_then(Value::as_str)
        .filter(|folder| !folder.is_empty())
    else {
        return Ok(merged);
    };
    let mut files = match yaml_files(Path::new(folder)) {
        Ok(files) => files,
        Err(error) => {
            notes.push(format!("{folder}: {error}; no further files are read"));
            return Ok(merged);
        }
    };
    files.reverse();
    for file in files {
        let layer = std::fs::read_to_string(&file)
            .map_err(|error| ConfigError(format!("{}: {error}", file.display())))
            .and_then(|text| read(&file, &text, layering.allow_exec));
        match layer {
            Ok(layer) => merged = layer.over(merged),
            Err(error) if layering.broken_extra == BrokenExtra::Fail => return Err(error),
            Err(error) => notes.push(format!("{error}; the file is skipped")),
        }
    }
    Ok(merged)
}

/// The folder's files in the order of their names.
fn yaml_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        let hidden = name.as_encoded_bytes().starts_with(b".");
        if !hidden && path.extension().is_some_and(|ending| ending == "yml") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The credentials of `auth.key_file`, as a layer.
fn key_file(
    layering: &Layering<'_>,
    merged: &Node,
    notes: &mut Vec<String>,
) -> Result<Option<Node>, ConfigError> {
    let path = merged.get("auth.key_file").map(Node::to_value);
    let Some(path) = path
        .as_ref()
        .and_then(Value::as_str)
        .filter(|path| !path.is_empty())
    else {
        return Ok(None);
    };
    let origin = merged.origin_of("auth.key_file");
    let failed = |problem: String| ConfigError::at(origin, "auth.key_file", problem);
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if layering.missing_key_file == MissingKeyFile::Note => {
            notes.push(
                failed(format!("{path}: {error}; no credentials are read from it")).to_string(),
            );
            return Ok(None);
        }
        Err(error) => {
            // The wording of Python, which supervisors of the reference look for.
            let kind = match error.kind() {
                ErrorKind::NotFound => "No such file or directory".to_owned(),
                _ => error.to_string(),
            };
            return Err(failed(format!("{kind}: '{path}'")));
        }
    };
    let key = read(Path::new(path), &text, false)?;
    let (id, secret) = (key.get("service_id"), key.get("service_key"));
    let (Some(id), Some(secret)) = (id, secret) else {
        let problem = failed(format!("{path} holds no service_id and service_key"));
        if layering.missing_key_file == MissingKeyFile::Fail {
            return Err(problem);
        }
        notes.push(problem.to_string());
        return Ok(None);
    };
    let credentials = json!({"auth": {"username": id.to_value(), "password": secret.to_value()}});
    Ok(Some(Node::of_value(&credentials, &id.origin)))
}
