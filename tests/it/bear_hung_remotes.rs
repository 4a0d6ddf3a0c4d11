//! A directory that hangs costs the process nothing that lasts: neither memory nor sockets, and never the others' rows.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Result, ensure};
use e2e::rest::Rest;
use e2e::site::{PATIENCE, Plan};
use e2e::wire::Connection;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Duration, Instant};

/// Connections that ask at once.
const CLIENTS: usize = 8;
/// Lookups before memory is read first: what is kept for good has been allocated by then.
const WARM: usize = 400;
/// Lookups after that.
const LOOKUPS: usize = 1_000;
/// Most memory that these may add, in kibibytes; one lookup that stayed behind whole would take more than its thousandth.
const GROWTH_KIB: u64 = 8 * 1024;
/// Until they are closed.
const CLOSED: Duration = Duration::from_secs(20);
/// Open files that may be more afterwards.
const MORE_FILES: usize = 4;

/// A server that accepts and never answers.
async fn hung() -> Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let accepting = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((client, _)) = listener.accept().await {
            held.push(client);
        }
    });
    Ok((address, accepting))
}

/// Looks somebody up `count` times; all of them find the row of the file.
async fn ask(rest: &Rest, count: usize) -> Result<()> {
    let request = Arc::new(rest.request("GET", "/directories/lookup/patient?term=ann", ""));
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let (request, to) = (Arc::clone(&request), rest.address);
        clients.spawn(async move {
            let mut connection = Connection::open(to, None).await?;
            for _ in 0..count / CLIENTS {
                connection.send(request.as_bytes()).await?;
                let answer = connection.answer().await?;
                let text = answer.text()?;
                ensure!(
                    answer.status == 200 && text.contains("Ann There"),
                    "{}: {text}",
                    answer.status
                );
            }
            Ok(())
        });
    }
    while let Some(client) = clients.join_next().await {
        client??;
    }
    Ok(())
}

#[tokio::test]
async fn a_thousand_lookups_beside_a_hung_directory_leave_nothing_behind() -> Result<()> {
    let plan = Plan::demo()?;
    let (dird, rest) = plan.start_administered().await?;
    let (address, accepting) = hung().await?;
    let file = plan.file("there.csv");
    std::fs::write(&file, "id,fn\n1,Ann There\n")?;
    let there = json!({"name": "there", "file": file, "searched_columns": ["fn"]});
    let there = rest.create("/backends/csv/sources", &there).await?;
    let gone = json!({"name": "gone", "lookup_url": format!("http://{address}/"),
        "searched_columns": ["fn"], "timeout": 0.2});
    let gone = rest.create("/backends/csv_ws/sources", &gone).await?;
    let display = json!({"name": "d", "columns": [{"field": "fn", "title": "Name"}]});
    let display = rest.create("/displays", &display).await?;
    let services = json!({"lookup": {"sources": [{"uuid": gone}, {"uuid": there}]}});
    let profile = json!({"name": "patient", "display": {"uuid": display}, "services": services});
    rest.create("/profiles", &profile).await?;

    ask(&rest, WARM).await?;
    let (memory, files) = (dird.resident_kib()?, dird.open_files()?);
    ask(&rest, LOOKUPS).await?;
    let grown = dird.resident_kib()?.saturating_sub(memory);
    ensure!(grown <= GROWTH_KIB, "{grown} KiB more are resident");
    let started = Instant::now();
    while dird.open_files()? > files + MORE_FILES {
        ensure!(
            started.elapsed() < CLOSED,
            "{} files are open, {files} were",
            dird.open_files()?
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    accepting.abort();
    let status = dird.stop(PATIENCE).await?;
    ensure!(status.success(), "dird ended with {status}");
    Ok(())
}
