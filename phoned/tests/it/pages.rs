//! Pages, errors and everything around them as phones and programs get it (phoned.md §3 to §6, §8 to §10).

use std::collections::BTreeMap;

use serde_json::json;

use crate::{
    site::{Site, look, request},
    stub::USER,
};

fn input(form: &str) -> String {
    match form {
        "old" => format!("/0.1/directories/input/default/cisco?xivo_user_uuid={USER}"),
        _ => format!("/0.1/cisco/directories/input/default?xivo_user_uuid={USER}"),
    }
}

#[tokio::test]
async fn links_keep_the_form_of_the_request() {
    let site = Site::start().await;
    let old = site.get(&input("old")).await;
    let new = site.get(&input("new")).await;
    let link =
        |path: &str| format!("<URL>http://pbx.example:9498{path}?xivo_user_uuid={USER}</URL>");
    assert!(
        old.body
            .contains(&link("/0.1/directories/lookup/default/cisco")),
        "{}",
        old.body
    );
    assert!(
        new.body
            .contains(&link("/0.1/cisco/directories/lookup/default")),
        "{}",
        new.body
    );
    assert!(!old.body.ends_with('\n'));
    site.stop().await;
}

#[tokio::test]
async fn an_address_outside_gets_403_whatever_it_claims() {
    let site = Site::with(json!({"rest_api": {"authorized_subnets": ["10.0.0.0/8"]}})).await;
    for headers in [
        "",
        "X-Forwarded-For: 10.0.0.1\r\n",
        "User-Agent: Cisco/SPA501G\r\n",
    ] {
        for target in [
            input("old"),
            look("yealink", "term=a"),
            "/0.1/status".to_owned(),
        ] {
            let answer = site.send(&target, headers).await;
            assert_eq!(
                (answer.status, answer.json()["error_id"].clone()),
                (403, json!("forbidden-address")),
                "{target}"
            );
            assert!(!answer.body.contains("127.0.0.1"));
        }
    }
    site.stop().await;
}

#[tokio::test]
async fn missing_parameters_are_named_together() {
    let site = Site::start().await;
    let answer = site
        .get("/0.1/directories/lookup/default/cisco?limit=-1")
        .await;
    let details = answer.json()["details"].clone();
    assert_eq!(answer.status, 400);
    for field in ["xivo_user_uuid", "term", "limit"] {
        assert!(details.get(field).is_some(), "{details}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_phone_gets_errors_as_a_page() {
    let site = Site::start().await;
    let agent = "User-Agent: Yealink SIP-T46G 28.72\r\nAccept-Language: fr\r\n";
    let target = look("yealink", "")
        .replace(USER, "nobody")
        .replace('&', "&term=a");
    let answer = site.send(&target, agent).await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.head.contains("x-phoned-status: 404"),
        "{}",
        answer.head
    );
    assert!(
        answer.head.contains("x-phoned-error: unknown-user"),
        "{}",
        answer.head
    );
    assert!(
        answer.head.contains("cache-control: no-store"),
        "{}",
        answer.head
    );
    assert!(
        answer
            .body
            .contains("<Name>Utilisateur de ce poste inconnu</Name>"),
        "{}",
        answer.body
    );
    assert!(!answer.body.contains("nobody"));
    site.stop().await;
}

#[tokio::test]
async fn the_mode_of_errors_can_be_fixed() {
    let site = Site::with(json!({"phone_errors": {"mode": "json"}})).await;
    let answer = site
        .send(
            "/0.1/directories/menu/default/cisco",
            "User-Agent: Cisco/SPA501G\r\n",
        )
        .await;
    assert_eq!(answer.status, 400);
    site.stop().await;
    let site = Site::with(json!({"phone_errors": {"mode": "screen"}})).await;
    let answer = site.get("/0.1/directories/menu/default/cisco").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains("<CiscoIPPhoneMenu>"),
        "{}",
        answer.body
    );
    site.stop().await;
}

