//! Each field of the template: what it takes, what it refuses, and how that is told.

use serde_json::{Map, Value, json};

use super::*;
use crate::config::Shown;

const INPUT: Input = Input {
    shown: Shown::Full,
    with_uuid: false,
};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

fn apply(element: Value, base: &Values) -> Result<Values, Vec<Fault>> {
    INPUT.apply(&object(element), base)
}

/// The kept values after `element` is set on an empty entry.
fn kept(element: &Value) -> Value {
    let values = apply(element.clone(), &Values::default());
    let values = values.unwrap_or_else(|faults| panic!("{element}: {faults:?}"));
    Value::Object(values.0)
}

fn faults(element: &Value) -> Vec<(FaultKind, String)> {
    let refused = apply(element.clone(), &Values::default());
    let refused = refused.expect_err(&element.to_string());
    refused
        .into_iter()
        .map(|fault| (fault.kind, fault.field))
        .collect()
}

/// The element that sets `path` by its nested form.
fn nested(path: &str, value: &Value) -> Value {
    match path.split_once('.') {
        Some((group, member)) => json!({ group: { member: value } }),
        None => json!({ path: value }),
    }
}

/// A field, what it takes and what it refuses.
type Case = (&'static str, Vec<String>, Vec<String>);

fn long(count: usize) -> String {
    "x".repeat(count)
}

fn of_people() -> Vec<Case> {
    vec![
        (
            "owner",
            vec![long(255), "\u{e9}".repeat(255)],
            vec![long(256)],
        ),
        (
            "name",
            vec![long(255)],
            vec![long(256), "a<b".into(), "a>b".into(), "a/b".into()],
        ),
        (
            "photo",
            vec![
                "QUJD".into(),
                "QUI=".into(),
                "QUI".into(),
                "A".repeat(65536),
            ],
            vec!["\u{e9}".into(), "A".repeat(65540), "Q".into()],
        ),
        (
            "email",
            vec!["a@b".into(), "a@b,c@d".into(), "a@b, c@d".into()],
            vec![
                "a".into(),
                "@b".into(),
                "a@".into(),
                "a@b@c".into(),
                "a b@c".into(),
                "a@b,".into(),
            ],
        ),
        (
            "treepath",
            vec!["/x".into(), format!("/{}", long(1022))],
            vec!["x".into(), format!("/{}", long(1023))],
        ),
        (
            "virtNumber",
            vec!["1".into(), "1234567".into()],
            vec!["12345678".into(), "1a".into()],
        ),
        ("deputy", vec![long(255)], vec![long(256)]),
        ("buttons", vec![long(255)], vec![long(256)]),
    ]
}

fn of_doors() -> Vec<Case> {
    vec![
        (
            "access.virtCard",
            vec!["ABCDEF".into(), "A".repeat(32)],
            vec!["ABCDE".into(), "A".repeat(33), "ABCDEG".into()],
        ),
        ("access.mobkey", vec![long(255)], vec![long(256)]),
        ("access.fpt", vec![long(65536)], vec![long(65537)]),
        (
            "access.pin",
            vec!["12".into(), "1".repeat(16)],
            vec!["1".into(), "1".repeat(17), "1x".into()],
        ),
        ("access.licensePlates", vec![long(255)], vec![long(256)]),
        ("access.liftFloors", vec![long(255)], vec![long(256)]),
        (
            "access.validFrom",
            vec!["1".into(), "4294967295".into()],
            vec!["4294967296".into(), "-1".into(), "x".into()],
        ),
        (
            "access.validTo",
            vec!["1".into(), "4294967295".into()],
            vec!["4294967296".into(), "1.5".into()],
        ),
    ]
}

#[test]
fn every_text_takes_what_its_rule_says_and_no_more() {
    for (path, right, wrong) in of_people().into_iter().chain(of_doors()) {
        for text in right {
            let element = nested(path, &text.clone().into());
            assert_eq!(kept(&element), element, "{path}");
        }
        let all = wrong.into_iter().chain(["a\u{1}".into(), "\u{7f}".into()]);
        let all = all
            .map(Value::from)
            .chain([json!([]), json!({}), json!(1.5), json!(true)]);
        for value in all {
            let expected = vec![(FaultKind::Value, path.to_owned())];
            assert_eq!(faults(&nested(path, &value)), expected, "{value}");
        }
        for default in [json!(""), Value::Null] {
            assert_eq!(kept(&nested(path, &default)), json!({}), "{path}");
        }
    }
}

#[test]
fn what_is_kept_may_be_written_in_other_ways() {
    assert_eq!(
        kept(&json!({"access": {"pin": 2580}})),
        json!({"access": {"pin": "2580"}})
    );
    assert_eq!(
        kept(&json!({"access": {"card": ["abcdef"]}})),
        json!({"access": {"card": ["ABCDEF", ""]}})
    );
    assert_eq!(
        kept(&json!({"access": {"validFrom": "007"}})),
        json!({"access": {"validFrom": "7"}})
    );
    assert_eq!(kept(&json!({"access": {"validFrom": 0}})), json!({}));
    assert_eq!(kept(&json!({"treepath": "/"})), json!({}));
    for (given, flag) in [(json!(true), true), (json!("true"), true), (json!(1), true)] {
        let element = json!({"access": {"pairingExpired": given, "accessException": given}});
        let expected = json!({"access": {"pairingExpired": flag, "accessException": flag}});
        assert_eq!(kept(&element), expected);
    }
    for given in [json!(false), json!("false"), json!(0)] {
        let element = json!({"access": {"accessPoints": [{"enabled": given}]}});
        assert_eq!(
            kept(&element),
            json!({"access": {"accessPoints": [{"enabled": false}, {}]}})
        );
    }
    for given in [json!("yes"), json!(2), json!(0.5), json!([]), json!("")] {
        let expected = vec![(FaultKind::Value, "callPos[0].grouped".to_owned())];
        assert_eq!(faults(&json!({"callPos": [{"grouped": given}]})), expected);
    }
}

#[test]
fn members_may_be_named_by_their_paths() {
    let element = json!({"access.pin": "2580", "callPos[1].peer": "1202", "access.code[1]": 4712, "access": {"accessPoints[0].enabled": false}});
    let expected = json!({
        "callPos": [{}, {"peer": "1202"}, {}],
        "access": {"accessPoints": [{"enabled": false}, {}], "pin": "2580", "code": ["", "4712", "", ""]},
    });
    assert_eq!(kept(&element), expected);
    let whole = json!({"callPos[2]": {"profiles": "p"}});
    assert_eq!(
        kept(&whole),
        json!({"callPos": [{}, {}, {"profiles": "p"}]})
    );
}

#[test]
fn objects_merge_by_key_and_arrays_by_index() {
    let base = json!({"callPos": [{"peer": "1"}, {"peer": "2", "grouped": true}, {"peer": "3"}], "access": {"code": ["11", "22", "", ""], "pin": "99"}});
    let base = Values(object(base));
    let element = json!({"callPos": [{}, {"peer": "5"}, null], "access": {"code": [null, "33"]}});
    let merged = apply(element, &base).unwrap();
    let expected = json!({"callPos": [{"peer": "1"}, {"peer": "5", "grouped": true}, {}], "access": {"pin": "99", "code": ["", "33", "", ""]}});
    assert_eq!(Value::Object(merged.0), expected);
    let reset = apply(json!({"callPos": null, "access": null}), &base).unwrap();
    assert_eq!(reset, Values::default());
}

#[test]
fn everything_that_is_wrong_is_told_in_the_order_in_which_it_came() {
    let element = json!({
        "albert": "x", "access": {"pin": "hello", "code": ["666", "test"], "zz": 1}, "recordType": 1, "name": 1.5,
        "callPos": [{"nope": 1}, 7, {}, {}, {}], "highlighting": true, "callPos[9].peer": "1", "callPos.peer": "1",
        "access.code[4]": "11", "name.x": "1", "a..b": 1, "treePath": "/", "access[0]": 1, "card": [],
    });
    let expected = [
        (FaultKind::UnknownName, "albert"),
        (FaultKind::Value, "access.pin"),
        (FaultKind::Value, "access.code[1]"),
        (FaultKind::UnknownName, "access.zz"),
        (FaultKind::Unavailable, "recordType"),
        (FaultKind::Value, "name"),
        (FaultKind::UnknownName, "callPos[0].nope"),
        (FaultKind::Value, "callPos[1]"),
        (FaultKind::Value, "callPos[3]"),
        (FaultKind::Unavailable, "highlighting"),
        (FaultKind::Value, "callPos[9]"),
        (FaultKind::UnknownName, "callPos.peer"),
        (FaultKind::Value, "access.code[4]"),
        (FaultKind::UnknownName, "name.x"),
        (FaultKind::UnknownName, "a..b"),
        (FaultKind::UnknownName, "treePath"),
        (FaultKind::UnknownName, "access[0]"),
        (FaultKind::UnknownName, "card"),
    ];
    assert_eq!(
        faults(&element),
        expected.map(|(kind, field)| (kind, field.to_owned()))
    );
}

#[test]
fn identities_are_no_fields_but_create_checks_the_uuid() {
    assert_eq!(
        kept(&json!({"uuid": 7, "deleted": true, "timestamp": "x"})),
        json!({})
    );
    let create = Input {
        with_uuid: true,
        ..INPUT
    };
    let element = object(json!({"name": 1.5, "uuid": "short", "zz": 1}));
    let refused = create.apply(&element, &Values::default()).unwrap_err();
    let fields: Vec<_> = refused.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["name", "uuid", "zz"]);
    for left_out in [json!(""), Value::Null] {
        let element = object(json!({ "uuid": left_out }));
        assert!(create.apply(&element, &Values::default()).is_ok());
    }
}

