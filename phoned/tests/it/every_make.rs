//! What holds for the pages of every make (phoned.md §8, §14, §15).

use std::{collections::BTreeSet, sync::atomic::Ordering};

use phoned::{
    app,
    config::{self, Config},
    directory::PhoneRoute,
    router::phone_routes,
    vendor::{
        check::well_formed,
        manifest::{ErrorLook, Step},
        registry::Registry,
    },
};
use serde_json::json;

use crate::{
    site::{Answer, Site},
    stub::USER,
};

/// Every address that the telephones of every make ask for, with the route behind it.
fn targets() -> Vec<(String, PhoneRoute)> {
    let config: Config = serde_saphyr::from_str(config::DEFAULTS).expect("the defaults");
    let registry = Registry::load(&app::choices(&config)).expect("the makes");
    let routes = phone_routes(&registry.vendors).into_iter();
    let targets: Vec<_> = routes
        .map(|(path, route)| {
            let path = path.replace("{profile}", "default");
            let path = path.replace("{user_uuid}", USER);
            (format!("{path}?xivo_user_uuid={USER}&term=a"), route)
        })
        .collect();
    let makes: BTreeSet<&str> = targets
        .iter()
        .map(|(_, route)| route.vendor.name.as_str())
        .collect();
    assert_eq!(makes.len(), registry.vendors.len());
    targets
}

fn is_private(answer: &Answer) -> bool {
    answer
        .head
        .contains("\r\ncache-control: private, no-store\r\n")
}

#[tokio::test]
async fn nothing_on_the_way_to_a_telephone_keeps_its_pages() {
    let site = Site::with(json!({"cache": {"lookup_ttl": 3600}})).await;
    let world = &site.stub.world;
    for (target, _) in targets() {
        for _ in 0..2 {
            let page = site.get(&target).await;
            assert!(
                page.status == 200 && is_private(&page),
                "{target}: {page:?}"
            );
        }
    }
    assert_eq!(world.searched(), 2, "one for pages, one for whole files");
    site.stop().await;
}

#[tokio::test]
async fn nothing_on_the_way_keeps_empty_pages_and_old_ones_either() {
    let site = Site::with(json!({"cache": {"lookup_ttl": 0, "empty_ttl": 0}})).await;
    let world = &site.stub.world;
    world.people.store(0, Ordering::SeqCst);
    for status in [0, 500] {
        world.dird_fails.store(status, Ordering::SeqCst);
        for (target, route) in targets() {
            let page = site.get(&target).await;
            assert!(
                page.status == 200 && is_private(&page),
                "{target}: {page:?}"
            );
            let is_old = page.head.contains("\r\nwarning: 110");
            let is_result = route.step == Step::Lookup;
            assert_eq!(is_old, is_result && status == 500, "{target}");
        }
    }
    site.stop().await;
}

#[tokio::test]
async fn where_too_much_is_searched_every_make_says_so_in_its_own_way() {
    let site = Site::with(json!({"lookup": {"concurrent": 0, "queued": 0}})).await;
    let targets = targets().into_iter();
    for (target, route) in targets.filter(|(_, route)| route.step == Step::Lookup) {
        let program = site.get(&target).await;
        assert_eq!(program.status, 503, "{target}");
        assert_eq!(program.json()["error_id"], "overloaded", "{target}");
        let phone = site.send(&target, "User-Agent: Yealink\r\n").await;
        let retry = "\r\nretry-after: 2\r\n";
        assert!(program.head.contains(retry) && phone.head.contains(retry));
        // It would be kept in the place of the directory.
        if route.vendor.manifest.errors == ErrorLook::Status {
            assert_eq!(phone.status, 503, "{target}");
            continue;
        }
        assert_eq!(phone.status, 200, "{target}");
        assert!(phone.head.contains("\r\nx-phoned-error: overloaded\r\n"));
        assert!(phone.head.contains("\r\nx-phoned-status: 503\r\n"));
        // Its answer is a number for which the telephone has a text.
        let text = match route.vendor.name.as_str() {
            "gigaset" => "<errorid>6</errorid>",
            _ => "try again",
        };
        assert!(phone.body.contains(text), "{target}: {phone:?}");
        assert_eq!(well_formed(&phone.body), Ok(()), "{target}");
    }
    assert_eq!(site.stub.world.searched(), 0);
    site.stop().await;
}
