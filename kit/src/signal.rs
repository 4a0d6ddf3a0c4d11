//! The signals of the process manager, turned into what the daemons wait for.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A token that SIGTERM or SIGINT cancels. The handlers are installed when this returns, so that a signal that arrives before
/// the servers are up is not lost; a second signal changes nothing (dird-platform.md §13). Needs a runtime.
///
/// # Errors
/// The system refuses the handler.
pub fn stop_token() -> io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
            () = stop.cancelled() => return,
        };
        tracing::info!(signal = name, "stopping");
        stop.cancel();
    });
    Ok(token)
}

/// Runs `hook` at each SIGHUP, one run at a time, until `stop` is cancelled; await the handle at stop. Signals that arrive
/// during a run lead to one more run. Needs a runtime.
///
/// # Errors
/// The system refuses the handler.
pub fn on_hangup<H, F>(mut hook: H, stop: CancellationToken) -> io::Result<JoinHandle<()>>
where
    H: FnMut() -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = hangup.recv() => hook().await,
                () = stop.cancelled() => return,
            }
        }
    }))
}
