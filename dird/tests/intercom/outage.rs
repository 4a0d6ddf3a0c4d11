//! The database goes away, and comes back (intercom-directory.md §3.3).

use e2e::postgres::Cluster;
use futures_util::future::join_all;
use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};

use crate::world::{Plan, error_of, method_of, read};

#[tokio::test]
async fn without_the_database_every_function_says_when_to_try_again() {
    let (plan, cluster) = Plan::on_a_server().await;
    let door = plan.open().await;
    door.create(json!({"name": "before"})).await;
    let cluster = control(cluster, &["stop", "-m", "fast"]).await;
    let functions = ["template", "create", "update", "delete", "get", "query"];
    let asked = functions.map(|function| {
        let request = door.request(method_of(function), &format!("/api/dir/{function}"));
        request
            .body(json!({"users": [{"name": "meanwhile"}]}).to_string())
            .send()
    });
    for (answer, function) in join_all(asked).await.into_iter().zip(functions) {
        let answer = answer.unwrap();
        assert_eq!(answer.headers()[RETRY_AFTER], "1", "{function}");
        let (status, told) = read(answer).await;
        assert_eq!((status, error_of(&told).0), (503, 14), "{function}");
        let description = &told["error"]["description"];
        assert_eq!(description, "processing error", "no cause is told");
    }
    let cluster = control(cluster, &["start"]).await;
    let names = loop {
        let answer = door.ask("query", &json!({})).await;
        if let Some(users) = answer["result"]["users"].as_array() {
            break users
                .iter()
                .map(|one| one["name"].clone())
                .collect::<Vec<Value>>();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(names, ["before"]);
    tokio::task::spawn_blocking(|| cluster.end())
        .await
        .unwrap()
        .unwrap();
}

async fn control(cluster: Cluster, action: &'static [&'static str]) -> Cluster {
    let done = tokio::task::spawn_blocking(move || {
        cluster.control(action).unwrap();
        cluster
    });
    done.await.unwrap()
}
