//! Requests good and bad, as bytes (phoned.md §2.1).

use tokio::io::AsyncWriteExt;

use crate::harness::{LARGE, Site, calm, statuses, targets};

const LAST: &str = "GET /last HTTP/1.1\r\nConnection: close\r\n\r\n";
const MALFORMED: &str = "{\"message\": \"The browser (or proxy) sent a request that this server could not understand.\"}\n";

#[tokio::test]
async fn an_answer_has_length_and_date_and_no_server() {
    let site = Site::start(calm());
    let answers = site
        .talk("GET /a?b=c HTTP/1.1\r\nHost: phone\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(statuses(&answers), [200]);
    let answer = &answers[0];
    assert_eq!(
        answer.body,
        "GET /a?b=c host=phone from=127.0.0.1 tls=false body="
    );
    assert!(answer.head.starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(answer.head.contains("\r\ndate: "));
    assert!(!answer.head.contains("\r\nserver:"));
    assert!(answer.closes());
}

#[tokio::test]
async fn keep_alive_serves_one_request_after_the_other() {
    let site = Site::start(calm());
    let mut client = site.connect().await;
    for target in ["/1", "/2", "/3"] {
        client
            .send(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .await;
        let answer = client.answer().await;
        assert_eq!(answer.target(), target);
        assert!(!answer.closes());
    }
}

#[tokio::test]
async fn pipelined_requests_with_bodies_are_answered_in_order() {
    let site = Site::start(calm());
    let sent = [
        "GET /1 HTTP/1.1\r\n\r\n",
        "POST /2 HTTP/1.1\r\nContent-Length: 20\r\n\r\nGET /x HTTP/1.1\n\r\n\r\n",
        "POST /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;a=b\r\n!\r\n0\r\nT: v\r\n\r\n",
        "\r\nGET /4 HTTP/1.1\r\n\r\n",
        LAST,
    ];
    let answers = site.talk(sent.concat()).await;
    assert_eq!(statuses(&answers), [200; 5]);
    assert_eq!(targets(&answers), ["/1", "/2", "/3", "/4", "/last"]);
    assert!(answers[1].body.ends_with("body=GET /x HTTP/1.1\n\r\n\r\n"));
    assert!(answers[2].body.ends_with("body=hello!"));
}

#[tokio::test]
async fn a_small_body_nobody_reads_does_not_disturb_the_next_request() {
    let site = Site::start(calm());
    let sent = [
        "POST /ignore HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
        LAST,
    ];
    let answers = site.talk(sent.concat()).await;
    assert_eq!(statuses(&answers), [200, 200]);
    assert_eq!(answers[0].body, "ignored");
}

#[tokio::test]
async fn bare_line_feeds_are_refused() {
    for head in [
        "GET / HTTP/1.1\nHost: x\n\n",
        "GET / HTTP/1.1\r\nHost: x\nY: z\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\n",
        "\nGET / HTTP/1.1\r\n\r\n",
    ] {
        let site = Site::start(calm());
        let answers = site.talk(format!("{head}{LAST}")).await;
        assert_eq!(statuses(&answers), [400], "{head:?}");
        assert_eq!(answers[0].body, MALFORMED);
        assert!(answers[0].closes());
    }
}

#[tokio::test]
async fn a_refusal_comes_after_the_answers_due_before_it() {
    let site = Site::start(calm());
    let mut client = site.connect().await;
    client
        .send("GET /wait HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\nX: y\r\n\r\n")
        .await;
    client.send(LAST).await;
    site.request_entered().await;
    site.gate.leave.add_permits(1);
    let answers = client.rest().await;
    assert_eq!(statuses(&answers), [200, 200, 400]);
    assert_eq!(targets(&answers[..2]), ["/wait", "/2"]);
}

#[tokio::test]
async fn raw_latin_1_in_the_target_is_percent_encoded() {
    let site = Site::start(calm());
    let mut sent = b"GET /lookup?term=caf\xe9&x=\xc3\xa9 HTTP/1.1\r\n\r\n".to_vec();
    sent.extend_from_slice(LAST.as_bytes());
    let answers = site.talk(sent).await;
    assert_eq!(statuses(&answers), [200, 200]);
    assert_eq!(answers[0].target(), "/lookup?term=caf%E9&x=%C3%A9");
}

#[tokio::test]
async fn a_full_size_target_of_raw_bytes_still_fits_the_parser() {
    let site = Site::start(calm());
    let mut sent = b"GET /".to_vec();
    sent.resize(8 * 1024 - 9, 0xe9);
    sent.extend_from_slice(b" HTTP/1.1\r\nConnection: close\r\n");
    let header = format!("X: {}\r\n", "y".repeat(15 * 1024));
    sent.extend_from_slice(header.repeat(2).as_bytes());
    sent.extend_from_slice(b"\r\n");
    let answers = site.talk(sent).await;
    assert_eq!(statuses(&answers), [200]);
    assert_eq!(answers[0].target().len(), 1 + 3 * (8 * 1024 - 14));
}

#[tokio::test]
async fn a_long_request_line_is_414() {
    let long = "x".repeat(8 * 1024);
    for sent in [
        format!("GET /{long} HTTP/1.1\r\n\r\n"),
        format!("GET /{long}"),
    ] {
        let site = Site::start(calm());
        let answers = site.talk(sent).await;
        assert_eq!(statuses(&answers), [414]);
        assert!(answers[0].closes());
        assert!(answers[0].body.starts_with("{\"message\": \""));
    }
}

#[tokio::test]
async fn large_headers_are_431() {
    let large = format!("X: {}\r\n", "y".repeat(16 * 1024));
    let sum = format!("X: {}\r\n", "y".repeat(11 * 1024)).repeat(3);
    let many = "X: y\r\n".repeat(101);
    for headers in [large, sum, many] {
        let site = Site::start(calm());
        let answers = site
            .talk(format!("GET / HTTP/1.1\r\n{headers}\r\n{LAST}"))
            .await;
        assert_eq!(statuses(&answers), [431]);
        assert!(answers[0].closes());
    }
}

#[tokio::test]
async fn a_hundred_headers_are_served() {
    let site = Site::start(calm());
    let headers = "X: y\r\n".repeat(99);
    let answers = site
        .talk(format!(
            "GET / HTTP/1.1\r\n{headers}Connection: close\r\n\r\n"
        ))
        .await;
    assert_eq!(statuses(&answers), [200]);
}

#[tokio::test]
async fn a_refusal_survives_a_client_that_goes_on_sending() {
    let site = Site::start(calm());
    let flood = "y".repeat(200 * 1024);
    let answers = site
        .talk(format!("GET / HTTP/1.1\r\nX: {flood}\r\n\r\n"))
        .await;
    assert_eq!(statuses(&answers), [431]);
}

#[tokio::test]
async fn smuggling_attempts_are_refused_and_nothing_after_them_is_read() {
    for fields in [
        "Content-Length: 0\r\nContent-Length: 44\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Content-Length : 4\r\n",
        " Content-Length: 4\r\n",
        "X: y\r\n\tContent-Length: 4\r\n",
        "Content-Length: -1\r\n",
        "X: y\rContent-Length: 4\r\n",
        "Content-Length: 1e1\r\n",
    ] {
        let site = Site::start(calm());
        let answers = site
            .talk(format!("POST / HTTP/1.1\r\n{fields}\r\n0\r\n\r\n{LAST}"))
            .await;
        assert_eq!(statuses(&answers), [400], "{fields:?}");
    }
}

#[tokio::test]
async fn nothing_is_read_after_a_broken_chunked_body() {
    for body in [
        "0\n\r\n",
        "5\r\nhelloX",
        "\r\n",
        "1;a\nb\r\n",
        "0\r\nT: v\n\r\n",
    ] {
        let site = Site::start(calm());
        let answers = site
            .talk(format!(
                "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{body}{LAST}"
            ))
            .await;
        assert!(
            answers.iter().all(|answer| answer.status == 408),
            "{body:?}: {answers:?}"
        );
    }
}

#[tokio::test]
async fn http_1_0_is_answered_and_closed() {
    let site = Site::start(calm());
    for fields in ["", "Connection: keep-alive\r\n", "Host: x\r\n"] {
        let answers = site
            .talk(format!("GET /old HTTP/1.0\r\n{fields}\r\n"))
            .await;
        assert_eq!(statuses(&answers), [200], "{fields:?}");
        assert_eq!(answers[0].target(), "/old");
        assert!(answers[0].closes(), "{:?}", answers[0].head);
        assert!(!answers[0].head.contains("keep-alive"));
    }
}

#[tokio::test]
async fn a_missing_host_is_accepted_and_two_are_not() {
    let site = Site::start(calm());
    let answers = site
        .talk("GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answers[0].body.contains(" host=- "));
    let two = "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n";
    assert_eq!(statuses(&site.talk(two).await), [400]);
}

#[tokio::test]
async fn an_absolute_form_is_served_when_it_names_the_host() {
    let site = Site::start(calm());
    let get = |target: &str, host: &str| {
        site.talk(format!(
            "GET {target} HTTP/1.1\r\n{host}Connection: close\r\n\r\n"
        ))
    };
    let same = get("http://phone:9498/a?b", "Host: PHONE:9498\r\n").await;
    assert_eq!(targets(&same), ["/a?b"]);
    let none = get("http://phone:9498/a", "").await;
    assert!(none[0].body.contains(" /a host=phone:9498 "));
    let other = get("http://other/a", "Host: phone\r\n").await;
    assert_eq!(statuses(&other), [400]);
    assert_eq!(other[0].body, MALFORMED);
    assert_eq!(statuses(&get("phone:80", "").await), [400]);
}

#[tokio::test]
async fn connect_is_refused() {
    let site = Site::start(calm());
    let answers = site.talk("CONNECT phone:80 HTTP/1.1\r\n\r\n").await;
    assert_eq!(statuses(&answers), [400]);
}

#[tokio::test]
async fn head_keeps_the_headers_and_drops_the_body() {
    let site = Site::start(calm());
    let mut client = site.connect().await;
    client.send("HEAD /large HTTP/1.1\r\n\r\n").await;
    let answer = client.head_answer().await;
    let length = format!("\r\ncontent-length: {LARGE}\r\n");
    assert!(answer.head.contains(&length), "{}", answer.head);
    client.send("GET /next HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.answer().await.target(), "/next");
}

#[tokio::test]
async fn a_client_that_closed_its_sending_side_gets_its_answer() {
    let site = Site::start(calm());
    let mut client = site.connect().await;
    client.send("GET /wait HTTP/1.1\r\n\r\n").await;
    client.0.shutdown().await.unwrap();
    site.request_entered().await;
    site.gate.leave.add_permits(1);
    assert_eq!(targets(&client.rest().await), ["/wait"]);
}

#[tokio::test]
async fn a_panic_costs_one_answer() {
    let site = Site::start(calm());
    let mut client = site.connect().await;
    for target in ["/panic", "/panic-early"] {
        client.send(format!("GET {target} HTTP/1.1\r\n\r\n")).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 500);
        assert_eq!(answer.body, "{\"message\": \"Internal Server Error\"}\n");
    }
    client.send("GET /fine HTTP/1.1\r\n\r\n").await;
    assert_eq!(client.answer().await.status, 200);
}
