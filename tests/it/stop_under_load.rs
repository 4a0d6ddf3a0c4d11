//! SIGTERM while phones are asking: who was heard is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::site::{PATIENCE, Plan};
use e2e::wire::Connection;
use nix::sys::signal::Signal;

use crate::meet_odd_clients::request;

const PHONES: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_sent_before_the_stop_goes_unanswered() -> Result<()> {
    let mut site = Plan::demo()?.start().await?;
    let address = site.phones()?;
    let told = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let mut phones = Vec::new();
    for _ in 0..PHONES {
        let (asked, told, answered) = (
            request(&site, "lookup")?,
            Arc::clone(&told),
            Arc::clone(&answered),
        );
        let connection = Connection::open(address, None).await?;
        phones.push(tokio::spawn(ask_until_closed(
            connection, asked, told, answered,
        )));
    }
    while answered.load(Ordering::SeqCst) < 200 {
        ensure!(
            !phones.iter().any(tokio::task::JoinHandle::is_finished),
            "a phone gave up before the stop"
        );
        tokio::task::yield_now().await;
    }
    told.store(true, Ordering::SeqCst);
    site.phoned.signal(Signal::SIGTERM)?;
    for phone in phones {
        phone.await??;
    }
    let status = site.phoned.ended(Duration::from_secs(6)).await?;
    assert!(status.success(), "phoned ended with {status}");
    assert!(
        Connection::open(address, None).await.is_err(),
        "still listening"
    );
    site.dird.stop(PATIENCE).await?;
    Ok(())
}

/// Asks again and again; a request that was sent before the stop must be answered in full.
async fn ask_until_closed(
    mut connection: Connection,
    asked: Vec<u8>,
    told: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
) -> Result<()> {
    loop {
        let sent = connection.send(&asked).await;
        let before_the_stop = !told.load(Ordering::SeqCst);
        match connection.answer().await {
            Ok(answer) => {
                ensure!(answer.status == 200, "status {}", answer.status);
                answered.fetch_add(1, Ordering::SeqCst);
                if answer.header("connection") == Some("close") {
                    return Ok(());
                }
            }
            Err(lost) if before_the_stop => {
                sent?;
                return Err(lost).context("a request sent before the stop was lost");
            }
            // Sent after the stop: refused or closed is fine.
            Err(_) => return Ok(()),
        }
    }
}

#[tokio::test]
async fn both_end_with_status_0_when_nothing_else_is_up() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    site.dird.stop(PATIENCE).await?;
    let status = site.phoned.stop(Duration::from_secs(6)).await?;
    assert!(status.success(), "phoned ended with {status}");
    Ok(())
}
