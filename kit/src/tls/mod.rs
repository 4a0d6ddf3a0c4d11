//! TLS for listeners: a certificate that can be swapped while serving, and an account of failed handshakes (phoned.md §2.2).
//!
//! TLS 1.2 and 1.3 with the suites of ring; older phones need a TLS front or the plain listener.

mod failure;

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use self::failure::{Failures, Reason};

/// Makes ring the process's TLS provider. Call it first in `main`: clients panic without. Calling it again does nothing.
pub fn install_provider() {
    // The error is that a provider is installed already.
    let _ = ring::default_provider().install_default();
}

/// Why a certificate and key cannot be used. The message names the file.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not PEM.
    #[error("{} is not valid PEM: {reason}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file holds no certificate.
    #[error("{} holds no certificate", path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// The file holds no private key, or an encrypted one.
    #[error("{} holds no private key that can be used without a passphrase", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// The key is of an unknown kind, or is not the certificate's.
    #[error("private key {} does not fit certificate {}: {source}", key.display(), certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What was found.
        source: rustls::Error,
    },
    /// The TLS library refused the configuration.
    #[error("TLS cannot be configured: {0}")]
    Configuration(#[source] rustls::Error),
}

/// Accepts TLS connections with one certificate, whatever name the client asks for. Clones share certificate and counters.
#[derive(Clone)]
pub struct Acceptor {
    files: Arc<Files>,
    current: Arc<Current>,
    tls: TlsAcceptor,
    failures: Arc<Failures>,
}

/// A certificate and key that were read and found good, and are not used yet.
#[derive(Debug)]
pub struct Renewal {
    current: Arc<Current>,
    pair: CertifiedKey,
}

impl Renewal {
    /// Gives them to new connections.
    pub fn install(self) {
        self.current.0.store(Arc::new(self.pair));
    }
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Acceptor {
    /// Reads the PEM files and offers HTTP/2 and HTTP/1.1. Blocks on the file system.
    ///
    /// # Errors
    /// A file is missing, unreadable or not what it should be, or the key is not the certificate's.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Self::with_protocols(certificate, key, &[b"h2", b"http/1.1"])
    }

    /// As [`Acceptor::load`], but offers HTTP/1.1 only: no desk phone speaks HTTP/2.
    ///
    /// # Errors
    /// As [`Acceptor::load`].
    pub fn load_http1(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        Self::with_protocols(certificate, key, &[b"http/1.1"])
    }

    fn with_protocols(
        certificate: &Path,
        key: &Path,
        protocols: &[&[u8]],
    ) -> Result<Self, TlsError> {
        let files = Files {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
        };
        let provider = Arc::new(ring::default_provider());
        let pair = files.read(&provider)?;
        let current = Arc::new(Current(ArcSwap::from_pointee(pair)));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Configuration)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Self {
            files: Arc::new(files),
            current,
            tls: TlsAcceptor::from(Arc::new(config)),
            failures: Arc::new(Failures::default()),
        })
    }

    /// Reads both files again and keeps what they hold aside: for those who change several things or none. Blocks.
    ///
    /// # Errors
    /// As [`Acceptor::load`].
    pub fn renewal(&self) -> Result<Renewal, TlsError> {
        Ok(Renewal {
            current: Arc::clone(&self.current),
            pair: self.files.read(&ring::default_provider())?,
        })
    }

    /// How many handshakes failed, by reason, since the start. All reasons are listed.
    pub fn handshake_failures(&self) -> Vec<(&'static str, u64)> {
        self.failures.counts()
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.tls.accept(stream).await
    }

    pub(crate) fn note_failure(&self, peer: IpAddr, error: &io::Error) {
        self.failures.note(peer, Reason::of(error), error);
    }
}

impl std::fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Acceptor")
            .field("certificate", &self.files.certificate)
            .field("key", &self.files.key)
            .finish_non_exhaustive()
    }
}

impl Files {
    fn read(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let chain = read_chain(&self.certificate)?;
        let key = read_key(&self.key)?;
        CertifiedKey::from_der(chain, key, provider).map_err(|source| TlsError::Mismatch {
            certificate: self.certificate.clone(),
            key: self.key.clone(),
            source,
        })
    }
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = read(path)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|error| bad_pem(path, &error))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate {
            path: path.to_owned(),
        });
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read(path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => TlsError::NoKey {
            path: path.to_owned(),
        },
        error => bad_pem(path, &error),
    })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

fn bad_pem(path: &Path, error: &pem::Error) -> TlsError {
    TlsError::Pem {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
