//! Identifiers. They are newtypes over text because the contract treats most of them as opaque (design.md §5).

use std::fmt;
use std::sync::Arc;

use kit::secret::Secret;

/// Longest tenant or user identifier, in characters.
const LONGEST: usize = 36;

/// Identifies a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(Arc<str>);

/// Identifies a user; opaque, at most 36 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UserId(Arc<str>);

fn opaque(text: &str) -> Option<Arc<str>> {
    let fits = !text.is_empty() && text.chars().count() <= LONGEST && !text.contains('\0');
    fits.then(|| Arc::from(text))
}

impl TenantId {
    /// Takes `text` as an identifier; none if it is empty, too long or holds a NUL.
    pub fn new(text: &str) -> Option<Self> {
        opaque(text).map(Self)
    }

    /// A new random identifier.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string().into())
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl UserId {
    /// Takes `text` as an identifier; none if it is empty, too long or holds a NUL.
    pub fn new(text: &str) -> Option<Self> {
        opaque(text).map(Self)
    }

    /// A new random identifier.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string().into())
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A token as it came in `X-Auth-Token`.
#[derive(Debug, Clone, Default)]
pub struct Token(Secret);

impl Token {
    /// Takes the text of a token.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Secret::new(text))
    }

    /// The token itself, to be sent, hashed or, as the contract wants, echoed in a 401.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// True when the request carried none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
