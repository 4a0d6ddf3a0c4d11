//! Clients that stall, flood and ask too much cost phoned bounded memory, and other phones are served (phoned.md §2.1, §15).

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, ensure};
use e2e::daemon::allow_files;
use e2e::site::{Plan, Site};
use e2e::wire::{self, Connection};
use serde_json::json;
use tokio::task::JoinSet;

use crate::meet_odd_clients::request;

/// Connections that are held open.
const STALLED: usize = 2_000;
/// Most that each of them may keep resident, in kibibytes.
const EACH_KIB: u64 = 32;
/// Searches of the other phones meanwhile.
const SEARCHES: usize = 100;
/// Attackers that send too much, at once.
const ATTACKERS: usize = 4;
/// What each sends before memory is read first, and after that.
const ROUNDS: (usize, usize) = (20, 60);
/// Most memory that the later rounds may add, in kibibytes; they send some hundred megabytes.
const GROWTH_KIB: u64 = 4 * 1024;

#[tokio::test]
async fn thousands_of_stalled_connections_cost_little_and_hold_nobody_up() -> Result<()> {
    // Both ends of the connections are on this machine.
    allow_files(2 * STALLED as u64)?;
    let mut plan = Plan::demo()?;
    plan.phoned["rest_api"]["header_timeout"] = json!(300);
    plan.phoned["rest_api"]["keepalive_timeout"] = json!(300);
    let site = plan.start().await?;
    let (phones, whole) = (site.phones()?, request(&site, "lookup")?);
    wire::exchange(phones, None, &whole).await?;
    let before = site.phoned.resident_kib()?;
    let mut stalled = Vec::with_capacity(STALLED);
    for number in 0..STALLED {
        let mut connection = Connection::open(phones, None).await?;
        // Silent, in the middle of a head, idle after an answer.
        match number % 3 {
            0 => {}
            1 => connection.send(&whole[..whole.len() - 2]).await?,
            _ => {
                connection.send(&whole).await?;
                connection.answer().await?;
            }
        }
        stalled.push(connection);
    }
    for _ in 0..SEARCHES {
        let answer = wire::exchange(phones, None, &whole).await?;
        ensure!(answer.status == 200, "{}", answer.status);
    }
    // A byte at a time is no answer either, nor an end.
    for connection in stalled.iter_mut().skip(1).step_by(3) {
        connection.send(b"\r").await?;
    }
    let grown = site.phoned.resident_kib()?.saturating_sub(before);
    ensure!(
        grown <= STALLED as u64 * EACH_KIB,
        "{grown} KiB more are resident"
    );
    // They were open all the time.
    for connection in stalled.iter_mut().skip(1).step_by(300) {
        connection.send(b"\n").await?;
        assert_eq!(connection.answer().await?.status, 200);
    }
    drop(stalled);
    site.stop().await
}

#[tokio::test]
async fn floods_leave_no_memory_behind_and_hold_nobody_up() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    flood(&site, ROUNDS.0).await?;
    let before = site.phoned.resident_kib()?;
    flood(&site, ROUNDS.1).await?;
    let grown = site.phoned.resident_kib()?.saturating_sub(before);
    ensure!(grown <= GROWTH_KIB, "{grown} KiB more are resident");
    site.stop().await
}

/// Lets every attacker send each kind of flood `rounds` times, while another phone searches.
async fn flood(site: &Site, rounds: usize) -> Result<()> {
    let phones = site.phones()?;
    let floods: Arc<[(Vec<u8>, u16)]> = Arc::new([
        (
            format!(
                "GET /0.1/{} HTTP/1.1\r\nHost: x\r\n\r\n",
                "a".repeat(20_000)
            )
            .into(),
            414,
        ),
        (
            format!(
                "GET /0.1/status?term={} HTTP/1.1\r\nHost: x\r\n\r\n",
                "%C3%A9".repeat(3_400)
            )
            .into(),
            414,
        ),
        (
            format!("GET / HTTP/1.1\r\n{}\r\n", "X-A: b\r\n".repeat(20_000)).into(),
            431,
        ),
        (
            format!(
                "GET / HTTP/1.1\r\n{}\r\n",
                format!("X-A: {}\r\n", "b".repeat(15_000)).repeat(10)
            )
            .into(),
            431,
        ),
        (
            format!("GET / HTTP/1.1\r\nX-A: {}", "b".repeat(150_000)).into(),
            431,
        ),
    ]);
    let mut attackers = JoinSet::new();
    for _ in 0..ATTACKERS {
        attackers.spawn(attack(phones, Arc::clone(&floods), rounds));
    }
    let whole = request(site, "lookup")?;
    loop {
        let answer = wire::exchange(phones, None, &whole).await?;
        ensure!(answer.status == 200, "{}", answer.status);
        match attackers.try_join_next() {
            Some(ended) => ended??,
            None if attackers.is_empty() => return Ok(()),
            None => {}
        }
    }
}

async fn attack(to: SocketAddr, floods: Arc<[(Vec<u8>, u16)]>, rounds: usize) -> Result<()> {
    for _ in 0..rounds {
        for (bytes, status) in &*floods {
            let answer = wire::exchange(to, None, bytes).await?;
            ensure!(
                answer.status == *status,
                "{} is not {status}",
                answer.status
            );
        }
    }
    Ok(())
}
