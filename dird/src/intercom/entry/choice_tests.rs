//! Which fields are answered: the vectors of the contract, and a naive model over random paths and entries.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::config::Shown;

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("{other} is no object"),
    }
}

fn entry() -> Values {
    Values(object(json!({
        "name": "ABCD",
        "callPos": [{"peer": "1201"}, {"peer": "sip:a@pbx.example", "grouped": true}, {}],
        "access": {"pin": "2580", "code": ["4711", "", "", ""]},
    })))
}

fn chosen(paths: &[&str], shown: Shown, values: &Values) -> String {
    let fields = Choice::of_paths(paths.iter().copied(), shown).fields(values);
    Value::Object(fields).to_string()
}

#[test]
fn the_vectors_of_the_contract() {
    let differing = Choice::differing(Shown::Full).fields(&entry());
    assert_eq!(
        Value::Object(differing).to_string(),
        r#"{"name":"ABCD","callPos":[{"peer":"1201"},{"peer":"sip:a@pbx.example","grouped":true},{}],"access":{"pin":"2580","code":["4711","","",""]}}"#
    );
    let vectors: [(&[&str], &str); 7] = [
        (
            &["callPos[1].grouped"],
            r#"{"callPos":[{},{"grouped":true},{}]}"#,
        ),
        (
            &["callPos[0]"],
            r#"{"callPos":[{"peer":"1201","profiles":"","grouped":false,"ipEye":""},{},{}]}"#,
        ),
        (
            &["access.code[1]"],
            r#"{"access":{"code":["4711","","",""]}}"#,
        ),
        (
            &["access.accessPoints[0].enabled", "access.pin"],
            r#"{"access":{"accessPoints":[{"enabled":true},{}],"pin":"2580"}}"#,
        ),
        (
            &[
                "nope",
                "callPos[9].peer",
                "callPos.zzz",
                "Name",
                "name.x",
                "name[0]",
                "access[0]",
                "a..b",
                "",
            ],
            "{}",
        ),
        (
            &["uuid", "timestamp", "treepath", "deleted"],
            r#"{"deleted":false,"treepath":"/"}"#,
        ),
        (
            &["callPos.peer", "callPos[1].grouped"],
            r#"{"callPos":[{"peer":"1201"},{"peer":"sip:a@pbx.example","grouped":true},{"peer":""}]}"#,
        ),
    ];
    for (paths, expected) in vectors {
        assert_eq!(chosen(paths, Shown::Full, &entry()), expected, "{paths:?}");
    }
}

#[test]
fn secrets_are_answered_as_their_defaults_unless_they_may_be_read() {
    let mut values = entry();
    values.join(Values(object(json!({"access": {
        "pin": "2580", "code": ["4711", "", "", ""], "card": ["ABCDEF", ""], "virtCard": "ABCDEF",
        "mobkey": "m", "fpt": "f", "liftFloors": "3",
    }}))));
    let hidden = Choice::differing(Shown::WriteOnly).fields(&values);
    assert_eq!(hidden["access"], json!({"liftFloors": "3"}));
    let all = Choice::everything(Shown::WriteOnly).fields(&values);
    let empty = Choice::everything(Shown::Full).fields(&Values::default());
    let mut expected = empty["access"].clone();
    expected["liftFloors"] = "3".into();
    assert_eq!(all["access"], expected);
    let off = Choice::everything(Shown::Off).fields(&values);
    assert!(!off.contains_key("access"));
    assert_eq!(chosen(&["access.pin", "access"], Shown::Off, &values), "{}");
}

#[test]
fn the_largest_value_is_named() {
    assert_eq!(entry().largest(), "callPos");
    let mut values = Values::default();
    values.join(Values(object(json!({"access": {"fpt": "x".repeat(500)}}))));
    assert_eq!(values.largest(), "access.fpt");
}

