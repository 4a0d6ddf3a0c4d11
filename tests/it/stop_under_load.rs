//! SIGTERM while clients are asking: who was heard is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::daemon::Daemon;
use e2e::site::{PATIENCE, Plan};
use e2e::wire::Connection;
use nix::sys::signal::Signal;
use tokio::task::JoinHandle;

use crate::meet_odd_clients::request;

const CLIENTS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn phoned_answers_every_request_sent_before_its_stop() -> Result<()> {
    let mut site = Plan::demo()?.start().await?;
    let (address, asked) = (site.phones()?, request(&site, "lookup")?);
    stop_while_asked(&mut site.phoned, address, asked).await?;
    site.dird.stop(PATIENCE).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dird_answers_every_request_sent_before_its_stop() -> Result<()> {
    let mut site = Plan::demo()?.start().await?;
    let (tenant, user) = site.demo.people[0].clone();
    let asked = format!(
        "GET /0.1/directories/lookup/default/{user}?term=an HTTP/1.1\r\nHost: x\r\n\
         X-Auth-Token: {}\r\nWazo-Tenant: {tenant}\r\n\r\n",
        site.service_token().await?
    );
    let address = site.rest()?;
    stop_while_asked(&mut site.dird, address, asked.into_bytes()).await?;
    site.phoned.stop(PATIENCE).await?;
    Ok(())
}

async fn stop_while_asked(daemon: &mut Daemon, address: SocketAddr, asked: Vec<u8>) -> Result<()> {
    let told = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let connection = Connection::open(address, None).await?;
        let (told, answered) = (Arc::clone(&told), Arc::clone(&answered));
        clients.push(tokio::spawn(ask_until_closed(
            connection,
            asked.clone(),
            told,
            answered,
        )));
    }
    while answered.load(Ordering::SeqCst) < 200 {
        let gone = clients.iter().any(JoinHandle::is_finished);
        ensure!(!gone, "a client was let down before the stop");
        tokio::task::yield_now().await;
    }
    told.store(true, Ordering::SeqCst);
    daemon.signal(Signal::SIGTERM)?;
    for client in clients {
        client.await??;
    }
    let status = daemon.ended(Duration::from_secs(6)).await?;
    ensure!(status.success(), "{} ended with {status}", daemon.name);
    ensure!(
        Connection::open(address, None).await.is_err(),
        "{} still listens",
        daemon.name
    );
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
