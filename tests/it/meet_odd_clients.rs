//! Old, slow and broken HTTP clients (phoned.md §2.1).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use e2e::site::{Plan, Site};
use e2e::wire::{self, Connection};
use e2e::xml;
use serde_json::json;

#[tokio::test]
async fn an_http_1_0_client_without_host_gets_links_it_can_follow() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let path = format!(
        "/0.1/directories/menu/default/cisco?xivo_user_uuid={}",
        site.user(0)?
    );
    let request = format!("GET {path} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    let mut connection = Connection::open(site.phones()?, None).await?;
    connection.send(request.as_bytes()).await?;
    let answer = connection.answer().await?;
    assert_eq!(
        (answer.status, answer.header("connection")),
        (200, Some("close"))
    );
    assert_eq!(connection.until_closed().await?, b"");
    let root = xml::parse(answer.text()?)?;
    let item = root
        .first("MenuItem")
        .map(|item| item.text_of("URL").map(str::to_owned));
    let link = item.transpose()?.unwrap_or_default();
    assert_eq!(wire::get(&link, None, &[]).await?.status, 200, "{link}");
    site.stop().await
}

#[tokio::test]
async fn a_kept_connection_answers_pipelined_requests_in_order() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let request = |step: &str| request(&site, step);
    let mut connection = Connection::open(site.phones()?, None).await?;
    connection
        .send(&[request("menu")?, request("input")?, request("lookup")?].concat())
        .await?;
    for root in [
        "CiscoIPPhoneMenu",
        "CiscoIPPhoneInput",
        "CiscoIPPhoneDirectory",
    ] {
        let answer = connection.answer().await?;
        assert_eq!(answer.status, 200);
        assert_eq!(xml::parse(answer.text()?)?.name, root);
    }
    site.stop().await
}

#[tokio::test]
async fn silent_and_half_sent_connections_are_closed_and_hold_nobody_up() -> Result<()> {
    let mut plan = Plan::demo()?;
    plan.phoned["rest_api"]["header_timeout"] = json!(1);
    plan.phoned["rest_api"]["keepalive_timeout"] = json!(1);
    let site = plan.start().await?;
    let (phones, whole) = (site.phones()?, request(&site, "menu")?);
    tokio::try_join!(
        closed_unanswered(phones, b""),
        closed_unanswered(phones, b"GET /0.1/dire"),
        closed_unanswered(phones, &whole[..whole.len() - 2]),
        closed_when_idle(phones, &whole),
    )?;
    site.stop().await
}

async fn closed_unanswered(phones: SocketAddr, sent: &[u8]) -> Result<()> {
    let mut connection = Connection::open(phones, None).await?;
    connection.send(sent).await?;
    let before = Instant::now();
    let said = connection.until_closed().await?;
    let waited = before.elapsed();
    assert!(
        waited < Duration::from_secs(5),
        "still open after {waited:?}"
    );
    assert!(
        !said.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&said)
    );
    Ok(())
}

async fn closed_when_idle(phones: SocketAddr, whole: &[u8]) -> Result<()> {
    let mut connection = Connection::open(phones, None).await?;
    connection.send(whole).await?;
    assert_eq!(connection.answer().await?.status, 200);
    let before = Instant::now();
    assert_eq!(connection.until_closed().await?, b"");
    let waited = before.elapsed();
    assert!(
        waited < Duration::from_secs(5),
        "still open after {waited:?}"
    );
    Ok(())
}

#[tokio::test]
async fn what_no_phone_sends_is_refused_without_harm() -> Result<()> {
    let site = Plan::demo()?.start().await?;
    let long_line = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(9000));
    let long_header = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX-A: {}\r\n\r\n",
        "a".repeat(20_000)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "X-A: b\r\n".repeat(120)
    );
    let cases = [
        (long_line.as_bytes(), 414),
        (long_header.as_bytes(), 431),
        (many.as_bytes(), 431),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"nonsense\r\n\r\n", 400),
    ];
    for (sent, status) in cases {
        let start = String::from_utf8_lossy(&sent[..30.min(sent.len())]).into_owned();
        let answer = wire::exchange(site.phones()?, None, sent).await?;
        assert_eq!(answer.status, status, "{start}");
    }
    assert_eq!(
        wire::exchange(site.phones()?, None, &request(&site, "menu")?)
            .await?
            .status,
        200
    );
    site.stop().await
}

/// A request of the first user's phone, on a connection that stays.
pub(crate) fn request(site: &Site, step: &str) -> Result<Vec<u8>> {
    let (phones, user) = (site.phones()?, site.user(0)?);
    let target = format!("/0.1/directories/{step}/default/cisco?xivo_user_uuid={user}&term=an");
    Ok(format!("GET {target} HTTP/1.1\r\nHost: {phones}\r\n\r\n").into_bytes())
}