#[test]
fn a_validity_ends_after_it_begins() {
    let wrong = |element: Value, base: &Values| apply(element, base).unwrap_err()[0].field.clone();
    let none = Values::default();
    assert_eq!(
        wrong(json!({"access": {"validFrom": 5, "validTo": 5}}), &none),
        "access.validTo"
    );
    let base = apply(json!({"access.validTo": 5}), &none).unwrap();
    assert_eq!(
        wrong(json!({"access.validFrom": 6}), &base),
        "access.validFrom"
    );
    assert_eq!(
        wrong(json!({"access": {"validFrom": 6}}), &base),
        "access.validFrom"
    );
    assert!(apply(json!({"access": {"validFrom": 4}}), &base).is_ok());
    assert!(apply(json!({"access": {"validFrom": 4, "validTo": 0}}), &base).is_ok());
}

#[test]
fn a_wrong_validity_is_told_beside_what_else_is_wrong() {
    let element = json!({"albert": 1, "access.validFrom": 6, "access.validTo": 5, "name": "<"});
    let fields: Vec<String> = faults(&element)
        .into_iter()
        .map(|(_, field)| field)
        .collect();
    assert_eq!(fields, ["albert", "access.validTo", "name"]);
    let base = apply(json!({"access.validTo": 5}), &Values::default()).unwrap();
    let wrong = json!({"access.validFrom": 6, "access.validTo": "soon"});
    let told = apply(wrong, &base).unwrap_err();
    assert_eq!(told.len(), 1, "a value that is none has no order: {told:?}");
}

#[test]
fn without_access_none_of_its_names_is_available() {
    let off = Input {
        shown: Shown::Off,
        ..INPUT
    };
    let element = object(json!({"access": {"pin": "x"}, "access.pin": "1", "name": "N"}));
    let refused = off.apply(&element, &Values::default()).unwrap_err();
    let told: Vec<_> = refused
        .iter()
        .map(|fault| (fault.kind, fault.field.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (FaultKind::Unavailable, "access"),
            (FaultKind::Unavailable, "access.pin")
        ]
    );
}

#[test]
fn a_filled_in_template_sets_nothing() {
    let template = Choice::everything(Shown::Full).fields(&Values::default());
    assert_eq!(kept(&Value::Object(template)), json!({}));
}
