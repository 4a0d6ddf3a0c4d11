//! Where the directory server is, whom to be there, and opening a connection to it.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kit::secret::Secret;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, StdStream};
use reqwest::Url;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::backends::OpenError;
use crate::backends::remote::{Outside, RemoteError, Trust, authority_files};

/// A directory server and how to get in.
#[derive(Debug)]
pub(super) struct Address {
    url: Url,
    trust: Trust,
    user: Option<String>,
    password: Option<Secret>,
    /// Longest time for a connection.
    pub(super) network: Duration,
    /// Longest time for one answer.
    pub(super) answer: Duration,
}

/// The name and password of a bind; without a name it is anonymous.
pub(super) type Login = (Option<String>, Option<Secret>);

impl Address {
    /// Reads `uri`; `network` and `answer` bound a connection and an answer.
    pub(super) fn new(
        uri: &str,
        trust: Trust,
        (user, password): Login,
        (network, answer): (Duration, Duration),
    ) -> Result<Self, OpenError> {
        let url =
            Url::parse(uri).map_err(|error| OpenError(format!("ldap_uri {uri:?}: {error}")))?;
        let known = matches!(url.scheme(), "ldap" | "ldaps" | "ldapi");
        if !known || url.host_str().is_none() {
            return Err(OpenError(format!(
                "ldap_uri {uri:?} must be ldap://, ldaps:// or ldapi://"
            )));
        }
        Ok(Self {
            url,
            trust,
            user,
            password,
            network,
            answer,
        })
    }

    /// A new connection, bound. Its task ends with the last handle.
    pub(super) async fn connect(&self, outside: &Outside) -> Result<Ldap, RemoteError> {
        let settings = self.settings().await?;
        let opened = timeout(
            self.answer,
            LdapConnAsync::from_url_with_settings(settings, &self.url),
        );
        let (connection, mut ldap) = opened
            .await
            .map_err(|_| RemoteError::Deadline)?
            .map_err(failure)?;
        // A broken connection shows in the answer that is then missing.
        drop(outside.spawn(async move { drop(connection.drive().await) }));
        let user = self.user.as_deref().unwrap_or_default();
        let password = self.password.as_ref().map_or("", Secret::expose);
        let bound = timeout(self.answer, ldap.simple_bind(user, password)).await;
        let result = bound.map_err(|_| RemoteError::Deadline)?.map_err(failure)?;
        match result.rc {
            0 => Ok(ldap),
            51 | 52 => Err(RemoteError::Directory(said(result.rc, &result.text))),
            code => Err(RemoteError::Bind(said(code, &result.text))),
        }
    }

    async fn settings(&self) -> Result<LdapConnSettings, RemoteError> {
        let settings = LdapConnSettings::new();
        if self.url.scheme() == "ldapi" {
            return Ok(settings.set_conn_timeout(self.network));
        }
        let stream = timeout(self.network, self.stream())
            .await
            .map_err(|_| RemoteError::Deadline)??;
        let stream = stream
            .into_std()
            .map_err(|error| RemoteError::Connection(error.to_string()))?;
        let settings = settings.set_std_stream(StdStream::Tcp(stream));
        if self.url.scheme() == "ldap" {
            return Ok(settings);
        }
        kit::tls::install_provider();
        match &self.trust {
            Trust::Switch(verify) => Ok(settings.set_no_tls_verify(!verify)),
            Trust::Authorities(path) => Ok(settings.set_config(trusting(path.clone()).await?)),
        }
    }

    async fn stream(&self) -> Result<TcpStream, RemoteError> {
        let port = if self.url.scheme() == "ldaps" {
            636
        } else {
            389
        };
        let host = self
            .url
            .host_str()
            .filter(|host| !host.is_empty())
            .unwrap_or("localhost");
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = tokio::net::lookup_host((host, self.url.port().unwrap_or(port))).await;
        let addresses: Vec<_> = addresses.map_err(|_| RemoteError::UnknownHost)?.collect();
        let stream = TcpStream::connect(addresses.as_slice()).await;
        let stream = stream.map_err(|error| match error.kind() {
            ErrorKind::ConnectionRefused => RemoteError::Refused,
            _ => RemoteError::Connection(error.to_string()),
        })?;
        drop(stream.set_nodelay(true));
        Ok(stream)
    }
}

/// What a result says: its number, which manuals know, and the server's words if it has any.
pub(super) fn said(code: u32, text: &str) -> String {
    let meaning = match code {
        1 => "operations error",
        3 => "time limit exceeded",
        4 => "size limit exceeded",
        11 => "administrative limit exceeded",
        32 => "no such object",
        48 => "inappropriate authentication",
        49 => "invalid credentials",
        50 => "insufficient access",
        51 => "busy",
        52 => "unavailable",
        53 => "unwilling to perform",
        _ => "result",
    };
    if text.is_empty() {
        format!("{meaning} ({code})")
    } else {
        format!("{meaning} ({code}): {text}")
    }
}

async fn trusting(path: PathBuf) -> Result<Arc<ClientConfig>, RemoteError> {
    let made = tokio::task::spawn_blocking(move || {
        let said = |reason: String| RemoteError::Authority(format!("{}: {reason}", path.display()));
        let mut roots = RootCertStore::empty();
        for file in authority_files(&path).map_err(|error| said(error.to_string()))? {
            let certificates = CertificateDer::pem_file_iter(&file);
            for certificate in certificates.map_err(|error| said(error.to_string()))? {
                let certificate = certificate.map_err(|error| said(error.to_string()))?;
                roots
                    .add(certificate)
                    .map_err(|error| said(error.to_string()))?;
            }
        }
        let config = ClientConfig::builder().with_root_certificates(roots);
        Ok(Arc::new(config.with_no_client_auth()))
    });
    made.await
        .map_err(|error| RemoteError::Connection(error.to_string()))?
}

/// What a failed call means.
pub(super) fn failure(error: LdapError) -> RemoteError {
    match error {
        LdapError::Timeout { .. } => RemoteError::Deadline,
        LdapError::FilterParsing => RemoteError::Filter("it is not balanced".into()),
        LdapError::Rustls { source } => RemoteError::Tls(source.to_string()),
        LdapError::DNSName { source } => RemoteError::Tls(source.to_string()),
        LdapError::Io { source } => match source.kind() {
            ErrorKind::ConnectionRefused => RemoteError::Refused,
            ErrorKind::NotFound => RemoteError::Connection(source.to_string()),
            ErrorKind::InvalidData => RemoteError::Tls(source.to_string()),
            _ => RemoteError::Broken,
        },
        LdapError::UnknownScheme(_)
        | LdapError::UrlParsing { .. }
        | LdapError::EmptyUnixPath
        | LdapError::PortInUnixPath
        | LdapError::MismatchedStreamType => RemoteError::Connection(error.to_string()),
        LdapError::LdapResult { result } => RemoteError::Directory(said(result.rc, &result.text)),
        _ => RemoteError::Broken,
    }
}
