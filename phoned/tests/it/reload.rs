//! What a reload puts in force, and when (phoned.md §16.3).

use std::{os::unix::fs::MetadataExt, sync::atomic::Ordering};

use serde_json::{Value, json};

use crate::{
    changes::until,
    process::Plan,
    site::{Answer, Site, look},
    stub::USER,
};

async fn reload(site: &Site) {
    let answer = site.operate("POST", "/0.1/config/reload", "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn write(site: &Site, changes: &Value) {
    *site.changes.lock().expect("no panic") = changes.clone();
}

/// The requests of a telephone, in their order, and what it sees of each: the status, or this text on the page.
struct Telephone {
    requests: Vec<(String, &'static str)>,
    text: &'static str,
}

impl Telephone {
    fn asks(requests: Vec<(String, &'static str)>) -> Self {
        Self { requests, text: "" }
    }

    fn reads(target: String, text: &'static str) -> Self {
        let requests = vec![(target, "")];
        Self { requests, text }
    }

    async fn sees(&self, site: &Site) -> Vec<u16> {
        let mut seen = Vec::new();
        for (target, headers) in &self.requests {
            let Answer { status, body, .. } = site.send(target, headers).await;
            let shown = body.contains(self.text);
            seen.push(if shown { status } else { 0 });
        }
        seen
    }

    /// Each of these configurations comes into force by a reload, and not by being written.
    async fn notices(&self, steps: &[(&Value, &[u16])]) {
        let site = Site::with(steps[0].0.clone()).await;
        assert_eq!(self.sees(&site).await, steps[0].1, "at first");
        for pair in steps.windows(2) {
            let (before, (changes, after)) = (pair[0].1, pair[1]);
            write(&site, changes);
            assert_eq!(self.sees(&site).await, before, "before: {changes}");
            reload(&site).await;
            assert_eq!(self.sees(&site).await, after, "after: {changes}");
        }
        site.stop().await;
    }
}

/// The address of another user.
fn colleague(target: &str) -> String {
    target.replace("944445555666", "944445555667")
}

#[tokio::test]
async fn trusted_proxies_are_those_of_the_last_reload() {
    let rest_api = |proxies: Value| json!({"rest_api": {"authorized_subnets": ["10.20.0.0/16"], "trusted_proxies": proxies}});
    let (nobody, proxy) = (rest_api(json!([])), rest_api(json!(["127.0.0.1"])));
    let behind = "X-Forwarded-For: 10.20.0.1\r\n";
    let phone = Telephone::asks(vec![(look("snom", "term=a"), behind)]);
    phone
        .notices(&[(&nobody, &[403]), (&proxy, &[200]), (&nobody, &[403])])
        .await;
}

#[tokio::test]
async fn limits_are_those_of_the_last_reload() {
    let (own, other) = (look("snom", "term=a"), colleague(&look("snom", "term=a")));
    let phone = Telephone::asks(vec![(own.clone(), ""), (own, ""), (other, "")]);
    let paced = json!([{"subnet": "127.0.0.1", "rate_limit": {"per_phone": "0.01/m", "burst": 2}}]);
    for (limit, seen) in [
        (
            json!({"rest_api": {"authorized_subnets": paced}}),
            [200, 200, 429],
        ),
        (json!({"limits": {"new_users": 1}}), [200, 200, 429]),
    ] {
        phone
            .notices(&[(&json!({}), &[200, 200, 200]), (&limit, &seen)])
            .await;
    }
}

#[tokio::test]
async fn makes_that_are_switched_off_and_on_go_and_come_with_a_reload() {
    let (off, on) = (
        json!({"enabled_plugins": {"snom": false}}),
        json!({"enabled_plugins": {"snom": true}}),
    );
    let target = |make: &str| (look(make, "term=a"), "");
    let phones = Telephone::asks(vec![target("snom"), target("cisco")]);
    let (all, one) = ([200, 200], [404, 200]);
    phones
        .notices(&[(&on, &all), (&off, &one), (&on, &all)])
        .await;
}

#[tokio::test]
async fn language_titles_and_errors_are_those_of_the_last_reload() {
    let form = format!("/0.1/directories/input/default/cisco?xivo_user_uuid={USER}");
    for (target, change, text) in [
        (
            form.clone(),
            json!({"i18n": {"default_locale": "fr"}}),
            "Recherche Wazo",
        ),
        (form, json!({"branding": {"search_title": "Who?"}}), "Who?"),
    ] {
        let phone = Telephone::reads(target, text);
        let steps: [(_, &[u16]); 2] = [(&json!({}), &[0]), (&change, &[200])];
        phone.notices(&steps).await;
    }
    let nobody = look("cisco", "term=a").replace(USER, "nobody");
    let phone = Telephone::asks(vec![(nobody, "")]);
    let screens = json!({"phone_errors": {"mode": "screen"}});
    let steps: [(_, &[u16]); 2] = [(&json!({}), &[404]), (&screens, &[200])];
    phone.notices(&steps).await;
}

#[tokio::test]
async fn results_live_as_long_as_the_last_reload_says() {
    let (off, long) = (
        json!({"cache": {"lookup_ttl": 0}}),
        json!({"cache": {"lookup_ttl": 3600}}),
    );
    let site = Site::with(off).await;
    let searches = async || {
        let before = site.stub.world.searched();
        for _ in 0..3 {
            assert_eq!(site.look("snom", "term=a").await.status, 200);
        }
        site.stub.world.searched() - before
    };
    assert_eq!(searches().await, 3);
    write(&site, &long);
    assert_eq!(searches().await, 3, "nobody has read it");
    reload(&site).await;
    assert_eq!(searches().await, 1);
    site.stop().await;
}

#[tokio::test]
async fn a_request_that_is_under_way_ends_on_the_configuration_that_it_began_with() {
    let site = Site::with(json!({"vendors": {"cisco": {"page_size": 2}}})).await;
    let world = &site.stub.world;
    world.hold.store(true, Ordering::SeqCst);
    let target = look("cisco", "term=a");
    let exchanged = async {
        until(|| world.searched() == 1).await;
        write(
            &site,
            &json!({
                "enabled_plugins": {"cisco": false}, "rest_api": {"authorized_subnets": []},
                "vendors": {"cisco": {"page_size": 1}}, "cache": {"lookup_ttl": 0},
            }),
        );
        reload(&site).await;
        assert_eq!(site.look("cisco", "term=a").await.status, 404);
        assert_eq!(site.look("snom", "term=a").await.status, 403);
        world.hold.store(false, Ordering::SeqCst);
        world.release.notify_waiters();
    };
    let (page, ()) = tokio::join!(site.get(&target), exchanged);
    assert_eq!(page.status, 200);
    assert_eq!(page.body.matches("<Name>Person").count(), 2, "{page:?}");
    site.stop().await;
}

#[tokio::test]
async fn programs_of_the_configuration_are_run_again() {
    let plan = Plan::new(&json!({}));
    let (printed, extra) = (plan.file("printed.yml"), plan.file("conf.d/50-subnets.yml"));
    std::fs::write(&printed, "authorized_subnets: [127.0.0.1]\n").expect("written");
    let program = format!("rest_api: !exec\n  command: cat {}\n", printed.display());
    std::fs::write(&extra, program).expect("written");
    if std::fs::metadata(&extra).expect("a file").uid() != 0 {
        eprintln!("only files of root may name programs; nothing to try");
        return;
    }
    let phoned = plan.start(&["--allow-exec"]).await;
    let status = async || phoned.send(&look("snom", "term=a"), "").await.status;
    assert_eq!(status().await, 200);
    std::fs::write(&printed, "authorized_subnets: [192.0.2.1]\n").expect("written");
    assert_eq!(status().await, 200, "nobody has run it");
    phoned.reload().await;
    assert_eq!(status().await, 403);
    std::fs::write(&printed, "authorized_subnets: [192.0.2.1/99]\n").expect("written");
    let refused = phoned.operate("POST", "/0.1/config/reload").await;
    assert_eq!(refused.json()["details"][0]["file"], json!(extra));
    std::fs::remove_file(&printed).expect("removed");
    let failed = phoned.operate("POST", "/0.1/config/reload").await;
    assert_eq!((refused.status, failed.status), (400, 400));
    assert_eq!(status().await, 403, "as before");
    phoned.stop().await;
}
