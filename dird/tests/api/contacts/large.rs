//! Files that are long, and one that is too long (dird-api-contacts.md §1.7, O-68).

use std::fmt::Write;
use std::time::Duration;

use e2e::wire::{Answer, Connection};
use serde_json::json;

use super::{CSV, Directory};
use crate::site::{Site, unchanged};

/// Longest file, in bytes.
const LONGEST: u64 = 256 << 20;

on_both_engines!(
    a_cell_may_be_longer_than_a_body_of_json,
    a_file_that_says_it_is_too_long_is_refused_unread,
);

async fn a_cell_may_be_longer_than_a_body_of_json(site: Site) {
    let book = format!("{}/contacts", site.phonebook("one").await);
    let cell = "name ".repeat(2 << 20);
    for list in [&book, "/personal"] {
        let file = format!("name,note\n\"{cell}\",short\n");
        let (status, body) = site.import(list, CSV, file).await;
        assert_eq!(status, 201, "{list}");
        let created = &body["created"][0];
        assert!(
            created["name"] == *cell,
            "{list}: the cell is not what was sent"
        );
        let one = format!("{list}/{}", super::text(created, "id"));
        let (status, shown) = site.get(&one, &site.alice).await;
        assert!(status == 200 && shown == *created, "{one}: {status}");
        let sorted = site.items(&format!("{list}?order=name")).await;
        assert_eq!(sorted.len(), 1, "{list}");
    }
}

/// The head of an import that brings its file in pieces, or says how long it is.
fn head(site: &Site, framing: &str) -> String {
    format!(
        "POST /0.1/personal/import HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {}\r\n\
         Content-Type: {CSV}\r\n{framing}\r\n\r\n",
        site.alice
    )
}

fn assert_too_long(answer: &Answer) {
    assert_eq!(answer.status, 413);
    let message = "The data value transmitted exceeds the capacity limit.";
    assert_eq!(answer.json().unwrap(), json!({"message": message}));
}

async fn a_file_that_says_it_is_too_long_is_refused_unread(site: Site) {
    let mut connection = Connection::open(site.address(), None).await.unwrap();
    let head = head(&site, &format!("Content-Length: {}", LONGEST + 1));
    connection.send(head.as_bytes()).await.unwrap();
    connection.send(b"a\nb\n").await.unwrap();
    assert_too_long(&connection.answer().await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "sends 256 MiB; part of make soak"]
async fn a_file_that_turns_out_too_long_is_refused() {
    let site = Site::start(unchanged()).await;
    let mut connection = Connection::open(site.address(), None).await.unwrap();
    let head = head(&site, "Transfer-Encoding: chunked");
    connection.send(head.as_bytes()).await.unwrap();
    let mut piece = b"100000\r\n".to_vec();
    piece.extend("name,note,\n".bytes().cycle().take(1 << 20));
    piece.extend(b"\r\n");
    for _ in 0..=LONGEST >> 20 {
        // Refused already: what follows is not read.
        if connection.send(&piece).await.is_err() {
            break;
        }
    }
    assert_too_long(&connection.answer().await.unwrap());
    assert_eq!(site.items("/personal").await.len(), 0);
}

/// How long a long list may take to be read; only one that never is takes it.
const PATIENCE: Duration = Duration::from_mins(5);

/// Rows of the long file.
const ROWS: usize = 200_000;

async fn many_rows(site: &Site) {
    let directory = Directory::make(site).await;
    let mut file = "firstname,number\n".to_owned();
    for number in 0..ROWS {
        writeln!(file, "person {number},+1555{number:07}").unwrap();
    }
    for list in [directory.book.as_str(), "/personal"] {
        let (status, body) = site.import(list, CSV, file.clone()).await;
        assert_eq!(status, 201);
        assert_eq!(
            body["created"].as_array().map(Vec::len),
            Some(ROWS),
            "{list}"
        );
        let (_, again) = site.import(list, CSV, file.clone()).await;
        let known = if list == "/personal" { ROWS } else { 0 };
        assert_eq!(
            again["created"].as_array().map(Vec::len),
            Some(known),
            "{list}"
        );
        assert_eq!(site.items(list).await.len(), ROWS, "{list}");
        let expected = if list == "/personal" { 2 } else { 1 };
        // The first lookups may have to do without a list that is still being read.
        let found = async {
            while Directory::found(site, "person%20199999").await.len() != expected {
                tokio::task::yield_now().await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        assert!(found.is_ok(), "{list}: they are never found");
    }
    site.delete("/personal").await;
    site.delete(directory.book.trim_end_matches("/contacts"))
        .await;
    assert_eq!(Directory::found(site, "person").await, [""; 0]);
}

#[tokio::test]
#[ignore = "imports 200,000 rows; part of make soak"]
async fn two_hundred_thousand_rows_are_imported_into_sqlite() {
    many_rows(&Site::start(unchanged()).await).await;
}

#[tokio::test]
#[ignore = "imports 200,000 rows; part of make soak"]
async fn two_hundred_thousand_rows_are_imported_into_postgres() {
    let setting = crate::site::Setting {
        engine: crate::site::Engine::Postgres,
        ..crate::site::Setting::default()
    };
    many_rows(&Site::start_in(setting, unchanged()).await).await;
}
