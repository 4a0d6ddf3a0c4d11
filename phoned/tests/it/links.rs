//! Links that are signed for one make, profile and user (phoned.md §20.12).

use phoned::{directory::signed::sign, gate::signature::Signer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    site::{Site, look, request},
    stub::USER,
};

/// Settings under which links must be signed as `mode` says, and who signs them.
fn signing(mode: &str) -> (TempDir, Value, Signer) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("links.key");
    std::fs::write(&file, "0123456789abcdef0123456789abcdef\n").expect("written");
    let settings = json!({"mode": mode, "key_file": file});
    let read = serde_json::from_value(settings.clone()).expect("settings");
    let signer = Signer::read(&read).expect("a key");
    let changes = json!({"metrics": {"port": 0}, "rest_api": {"signed_links": settings}});
    (folder, changes, signer)
}

fn signed(signer: &Signer, target: &str, subnet: Option<&str>) -> String {
    let subnet = subnet.map(|subnet| subnet.parse().expect("a subnet"));
    sign(signer, target, subnet).expect("a link of a phone")
}

#[tokio::test]
async fn where_links_must_be_signed_no_phone_asks_for_another_user_than_its_own() {
    let (_folder, changes, signer) = signing("required");
    let site = Site::with(changes).await;
    let target = look("cisco", "term=a&limit=1");
    let other = "5f0c8a52-1111-4222-8333-944445555667";
    let good = signed(&signer, &target, None);
    let new = format!("/0.1/cisco/directories/lookup/default?xivo_user_uuid={USER}&term=a");
    let gigaset = format!("/0.1/directories/lookup/default/gigaset/{USER}");
    for (link, status) in [
        (good.clone(), 200),
        (target.clone(), 403),
        (good.replace(USER, other), 403),
        (good.replace("/default/", "/other/"), 403),
        (good.replace("/cisco", "/snom"), 403),
        (signed(&signer, &target, Some("127.0.0.0/8")), 200),
        (signed(&signer, &target, Some("10.0.0.0/8")), 403),
        (signed(&signer, &new, None), 200),
        (new, 403),
        (signed(&signer, &gigaset, None), 200),
        (gigaset, 403),
        // A fault of the request is told as such.
        (
            "/0.1/directories/lookup/default/cisco?term=a".to_owned(),
            400,
        ),
    ] {
        let answer = site.get(&link).await;
        assert_eq!(answer.status, status, "{link}");
        if status == 403 {
            assert_eq!(answer.json()["error_id"], "forbidden-link", "{link}");
        }
    }
    let page = site.get(&good).await.body;
    let next = page.split("<URL>").find(|link| link.contains("offset=1"));
    let next = next
        .and_then(|link| link.split_once("</URL>"))
        .expect("a link")
        .0;
    let (_, next) = next.split_once(":9498").expect("an address");
    let answer = site.get(&next.replace("&amp;", "&")).await;
    assert_eq!(answer.status, 200, "{next}");
    for make in ["polycom", "snom"] {
        let form = format!("/0.1/directories/input/default/{make}?xivo_user_uuid={USER}");
        let form = signed(&signer, &form, None);
        let (_, signature) = form.split_once("sig=").expect("a signature");
        let (signature, _) = signature.split_once('&').expect("parameters");
        let page = site.get(&form).await;
        assert_eq!(page.status, 200, "{make}");
        assert!(page.body.contains(signature), "{make}: {}", page.body);
    }
    let switch = format!("/0.1/yealink/users/{USER}/services/dnd/enable");
    assert_eq!(site.get(&switch).await.status, 403);
    // There is no confd, but it would be asked.
    let switch = signed(&signer, &switch, None);
    assert_eq!(site.get(&switch).await.status, 503);
    site.stop().await;
}

#[tokio::test]
async fn while_signatures_are_only_warned_of_links_are_counted_and_answered() {
    let (_folder, changes, signer) = signing("warn");
    let site = Site::with(changes).await;
    let target = look("cisco", "term=a");
    for link in [&target, &signed(&signer, &target, None)] {
        assert_eq!(site.get(link).await.status, 200, "{link}");
    }
    let monitor = site.monitor().expect("a listener");
    let figures = request(monitor, "GET", "/metrics", "").await.body;
    for result in ["good", "missing"] {
        let line = format!("phoned_signed_links_total{{result=\"{result}\"}} ");
        assert!(
            figures.lines().any(|shown| shown.starts_with(&line)),
            "{figures}"
        );
    }
    site.stop().await;
}
