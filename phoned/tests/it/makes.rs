//! What is particular to one make, over the wire (phoned-vendors.md).

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::{
    gigaset::gigaset,
    site::{Answer, Site, look, request},
    stub::USER,
};

fn input(make: &str) -> String {
    format!("/0.1/directories/input/default/{make}?xivo_user_uuid={USER}")
}

/// dird's answer with these people: name, number, mobile number.
fn people(rows: &[Value]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| json!({"column_values": row}))
        .collect();
    json!({
        "column_headers": ["Name", "Number", "Mobile"],
        "column_types": ["name", "number", "number"],
        "results": rows,
    })
}

async fn rich(make: &str, settings: Value) -> Site {
    let mut settings = settings;
    settings["documents"] = json!("rich");
    Site::with(json!({"vendors": {make: settings}})).await
}

/// The address behind the first mark in a document, as a phone reads it.
fn between(answer: &Answer, from: &str, to: &str) -> String {
    let (_, rest) = answer
        .body
        .split_once(from)
        .unwrap_or_else(|| panic!("no {from}: {}", answer.body));
    rest.split_once(to).expect("an end").0.replace("&amp;", "&")
}

/// Path and query of an address.
fn target(address: &str) -> &str {
    address
        .strip_prefix("http://pbx.example:9498")
        .expect("our address")
}

#[tokio::test]
async fn a_thomson_follows_short_links_and_nobody_else_does() {
    let site = rich("thomson", json!({"short_links": true})).await;
    site.stub.world.people.store(70, Ordering::SeqCst);
    let mut page = site.look("thomson", "term=person").await;
    let mut names = 0;
    let mut seen = Vec::new();
    loop {
        names += page.body.matches("<Telephone>").count();
        let Some((_, last)) = page.body.rsplit_once("</DirectoryEntry>") else {
            panic!("{}", page.body);
        };
        let Some((_, rest)) = last.split_once("<URL>") else {
            break;
        };
        let address = rest.split_once("</URL>").expect("an address").0;
        assert!(address.len() <= 128, "{address}");
        seen.push(target(address).to_owned());
        page = site.get(seen.last().expect("one")).await;
        assert_eq!(page.status, 200, "{page:?}");
    }
    assert_eq!(names, 70);
    assert!(seen[0].starts_with("/0.1/l/"), "{seen:?}");
    for token in ["AAAAAAAAAAA", "x", "../status"] {
        assert_eq!(
            site.get(&format!("/0.1/l/{token}")).await.status,
            404,
            "{token}"
        );
    }
    site.stop().await;
    let site = Site::start().await;
    assert_eq!(site.get(&seen[0]).await.status, 404);
    site.stop().await;
}

#[tokio::test]
async fn a_cisco_page_of_the_rich_kind_is_past_its_date_and_fits_the_screen() {
    let site = rich("cisco", json!({})).await;
    *site.stub.world.answer.lock().expect("no panic") =
        Some(people(&[json!(["Maximiliane van den Overlong", "1", "2"])]));
    let display = "x-CiscoIPPhoneDisplay: 84, 65, 1, G\r\n";
    let target = look("cisco", "term=x");
    let narrow = site.send(&target, display).await;
    assert!(
        narrow.body.contains("<Name>Maximiliane v.</Name>"),
        "{}",
        narrow.body
    );
    assert!(narrow.body.contains("SoftKey:EditDial"));
    assert!(
        narrow.head.contains("expires: thu, 01 jan 1970"),
        "{}",
        narrow.head
    );
    let wide = site.send(&target, "").await;
    assert!(
        wide.body.contains("van den Overlong (mobile)"),
        "{}",
        wide.body
    );
    let form = site.get(&input("cisco")).await;
    assert!(!form.head.contains("expires"), "{}", form.head);
    let error = site
        .send("/0.1/directories/lookup/default/cisco", display)
        .await;
    assert!(error.head.contains("expires"), "{}", error.head);
    site.stop().await;
}

#[tokio::test]
async fn a_cisco_of_old_gets_latin1_when_it_prefers_it() {
    let site = Site::start().await;
    *site.stub.world.answer.lock().expect("no panic") =
        Some(people(&[json!(["Łoś ‘x’ 山", "1", null])]));
    let old = site
        .send(
            &look("cisco", "term=x"),
            "Accept-Charset: iso-8859-1, utf-8;q=0.8\r\n",
        )
        .await;
    assert!(
        old.head
            .contains("content-type: text/xml; charset=iso-8859-1"),
        "{}",
        old.head
    );
    assert!(
        old.body.contains("encoding=\"ISO-8859-1\"")
            && old.body.contains("<Name>Los &#39;x&#39; ?</Name>"),
        "{}",
        old.body
    );
    let new = site.look("cisco", "term=x").await;
    assert!(new.body.contains("Łoś"), "{}", new.body);
    site.stop().await;
}