/// A path as the model reads it: does it name this place (of names and indexes), or something above or below it?
fn names(path: &str, place: &[String]) -> bool {
    let wanted: Vec<&str> = path.split('.').collect();
    wanted.len() <= place.len()
        && wanted.iter().zip(place).all(|(wanted, real)| {
            let name = real.split('[').next().unwrap_or_default();
            *wanted == name || wanted == real
        })
}

/// The answer by the naive model: walk the whole entry, keep the leaves that some path names.
fn model(value: &Value, place: &[String], paths: &[String]) -> Option<Value> {
    let named = |place: &[String]| paths.iter().any(|path| names(path, place));
    match value {
        Value::Object(members) => {
            let kept: Map<String, Value> = members
                .iter()
                .filter_map(|(name, value)| {
                    let place = [place, std::slice::from_ref(name)].concat();
                    Some((name.clone(), model(value, &place, paths)?))
                })
                .collect();
            (!kept.is_empty()).then(|| kept.into())
        }
        Value::Array(elements) => {
            let (last, above) = place.split_last()?;
            let element = |index: usize| [above, &[format!("{last}[{index}]")]].concat();
            let kept: Vec<Option<Value>> = elements
                .iter()
                .enumerate()
                .map(|(index, value)| model(value, &element(index), paths))
                .collect();
            if kept.iter().all(Option::is_none) {
                return None;
            }
            if elements.iter().any(Value::is_string) {
                return Some(value.clone());
            }
            let hole = || Value::Object(Map::new());
            Some(
                kept.into_iter()
                    .map(|kept| kept.unwrap_or_else(hole))
                    .collect(),
            )
        }
        leaf => named(place).then(|| leaf.clone()),
    }
}

fn paths() -> impl Strategy<Value = Vec<String>> {
    let path = prop_oneof![
        prop::sample::select(vec![
            "name",
            "callPos",
            "callPos.peer",
            "callPos[0].peer",
            "callPos[1]",
            "callPos[2].grouped",
            "access",
            "access.pin",
            "access.code",
            "access.code[3]",
            "access.card[1]",
            "access.accessPoints.enabled",
            "access.accessPoints[1]",
            "access.accessPoints[1].profiles",
            "treepath",
            "owner",
            "access.validTo",
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,4}(\\[[0-9]\\])?(\\.[a-z]{1,4})?",
    ];
    prop::collection::vec(path, 1..6)
}

fn values() -> impl Strategy<Value = Values> {
    let number = || prop_oneof![Just(String::new()), "[0-9]{2,5}"];
    (
        number(),
        number(),
        any::<bool>(),
        number(),
        any::<bool>(),
        "[a-z]{0,3}",
    )
        .prop_map(|(first, second, grouped, code, enabled, name)| {
            let element = json!({
                "name": name,
                "callPos": [{"peer": first}, {"peer": second, "grouped": grouped}],
                "access": {"code": ["", code], "accessPoints": [{}, {"enabled": enabled}]},
            });
            let input = Input {
                shown: Shown::Full,
                with_uuid: false,
            };
            input.apply(&object(element), &Values::default()).unwrap()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_choice_is_what_the_naive_model_says(paths in paths(), values in values()) {
        let whole = Value::Object(values.whole());
        let expected = model(&whole, &[], &paths).unwrap_or_else(|| json!({}));
        let given = Choice::of_paths(paths.iter().map(String::as_str), Shown::Full).fields(&values);
        prop_assert_eq!(Value::Object(given), expected);
    }

    #[test]
    fn what_differs_is_part_of_everything_and_keeps_its_meaning(values in values()) {
        let everything = Value::Object(Choice::everything(Shown::Full).fields(&values));
        let differing = Choice::differing(Shown::Full).fields(&values);
        prop_assert!(is_part(&Value::Object(differing.clone()), &everything));
        prop_assert_eq!(Values(differing), values);
    }
}

fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|whole| is_part(value, whole))),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len()
                && part
                    .iter()
                    .zip(whole)
                    .all(|(part, whole)| is_part(part, whole))
        }
        (part, whole) => part == whole,
    }
}
