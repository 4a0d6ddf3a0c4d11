//! The directory functions of an intercom, as far as they are switched on: their own listener, and what guards them.

use std::net::SocketAddr;
use std::sync::Arc;

use kit::serve::{Bound, Limits};
use kit::tls::Acceptor;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{StartError, serve_router};
use crate::app::App;
use crate::config::Config;
use crate::identity::Authority;
use crate::intercom::{Guard, Intercom, KeyError};
use crate::slow_lane::SlowLane;
use crate::store::Store;

/// A port, and the certificate for it.
pub(super) type Listener = (Bound, Acceptor);

/// The listener of their own, if they have one.
pub(super) fn bind(config: &Config) -> Result<Option<Listener>, StartError> {
    let intercom = &config.intercom;
    let files = intercom
        .certificate
        .as_ref()
        .zip(intercom.private_key.as_ref());
    let (Some(listen), Some((certificate, key)), true) = (intercom.listen, files, intercom.enabled)
    else {
        return Ok(None);
    };
    let acceptor = Acceptor::load(certificate, key)?;
    let bound = Bound::bind(SocketAddr::new(listen, intercom.port))?;
    Ok(Some((bound, acceptor)))
}

/// Serves their own listener.
pub(super) async fn serve(
    (bound, tls): Listener,
    app: Arc<App>,
    limits: Limits,
    stop: CancellationToken,
) {
    tracing::info!("intercom listening on https://{}", bound.local_addr());
    let router = crate::router::intercom_router(app);
    serve_router(bound, Some(tls), router, limits, stop).await;
}

/// The functions. What guards them has looked once when this returns, if the database is there; it is to be stopped when no
/// request is under way any more, because what those write last must be in its mark.
pub(super) async fn open(
    config: &Config,
    (store, authority, lane): (&Store, &Arc<dyn Authority>, &SlowLane),
    tasks: &mut JoinSet<()>,
    quiet: &CancellationToken,
) -> Result<Option<Arc<Intercom>>, KeyError> {
    if !config.intercom.enabled {
        return Ok(None);
    }
    let guard = Guard::new(&config.intercom, store);
    let intercom = Intercom::new(&config.intercom, store, authority, (lane, guard.checked()))?;
    if let Err(error) = guard.check().await {
        tracing::warn!(%error, "whether the directories are whole is not known yet");
    }
    tasks.spawn(guard.keep(quiet.clone()));
    Ok(Some(intercom))
}
