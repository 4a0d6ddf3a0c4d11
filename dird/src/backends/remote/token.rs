//! Tokens for the services behind sources. Service tokens are made on first use and shared by all sources with the same auth
//! service and credentials; a token that no source uses any more goes with the last of them. Tokens for the accounts that users
//! have elsewhere are asked of auth with the user's own token, and of nobody else (dird-backends.md §7, §9).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use kit::auth_client::{AuthClient, CredentialSource, Credentials};
use kit::http_client::{Upstream, Verify};
use kit::secret::Secret;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::http::{Clients, Fetched, Redirects, read_json};
use super::{RemoteError, Service, Trust};
use crate::backends::Asker;

/// Who this is towards services.
const AGENT: &str = "wazo-dird";

/// Longest answer of auth that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Digest of an auth service and the credentials for it.
type Account = [u8; 32];

/// The service tokens in use.
#[derive(Default)]
pub(in crate::backends) struct Tokens {
    held: Mutex<HashMap<Account, Weak<AuthClient>>>,
}

impl Tokens {
    /// The keeper of the token for the credentials in `auth`; nothing is sent yet. Reads files: for a thread that may block.
    fn make(&self, auth: &Service) -> Result<Arc<AuthClient>, RemoteError> {
        let account = account(auth);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = held.get(&account).and_then(Weak::upgrade) {
            return Ok(present);
        }
        held.retain(|_, keeper| keeper.strong_count() > 0);
        let upstream = upstream(auth);
        let client = AuthClient::new(&upstream, credentials(auth)?, AGENT)
            .map_err(|error| RemoteError::Token(error.to_string()))?;
        let version = auth.version.as_deref().unwrap_or("0.1");
        let client = Arc::new(client.at_version(&upstream, version));
        held.insert(account, Arc::downgrade(&client));
        Ok(client)
    }

    /// The keeper of the token for the credentials in `auth`; nothing is sent yet.
    pub(in crate::backends) async fn of(
        self: &Arc<Self>,
        auth: &Service,
    ) -> Result<Arc<AuthClient>, RemoteError> {
        let (tokens, auth) = (Arc::clone(self), auth.clone());
        let made = tokio::task::spawn_blocking(move || tokens.make(&auth)).await;
        made.map_err(|error| RemoteError::Token(error.to_string()))?
    }
}

fn account(auth: &Service) -> Account {
    let password = auth.password.as_ref().map(Secret::expose);
    let parts = format!(
        "{}\n{:?}\n{:?}\n{:?}\n{:?}\n{password:?}",
        auth.base("0.1"),
        auth.verify_certificate,
        auth.deadline(),
        auth.key_file,
        auth.username,
    );
    Sha256::digest(parts.as_bytes()).into()
}

fn upstream(auth: &Service) -> Upstream {
    Upstream {
        host: auth.host.clone(),
        port: auth.port,
        https: auth.https,
        prefix: auth.prefix.clone(),
        timeout: auth.deadline(),
        verify_certificate: match &auth.verify_certificate {
            Trust::Switch(verify) => Verify::Switch(*verify),
            Trust::Authorities(path) => Verify::Authority(path.clone()),
        },
    }
}

fn credentials(auth: &Service) -> Result<CredentialSource, RemoteError> {
    if let Some(path) = auth
        .key_file
        .as_ref()
        .filter(|path| !path.as_os_str().is_empty())
    {
        return Ok(CredentialSource::KeyFile(path.clone()));
    }
    let name = auth.username.as_ref().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| RemoteError::Token("the source has no credentials".into()))?;
    Ok(CredentialSource::Fixed(Credentials {
        service_id: name.clone(),
        service_key: auth.password.clone().unwrap_or_default(),
    }))
}

/// Where users may have an account of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backends) enum Elsewhere {
    /// Google.
    Google,
    /// Microsoft.
    Microsoft,
}

impl Elsewhere {
    fn path(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Microsoft => "microsoft",
        }
    }
}

#[derive(Deserialize)]
struct External {
    access_token: Secret,
}

/// The token for the account that the asker's user has elsewhere; none without a user, a token or such an account.
pub(in crate::backends) async fn external(
    clients: &Clients,
    auth: &Service,
    elsewhere: Elsewhere,
    asker: &Asker,
) -> Result<Option<Secret>, RemoteError> {
    let Some(user) = asker.user.as_ref().filter(|_| !asker.token.is_empty()) else {
        return Ok(None);
    };
    let client = clients
        .get(&auth.verify_certificate, Redirects::Refused)
        .await?;
    let user = utf8_percent_encode(user.as_str(), NON_ALPHANUMERIC);
    let url = format!(
        "{}/users/{user}/external/{}",
        auth.base("0.1"),
        elsewhere.path()
    );
    let request = client
        .get(url)
        .header("Accept", "application/json")
        .header("X-Auth-Token", asker.token.expose());
    let fetched = Fetched::get(request, auth.deadline(), LONGEST).await;
    let fetched = fetched.map_err(|error| RemoteError::Token(error.to_string()))?;
    match fetched.status {
        200 => {
            let external: External = read_json(&fetched.body)?;
            Ok(Some(external.access_token))
        }
        404 => Ok(None),
        status => Err(RemoteError::Token(RemoteError::Status(status).to_string())),
    }
}