#[tokio::test]
async fn a_make_that_is_off_and_paths_that_are_none_are_404() {
    let site = Site::with(json!({"enabled_plugins": {"yealink": false, "status": false}})).await;
    for target in [
        look("yealink", "term=a"),
        "/0.1/status".to_owned(),
        "/".to_owned(),
        "/0.1/directories/menu/default/yealink".to_owned(),
        input("old").replace("cisco?", "cisco/?"),
        input("old").replace("/default/", "/a%2Fb/"),
        input("old").replace("/default/", "//"),
    ] {
        let answer = site.get(&target).await;
        assert_eq!(
            (answer.status, answer.json()["error_id"].clone()),
            (404, json!("not-found")),
            "{target}"
        );
    }
    site.stop().await;
}

#[tokio::test]
async fn other_methods_are_answered_with_the_right_ones() {
    let site = Site::start().await;
    for target in [input("old"), "/0.1/status".to_owned()] {
        let post = request(site.address, "POST", &target, "Content-Length: 0\r\n").await;
        assert_eq!(post.status, 405);
        assert_eq!(
            post.json(),
            json!({"message": "The method is not allowed for the requested URL."})
        );
        let allow = post
            .head
            .lines()
            .find(|line| line.starts_with("allow: "))
            .expect("Allow");
        for method in ["get", "head", "options"] {
            assert!(allow.contains(method), "{allow}");
        }
        let options = request(site.address, "OPTIONS", &target, "").await;
        assert_eq!(options.status, 200);
        assert!(
            options.head.contains("allow: get, head, options"),
            "{}",
            options.head
        );
    }
    site.stop().await;
}

#[tokio::test]
async fn head_says_what_get_would() {
    let site = Site::start().await;
    for target in [input("old"), look("cisco", "term=a")] {
        let get = site.get(&target).await;
        let head = request(site.address, "HEAD", &target, "").await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        assert!(
            head.head
                .contains(&format!("content-length: {}", get.body.len())),
            "{}",
            head.head
        );
    }
    site.stop().await;
}

#[tokio::test]
async fn a_configured_page_size_is_that_of_every_document_and_model() {
    let chosen = |documents| json!({"page_size": 2, "documents": documents});
    for documents in ["compat", "rich"] {
        let makes = ["cisco", "snom", "aastra", "thomson"].map(|make| (make, chosen(documents)));
        let site = Site::with(json!({"vendors": BTreeMap::from(makes)})).await;
        for (make, model) in [
            ("cisco", ""),
            ("snom", ""),
            ("snom", "User-Agent: snomD385-SIP\r\n"),
            ("aastra", ""),
            ("thomson", ""),
        ] {
            let page = site.send(&look(make, "term=a"), model).await.body;
            let shown = [1, 2, 3].map(|number| page.contains(&format!("Person 00{number}")));
            assert_eq!(
                shown,
                [true, true, false],
                "{documents} {make} {model}: {page}"
            );
        }
        site.stop().await;
    }
}

#[tokio::test]
async fn browsers_are_answered_on_machine_routes_only() {
    let site = Site::start().await;
    let origin = "Origin: http://portal.example\r\n";
    let status = site.send("/0.1/status", origin).await;
    assert!(
        status
            .head
            .contains("access-control-allow-origin: http://portal.example"),
        "{}",
        status.head
    );
    let page = site.send(&input("old"), origin).await;
    assert!(!page.head.contains("access-control"), "{}", page.head);
    let ask = format!(
        "{origin}Access-Control-Request-Method: GET\r\nAccess-Control-Request-Headers: x-auth-token, x-odd\r\n"
    );
    for target in [
        "/0.1/status",
        "/0.1/config",
        "/0.1/config/reload",
        "/0.1/access/subnets",
        "/0.1/access/check",
        "/0.1/access/rejected",
        "/0.1/cache",
        "/0.1/endpoints/a/answer",
        "/0.1/endpoints/a/hold/start",
        "/0.1/api/api.yml",
    ] {
        let preflight = request(site.address, "OPTIONS", target, &ask).await;
        assert_eq!((preflight.status, preflight.body.as_str()), (200, ""));
        for line in [
            "allow: ",
            "access-control-allow-origin: http://portal.example\r",
            "access-control-allow-methods: delete, get, head, options, patch, post, put\r",
            "access-control-allow-headers: x-auth-token\r",
        ] {
            assert!(
                preflight.head.contains(&format!("\n{line}")),
                "{target}: {line} in {}",
                preflight.head
            );
        }
    }
    site.stop().await;
}