#[tokio::test]
async fn a_yealink_that_refreshes_is_told_that_nothing_changed() {
    let site = rich("yealink", json!({})).await;
    let first = site.look("yealink", "term=").await;
    let etag = first
        .head
        .lines()
        .find_map(|line| line.strip_prefix("etag: "))
        .expect("an etag")
        .to_owned();
    let same = site
        .send(
            &look("yealink", "term="),
            &format!("If-None-Match: {etag}\r\n"),
        )
        .await;
    assert_eq!((same.status, same.body.as_str()), (304, ""));
    site.stub.world.people.store(600, Ordering::SeqCst);
    let many = site
        .send(
            &look("yealink", "term=p"),
            &format!("If-None-Match: {etag}\r\n"),
        )
        .await;
    assert_eq!(many.status, 200);
    assert_eq!(many.body.matches("<DirectoryEntry>").count(), 501);
    assert!(
        many.body.contains("There are more, please search"),
        "only the end"
    );
    site.stop().await;
}

#[tokio::test]
async fn a_snom_base_downloads_the_whole_directory() {
    let base = "User-Agent: Mozilla/4.0 (compatible; Snom M900 05.20.0001 0004134A0B0C)\r\n";
    let site = Site::with(json!({"vendors": {"snom": {"dect_phonebook": "auto"}}})).await;
    site.stub.world.people.store(3100, Ordering::SeqCst);
    let file = site.send(&input("snom"), base).await;
    assert!(file.body.contains("<IPPhoneDirectory>"), "{}", file.body);
    assert_eq!(file.body.matches("<DirectoryEntry>").count(), 3000);
    let desk = site
        .send(
            &input("snom"),
            "User-Agent: Mozilla/4.0 (compatible; snomD785-SIP 10)\r\n",
        )
        .await;
    assert!(desk.body.contains("<SnomIPPhoneInput>"), "{}", desk.body);
    // The base would keep an error as its directory.
    let unknown = input("snom").replace(USER, "nobody");
    assert_eq!(site.send(&unknown, base).await.status, 404);
    site.stop().await;
    let site = Site::start().await;
    let off = site.send(&input("snom"), base).await;
    assert!(off.body.contains("<SnomIPPhoneInput>"), "{}", off.body);
    site.stop().await;
}

#[tokio::test]
async fn a_grandstream_downloads_its_file_and_keeps_it_when_dird_fails() {
    let site = Site::start().await;
    let file = format!("/0.1/directories/lookup/default/grandstream/{USER}/phonebook.xml");
    let new = format!("/0.1/grandstream/directories/lookup/default/{USER}/phonebook.xml");
    for target in [&file, &new] {
        let book = site.get(target).await;
        assert_eq!(book.body.matches("<Contact>").count(), 3, "{}", book.body);
    }
    site.stub.world.dird_fails.store(500, Ordering::SeqCst);
    let other = file.replace("/default/", "/other/");
    let failed = site
        .send(&other, "User-Agent: Grandstream Model HW GXP2160\r\n")
        .await;
    assert_eq!(failed.status, 503);
    site.stop().await;
}

#[tokio::test]
async fn a_fanvil_gets_both_numbers_in_one_entry_of_the_rich_kind() {
    let site = rich("fanvil-v2", json!({})).await;
    *site.stub.world.answer.lock().expect("no panic") = Some(people(&[json!(["Ada", "1", "2"])]));
    let page = site.look("fanvil-v2", "term=a").await;
    assert_eq!(page.body.matches("<DirectoryEntry>").count(), 1);
    assert!(
        page.body
            .contains("<Telephone>1</Telephone>\n    <Mobile>2</Mobile>"),
        "{}",
        page.body
    );
    site.stop().await;
}

#[tokio::test]
async fn an_aastra_document_is_never_larger_than_the_phone_takes_and_no_row_is_lost() {
    for documents in ["compat", "rich"] {
        let site = Site::with(json!({"vendors": {"aastra": {"documents": documents}}})).await;
        let name = |number: usize| format!("{number:03} {}", "<&é\u{1}>".repeat(60));
        let rows: Vec<Value> = (0..100)
            .map(|number| json!([name(number), "1", null]))
            .collect();
        *site.stub.world.answer.lock().expect("no panic") = Some(people(&rows));
        let (mut shown, mut next) = (Vec::new(), Some(look("aastra", "term=%26x&limit=30")));
        while let Some(address) = next {
            let page = site.get(&address).await;
            let most = if documents == "rich" { 9500 } else { 10_000 };
            assert!(page.body.len() <= most, "{}", page.body.len());
            let items = page.body.split("<Prompt>").skip(1);
            shown.extend(items.filter_map(|item| item[..3].parse::<usize>().ok()));
            next = page.body.rsplit_once("<Prompt>Next Page").map(|(_, rest)| {
                let address = rest
                    .split("<URI>")
                    .nth(1)
                    .and_then(|rest| rest.split("</URI>").next());
                target(&address.expect("an address").replace("&amp;", "&")).to_owned()
            });
        }
        assert_eq!(shown, (0..100).collect::<Vec<_>>(), "{documents}");
        site.stop().await;
    }
}

