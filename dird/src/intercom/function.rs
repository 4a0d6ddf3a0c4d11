//! The functions by path, and what each asks of a request before it is read (intercom-directory.md §1).

use http::Method;

use super::reply::Refusal;
use crate::config::Privilege;

/// Services of devices that dird is none of: clients that probe take the answer for "device has none".
const OTHER_SERVICES: [&str; 7] = ["log", "io", "switch", "camera", "call", "phone", "display"];

/// A function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Template,
    Create,
    Update,
    Delete,
    Get,
    Query,
    Info,
    Status,
}

impl Function {
    /// The function at a path below `/api/`, if the method is one of its own.
    pub(super) fn find(path: &str, method: &Method) -> Result<Self, Refusal> {
        let function = match path {
            "dir/template" => Self::Template,
            "dir/create" => Self::Create,
            "dir/update" => Self::Update,
            "dir/delete" => Self::Delete,
            "dir/get" => Self::Get,
            "dir/query" => Self::Query,
            "system/info" => Self::Info,
            "system/status" => Self::Status,
            other => return Err(unknown(other)),
        };
        if function.takes(method) {
            Ok(function)
        } else {
            Err(Refusal::Method)
        }
    }

    fn takes(self, method: &Method) -> bool {
        match self {
            Self::Template | Self::Info | Self::Status => {
                matches!(*method, Method::GET | Method::POST)
            }
            Self::Create | Self::Update | Self::Delete => *method == Method::PUT,
            Self::Get | Self::Query => *method == Method::POST,
        }
    }

    /// Whether it changes a directory.
    pub(super) fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Delete)
    }

    /// What an account must be allowed.
    pub(super) fn privilege(self) -> Privilege {
        if self.writes() {
            Privilege::Control
        } else {
            Privilege::Monitoring
        }
    }

    /// What a token must have.
    pub(super) fn access(self) -> &'static str {
        if self.writes() {
            "dird.intercom.directory.update"
        } else {
            "dird.intercom.directory.read"
        }
    }

    /// The parameter that is to blame for a document that is none.
    pub(super) fn document(self) -> &'static str {
        if self.writes() {
            "blob-dir_new"
        } else {
            "blob-json"
        }
    }

    /// Its path, for the log.
    pub(super) fn route(self) -> &'static str {
        match self {
            Self::Template => "/api/dir/template",
            Self::Create => "/api/dir/create",
            Self::Update => "/api/dir/update",
            Self::Delete => "/api/dir/delete",
            Self::Get => "/api/dir/get",
            Self::Query => "/api/dir/query",
            Self::Info => "/api/system/info",
            Self::Status => "/api/system/status",
        }
    }
}

fn unknown(path: &str) -> Refusal {
    let service = path.split_once('/').map(|(service, _)| service);
    if service.is_some_and(|service| OTHER_SERVICES.contains(&service)) {
        Refusal::Unsupported
    } else {
        Refusal::Path
    }
}
