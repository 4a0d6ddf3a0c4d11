//! Certificates are renewed while phones come and go: no handshake fails, and from the reload on the new one is shown
//! (phoned.md §2.2, §16.3).

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use e2e::binaries::repository;
use e2e::ports;
use e2e::site::{Plan, Site};
use e2e::wire::{self, PATIENCE};
use futures_util::future::try_join_all;
use nix::sys::signal::Signal;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;

/// Certificates in turn, the second with an RSA key, the others with one for ECDSA.
const NAMES: [&str; 3] = ["first", "rsa", "second"];

/// File with the key of somebody who may reload phoned.
const OPERATOR: &str = "operator-key.yml";

/// Phones that come again and again.
const PHONES: usize = 4;

fn data(name: &str, end: &str) -> PathBuf {
    let folder = repository().join("kit/tests/data");
    folder.join(format!("{name}.{end}"))
}

/// Puts a pair where phoned reads it: each file is exchanged whole.
fn install(folder: &Path, name: &str) -> Result<()> {
    for end in ["crt", "key"] {
        let new = folder.join(format!("new.{end}"));
        std::fs::copy(data(name, end), &new)?;
        std::fs::rename(new, folder.join(format!("server.{end}")))?;
    }
    Ok(())
}

struct Phones {
    secure: SocketAddr,
    connector: TlsConnector,
    known: Vec<CertificateDer<'static>>,
    /// Requests answered under each certificate.
    seen: [AtomicUsize; NAMES.len()],
    request: String,
}

impl Phones {
    fn of(site: &Site, secure: u16) -> Result<Self> {
        kit::tls::install_provider();
        let mut roots = RootCertStore::empty();
        let mut known = Vec::new();
        for name in NAMES {
            let certificate = CertificateDer::from_pem_file(data(name, "crt"))?;
            roots.add(certificate.clone())?;
            known.push(certificate);
        }
        let client = ClientConfig::builder().with_root_certificates(roots);
        let mut client = client.with_no_client_auth();
        // A session that goes on shows no certificate again.
        client.resumption = Resumption::disabled();
        let user = site.user(0)?;
        Ok(Self {
            secure: ([127, 0, 0, 1], secure).into(),
            connector: TlsConnector::from(Arc::new(client)),
            known,
            seen: Default::default(),
            request: format!(
                "GET /0.1/directories/input/default/cisco?xivo_user_uuid={user} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            ),
        })
    }

    /// One request on a connection of its own; which certificate was shown.
    async fn ask(&self) -> Result<usize> {
        let stream = TcpStream::connect(self.secure).await?;
        let name = ServerName::try_from("localhost")?;
        let mut stream = self.connector.connect(name, stream).await?;
        let shown = stream.get_ref().1.peer_certificates();
        let shown = shown.and_then(<[_]>::first).context("no certificate")?;
        let which = self.known.iter().position(|known| known == shown);
        let which = which.context("an unknown certificate")?;
        stream.write_all(self.request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        ensure!(
            answer.starts_with(b"HTTP/1.1 200 "),
            "{}",
            String::from_utf8_lossy(&answer)
        );
        self.seen[which].fetch_add(1, Ordering::SeqCst);
        Ok(which)
    }

    async fn ask_for_ever(&self) -> Result<()> {
        loop {
            timeout(PATIENCE, self.ask()).await??;
        }
    }

    /// Waits until all phones have been shown this certificate since.
    async fn shown(&self, which: usize) -> Result<()> {
        let enough = self.seen[which].load(Ordering::SeqCst) + 3 * PHONES;
        let waiting = async {
            while self.seen[which].load(Ordering::SeqCst) < enough {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = timeout(PATIENCE, waiting).await;
        waited.with_context(|| format!("{} is not shown", NAMES[which]))
    }
}

/// The ways to have phoned read its files again.
async fn reload(site: &Site, turn: usize) -> Result<()> {
    if turn.is_multiple_of(2) {
        return site.phoned.signal(Signal::SIGHUP);
    }
    let token = site.token_of(OPERATOR).await?;
    let request = format!(
        "POST /0.1/config/reload HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\nContent-Length: 0\r\n\r\n"
    );
    let answer = wire::exchange(site.phones()?, None, request.as_bytes()).await?;
    ensure!(
        answer.status == 200,
        "{}: {}",
        answer.status,
        answer.text()?
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_phone_notices_that_certificates_are_renewed() -> Result<()> {
    let mut plan = Plan::demo()?;
    let [secure] = ports::free()?;
    install(plan.home(), NAMES[0])?;
    plan.phoned["rest_api"]["https"] = json!({
        "enabled": true, "listen": "127.0.0.1", "port": secure,
        "certificate": plan.file("server.crt"), "private_key": plan.file("server.key"),
    });
    let folder = plan.home().to_owned();
    let key = [
        "key",
        "create",
        "operator",
        "--acl",
        "phoned.#",
        "--key-file",
        OPERATOR,
    ];
    let made = plan.dird(&key).await?;
    ensure!(made.status == Some(0), "no key: {}", made.output);
    let site = plan.start().await?;
    let phones = Phones::of(&site, secure)?;
    let renewals = async {
        for turn in 1..=6 {
            let which = turn % NAMES.len();
            install(&folder, NAMES[which])?;
            reload(&site, turn).await?;
            phones.shown(which).await?;
        }
        anyhow::Ok(())
    };
    let asking = try_join_all((0..PHONES).map(|_| phones.ask_for_ever()));
    tokio::select! {
        renewed = renewals => renewed?,
        failed = asking => bail!("a phone failed: {failed:?}"),
    }
    let log = site.plan.file("phoned.log");
    ensure!(!std::fs::read_to_string(&log)?.contains("server.key"));
    // Half a renewal, a key that is not the certificate's, changes nothing, and is told.
    std::fs::copy(data("second", "crt"), folder.join("server.crt"))?;
    site.phoned.signal(Signal::SIGHUP)?;
    let told = async {
        while !std::fs::read_to_string(&log)?.contains("server.key") {
            sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, told).await.context("nothing is told")??;
    ensure!(phones.ask().await? == 0, "the pair before stays");
    site.stop().await
}
