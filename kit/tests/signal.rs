//! The process's signals; a binary of its own, because signals reach the whole process.

use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, raise};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn hangups_run_the_hook_and_a_termination_stops() {
    let runs = Arc::new(Semaphore::new(0));
    let seen = Arc::clone(&runs);
    let stop = kit::signal::stop_token().unwrap();
    let hook = move || {
        let seen = Arc::clone(&seen);
        async move { seen.add_permits(1) }
    };
    let hangup = kit::signal::on_hangup(hook, stop.clone()).unwrap();
    for _ in 0..2 {
        raise(Signal::SIGHUP).unwrap();
        let run = timeout(PATIENCE, runs.acquire()).await;
        run.expect("the hook did not run").unwrap().forget();
    }
    assert!(!stop.is_cancelled());

    // At once, before anything waits for the token.
    raise(Signal::SIGTERM).unwrap();
    timeout(PATIENCE, stop.cancelled())
        .await
        .expect("not stopped");
    timeout(PATIENCE, hangup)
        .await
        .expect("the hook's task goes on")
        .unwrap();
    // A second one does not kill the process.
    raise(Signal::SIGTERM).unwrap();

    let interrupted: CancellationToken = kit::signal::stop_token().unwrap();
    raise(Signal::SIGINT).unwrap();
    timeout(PATIENCE, interrupted.cancelled())
        .await
        .expect("not stopped");
}
