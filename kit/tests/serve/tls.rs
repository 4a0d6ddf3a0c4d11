//! Listeners with TLS (phoned.md §2.2).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kit::serve::Limits;
use kit::tls::{Acceptor, install_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::{Client, Site, calm, targets};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(name)
}

fn acceptor() -> Acceptor {
    Acceptor::load(&data("first.crt"), &data("first.key")).unwrap()
}

fn certificate(name: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(data(name)).unwrap()
}

async fn connect(site: &Site, protocols: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
    install_provider();
    let mut roots = RootCertStore::empty();
    for name in ["first.crt", "second.crt"] {
        roots.add(certificate(name)).unwrap();
    }
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(site.addr).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0]
        .clone()
        .into_owned()
}

/// Waits until the failure is counted: the client's side may end first.
async fn counted(acceptor: &Acceptor, reason: &str) {
    let count = || {
        let counts = acceptor.handshake_failures();
        counts.iter().find(|(name, _)| *name == reason).unwrap().1
    };
    let wait = async {
        while count() == 0 {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), wait).await;
    assert!(waited.is_ok(), "{:?}", acceptor.handshake_failures());
}

#[tokio::test]
async fn a_client_without_alpn_gets_http_1() {
    let site = Site::start_with(calm(), Some(acceptor()));
    let mut client = Client(connect(&site, &[]).await.unwrap());
    client
        .send("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.0\r\n\r\n")
        .await;
    let answers = client.rest().await;
    assert_eq!(targets(&answers), ["/1", "/2"]);
    assert!(answers[0].body.contains(" tls=true "));
}

#[tokio::test]
async fn the_head_filter_works_under_tls() {
    let site = Site::start_with(calm(), Some(acceptor()));
    let mut client = Client(connect(&site, &[b"http/1.1"]).await.unwrap());
    client.send("GET / HTTP/1.1\nHost: x\n\n").await;
    assert_eq!(client.rest().await[0].status, 400);
}

fn http2_client() -> reqwest::Client {
    install_provider();
    let pem = std::fs::read(data("first.crt")).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&pem).unwrap()])
        .no_proxy()
        .build()
        .unwrap()
}

#[tokio::test]
async fn http_2_is_chosen_by_alpn() {
    let site = Site::start_with(calm(), Some(acceptor()));
    let client = http2_client();
    let url = format!("https://localhost:{}", site.addr.port());
    let sent = client.post(format!("{url}/a?b")).body("hello").send();
    let answer = sent.await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);
    let expected = format!(
        "POST /a?b host=localhost:{} from=127.0.0.1 tls=true body=hello",
        site.addr.port()
    );
    assert_eq!(answer.text().await.unwrap(), expected);
    let panicked = client.get(format!("{url}/panic")).send().await.unwrap();
    assert_eq!(panicked.status(), 500);
}

#[tokio::test]
async fn http_2_requests_are_drained_too() {
    let site = Site::start_with(calm(), Some(acceptor()));
    let client = http2_client();
    let url = format!("https://localhost:{}/wait", site.addr.port());
    let request = tokio::spawn(client.get(url).send());
    site.request_entered().await;
    site.stop.cancel();
    site.gate.leave.add_permits(1);
    assert_eq!(request.await.unwrap().unwrap().status(), 200);
    drop(client);
    site.ended().await;
}

#[tokio::test]
async fn an_idle_http_2_connection_is_closed() {
    let limits = Limits {
        header_timeout: Duration::from_secs(1),
        ..calm()
    };
    let site = Site::start_with(limits, Some(acceptor()));
    let mut client = connect(&site, &[b"h2"]).await.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let mut greeting = Vec::new();
    // The preface is never sent; the server's own settings come, then the end.
    let read = tokio::io::AsyncReadExt::read_to_end(&mut client, &mut greeting);
    let read = tokio::time::timeout(Duration::from_secs(10), read).await;
    let _ = read.expect("the connection stays open");
}