#[tokio::test]
async fn one_name_that_is_larger_than_a_document_is_cut() {
    let site = Site::start().await;
    let name = format!("{}end", "&".repeat(9000));
    *site.stub.world.answer.lock().expect("no panic") = Some(people(&[json!([name, "1", null])]));
    let page = site.look("aastra", "term=x").await;
    assert!(
        page.body.len() <= 10_000 && page.body.contains("Dial:1"),
        "{}",
        page.body.len()
    );
    assert!(!page.body.contains("end<"));
    site.stop().await;
}

#[tokio::test]
async fn a_snom_form_can_be_of_the_kind_that_old_firmware_knows() {
    let site = Site::with(json!({"vendors": {"snom": {"input_style": "query"}}})).await;
    let form = site.get(&input("snom")).await;
    let parameter = between(&form, "<QueryStringParam>", "</QueryStringParam>");
    let address = between(&form, "<URL>", "</URL>");
    let found = site
        .get(&format!("{}?{parameter}=person", target(&address)))
        .await;
    assert!(found.body.contains("Person 001"), "{}", found.body);
    site.stop().await;
}

#[tokio::test]
async fn makes_answer_to_both_forms_of_their_address_where_the_old_one_exists() {
    let site = Site::start().await;
    for make in [
        "aastra",
        "cisco",
        "fanvil",
        "fanvil-v2",
        "htek",
        "polycom",
        "snom",
        "thomson",
        "yealink",
    ] {
        let new = format!("/0.1/{make}/directories/lookup/default?xivo_user_uuid={USER}&term=a");
        assert_eq!(
            site.get(&new).await.body,
            site.look(make, "term=a").await.body,
            "{make}"
        );
        let menu = site
            .get(&format!(
                "/0.1/{make}/directories/menu/default?xivo_user_uuid={USER}"
            ))
            .await;
        assert_eq!(
            menu.status,
            if make == "cisco" { 200 } else { 404 },
            "{make}"
        );
    }
    let new = format!("/0.1/gigaset/directories/lookup/default/{USER}?set_first=a");
    assert_eq!(
        site.get(&new).await.body,
        site.get(&gigaset("set_first=a")).await.body
    );
    let head = request(site.address, "HEAD", &new, "").await;
    assert!(head.head.contains("content-length: "), "{}", head.head);
    site.stop().await;
}

#[tokio::test]
async fn a_make_that_is_off_has_no_route() {
    let off = json!({"gigaset": false, "aastra": false, "fanvil": false, "grandstream": false});
    let site = Site::with(json!({"enabled_plugins": off})).await;
    for target in [
        gigaset("set_first=a"),
        look("aastra", "term=a"),
        look("fanvil", "term=a"),
        look("fanvil-v2", "term=a"),
        input("fanvil"),
        format!("/0.1/directories/lookup/default/grandstream/{USER}/phonebook.xml"),
    ] {
        assert_eq!(site.get(&target).await.status, 404, "{target}");
    }
    assert_eq!(site.look("cisco", "term=a").await.status, 200);
    site.stop().await;
}

#[tokio::test]
async fn bad_rows_do_not_hide_good_ones_on_any_make() {
    let site = Site::start().await;
    let rows = r#"{"column_headers": ["Name", null, "Mobile"], "column_types": ["name", "number", "number"], "results": [
        {"column_values": [null, "5550101", null]}, {"column_values": ["Half \ud83d name", 5550102, "n/a"]},
        {"column_values": []}, {"column_values": ["Ada", "5550103", "5550104"]}]}"#;
    *site.stub.world.raw.lock().expect("no panic") = Some(rows.to_owned());
    let makes = [
        "aastra",
        "cisco",
        "fanvil",
        "fanvil-v2",
        "htek",
        "polycom",
        "snom",
        "thomson",
        "yealink",
    ];
    let mut pages = Vec::new();
    for make in makes {
        pages.push(site.look(make, "term=x").await);
    }
    pages.push(site.get(&gigaset("set_first=x")).await);
    for page in pages {
        for shown in ["5550101", "Half", "5550102", "Ada", "5550103", "5550104"] {
            assert!(page.body.contains(shown), "{shown}: {}", page.body);
        }
    }
    site.stop().await;
}
