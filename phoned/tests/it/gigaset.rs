//! Gigaset bases: the names of callers, search fields, buffers (phoned-vendors.md §8.4).

use std::sync::atomic::Ordering;

use serde_json::json;

use crate::{site::Site, stub::USER};

/// Target of a request of the known user's base.
pub(crate) fn gigaset(parameters: &str) -> String {
    format!("/0.1/directories/lookup/default/gigaset/{USER}?{parameters}")
}

#[tokio::test]
async fn a_gigaset_caller_is_looked_up_by_number_and_never_guessed() {
    let site = Site::start().await;
    for query in [
        "command=get_list&type=pb&hm=%2B33(0)123456789&fn=*&reqsrc=auto&first=1&count=1",
        "type=pb&mb=0033123456789&hm=*&reqsrc=auto",
        "type=pb&hm=0033123456789&set_first=*",
    ] {
        let known = site.get(&gigaset(query)).await;
        assert!(
            known
                .body
                .contains("<ln>van Gault</ln>\n<fn>Fran</fn>\n<hm>0033123456789</hm>"),
            "{}",
            known.body
        );
        assert!(
            known.body.contains("type=\"pb\" total=\"1\""),
            "{}",
            known.body
        );
    }
    let unknown = site.get(&gigaset("type=pb&fx=5559999&reqsrc=auto")).await;
    assert_eq!(
        unknown.body,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<list response=\"get_list\" type=\"pb\" notfound=\"fx\" total=\"0\"/>"
    );
    let searches = site.stub.world.searches.lock().expect("no panic").clone();
    assert_eq!(searches, ["exten=0033123456789", "exten=5559999"]);
    site.stop().await;
}

#[tokio::test]
async fn a_gigaset_caller_is_unknown_when_dird_refuses_and_an_error_when_it_fails() {
    let site = Site::start().await;
    let caller = gigaset("hm=0033123456789&reqsrc=auto");
    let agent = "User-Agent: Gigaset N870 IP PRO/83\r\n";
    site.stub.world.reverse_fails.store(500, Ordering::SeqCst);
    let failed = site.send(&caller, agent).await;
    assert!(
        failed.body.contains("<errorid>6</errorid>"),
        "{}",
        failed.body
    );
    site.stub.world.reverse_fails.store(403, Ordering::SeqCst);
    let refused = site.send(&caller, agent).await;
    assert!(refused.body.contains("notfound=\"hm\""), "{}", refused.body);
    site.stop().await;
    let site = Site::with(json!({"vendors": {"gigaset": {"caller_lookup": false}}})).await;
    let off = site.get(&caller).await;
    assert!(off.body.contains("notfound=\"hm\""), "{}", off.body);
    assert_eq!(site.stub.world.searched(), 0);
    site.stop().await;
}

#[tokio::test]
async fn a_gigaset_search_comes_from_whichever_field_holds_text() {
    let site = Site::start().await;
    for query in [
        "set_first=*ada*&fn=x",
        "fn=ben*&ln=*",
        "fn=cy&ln=*day&hm=*",
        "ln=*&nn=eve&hm=5",
        "hm=*&fn=*&first=1&count=2",
    ] {
        assert_eq!(site.get(&gigaset(query)).await.status, 200, "{query}");
    }
    let searches = site.stub.world.searches.lock().expect("no panic").clone();
    // The fourth holds digits and no set_first: it asks for a caller.
    assert_eq!(
        searches,
        ["term=ada", "term=ben", "term=cy%20day", "exten=5", "term="]
    );
    site.stop().await;
}

#[tokio::test]
async fn a_gigaset_answer_fits_the_buffer_of_its_base() {
    let site = Site::start().await;
    site.stub.world.people.store(200, Ordering::SeqCst);
    let mut shown = Vec::new();
    while shown.len() < 200 {
        let first = shown.len() + 1;
        let answer = site
            .get(&gigaset(&format!(
                "set_first=person&first={first}&limit=2048"
            )))
            .await;
        assert!(answer.body.len() <= 2048, "{}", answer.body.len());
        let names: Vec<String> = answer
            .body
            .split("<ln>")
            .skip(1)
            .map(|rest| rest[..3].to_owned())
            .collect();
        assert!(!names.is_empty());
        let last = format!("first=\"{first}\" last=\"{}\"", shown.len() + names.len());
        assert!(answer.body.contains(&last), "{}", answer.body);
        shown.extend(names);
    }
    let expected: Vec<String> = (1..=200).map(|number| format!("{number:03}")).collect();
    assert_eq!(shown, expected);
    site.stop().await;
}
