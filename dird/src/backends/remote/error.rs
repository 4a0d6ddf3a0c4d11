//! Why a remote did not answer, in one sentence each: they go to the log and to whoever tests a source.

use std::error::Error;
use std::io::ErrorKind;

/// Why a remote has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::backends) enum RemoteError {
    /// The name of its host is unknown.
    #[error("the name of its host cannot be resolved")]
    UnknownHost,
    /// Nobody listens there.
    #[error("it refuses connections")]
    Refused,
    /// No connection for another reason.
    #[error("no connection: {0}")]
    Connection(String),
    /// Its certificate is not trusted, or it does not speak TLS.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// No whole answer in time.
    #[error("no answer in time")]
    Deadline,
    /// The connection ended in the middle of an answer.
    #[error("the connection broke in the middle of an answer")]
    Broken,
    /// An answer with a status that means failure.
    #[error("it answers with status {0}")]
    Status(u16),
    /// More than is ever read.
    #[error("its answer is longer than {0} bytes")]
    TooLong(usize),
    /// A directory that is larger than is ever fetched.
    #[error("it has more than {0} contacts")]
    TooMany(usize),
    /// Part of a directory where all of it was asked for.
    #[error("it gives part of its contacts only")]
    CutShort,
    /// An answer that cannot be read.
    #[error("its answer cannot be read: {0}")]
    Unreadable(String),
    /// The certificate authorities it is to be verified by are of no use.
    #[error("verify_certificate: {0}")]
    Authority(String),
    /// The auth service gives no token for it.
    #[error("no token for it: {0}")]
    Token(String),
    /// It does not let the source in.
    #[error("it refuses the bind: {0}")]
    Bind(String),
    /// There is nothing where a search starts.
    #[error("there is no such base: {0}")]
    NoSuchBase(String),
    /// A filter that cannot be sent.
    #[error("the filter is malformed: {0}")]
    Filter(String),
    /// It refuses the operation.
    #[error("it answers {0}")]
    Directory(String),
    /// Too many questions wait for it.
    #[error("too many questions wait for it")]
    Busy,
    /// It met a defect of dird's own.
    #[error("reading its answer met a defect")]
    Defect,
    /// It failed a moment ago and was not asked.
    #[error("it failed a moment ago and was not asked")]
    Resting,
}

impl RemoteError {
    /// True if it is the remote that is away or does not get done, rather than this one question that is bad.
    pub(in crate::backends) fn is_absence(&self) -> bool {
        matches!(
            self,
            Self::UnknownHost
                | Self::Refused
                | Self::Connection(_)
                | Self::Tls(_)
                | Self::Deadline
                | Self::Broken
        )
    }

    /// True if it is a decision of the remote, after which no older answer of it should be shown.
    pub(in crate::backends) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Bind(_) | Self::NoSuchBase(_) | Self::Filter(_) | Self::Status(400..=428)
        )
    }
}

impl From<reqwest::Error> for RemoteError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Deadline;
        }
        let words = innermost(&error);
        if words.contains("certificate")
            || words.contains("TLS")
            || words.contains("corrupt message")
        {
            return Self::Tls(words);
        }
        if !error.is_connect() {
            return if error.is_redirect() || error.is_builder() {
                Self::Connection(words)
            } else {
                Self::Broken
            };
        }
        match io_kind(&error) {
            Some(ErrorKind::ConnectionRefused) => Self::Refused,
            _ if mentions(&error, "dns error") => Self::UnknownHost,
            _ => Self::Connection(words),
        }
    }
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| {
        error.source()
    })
}

/// What the first of the causes says; it names no address of ours and no part of a URL.
fn innermost(error: &reqwest::Error) -> String {
    causes(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn io_kind(error: &reqwest::Error) -> Option<ErrorKind> {
    let kinds = causes(error).filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    kinds.map(std::io::Error::kind).last()
}

fn mentions(error: &reqwest::Error, words: &str) -> bool {
    causes(error).any(|cause| cause.to_string().contains(words))
}
