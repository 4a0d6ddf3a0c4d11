//! Values that remember where they were written: what the layers are made of, and what is left once they are merged.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The defaults that are compiled in.
    Default,
    /// A file and its line, counted from 1; `None` where the whole file is meant.
    File(Arc<PathBuf>, Option<u64>),
    /// A flag of the command line.
    CommandLine,
}

impl Origin {
    /// The file, where the value came from one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path, _) => Some(path),
            Self::Default | Self::CommandLine => None,
        }
    }

    pub(super) fn whole_file(path: &Path) -> Self {
        Self::File(Arc::new(path.to_owned()), None)
    }

    pub(super) fn at_line(&self, line: u64) -> Self {
        match self {
            Self::File(path, _) if line > 0 => Self::File(Arc::clone(path), Some(line)),
            other => other.clone(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("built-in default"),
            Self::CommandLine => formatter.write_str("command line"),
            Self::File(path, Some(line)) => write!(formatter, "{}:{line}", path.display()),
            Self::File(path, None) => write!(formatter, "{}", path.display()),
        }
    }
}

/// Dotted keys (`rest_api.authorized_subnets.2`) and where each was set.
pub type Origins = BTreeMap<String, Origin>;

/// One value of a layer. The origin of a map's entry is the line of its key, not of its value.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Map(Vec<(String, Node)>),
    List(Vec<Node>),
    Scalar(Value),
}

impl Node {
    pub(super) fn empty(origin: Origin) -> Self {
        Self {
            origin,
            kind: Kind::Map(Vec::new()),
        }
    }

    /// A tree whose every value has the same origin.
    pub(super) fn uniform(value: Value, origin: &Origin) -> Self {
        let kind = match value {
            Value::Object(map) => Kind::Map(
                map.into_iter()
                    .map(|(key, value)| (key, Self::uniform(value, origin)))
                    .collect(),
            ),
            Value::Array(items) => Kind::List(
                items
                    .into_iter()
                    .map(|item| Self::uniform(item, origin))
                    .collect(),
            ),
            scalar => Kind::Scalar(scalar),
        };
        Self {
            origin: origin.clone(),
            kind,
        }
    }

    /// Lays `upper` over this node: maps merge key by key, everything else is replaced whole (dird-platform.md §2.1).
    pub(super) fn overlay(&mut self, upper: Self) {
        match (&mut self.kind, upper.kind) {
            (Kind::Map(entries), Kind::Map(over)) => {
                for (key, node) in over {
                    match entries.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, below)) => below.overlay(node),
                        None => entries.push((key, node)),
                    }
                }
            }
            (kind, over) => *kind = over,
        }
        self.origin = upper.origin;
    }

    /// The node below `path`, where there is one.
    pub(super) fn get(&self, path: &[&str]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        let Kind::Map(entries) = &self.kind else {
            return None;
        };
        let (_, node) = entries.iter().find(|(key, _)| key == first)?;
        node.get(rest)
    }

    pub(super) fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Map(entries) => entries
                .iter()
                .map(|(key, node)| (key.clone(), node.to_value()))
                .collect::<Map<_, _>>()
                .into(),
            Kind::List(items) => items.iter().map(Self::to_value).collect(),
            Kind::Scalar(value) => value.clone(),
        }
    }

    /// Notes the origin of everything below this node, which stands at `key`.
    pub(super) fn collect_origins(&self, key: &str, into: &mut Origins) {
        match &self.kind {
            Kind::Map(entries) => {
                for (name, node) in entries {
                    node.collect_origins(&join(key, name), into);
                }
            }
            Kind::List(items) => {
                for (index, node) in items.iter().enumerate() {
                    node.collect_origins(&join(key, &index.to_string()), into);
                }
            }
            Kind::Scalar(_) => {}
        }
        into.insert(key.to_owned(), self.origin.clone());
    }
}

/// `parent.name`, or `name` at the top.
pub(super) fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() {
        name.to_owned()
    } else {
        format!("{parent}.{name}")
    }
}
