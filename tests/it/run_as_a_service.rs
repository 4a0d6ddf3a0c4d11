//! The daemons under a service manager: it is told when they serve and when they stop; the log can be moved away; its lines
//! name the request they are about and nobody that was searched for (dird-platform.md §11 and §12, phoned.md §16.5).

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::daemon::{Daemon, logged};
use e2e::site::{PATIENCE, Plan, dird_is_healthy, phone_url};
use e2e::{binaries, wire};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tokio::net::UnixDatagram;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";
const TERM: &str = "Quuxelberg";

/// The next message to the service manager.
async fn told(manager: &UnixDatagram) -> Result<String> {
    let mut buffer = [0; 512];
    let length = timeout(PATIENCE, manager.recv(&mut buffer)).await??;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

/// Starts `name`, searches through `url`, moves its log away, stops it; `route` is what its log calls the request.
async fn serve_and_rotate(plan: &Plan, name: &'static str, url: &str, route: &str) -> Result<()> {
    let socket = plan.file(&format!("{name}.socket"));
    let manager = UnixDatagram::bind(&socket)?;
    let (config, log) = (format!("{name}.yml"), plan.file(&format!("{name}.log")));
    let variables = [("NOTIFY_SOCKET", socket.as_path())];
    let arguments = ["-c", config.as_str()];
    let mut daemon = Daemon::start_in(name, &arguments, &variables, plan.home(), plan.home())?;
    ensure!(told(&manager).await?.starts_with("READY=1\n"));

    let parent = format!("00-{TRACE}-{PARENT}-01");
    wire::get(
        url,
        None,
        &[("traceparent", &parent), ("X-Auth-Token", "t")],
    )
    .await?;
    let text = logged(&log, TRACE).await?;
    let line = text
        .lines()
        .find(|line| line.contains(TRACE) && line.contains("answered"))
        .context("no line about the request")?;
    ensure!(line.contains(&format!("parent_id={PARENT}")), "{line}");
    ensure!(line.contains("span_id=") && line.contains(route), "{line}");
    ensure!(line.contains("method=\"GET\""), "{line}");
    ensure!(!text.contains(TERM), "{text}");

    let moved = plan.file(&format!("{name}.log.1"));
    std::fs::rename(&log, &moved)?;
    daemon.signal(Signal::SIGHUP)?;
    let reopened = async {
        while !log.exists() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, reopened)
        .await
        .context("no new log file")?;
    let url = wire::Url::parse(url)?;
    let asked = format!("OPTIONS {} HTTP/1.1\r\nHost: x\r\n\r\n", url.target);
    wire::exchange(url.address, None, asked.as_bytes()).await?;
    let text = logged(&log, "method=\"OPTIONS\"").await?;
    ensure!(text.contains("answered"), "{text}");

    daemon.signal(Signal::SIGTERM)?;
    ensure!(told(&manager).await?.starts_with("STOPPING=1\n"));
    let status = daemon.ended(PATIENCE).await?;
    ensure!(status.success(), "{status}:\n{}", daemon.output());
    Ok(())
}

fn local(port: &serde_json::Value) -> Result<SocketAddr> {
    let port = u16::try_from(port.as_u64().context("a port")?)?;
    Ok(SocketAddr::from(([127, 0, 0, 1], port)))
}

#[tokio::test]
async fn dird_tells_its_manager_and_logs_requests_but_not_people() -> Result<()> {
    let plan = Plan::demo()?;
    plan.load().await?;
    let rest = local(&plan.dird["rest_api"]["port"])?;
    let url = format!("http://{rest}/0.1/directories/lookup/default?term={TERM}");
    serve_and_rotate(&plan, "dird", &url, "/directories/lookup/{profile}").await
}

#[tokio::test]
async fn phoned_tells_its_manager_and_logs_requests_but_not_people() -> Result<()> {
    let plan = Plan::demo()?;
    plan.load().await?;
    let user = "3f1f3c1e-6f5e-4c39-8a3e-6f0d1c8a0b5e";
    let url = phone_url(plan.phones()?, "directories/lookup/default/cisco", user);
    let url = format!("{url}&term={TERM}");
    let route = "/0.1/directories/lookup/{profile}/cisco";
    serve_and_rotate(&plan, "phoned", &url, route).await
}

#[tokio::test]
async fn without_privacy_the_one_line_of_a_request_has_its_address() -> Result<()> {
    let mut plan = Plan::demo()?;
    plan.dird["log"] = json!({"privacy": false});
    plan.phoned["log"] = json!({"privacy": false});
    let site = plan.start().await?;
    let path = "directories/lookup/default/cisco";
    let phone = phone_url(site.phones()?, path, &site.user(0)?);
    let program = format!("http://{}/0.1/directories/lookup/default?", site.rest()?);
    let parent = format!("00-{TRACE}-{PARENT}-01");
    for (name, url) in [("dird", program), ("phoned", phone)] {
        let (url, log) = (
            format!("{url}&term={TERM}"),
            site.plan.file(&format!("{name}.log")),
        );
        wire::get(&url, None, &[("traceparent", &parent)]).await?;
        let text = logged(&log, TERM).await?;
        let mut lines = text.lines().filter(|line| line.contains(TERM));
        let line = lines.next().unwrap_or_default();
        let (_, asked) = url.split_once("/0.1").context("a path")?;
        ensure!(line.contains("answered") && line.contains(asked), "{line}");
        ensure!(line.contains(&format!("trace_id={TRACE}")), "{line}");
        let further = lines.find(|line| line.contains(PARENT));
        ensure!(further.is_none(), "{further:?}");
    }
    site.stop().await
}

/// What the pipe to a console holds when nobody reads it, in bytes.
const PIPE: u64 = 64 * 1024;

#[tokio::test]
async fn a_console_that_nobody_reads_holds_up_nobody() -> Result<()> {
    let plan = Plan::demo()?;
    plan.write()?;
    let (rest, auth) = (
        local(&plan.dird["rest_api"]["port"])?,
        local(&plan.dird["auth"]["port"])?,
    );
    let mut dird = Command::new(binaries::path_of("dird")?)
        .args(["-c", "dird.yml"])
        .current_dir(plan.home())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let healthy = async {
        while !dird_is_healthy(rest, auth).await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, healthy).await.context("not healthy")?;

    let mut connection = wire::Connection::open(rest, None).await?;
    for _ in 0..1_000 {
        let request = b"GET /0.1/displays HTTP/1.1\r\nHost: x\r\n\r\n";
        connection.send(request).await?;
        let answer = connection.answer().await?;
        ensure!(answer.status == 401, "status {}", answer.status);
    }
    kill(
        Pid::from_raw(i32::try_from(dird.id().context("ended")?)?),
        Signal::SIGTERM,
    )?;
    let status = timeout(PATIENCE, dird.wait()).await??;
    ensure!(status.success(), "{status}");
    let said = std::fs::metadata(plan.file("dird.log"))?.len();
    ensure!(said > PIPE, "only {said} bytes were logged");
    Ok(())
}
