//! Importing personal contacts: good rows are taken, bad ones are told (dird-api-contacts.md §1.7).

use std::fmt::Write;

use serde_json::{Value, json};

use super::{CSV, assert_refused, text, without_ids};
use crate::site::Site;

const ALL: &str = "/personal";

on_both_engines!(
    good_rows_are_created_and_bad_ones_told_with_their_line,
    rows_that_are_there_already_have_the_identifier_of_what_is_there,
    a_sent_identifier_is_used_once,
    identifiers_of_another_column_are_only_looked_for,
    a_repeated_column_has_the_value_of_the_last,
    a_file_without_a_good_row_changes_nothing,
    a_file_of_many_batches_is_one,
);

async fn good_rows_are_created_and_bad_ones_told_with_their_line(site: Site) {
    let file = "a,b\n1,2\n3,4,5\n\n6\n\"7\n8\",9\n,\n";
    let (status, body) = site.import(ALL, CSV, file).await;
    assert_eq!(status, 201, "{body}");
    let failed = json!([
        {"errors": ["too many fields"], "line": 3},
        {"errors": ["missing fields"], "line": 5},
    ]);
    assert_eq!(body["failed"], failed);
    let created = [
        json!({"a": "1", "b": "2"}),
        json!({"a": "7\n8", "b": "9"}),
        json!({"a": "", "b": ""}),
    ];
    let answered = body["created"].as_array().unwrap().clone();
    assert_eq!(site.items(ALL).await, answered);
    assert_eq!(without_ids(answered), created);
}

async fn rows_that_are_there_already_have_the_identifier_of_what_is_there(site: Site) {
    let id = site.contact(ALL, &json!({"a": "1", "b": "2"})).await;
    let (status, body) = site.import(ALL, CSV, "b,a\n2,1\n4,3\n4,3\n").await;
    assert_eq!((status, &body["failed"]), (201, &json!([])));
    let created = body["created"].as_array().unwrap();
    assert_eq!(created.len(), 3, "{body}");
    assert_eq!(created[0]["id"], id.as_str());
    assert_eq!(created[1], created[2], "a repeated row is one contact");
    let kept = site.items(ALL).await;
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[1]["id"], created[1]["id"]);
}

async fn a_sent_identifier_is_used_once(site: Site) {
    site.create(ALL, &json!({"id": "taken", "a": "0"})).await;
    let long = "x".repeat(39);
    let file = format!("id,a\nnew,1\ntaken,2\nnew,3\n,4\n{long},5\n");
    let (status, body) = site.import(ALL, CSV, file).await;
    assert_eq!(status, 201, "{body}");
    let failed = json!([
        {"errors": ["contact \"taken\" already exist"], "line": 3},
        {"errors": ["contact \"new\" already exist"], "line": 4},
        {"errors": ["an id has at most 38 characters"], "line": 6},
    ]);
    assert_eq!(body["failed"], failed);
    assert_eq!(body["created"][0], json!({"id": "new", "a": "1"}));
    assert_eq!(text(&body["created"][1], "id").len(), 36);
    assert_eq!(
        site.contents(ALL).await,
        [json!({"a": "0"}), json!({"a": "1"}), json!({"a": "4"})]
    );
}

async fn identifiers_of_another_column_are_only_looked_for(site: Site) {
    site.create(ALL, &json!({"id": "taken", "a": "0"})).await;
    let file = "uuid,a\ntaken,1\nfree,2\nfree,3\n";
    let (status, body) = site.import(ALL, CSV, file).await;
    assert_eq!(status, 201, "{body}");
    let failed = json!([{"errors": ["contact \"taken\" already exist"], "line": 2}]);
    assert_eq!(body["failed"], failed);
    let created = [
        json!({"uuid": "free", "a": "2"}),
        json!({"uuid": "free", "a": "3"}),
    ];
    assert_eq!(
        without_ids(body["created"].as_array().unwrap().clone()),
        created
    );
    // Beside a column of identifiers it is a field like any other.
    let (status, body) = site.import(ALL, CSV, "id,uuid\n,taken\n").await;
    assert_eq!((status, &body["failed"]), (201, &json!([])));
}

async fn a_repeated_column_has_the_value_of_the_last(site: Site) {
    let (status, body) = site.import(ALL, CSV, "a,b,a\n1,2,3\n").await;
    assert_eq!(status, 201, "{body}");
    assert_eq!(site.contents(ALL).await, [json!({"a": "3", "b": "2"})]);
}

async fn a_file_without_a_good_row_changes_nothing(site: Site) {
    for file in ["", "\n\r\n", "a,b\n", "a,b\n\n\n"] {
        let answered = site.import(ALL, CSV, file).await;
        assert_refused(file, &answered, 400, "No contact found");
    }
    for (file, failed) in [
        (
            "a\n1,2\n",
            json!([{"errors": ["too many fields"], "line": 2}]),
        ),
        (
            "a,b\n1\n",
            json!([{"errors": ["missing fields"], "line": 2}]),
        ),
        (
            "a,\n1,2\n",
            json!([{"errors": ["\"\" is a forbidden in keys"], "line": 2}]),
        ),
    ] {
        let (status, body) = site.import(ALL, CSV, file).await;
        assert_eq!((status, &body["reason"]), (400, &failed), "{file:?}");
        assert_eq!(body["status_code"], 400);
    }
    assert_eq!(site.items(ALL).await, [] as [Value; 0]);
}

async fn a_file_of_many_batches_is_one(site: Site) {
    let mut file = "a\n".to_owned();
    for number in 0..1_200 {
        writeln!(file, "{number}").unwrap();
        if number % 600 == 0 {
            file.push_str("0\nx,y\n");
        }
    }
    let (status, body) = site.import(ALL, CSV, file.clone()).await;
    assert_eq!(status, 201);
    let failed = json!([
        {"errors": ["too many fields"], "line": 4},
        {"errors": ["too many fields"], "line": 606},
    ]);
    assert_eq!(body["failed"], failed);
    let created = body["created"].as_array().unwrap();
    assert_eq!(created.len(), 1_202);
    assert_eq!(
        (&created[1], &created[602]),
        (&created[0], &created[0]),
        "of other batches too"
    );
    let kept = site.contents(ALL).await;
    let expected: Vec<Value> = (0..1_200)
        .map(|number| json!({"a": number.to_string()}))
        .collect();
    assert_eq!(kept, expected);
    // What breaks in a late batch takes back the early ones.
    site.delete(ALL).await;
    let mut broken = file.into_bytes();
    broken.extend(b"\xff\n");
    let (status, _) = site.import(ALL, CSV, broken).await;
    assert_eq!(status, 400);
    assert_eq!(site.items(ALL).await, [] as [Value; 0]);
}
