//! The key file, the highest layer: the service's own credentials, which another program writes (dird-platform.md §2.1).

use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;

use super::error::ConfigError;
use super::layers::path_at;
use super::node::{Node, Origin};
use super::{MissingKeyFile, parse};

/// Text, whatever YAML would make of it: a generated key may look like a number.
#[derive(Default, Deserialize)]
struct KeyFile {
    service_id: Option<String>,
    service_key: Option<String>,
}

/// Lays the credentials of `auth.key_file` over `merged`.
pub(super) fn apply(
    merged: &mut Node,
    missing: MissingKeyFile,
    notes: &mut Vec<String>,
) -> Result<(), ConfigError> {
    let Some((path, origin)) = path_at(merged, &["auth", "key_file"])? else {
        return Ok(());
    };
    match read(&path) {
        Ok(credentials) => merged.overlay(credentials),
        Err(why) => {
            let problem = format!("{} {why}", path.display());
            let fault = ConfigError::new(origin, "auth.key_file", &problem);
            match missing {
                MissingKeyFile::Fail => return Err(fault),
                MissingKeyFile::Note => notes.push(fault.to_string()),
            }
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Node, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let place = Origin::whole_file(path);
    let found: Option<KeyFile> = parse::read(&text, &place)
        .map_err(|_| "is not a map of service_id and service_key".to_owned())?;
    let KeyFile {
        service_id: Some(username),
        service_key: Some(password),
    } = found.unwrap_or_default()
    else {
        return Err("lacks service_id or service_key".to_owned());
    };
    let credentials = json!({"auth": {"username": username, "password": password}});
    Ok(Node::uniform(credentials, &place))
}
