//! `make run`: the demo site on this machine, and one search made as a Cisco phone makes it.
//!
//! It loads the demo data, starts both daemons, waits until they are healthy, walks from the phone's
//! directories key to the results and shows them. Then it stays until Ctrl-C, or with `--once` ends.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use e2e::daemon::{Daemon, run};

use e2e::phone::{Cisco, Handset, encode};
use e2e::screen;
use e2e::site::{Demo, dird_is_healthy, phone_url, phoned_is_healthy};
use serde::Deserialize;
use tokio::signal::unix::{SignalKind, signal};

const DIRD_CONFIG: &str = "config/demo/dird.yml";
const PHONED_CONFIG: &str = "config/demo/phoned.yml";
const KEY_FILE: &str = "var/phoned-key.yml";
/// Typed on the phone without accents …
const TYPED: &str = "celik";
/// … and this person must be found.
const EXPECTED: &str = "Élodie Çelik";
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let once = std::env::args().any(|argument| argument == "--once");
    let mut running = Vec::new();
    let shown = tokio::select! {
        shown = bring_up(&mut running) => shown,
        stopped = asked_to_stop() => stopped.and_then(|name| bail!("{name} before the site was up")),
    };
    let held = match shown {
        Ok(()) if once => Ok(()),
        Ok(()) => stay(&mut running).await,
        Err(error) => Err(error),
    };
    let stopped = stop(running).await;
    match held.and(stopped) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("make run: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What the two demo files say about ports; other keys are the daemons' business.
struct Addresses {
    rest: SocketAddr,
    auth: SocketAddr,
    phones: SocketAddr,
}

#[derive(Deserialize)]
struct DirdFile {
    rest_api: Listener,
    auth: Listener,
}

#[derive(Deserialize)]
struct PhonedFile {
    rest_api: PhonedListeners,
}

#[derive(Deserialize)]
struct PhonedListeners {
    http: Listener,
}

#[derive(Deserialize)]
struct Listener {
    listen: std::net::IpAddr,
    port: u16,
}

impl Listener {
    fn address(&self) -> SocketAddr {
        SocketAddr::new(self.listen, self.port)
    }
}

async fn bring_up(running: &mut Vec<Daemon>) -> Result<()> {
    ensure!(
        Path::new(DIRD_CONFIG).is_file(),
        "{DIRD_CONFIG} is not here: start from the top of the repository"
    );
    let addresses = addresses()?;
    for (address, file) in [
        (addresses.auth, DIRD_CONFIG),
        (addresses.rest, DIRD_CONFIG),
        (addresses.phones, PHONED_CONFIG),
    ] {
        let free = TcpListener::bind(address);
        free.with_context(|| {
            format!("cannot listen on {address}: end what holds it, or change the port in {file}")
        })?;
    }
    for folder in ["var/dird.d", "var/phoned.d"] {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {folder}/"))?;
    }
    let demo = load().await?;

    running.push(Daemon::start(
        "dird",
        &["-c", DIRD_CONFIG],
        Path::new("."),
        Path::new("var"),
    )?);
    wait_for(running, async || {
        dird_is_healthy(addresses.rest, addresses.auth).await
    })
    .await?;
    running.push(Daemon::start(
        "phoned",
        &["-c", PHONED_CONFIG],
        Path::new("."),
        Path::new("var"),
    )?);
    wait_for(running, async || phoned_is_healthy(addresses.phones).await).await?;
    show(&demo, &addresses).await
}

fn addresses() -> Result<Addresses> {
    let dird: DirdFile = read(DIRD_CONFIG)?;
    let phoned: PhonedFile = read(PHONED_CONFIG)?;
    Ok(Addresses {
        rest: dird.rest_api.address(),
        auth: dird.auth.address(),
        phones: phoned.rest_api.http.address(),
    })
}

fn read<T: serde::de::DeserializeOwned>(path: &str) -> Result<T> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    serde_saphyr::from_str(&text).with_context(|| format!("{path} is not as expected"))
}

