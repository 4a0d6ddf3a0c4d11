//! Stopping (dird-platform.md §13).

use std::net::SocketAddr;
use std::time::Duration;

use kit::serve::{Bound, Limits};
use tokio::net::TcpStream;

use crate::harness::{Client, Site, calm, statuses, targets};

#[tokio::test]
async fn a_running_request_is_finished_and_idle_connections_are_closed() {
    let site = Site::start(calm());
    let mut idle = site.connect().await;
    idle.send("GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(idle.answer().await.status, 200);
    let mut busy = site.connect().await;
    busy.send("GET /wait HTTP/1.1\r\n\r\n").await;
    site.request_entered().await;
    site.stop.cancel();
    // Closed while the other request is still under way.
    assert_eq!(idle.rest().await, []);
    site.gate.leave.add_permits(1);
    let answers = busy.rest().await;
    assert_eq!(targets(&answers), ["/wait"]);
    assert!(answers[0].closes());
    drop(busy);
    site.ended().await;
}

#[tokio::test]
async fn a_stopped_server_listens_no_more() {
    let site = Site::start(calm());
    let addr = site.addr;
    site.stop.cancel();
    site.ended().await;
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn connections_in_the_backlog_are_served() {
    let bound = Bound::bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let mut clients = Vec::new();
    for _ in 0..20 {
        let mut client = Client(TcpStream::connect(bound.local_addr()).await.unwrap());
        client.send("GET /early HTTP/1.1\r\n\r\n").await;
        clients.push(client);
    }
    let site = Site::start_on(bound, calm(), None);
    // Before the server's task has run at all.
    site.stop.cancel();
    for mut client in clients {
        let answers = client.rest().await;
        assert_eq!(targets(&answers), ["/early"]);
        assert!(answers[0].closes());
    }
    site.ended().await;
}

#[tokio::test]
async fn a_request_that_lies_in_the_socket_at_stop_is_served() {
    let site = Site::start(calm());
    let mut client = site.connect().await;
    client.send("GET /1 HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.answer().await.target(), "/1");
    client.send("GET /2 HTTP/1.1\r\n\r\n").await;
    site.stop.cancel();
    let answers = client.rest().await;
    assert_eq!(targets(&answers), ["/2"]);
    assert!(answers[0].closes());
}

#[tokio::test]
async fn what_exceeds_the_drain_time_is_dropped() {
    let site = Site::start(Limits {
        drain: Duration::from_millis(50),
        ..calm()
    });
    let mut client = site.connect().await;
    client.send("GET /wait HTTP/1.1\r\n\r\n").await;
    site.request_entered().await;
    site.stop.cancel();
    assert_eq!(statuses(&client.rest().await), [0u16; 0]);
    site.ended().await;
}
