//! The stop of a dird that serves door stations (dird-platform.md §13, intercom-directory.md §7.6): what it writes last is in its
//! mark, unless that would hold it up.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::world::{Door, Plan};

on_both_engines!(what_is_written_while_dird_stops_is_in_the_mark);

/// The body that [`begun`] lacks.
const BODY: &str = "{\"users\":[{}]}";

/// From the signal to the end of the process, in looks: six seconds. On a machine that stalls each look takes longer.
const LOOKS: usize = 60;
const LOOK: Duration = Duration::from_millis(100);

/// A creation that dird waits to read.
async fn begun(door: &Door) -> TcpStream {
    let head = "PUT /api/dir/create HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 14\r\n\r\n";
    let mut client = TcpStream::connect(door.address).await.unwrap();
    client.write_all(head.as_bytes()).await.unwrap();
    let mut heard = [0; 25];
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"HTTP/1.1 100 Continue\r\n\r\n");
    client
}

async fn what_is_written_while_dird_stops_is_in_the_mark(door: Door) {
    let mut client = begun(&door).await;
    // The mark has this one when dird has stopped, or soon after.
    door.create(json!({})).await;
    let path = door.plan.mark_file();
    let phonebook = door.phonebook.0.clone();
    let reached = || -> Value {
        let mark: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        mark[&phonebook]["timestamp"].clone()
    };
    let closing = tokio::spawn(door.close());
    while reached() != 1 {
        sleep(Duration::from_millis(20)).await;
    }
    client.write_all(BODY.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("\"timestamp\":2"), "{answer}");
    let _left = closing.await.unwrap();
    assert_eq!(reached(), 2);
}

#[tokio::test]
async fn a_database_that_hangs_holds_up_no_stop() {
    let door = Plan::postgres().await.open().await;
    let _client = begun(&door).await;
    let mut other = PgConnection::connect(&door.plan.uri).await.unwrap();
    let lock = "BEGIN; LOCK TABLE dird.intercom_directory IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut other).await.unwrap();
    let mut closing = Box::pin(door.close());
    for _ in 0..LOOKS {
        if timeout(LOOK, &mut closing).await.is_ok() {
            return;
        }
    }
    panic!("it does not end");
}