#[tokio::test]
async fn only_pages_of_the_configured_origins_may_ask() {
    let cors = json!({"origins": "http://portal.example, http://other.example", "methods": ["GET"], "max_age": 600});
    let site = Site::with(json!({"rest_api": {"cors": cors}})).await;
    for (origin, accepted) in [
        ("Origin: http://portal.example\r\n", true),
        ("Origin: http://other.example\r\n", true),
        ("Origin: http://evil.example\r\n", false),
        ("", false),
    ] {
        let ask = format!("{origin}Access-Control-Request-Method: GET\r\n");
        let head = request(site.address, "OPTIONS", "/0.1/status", &ask)
            .await
            .head;
        assert_eq!(
            head.contains("access-control-allow-origin: http"),
            accepted,
            "{head}"
        );
        assert!(!head.contains("access-control-allow-origin: *"), "{head}");
        if accepted {
            assert!(
                head.contains("access-control-allow-methods: get\r"),
                "{head}"
            );
            assert!(head.contains("access-control-max-age: 600\r"), "{head}");
        }
        assert_eq!(head.contains("vary: origin"), !origin.is_empty(), "{head}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_host_that_cannot_be_in_a_link_is_400() {
    let site = Site::with(json!({"rest_api": {"allowed_hosts": ["pbx.example"]}})).await;
    assert_eq!(site.get(&input("old")).await.status, 200);
    site.stop().await;
    let site = Site::with(json!({"rest_api": {"allowed_hosts": ["other.example"]}})).await;
    assert_eq!(site.get(&input("old")).await.status, 400);
    site.stop().await;
    let site = Site::with(json!({"rest_api": {"public_url": "https://phones.example/"}})).await;
    let page = site.get(&input("old")).await;
    assert!(
        page.body
            .contains("https://phones.example/0.1/directories/lookup/"),
        "{}",
        page.body
    );
    site.stop().await;
}

#[tokio::test]
async fn the_language_is_negotiated_or_given() {
    let site = Site::start().await;
    let french = site
        .send(&input("old"), "Accept-Language: ru,fr;q=0.3\r\n")
        .await;
    assert!(
        french.body.contains("<Title>Recherche Wazo</Title>"),
        "{}",
        french.body
    );
    assert!(
        french
            .head
            .contains("vary: accept-language, accept-charset"),
        "{}",
        french.head
    );
    let german = site
        .send(
            &format!("{}&lang=de", input("old")),
            "Accept-Language: fr\r\n",
        )
        .await;
    assert!(
        german.body.contains("<Title>Wazo-Suche</Title>"),
        "{}",
        german.body
    );
    assert!(
        german.body.contains("&amp;lang=de</URL>"),
        "{}",
        german.body
    );
    site.stop().await;
}

#[tokio::test]
async fn a_page_size_can_be_set_within_the_cap() {
    let site = Site::with(json!({"vendors": {"cisco": {"page_size": 2}}})).await;
    let page = site.look("cisco", "term=a").await;
    assert_eq!(page.body.matches("<DirectoryEntry>").count(), 2);
    assert!(page.body.contains("limit=2&amp;offset=2"), "{}", page.body);
    site.stop().await;
}

#[tokio::test]
async fn a_setting_of_a_make_reaches_its_templates() {
    let input = format!("/0.1/directories/input/default/snom?xivo_user_uuid={USER}");
    let site = Site::start().await;
    assert!(
        site.get(&input)
            .await
            .body
            .contains("&amp;term=__X__</Url>")
    );
    site.stop().await;
    let site = Site::with(json!({"vendors": {"snom": {"raw_ampersand": true}}})).await;
    let form = site.get(&input).await.body;
    assert!(form.contains(&format!("{USER}&term=__X__</Url>")), "{form}");
    site.stop().await;
}
