//! What phoned does when nothing is configured (phoned.md §2.1, §7.4, §14 and the table of §17.2), as `/config` shows it.

use std::path::Path;

use phoned::config;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Keys by JSON pointer. What the platform's files know comes first; §17.2 names it.
fn promised() -> Vec<(&'static str, Value)> {
    vec![
        ("/config_file", json!("/etc/wazo-phoned/config.yml")),
        ("/debug", json!(false)),
        ("/log_level", json!("info")),
        ("/log_filename", json!("/var/log/wazo-phoned.log")),
        ("/user", json!("www-data")),
        ("/rest_api/http/listen", json!("0.0.0.0")),
        ("/rest_api/http/port", json!(9498)),
        ("/rest_api/http/enabled", json!(true)),
        ("/rest_api/https/listen", json!("0.0.0.0")),
        ("/rest_api/https/port", json!(9499)),
        ("/rest_api/https/enabled", json!(true)),
        (
            "/rest_api/https/certificate",
            json!("/usr/share/wazo-certs/server.crt"),
        ),
        (
            "/rest_api/https/private_key",
            json!("/usr/share/wazo-certs/server.key"),
        ),
        ("/rest_api/authorized_subnets", json!(["127.0.0.1/24"])),
        ("/rest_api/cors/enabled", json!(true)),
        (
            "/rest_api/cors/allow_headers",
            json!(["Content-Type", "X-Auth-Token", "Wazo-Tenant"]),
        ),
        ("/rest_api/min_threads", json!(10)),
        ("/rest_api/max_threads", json!(100)),
        ("/auth/host", json!("localhost")),
        ("/auth/port", json!(80)),
        ("/auth/https", json!(false)),
        ("/auth/prefix", json!("/api/auth")),
        (
            "/auth/key_file",
            json!("/var/lib/wazo-auth-keys/wazo-phoned-key.yml"),
        ),
        ("/auth/master_tenant_uuid", Value::Null),
        ("/bus/username", json!("guest")),
        ("/bus/password", json!("<hidden>")),
        ("/bus/host", json!("localhost")),
        ("/bus/port", json!(5672)),
        ("/bus/subscribe_exchange_name", json!("wazo-headers")),
        ("/bus/subscribe_exchange_type", json!("headers")),
    ]
}

/// The keys of our own whose values the other sections name.
fn own() -> Vec<(&'static str, Value)> {
    vec![
        ("/rest_api/trusted_proxies", json!([])),
        ("/rest_api/forwarded_header", json!("x-forwarded-for")),
        ("/rest_api/public_url", Value::Null),
        ("/rest_api/allowed_hosts", json!([])),
        ("/rest_api/authorized_subnets_candidate", Value::Null),
        ("/rest_api/header_timeout", json!(5)),
        ("/rest_api/keepalive_timeout", json!(10)),
        ("/rest_api/max_requests_per_connection", json!(1000)),
        ("/rest_api/max_connections", json!(4096)),
        ("/rest_api/max_connections_per_address", json!(16)),
        ("/rest_api/cors/phone_routes", json!(false)),
        ("/phone_errors/mode", json!("auto")),
        ("/lookup/deadline", json!(8)),
        ("/lookup/strict_user_uuid", json!(true)),
        ("/lookup/allow_missing_term", json!(false)),
        ("/lookup/min_term_length", json!(0)),
        ("/lookup/deduplicate", json!(false)),
        ("/lookup/concurrent", json!(256)),
        ("/lookup/queued", json!(256)),
        ("/numbers/international_prefix", json!("00")),
        ("/i18n/default_locale", json!("en")),
        ("/cache/max_bytes", json!(64 * 1024 * 1024)),
        ("/cache/lookup_ttl", json!(30)),
        ("/cache/empty_ttl", json!(10)),
        ("/cache/stale_if_error", json!(300)),
        ("/cache/user_tenant_ttl", json!(300)),
        ("/cache/unknown_user_ttl", json!(15)),
        ("/cache/unknown_profile_ttl", json!(15)),
        ("/cache/token_check_ttl", json!(30)),
        ("/cache/fold_case", json!(true)),
        ("/metrics/listen", json!("127.0.0.1")),
        ("/metrics/port", json!(9508)),
        ("/log/privacy", json!(true)),
        ("/watch", json!(false)),
        ("/auth/timeout", json!(2)),
        ("/dird/timeout", json!(5)),
    ]
}

/// What `/config` shows of a phoned whose main file is `main`. A machine may have further files where they are by default.
fn shown(main: &Path, flags: Value) -> Value {
    let loaded = config::load(main, flags, false).expect("a configuration");
    (*loaded.config.shown).clone()
}

#[test]
fn an_empty_file_leaves_every_default_that_is_promised() {
    let folder = TempDir::new().expect("a folder");
    let main = folder.path().join("empty.yml");
    std::fs::write(&main, "").expect("written");
    let flags = json!({
        "config_file": "/etc/wazo-phoned/config.yml", "extra_config_files": folder.path().join("none"),
    });
    let shown = shown(&main, flags);
    for (pointer, expected) in promised().into_iter().chain(own()) {
        assert_eq!(shown.pointer(pointer), Some(&expected), "{pointer}");
    }
    for (service, port) in [("dird", 9489), ("amid", 9491), ("confd", 9486)] {
        for (key, expected) in [
            ("host", json!("localhost")),
            ("port", json!(port)),
            ("prefix", Value::Null),
            ("https", json!(false)),
            ("verify_certificate", json!(true)),
        ] {
            assert_eq!(shown[service][key], expected, "{service}.{key}");
        }
    }
    let plugins = shown["enabled_plugins"].as_object().expect("a map");
    for name in [
        "aastra", "api", "blf", "cisco", "config", "endpoint", "fanvil", "gigaset", "htek",
        "polycom", "snom", "status", "thomson", "yealink",
    ] {
        assert_eq!(plugins.get(name), Some(&json!(true)), "{name}");
    }
}

#[test]
fn without_a_main_file_the_defaults_are_those_of_an_empty_one() {
    let folder = TempDir::new().expect("a folder");
    let flags = json!({"config_file": "x", "extra_config_files": folder.path().join("none")});
    let (missing, empty) = (
        folder.path().join("none.yml"),
        folder.path().join("empty.yml"),
    );
    std::fs::write(&empty, "").expect("written");
    assert_eq!(shown(&missing, flags.clone()), shown(&empty, flags.clone()));
    let built_in: Value = serde_saphyr::from_str(config::DEFAULTS).expect("the defaults");
    let folder = &built_in["extra_config_files"];
    assert_eq!(folder, "/etc/wazo-phoned/conf.d/");
}
