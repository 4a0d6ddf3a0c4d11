//! What a running phoned writes into its log about those who ask, and how that is changed while it runs (phoned.md §15, §16.3,
//! §16.5).

use serde_json::{Value, json};

use crate::{
    process::Plan,
    site::look,
    stub::{STRANGER, USER},
};

/// Phones are told apart by what the test, a proxy, says about them.
fn behind_a_proxy(subnets: &Value) -> Value {
    json!({"rest_api": {"authorized_subnets": subnets, "trusted_proxies": ["127.0.0.1"]}})
}

fn from(phone: &str) -> String {
    format!("X-Forwarded-For: {phone}\r\n")
}

fn lines<'a>(log: &'a str, about: &str) -> Vec<&'a str> {
    log.lines().filter(|line| line.contains(about)).collect()
}

#[tokio::test]
async fn refused_addresses_of_one_network_are_one_line_a_minute() {
    let phoned = Plan::new(&behind_a_proxy(&json!(["10.0.0.0/8"])));
    let phoned = phoned.start(&[]).await;
    for phone in [
        "192.0.2.1",
        "192.0.2.1",
        "192.0.2.254",
        "192.0.3.1",
        "2001:db8::1",
        "2001:db8::ffff:1",
        "2001:db8:0:1::1",
    ] {
        let answer = phoned.send(&look("snom", "term=a"), &from(phone)).await;
        assert_eq!(answer.status, 403, "{phone}");
    }
    let log = phoned.stop().await;
    let lines = lines(&log, "address refused");
    let named = ["192.0.2.1", "192.0.3.1", "2001:db8::1", "2001:db8:0:1::1"];
    assert_eq!(lines.len(), named.len(), "{lines:?}");
    for (line, phone) in lines.iter().zip(named) {
        for wanted in [
            "(INFO)",
            &format!("address={phone} "),
            "reason=\"not_listed\"",
            "count=1",
        ] {
            assert!(line.contains(wanted), "{wanted} in {line}");
        }
    }
}

#[tokio::test]
async fn somebody_who_tries_users_is_one_line_that_names_the_phone_and_no_user() {
    let mut changes = behind_a_proxy(&json!(["10.0.0.0/8"]));
    changes["limits"] = json!({"new_users": 2, "unknown_users": 1});
    let phoned = Plan::new(&changes).start(&[]).await;
    let other = |number: u32| format!("5f0c8a52-1111-4222-8333-{number:012}");
    for (phone, user, expected) in [
        ("10.0.0.1", USER.to_owned(), 200),
        ("10.0.0.1", other(1), 200),
        ("10.0.0.1", other(2), 429),
        ("10.0.0.1", other(3), 429),
        ("10.0.0.2", STRANGER.to_owned(), 404),
        ("10.0.0.2", other(4), 429),
        ("10.0.0.3", USER.to_owned(), 200),
    ] {
        let target = look("snom", "term=a").replace(USER, &user);
        let answer = phoned.send(&target, &from(phone)).await;
        assert_eq!(answer.status, expected, "{phone} {user}");
        let waits = answer.head.contains("\r\nretry-after: ");
        assert_eq!(waits, expected == 429, "{phone} {user}");
    }
    let log = phoned.stop().await;
    let lines = lines(&log, "somebody tries users");
    assert_eq!(lines.len(), 2, "{lines:?}");
    for (line, phone, scope) in [
        (lines[0], "10.0.0.1", "new_users"),
        (lines[1], "10.0.0.2", "unknown_users"),
    ] {
        assert!(line.contains("(WARNING)"), "{line}");
        assert!(line.contains(&format!("phone={phone} ")), "{line}");
        assert!(line.contains(&format!("scope=\"{scope}\"")), "{line}");
    }
    assert!(!log.contains("5f0c8a52"), "{log}");
}

#[tokio::test]
async fn the_level_of_the_log_is_that_of_the_last_reload() {
    let phoned = Plan::new(&json!({"log_level": "warning"}));
    let mut phoned = phoned.start(&[]).await;
    phoned.send(&look("snom", "term=a"), "").await;
    phoned.write(&json!({"log_level": "info"}));
    phoned.send(&look("aastra", "term=a"), "").await;
    phoned.reload().await;
    phoned.send(&look("yealink", "term=a"), "").await;
    phoned.write(&json!({"log_level": "debug"}));
    phoned.send(&look("htek", "term=quiet"), "").await;
    phoned.reload().await;
    phoned.send(&look("htek", "term=loud"), "").await;
    phoned.write(&json!({"log_level": "error"}));
    phoned.reload().await;
    phoned.send(&look("cisco", "term=a"), "").await;
    let log = phoned.stop().await;
    for (text, expected) in [
        ("{profile}/snom", false),
        ("{profile}/aastra", false),
        ("{profile}/yealink", true),
        ("term=quiet", false),
        ("term=loud", true),
        ("{profile}/cisco", false),
    ] {
        assert_eq!(log.contains(text), expected, "{text} in {log}");
    }
}
