//! Where phoned listens, and where the dirds are.

use std::{net::IpAddr, path::PathBuf};

use kit::http_client::Upstream;
use serde::Deserialize;

/// A plain listener.
#[derive(Debug, Clone, Deserialize)]
pub struct Listener {
    /// Addresses.
    pub listen: Listen,
    /// Port; 0 = any free one.
    pub port: u16,
    /// Whether it exists.
    pub enabled: bool,
    /// Whether connections begin with the PROXY protocol.
    pub proxy_protocol: ProxyProtocol,
}

/// The PROXY protocol on a listener (phoned.md §6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProxyProtocol {
    /// Connections are the phones' own.
    Off,
    /// Every connection comes from a trusted proxy and begins with it.
    Required,
}

/// A listener with TLS.
#[derive(Debug, Clone, Deserialize)]
pub struct TlsListener {
    /// The socket.
    #[serde(flatten)]
    pub listener: Listener,
    /// PEM file with the certificate chain.
    pub certificate: PathBuf,
    /// PEM file with its key.
    pub private_key: PathBuf,
}

/// One address or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Listen {
    /// One.
    One(IpAddr),
    /// Several.
    Many(Vec<IpAddr>),
}

impl Listen {
    /// The addresses.
    pub fn addresses(&self) -> &[IpAddr] {
        match self {
            Self::One(address) => std::slice::from_ref(address),
            Self::Many(addresses) => addresses,
        }
    }
}

/// `dird`.
#[derive(Debug, Clone, Deserialize)]
pub struct Dird {
    /// The one that is asked first.
    #[serde(flatten)]
    pub upstream: Upstream,
    /// Those that are asked when it does not answer.
    pub others: Vec<Upstream>,
}

impl Dird {
    /// All of them, in their order.
    pub fn all(&self) -> impl Iterator<Item = &Upstream> {
        std::iter::once(&self.upstream).chain(&self.others)
    }
}

/// `metrics` (phoned.md §16.4).
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Metrics {
    /// Address.
    pub listen: IpAddr,
    /// Port; `None` = no such listener.
    pub port: Option<u16>,
}
