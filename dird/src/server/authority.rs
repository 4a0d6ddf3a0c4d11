//! The authority that the configuration asks for, and what keeps it going.

use std::net::SocketAddr;
use std::sync::Arc;

use kit::auth_client::{AuthClient, CredentialSource, Credentials};
use kit::http_client::{ClientError, Upstream};
use kit::serve::{BindError, Bound};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::seconds;
use crate::config::{Auth, AuthBackend};
use crate::identity::builtin::{AccountsError, Builtin};
use crate::identity::wazo::Wazo;
use crate::identity::{Authority, TenantId};
use crate::store::Store;

/// How dird calls itself towards the auth service.
const AGENT: &str = concat!("dird/", env!("CARGO_PKG_VERSION"));

/// The port of the built-in authority, if that is the one in use.
pub(super) fn bind(auth: &Auth) -> Result<Option<Bound>, BindError> {
    match auth.backend {
        AuthBackend::Builtin => Bound::bind(SocketAddr::new(auth.listen, auth.port)).map(Some),
        AuthBackend::Wazo => Ok(None),
    }
}

/// The built-in authority over `store`.
pub async fn open_authority(auth: &Auth, store: &Store) -> Result<Builtin, AccountsError> {
    let address = (auth.listen.to_string(), auth.port);
    Builtin::open(Arc::clone(store) as _, seconds(auth.cache_ttl), address).await
}

/// The built-in authority of a dird that serves. A database that is away is no reason not to start.
pub(super) async fn builtin(
    auth: &Auth,
    store: &Store,
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
) -> Result<Arc<Builtin>, AccountsError> {
    let address = (auth.listen.to_string(), auth.port);
    let builtin = Builtin::prepare(Arc::clone(store) as _, seconds(auth.cache_ttl), address);
    let builtin = Arc::new(builtin);
    match builtin.learn_master().await {
        Err(AccountsError::Unavailable(cause)) => {
            tracing::warn!(cause, "the accounts cannot be read yet");
            tasks.spawn(Arc::clone(&builtin).keep_learning(stop.clone()));
        }
        learnt => learnt?,
    }
    Ok(builtin)
}

/// The authority of a platform. dird's own token is made and renewed by one of `tasks`, so that no port waits for it.
pub(super) fn wazo(
    auth: &Auth,
    tasks: &mut JoinSet<()>,
    stop: &CancellationToken,
) -> Result<Arc<dyn Authority>, ClientError> {
    let upstream = Upstream {
        host: auth.host.clone(),
        port: auth.port,
        https: auth.https,
        prefix: auth.prefix.clone(),
        timeout: seconds(auth.timeout),
        verify_certificate: auth.verify_certificate.clone(),
    };
    let credentials = credentials(auth);
    let known = credentials.is_some();
    let client = AuthClient::new(&upstream, credentials.unwrap_or_else(nobody), AGENT)?;
    let client = Arc::new(client.at_version(&upstream, &auth.version));
    if known {
        tasks.spawn(Arc::clone(&client).keep_token(stop.clone()));
    } else {
        tracing::warn!(
            "neither auth.key_file nor auth.username is set; dird has no token of its own"
        );
    }
    let master = auth.master_tenant_uuid.as_deref().and_then(TenantId::new);
    let address = (auth.host.clone(), auth.port);
    let ttl = seconds(auth.cache_ttl);
    let authority = Wazo::new(client, address, master, ttl);
    Ok(Arc::new(if known {
        authority.keeping_token()
    } else {
        authority
    }))
}

/// Who dird is towards the auth service. The key file is read again for each token, so that a new key needs no restart.
fn credentials(auth: &Auth) -> Option<CredentialSource> {
    if !auth.key_file.as_os_str().is_empty() {
        return Some(CredentialSource::KeyFile(auth.key_file.clone()));
    }
    let service_id = auth.username.clone().filter(|name| !name.is_empty())?;
    let service_key = auth.password.clone().unwrap_or_default();
    Some(CredentialSource::Fixed(Credentials {
        service_id,
        service_key,
    }))
}

fn nobody() -> CredentialSource {
    CredentialSource::Fixed(Credentials {
        service_id: String::new(),
        service_key: kit::secret::Secret::default(),
    })
}