#[tokio::test]
async fn http_2_can_be_left_out() {
    let only = Acceptor::load_http1(&data("first.crt"), &data("first.key")).unwrap();
    let site = Site::start_with(calm(), Some(only));
    let stream = connect(&site, &[b"h2", b"http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[tokio::test]
async fn a_reload_swaps_the_certificate_and_a_bad_pair_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let put = |from: &str, to: &str| {
        std::fs::copy(data(from), folder.path().join(to)).unwrap();
    };
    put("first.crt", "server.crt");
    put("first.key", "server.key");
    let paths = ["server.crt", "server.key"].map(|name| folder.path().join(name));
    let acceptor = Acceptor::load(&paths[0], &paths[1]).unwrap();
    let site = Site::start_with(calm(), Some(acceptor.clone()));
    let first = connect(&site, &[]).await.unwrap();
    assert_eq!(shown(&first), certificate("first.crt"));

    put("second.crt", "server.crt");
    let error = acceptor.renewal().err().unwrap().to_string();
    assert!(
        error.contains("server.key") && error.contains("does not fit"),
        "{error}"
    );
    let kept = connect(&site, &[]).await.unwrap();
    assert_eq!(shown(&kept), certificate("first.crt"));

    put("second.key", "server.key");
    acceptor.renewal().unwrap().install();
    let swapped = connect(&site, &[]).await.unwrap();
    assert_eq!(shown(&swapped), certificate("second.crt"));
}

#[test]
fn errors_name_the_file_and_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad.pem");
    let message = |certificate: &Path, key: &Path| {
        let error = Acceptor::load(certificate, key).unwrap_err();
        error.to_string()
    };
    let (certificate, key) = (data("first.crt"), data("first.key"));
    let missing = folder.path().join("none.crt");
    let text = message(&missing, &key);
    assert!(
        text.contains("none.crt") && text.contains("No such file"),
        "{text}"
    );
    std::fs::write(&bad, "nothing").unwrap();
    let text = message(&bad, &key);
    assert!(text.ends_with("bad.pem holds no certificate"), "{text}");
    let text = message(&certificate, &bad);
    assert!(text.contains("bad.pem holds no private key"), "{text}");
    std::fs::write(
        &bad,
        "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let text = message(&bad, &key);
    assert!(text.contains("bad.pem is not valid PEM: "), "{text}");
}

#[tokio::test]
async fn failed_handshakes_are_counted_by_reason() {
    let acceptor = acceptor();
    let limits = Limits {
        header_timeout: Duration::from_secs(2),
        ..calm()
    };
    let site = Site::start_with(limits, Some(acceptor.clone()));
    // Plain HTTP on the TLS port is answered with an alert, if with anything.
    let mut plain = site.connect().await;
    plain.send("GET / HTTP/1.1\r\n\r\n").await;
    counted(&acceptor, "not TLS").await;
    drop(site.connect().await);
    counted(&acceptor, "client closed").await;
    let _silent = site.connect().await;
    counted(&acceptor, "too slow").await;
    // A client that does not know our certificate.
    install_provider();
    let config = ClientConfig::builder()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let stream = TcpStream::connect(site.addr).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let refused = TlsConnector::from(Arc::new(config)).connect(name, stream);
    assert!(refused.await.is_err());
    counted(&acceptor, "certificate unknown").await;
}

/// A greeting as phones of long ago send it.
fn old_hello(version: u8, ciphers: &[u16], extensions: &[u8]) -> Vec<u8> {
    let short = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
    let mut hello = vec![3, version];
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend(short(2 * ciphers.len()));
    hello.extend(ciphers.iter().flat_map(|cipher| cipher.to_be_bytes()));
    hello.extend([1, 0]);
    if !extensions.is_empty() {
        hello.extend(short(extensions.len()));
        hello.extend(extensions);
    }
    let mut record = vec![22, 3, 1];
    record.extend(short(hello.len() + 4));
    record.extend([1, 0]);
    record.extend(short(hello.len()));
    record.extend(hello);
    record
}

#[tokio::test]
async fn greetings_of_old_phones_are_counted() {
    let acceptor = acceptor();
    let site = Site::start_with(calm(), Some(acceptor.clone()));
    // AES and 3DES in CBC mode with RSA key exchange.
    let ciphers = [0x002f, 0x0035, 0x000a];
    // Signatures with SHA-256 and SHA-1, the curve P-256, plain points.
    let extensions = [
        0, 13, 0, 6, 0, 4, 4, 1, 2, 1, 0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0,
    ];
    for (version, extensions, reason) in [
        (1, &[][..], "protocol version"),
        (3, &extensions[..], "no shared cipher"),
    ] {
        let mut phone = site.connect().await;
        phone.send(old_hello(version, &ciphers, extensions)).await;
        counted(&acceptor, reason).await;
    }
    let counts = acceptor.handshake_failures();
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    assert_eq!(all, 2, "{counts:?}");
    assert!(connect(&site, &[]).await.is_ok());
}

#[tokio::test]
async fn no_handshake_fails_while_the_certificate_is_swapped() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str| {
        for end in ["crt", "key"] {
            let to = folder.path().join(format!("server.{end}"));
            std::fs::copy(data(&format!("{name}.{end}")), to).unwrap();
        }
    };
    put("first");
    let paths = ["server.crt", "server.key"].map(|name| folder.path().join(name));
    let acceptor = Acceptor::load(&paths[0], &paths[1]).unwrap();
    let site = Site::start_with(calm(), Some(acceptor.clone()));
    let seen = ["first", "second"].map(|_| AtomicUsize::new(0));
    let known = ["first.crt", "second.crt"].map(certificate);
    let phone = async || {
        loop {
            let stream = connect(&site, &[]).await.unwrap();
            let which = known.iter().position(|one| *one == shown(&stream)).unwrap();
            let mut client = Client(stream);
            client.send("GET / HTTP/1.1\r\n\r\n").await;
            assert_eq!(client.answer().await.status, 200);
            seen[which].fetch_add(1, Ordering::SeqCst);
        }
    };
    let swaps = async {
        for turn in 1..=10 {
            put(["first", "second"][turn % 2]);
            acceptor.renewal().unwrap().install();
            let count = || seen[turn % 2].load(Ordering::SeqCst);
            let enough = count() + 5;
            while count() < enough {
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::select! {
        () = swaps => {}
        _phones = async { tokio::join!(phone(), phone(), phone(), phone()) } => {}
    }
}