async fn load() -> Result<Demo> {
    let arguments = ["-c", DIRD_CONFIG, "demo", "--key-file", KEY_FILE];
    let loaded = run("dird", &arguments, Path::new("."), Duration::from_mins(1)).await?;
    ensure!(
        loaded.status == Some(0),
        "`dird demo` failed:\n{}",
        loaded.output
    );
    print!("{}", loaded.output);
    Demo::parse(&loaded.output)
}

async fn wait_for<F: AsyncFnMut() -> bool>(running: &mut [Daemon], probe: F) -> Result<()> {
    let daemon = running.last_mut().context("nothing was started")?;
    daemon.healthy(PATIENCE, probe).await?;
    println!(
        "{:<8} healthy after {} ms (pid {})",
        daemon.name,
        daemon.ready_after.as_millis(),
        daemon.pid
    );
    Ok(())
}

async fn show(demo: &Demo, addresses: &Addresses) -> Result<()> {
    let user = &demo.people.first().context("no user")?.1;
    let menu = phone_url(addresses.phones, "directories/menu/default/cisco", user);
    let phone = Cisco::new(Handset::cisco());
    let lines = phone.menu(&menu).await?;
    let line = lines.first().context("the phone's menu is empty")?;
    let form = phone.form(&line.url).await?;
    let page = phone.submit(&form, TYPED).await?;

    println!(
        "\nA Cisco phone opens {:?}, types {TYPED:?} into {:?} and gets:\n",
        line.name, form.title
    );
    println!(
        "{}",
        screen::beside(&page.source, &screen::draw(&line.name, &page), 58)
    );
    let found = page.entries.iter().any(|(name, _)| name == EXPECTED);
    ensure!(
        found,
        "{EXPECTED} is not among the {} entries that the phone shows",
        page.entries.len()
    );
    println!("Try:\n");
    println!("  curl '{menu}'");
    println!(
        "  curl '{}&term={}'",
        phone_url(addresses.phones, "directories/lookup/default/cisco", user),
        encode("an")
    );
    let yealink = phone_url(addresses.phones, "yealink/directories/lookup/default", user);
    println!("  curl '{yealink}&term={}'", encode("Müller"));
    if let Some(entry) = &demo.entry {
        let document =
            format!(r#"{{"fields":["name","callPos[0].peer"],"users":[{{"uuid":"{entry}"}}]}}"#);
        let url = format!("http://{}/api/dir/get", addresses.rest);
        println!("  curl --digest -u door:door {url} -d '{document}'");
    }
    println!();
    std::io::stdout().flush()?;
    Ok(())
}

async fn stay(running: &mut [Daemon]) -> Result<()> {
    println!("Both run until Ctrl-C; their logs are in var/.");
    let [dird, phoned] = running else {
        bail!("both daemons should run")
    };
    let forever = Duration::from_secs(u64::from(u32::MAX));
    tokio::select! {
        stopped = asked_to_stop() => stopped.map(|_| ()),
        ended = dird.ended(forever) => Err(anyhow!("dird ended ({})", ended?)),
        ended = phoned.ended(forever) => Err(anyhow!("phoned ended ({})", ended?)),
    }
}

/// Waits for Ctrl-C, SIGTERM or the terminal's end.
async fn asked_to_stop() -> Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "interrupted",
        _ = terminate.recv() => "terminated",
        _ = hangup.recv() => "hung up",
    })
}

/// Stops the daemons by pid, the last started first, and waits for each.
async fn stop(running: Vec<Daemon>) -> Result<()> {
    let mut result = Ok(());
    for daemon in running.into_iter().rev() {
        let name = daemon.name;
        match daemon.stop(PATIENCE).await {
            Ok(status) if status.success() => println!("{name:<8} stopped"),
            Ok(status) => {
                result = Err(anyhow!("{name} ended with {status}, see var/{name}.out"));
            }
            Err(error) => result = Err(error),
        }
    }
    result
}
