//! Importing into phonebooks: all rows or none (dird-api-contacts.md §4, §5).

use serde_json::{Value, json};

use super::{CSV, assert_refused, without_ids};
use crate::cases::expected::NOTHING;
use crate::site::Site;

on_both_engines!(
    what_is_new_is_created_and_the_rest_left_out,
    a_bad_row_means_that_nothing_is_created,
    a_file_that_is_wrong_as_a_whole_is_named_so,
    the_file_is_judged_before_the_phonebook_is_looked_for,
    a_file_of_many_batches_is_one,
);

/// A phonebook's contacts in both APIs.
async fn book(site: &Site, name: &str) -> (String, String) {
    let made = site.create("/phonebooks", &json!({"name": name})).await;
    let new = format!("/phonebooks/{}/contacts", super::text(&made, "uuid"));
    let number = &made["id"];
    let old = format!("/tenants/{}/phonebooks/{number}/contacts", site.tenant_name);
    (new, old)
}

async fn what_is_new_is_created_and_the_rest_left_out(site: Site) {
    let (new, old) = book(&site, "one").await;
    site.contact(&new, &json!({"a": "1", "b": "2"})).await;
    let file = "id,b,a\nx,2,1\nsame,4,3\nsame,6,5\ny,4,3\nz,7\n";
    let created = [
        json!({"b": "4", "a": "3"}),
        json!({"b": "6", "a": "5"}),
        json!({"b": "7", "a": null}),
    ];
    let (status, body) = site.import(&new, CSV, file).await;
    assert_eq!((status, &body["failed"]), (201, &json!([])), "{body}");
    let answered = body["created"].as_array().unwrap().clone();
    assert_eq!(site.items(&new).await[1..], answered);
    assert_eq!(without_ids(answered), created);
    let nothing = json!({"created": [], "failed": []});
    assert_eq!(site.import(&new, CSV, file).await, (201, nothing.clone()));
    assert_eq!(site.import(&old, CSV, file).await, (200, nothing));
    assert_eq!(site.items(&new).await.len(), 4);
}

async fn a_bad_row_means_that_nothing_is_created(site: Site) {
    let (new, old) = book(&site, "one").await;
    for (file, errors) in [
        (
            "a,b\n1,2\nx,y,z,w\n3,4\n5,6,7\n",
            json!([
                {"contact": {"a": "x", "b": "y", "null": ["z", "w"]}, "index": 1,
                    "message": "Contacts cannot have null keys"},
                {"contact": {"a": "5", "b": "6", "null": ["7"]}, "index": 3,
                    "message": "Contacts cannot have null keys"},
            ]),
        ),
        (
            "a,\n1,2\n",
            json!([{"contact": {"a": "1", "": "2"}, "index": 0,
                "message": "Contacts cannot have empty keys"}]),
        ),
        (
            "id\nx\n",
            json!([{"contact": {"id": "x"}, "index": 0, "message": "Contacts cannot be empty"}]),
        ),
    ] {
        let (status, body) = site.import(&new, CSV, file).await;
        assert_eq!(status, 400, "{file:?}: {body}");
        assert_eq!(body["error_id"], "phonebook-contact-import-bad-contacts");
        assert_eq!(body["message"], "failed to create contacts");
        assert_eq!(body["resource"], "contacts");
        assert_eq!(body["details"], json!({"errors": errors}), "{file:?}");
        let answered = site.import(&old, CSV, file).await;
        assert_eq!(answered, (200, json!({"created": [], "failed": errors})));
        assert_eq!(site.items(&new).await, [] as [Value; 0], "{file:?}");
    }
}

async fn a_file_that_is_wrong_as_a_whole_is_named_so(site: Site) {
    let (new, old) = book(&site, "one").await;
    for (file, lines, bytes) in [("", 1, 0), ("firstname\n", 2, 10), ("a\n\n\r\n", 4, 5)] {
        let (status, body) = site.import(&new, CSV, file).await;
        assert_eq!(status, 400, "{body}");
        assert_eq!(body["error_id"], "phonebook-contact-import-empty-file");
        assert_eq!(body["message"], "empty contact import file");
        let details = json!({"line_count": lines, "byte_count": bytes});
        assert_eq!(body["details"], details, "{file:?}");
        let nothing = json!({"created": [], "failed": []});
        assert_eq!(site.import(&old, CSV, file).await, (200, nothing));
    }
    let file = "firstname,b,firstname,b,c\n1,2,3,4,5\n";
    let (status, body) = site.import(&new, CSV, file).await;
    assert_eq!(status, 400, "{body}");
    assert_eq!(
        body["error_id"],
        "phonebook-contact-import-duplicate-columns"
    );
    assert_eq!(body["message"], "duplicate columns: ['firstname', 'b']");
    assert_eq!(body["details"], json!({"duplicates": ["firstname", "b"]}));
    let answered = site.import(&old, CSV, file).await;
    assert_refused(
        "deprecated",
        &answered,
        400,
        "duplicate columns: ['firstname', 'b']",
    );
    assert_eq!(site.items(&new).await, [] as [Value; 0]);
}

async fn the_file_is_judged_before_the_phonebook_is_looked_for(site: Site) {
    let unknown = format!("/phonebooks/{NOTHING}/contacts");
    let (status, body) = site.import(&unknown, CSV, "").await;
    let id = json!("phonebook-contact-import-empty-file");
    assert_eq!((status, &body["error_id"]), (400, &id));
    let answered = site.import(&unknown, CSV, "a\nb\n").await;
    let tenant = &site.tenant;
    let reason = format!("No such phonebook in tenants ['{tenant}']: {{'uuid': '{NOTHING}'}}");
    assert_refused("a good file", &answered, 404, &reason);
}

async fn a_file_of_many_batches_is_one(site: Site) {
    let (new, _) = book(&site, "one").await;
    let rows: Vec<String> = (0..1_200).map(|number| number.to_string()).collect();
    let rows = rows.join("\n0\n") + "\n0\n";
    let (status, body) = site.import(&new, CSV, format!("a\n{rows}x,y\n")).await;
    assert_eq!(status, 400);
    assert_eq!(body["details"]["errors"][0]["index"], 2_400);
    assert_eq!(site.items(&new).await, [] as [Value; 0]);
    let (status, body) = site.import(&new, CSV, format!("a\n{rows}")).await;
    assert_eq!(status, 201);
    let expected: Vec<Value> = (0..1_200)
        .map(|number| json!({"a": number.to_string()}))
        .collect();
    let created = body["created"].as_array().unwrap().clone();
    assert_eq!(without_ids(created), expected);
    assert_eq!(site.contents(&new).await, expected);
}
