//! Whatever is asked, no answer holds an object of a tenant that the token does not see.

use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};

use crate::site::Site;

/// What a token does: creates an object, lists, or reaches for an object of anybody.
#[derive(Debug, Clone)]
enum Step {
    Create {
        alice: bool,
        path: usize,
    },
    List {
        alice: bool,
        path: usize,
        recurse: bool,
    },
    Reach {
        alice: bool,
        object: usize,
        method: usize,
    },
}

const PATHS: [&str; 4] = [
    "/displays",
    "/backends/personal/sources",
    "/profiles",
    "/phonebooks",
];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any::<bool>(), 0..PATHS.len()).prop_map(|(alice, path)| Step::Create { alice, path }),
        (any::<bool>(), 0..PATHS.len(), any::<bool>()).prop_map(|(alice, path, recurse)| {
            Step::List {
                alice,
                path,
                recurse,
            }
        }),
        (any::<bool>(), any::<usize>(), 0..3_usize).prop_map(|(alice, object, method)| {
            Step::Reach {
                alice,
                object,
                method,
            }
        }),
    ]
}

fn body(path: usize, number: usize) -> Value {
    match path {
        0 => json!({"name": format!("d{number}"), "columns": [{"field": "x"}]}),
        1 => json!({"name": format!("s{number}")}),
        2 => json!({"name": format!("p{number}"), "services": {}}),
        _ => json!({"name": format!("b{number}")}),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn no_token_ever_sees_or_changes_a_foreign_object(steps in prop::collection::vec(step(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(play(steps));
    }
}

#[expect(clippy::too_many_lines, reason = "one arm a kind of step")]
async fn play(steps: Vec<Step>) {
    let site = Site::start(json!({})).await;
    let mut objects: Vec<(bool, usize, String)> = Vec::new();
    for (number, step) in steps.into_iter().enumerate() {
        let token = |alice: bool| if alice { &site.alice } else { &site.gina };
        match step {
            Step::Create { alice, path } => {
                let request = site.request(Method::POST, PATHS[path], token(alice));
                let answered = request
                    .body(body(path, number).to_string())
                    .send()
                    .await
                    .unwrap();
                let created: Value = answered.json().await.unwrap();
                objects.push((alice, path, created["uuid"].as_str().unwrap().to_owned()));
            }
            Step::List {
                alice,
                path,
                recurse,
            } => {
                let (_, listed) = site
                    .get(&format!("{}?recurse={recurse}", PATHS[path]), token(alice))
                    .await;
                let mut seen: Vec<&str> = listed["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(|item| item["uuid"].as_str())
                    .collect();
                let own = |object: &&(bool, usize, String)| object.0 == alice && object.1 == path;
                let mut expected: Vec<&str> = objects
                    .iter()
                    .filter(own)
                    .map(|object| object.2.as_str())
                    .collect();
                seen.sort_unstable();
                expected.sort_unstable();
                assert_eq!(seen, expected);
            }
            Step::Reach {
                alice,
                object,
                method,
            } if !objects.is_empty() => {
                let index = object % objects.len();
                let (owner, path, uuid) = objects[index].clone();
                let method = [Method::GET, Method::PUT, Method::DELETE][method].clone();
                let request = site.request(
                    method.clone(),
                    &format!("{}/{uuid}", PATHS[path]),
                    token(alice),
                );
                let status = request
                    .body(body(path, number).to_string())
                    .send()
                    .await
                    .unwrap()
                    .status();
                assert_eq!(
                    status.as_u16() != 404,
                    owner == alice,
                    "{method} of an object of {owner} by {alice}"
                );
                if owner == alice && method == Method::DELETE {
                    objects.remove(index);
                }
            }
            Step::Reach { .. } => {}
        }
    }
}
