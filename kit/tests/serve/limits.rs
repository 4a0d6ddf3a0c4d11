//! Deadlines and caps.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kit::serve::{Admission, Bound, Limits, Trusted};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{Client, Site, calm, statuses, targets};

const SHORT: Duration = Duration::from_millis(500);
const GET: &str = "GET / HTTP/1.1\r\n\r\n";

#[tokio::test]
async fn a_silent_connection_is_closed() {
    let site = Site::start(Limits {
        header_timeout: SHORT,
        ..calm()
    });
    assert_eq!(site.talk("").await, []);
}

#[tokio::test]
async fn half_a_head_is_closed() {
    let site = Site::start(Limits {
        header_timeout: SHORT,
        ..calm()
    });
    assert_eq!(site.talk("GET / HTTP/1.1\r\nHost").await, []);
    // On a connection that has served a request, too: there the idle timeout ends with the first byte.
    let answers = site.talk(format!("{GET}GET / HTT")).await;
    assert_eq!(statuses(&answers), [200]);
}

#[tokio::test]
async fn a_head_sent_byte_by_byte_is_closed() {
    let site = Site::start(Limits {
        header_timeout: SHORT,
        ..calm()
    });
    let (mut reading, mut writing) = site.connect().await.0.into_split();
    let drip = tokio::spawn(async move {
        let mut tick = tokio::time::interval(SHORT / 10);
        while writing.write_all(b"G").await.is_ok() {
            tick.tick().await;
        }
    });
    let mut end = Vec::new();
    let read = tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut end);
    let read = tokio::time::timeout(Duration::from_secs(10), read).await;
    // Closed while bytes are under way: the end may show as a reset.
    let _ = read.expect("the connection stays open");
    assert_eq!(end, b"");
    drop(reading);
    drip.abort();
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let site = Site::start(Limits {
        idle_timeout: SHORT,
        ..calm()
    });
    assert_eq!(statuses(&site.talk(GET).await), [200]);
}

#[tokio::test]
async fn a_request_under_way_is_not_idle() {
    let site = Site::start(Limits {
        idle_timeout: Duration::from_millis(1),
        header_timeout: SHORT,
        ..calm()
    });
    let mut client = site.connect().await;
    client.send("GET /wait HTTP/1.1\r\n\r\n").await;
    site.request_entered().await;
    // Another connection lives and dies by the same timeouts meanwhile.
    assert_eq!(site.talk("").await, []);
    site.gate.leave.add_permits(1);
    assert_eq!(targets(&client.rest().await), ["/wait"]);
}

#[tokio::test]
async fn a_slow_body_fails_and_the_connection_is_closed() {
    let site = Site::start(Limits {
        body_timeout: SHORT,
        ..calm()
    });
    for head in [
        "Content-Length: 10\r\n\r\nhel",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ] {
        let answers = site.talk(format!("POST / HTTP/1.1\r\n{head}")).await;
        assert_eq!(statuses(&answers), [408]);
        assert_eq!(answers[0].body, "request body too slow");
    }
}

#[tokio::test]
async fn a_client_that_does_not_take_its_answer_is_dropped() {
    let site = Site::start(Limits {
        body_timeout: SHORT,
        ..calm()
    });
    let mut client = site.connect().await;
    client.send("GET /large HTTP/1.1\r\n\r\n").await;
    // Readable means that the answer has begun.
    client.0.readable().await.unwrap();
    site.stop.cancel();
    site.ended().await;
}

#[tokio::test]
async fn the_last_request_of_a_connection_says_so() {
    let site = Site::start(Limits {
        max_requests_per_connection: 3,
        ..calm()
    });
    let answers = site.talk(GET.repeat(5)).await;
    assert_eq!(statuses(&answers), [200; 3]);
    let closes: Vec<_> = answers.iter().map(crate::harness::Answer::closes).collect();
    assert_eq!(closes, [false, false, true]);
}

#[tokio::test]
async fn a_connection_over_the_cap_is_closed_at_once() {
    let site = Site::start(Limits {
        admission: Arc::new(Admission::new(2, 0, None)),
        ..calm()
    });
    let mut first = site.connect().await;
    let mut second = site.connect().await;
    for client in [&mut first, &mut second] {
        client.send(GET).await;
        assert_eq!(client.answer().await.status, 200);
    }
    assert_eq!(site.connect().await.rest().await, []);
    first
        .send("GET /bye HTTP/1.1\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(targets(&first.rest().await), ["/bye"]);
    drop(first);
    // The place is free once the server has seen the end, which shows on the next connections.
    loop {
        let mut third = site.connect().await;
        let sent = third.0.write_all(b"GET /3 HTTP/1.0\r\n\r\n").await;
        let mut text = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut third.0, &mut text).await;
        if sent.is_ok() && read.is_ok() && text.starts_with(b"HTTP/1.0 200") {
            break;
        }
    }
}

#[tokio::test]
async fn loopback_is_exempt_from_the_cap_per_address() {
    let site = Site::start(Limits {
        admission: Arc::new(Admission::new(10, 1, None)),
        ..calm()
    });
    let mut clients = [site.connect().await, site.connect().await];
    for client in &mut clients {
        client.send(GET).await;
        assert_eq!(client.answer().await.status, 200);
    }
}

#[tokio::test]
async fn the_cap_per_address_counts_whom_a_balancer_names() {
    let site = Site::start(Limits {
        admission: Arc::new(Admission::new(10, 1, None)),
        proxies: Some(Trusted(Arc::new(|proxy| proxy.is_loopback()))),
        ..calm()
    });
    let named = |client| format!("PROXY TCP4 {client} 10.0.0.1 5060 80\r\n{GET}");
    let mut clients = [site.connect().await, site.connect().await];
    for (client, name) in clients.iter_mut().zip(["192.0.2.1", "192.0.2.2"]) {
        client.send(named(name)).await;
        assert_eq!(client.answer().await.status, 200);
    }
    let mut second = site.connect().await;
    // The server may be gone before it has read everything, which the client sees as a reset.
    let _sent = second.0.write_all(named("192.0.2.1").as_bytes()).await;
    let mut answer = Vec::new();
    let _end = tokio::io::AsyncReadExt::read_to_end(&mut second.0, &mut answer).await;
    assert_eq!(answer, b"");
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = Bound::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let error = Bound::bind(first.local_addr()).unwrap_err();
    let start = format!("cannot listen on {}: ", first.local_addr());
    assert!(error.to_string().starts_with(&start), "{error}");
}

#[tokio::test]
async fn the_ipv6_wildcard_serves_ipv4_with_plain_addresses() {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let Ok(bound) = Bound::bind(any) else {
        // No IPv6 on this machine.
        return;
    };
    let site = Site::start_on(bound, calm(), None);
    let addr = (Ipv4Addr::LOCALHOST, site.addr.port());
    let mut client = Client(TcpStream::connect(addr).await.unwrap());
    client.send(GET).await;
    assert!(client.answer().await.body.contains(" from=127.0.0.1 "));
}
