//! The text files that makes and languages are made of: compiled in, or read from `templates_dir`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

static COMPILED_IN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// Relative path (`snom/results.xml`) to text.
pub type Files = BTreeMap<String, String>;

/// A template folder that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("templates_dir: {}: {source}", path.display())]
pub struct Unreadable {
    path: PathBuf,
    source: io::Error,
}

/// The files of `folder`, or those compiled in.
pub fn read(folder: Option<&Path>) -> Result<Files, Unreadable> {
    let Some(folder) = folder else {
        return Ok(COMPILED_IN
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect());
    };
    let mut files = Files::new();
    for inner in list(folder)? {
        let hidden = inner
            .file_name()
            .is_none_or(|name| name.to_string_lossy().starts_with('.'));
        if hidden || !inner.is_dir() {
            continue;
        }
        for file in list(&inner)?.into_iter().filter(|file| file.is_file()) {
            let text = fs::read_to_string(&file).map_err(|source| Unreadable {
                path: file.clone(),
                source,
            })?;
            files.insert(relative(folder, &file), text);
        }
    }
    Ok(files)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let unreadable = |source| Unreadable {
        path: folder.to_owned(),
        source,
    };
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    entries
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<_>>()
        .map_err(unreadable)
}

fn relative(folder: &Path, file: &Path) -> String {
    let name = file.strip_prefix(folder).unwrap_or(file);
    name.components()
        .map(|part| part.as_os_str().to_string_lossy())
        .collect::<Vec<_>>()
        .join("/")
}
