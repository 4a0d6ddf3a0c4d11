//! What routes answer while the database or the auth service is away, and that they recover (dird-api.md §3.4, O-31, O-34).

use std::time::Duration;

use dird::error::Family;
use dird::router::enabled_routes;
use e2e::postgres::Cluster;
use futures_util::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::cases::expected::assert_answer;
use crate::cases::{Cases, Made, Reach, all};
use crate::site::{Site, Tokens};
use crate::suite::Trial;

/// How long coming back may take; only what never comes back takes it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server that the test may stop, with a database on it.
async fn own_database() -> (Cluster, String) {
    let started = tokio::task::spawn_blocking(|| {
        let cluster = Cluster::start().unwrap();
        let uri = cluster.database().unwrap();
        (cluster, uri)
    });
    started.await.unwrap()
}

/// Stops or starts the server without blocking the runtime.
async fn control(cluster: Cluster, action: &'static [&'static str]) -> Cluster {
    let done = tokio::task::spawn_blocking(move || {
        cluster.control(action).unwrap();
        cluster
    });
    done.await.unwrap()
}

fn family(cases: &Cases) -> Family {
    let routes = enabled_routes(&dird::api::enabled::Enabled::default());
    let of = |route: &&dird::api::route::Route| {
        format!("{} {}", route.method, route.path) == cases.route
    };
    routes.iter().find(of).unwrap().family
}

/// Routes that read or write what is stored, each with what it needs. A lookup that was made ready before does without the
/// database, so none was.
async fn stored<'a>(site: &'a Site, cases: &'a [Cases]) -> Vec<(Trial<'a>, Made)> {
    let needs_store = |cases: &Cases| !matches!(cases.reach, Reach::Everybody | Reach::Master);
    let mut trials = Vec::new();
    for trial in Trial::of(site, cases, needs_store) {
        let made = trial.make("outage").await;
        trials.push((trial, made));
    }
    trials
}

/// Status and body of every route's own request, all at once.
async fn send_all(trials: &[(Trial<'_>, Made)]) -> Vec<(u16, Value)> {
    let sent = trials
        .iter()
        .map(|(trial, made)| trial.send(made, trial.user()));
    join_all(sent).await
}

#[tokio::test]
async fn routes_say_503_in_their_family_while_the_database_is_away_and_recover() {
    let (cluster, uri) = own_database().await;
    let folder = tempfile::tempdir().unwrap();
    let site = Site::start_on(&uri, folder, Tokens::Wazo, json!({})).await;
    let cases = all();
    let trials = stored(&site, &cases).await;
    let cluster = control(cluster, &["stop", "-m", "fast"]).await;

    for ((trial, made), (status, body)) in trials.iter().zip(send_all(&trials).await) {
        let route = &trial.cases.route;
        assert_eq!(status, 503, "{route}: {body}");
        let expected = match family(trial.cases) {
            Family::Legacy => json!({"reason": ["The database is unavailable"],
                "timestamp": ["<number>"], "status_code": 503}),
            Family::New => json!({"message": "The database is unavailable",
                "error_id": "database-unavailable", "details": {}, "timestamp": "<number>"}),
        };
        assert_answer(route, &body, &expected, made);
    }
    let (status, body) = site.get("/status", &site.alice).await;
    assert_eq!((status, &body["database"]["status"]), (200, &"fail".into()));

    let _cluster = control(cluster, &["start"]).await;
    let back = async {
        while site.get("/displays", &site.alice).await.0 != 200 {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, back).await.unwrap();
    // One after another: some of the requests remove what others list.
    for (trial, made) in &trials {
        let (status, body) = trial.send(made, trial.user()).await;
        let passes = status < 300 || trial.cases.reach == Reach::Elsewhere;
        assert!(passes, "{}: {status} {body}", trial.cases.route);
    }
}

/// The text of an answer with a mark in place of the time.
async fn timeless(answered: reqwest::Response) -> (u16, String) {
    let (status, text) = (answered.status().as_u16(), answered.text().await.unwrap());
    let (before, after) = text.split_once("\"timestamp\":").unwrap();
    let after = after.trim_start_matches(|character: char| "0123456789.".contains(character));
    (status, format!("{before}\"timestamp\":NOW{after}"))
}

#[tokio::test]
async fn every_route_says_letter_for_letter_that_the_auth_service_is_away() {
    let uncached = json!({"auth": {"cache_ttl": 0}});
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("sqlite:{}", folder.path().join("dird.db").display());
    let site = Site::start_on(&uri, folder, Tokens::Wazo, uncached).await;
    let fake = site.auth.as_ref().unwrap();
    let cases = all();
    // The document needs nobody's token; GraphQL says it in its own way.
    let guarded = |cases: &Cases| {
        !cases.route.ends_with("/api/api.yml") && !cases.route.ends_with("/graphql")
    };
    fake.fail(StatusCode::BAD_GATEWAY);
    for trial in Trial::of(&site, &cases, guarded) {
        let answered = trial.request(&trial.nothing(), trial.user()).send();
        let (status, text) = timeless(answered.await.unwrap()).await;
        assert_eq!(status, 503, "{}: {text}", trial.cases.route);
        let expected = match family(trial.cases) {
            Family::Legacy => "{\"reason\":[\"Authentication server unreachable\"],\
                \"timestamp\":NOW,\"status_code\":503}\n"
                .to_owned(),
            Family::New => format!(
                "{{\"message\":\"Authentication server unreachable\",\
                \"error_id\":\"authentication-server-unreachable\",\
                \"details\":{{\"auth_server_host\":\"127.0.0.1\",\"auth_server_port\":{},\
                \"original_error\":\"unexpected status 502\"}},\"timestamp\":NOW}}\n",
                fake.address.port()
            ),
        };
        assert_eq!(text, expected, "{}", trial.cases.route);
    }
    fake.fail(None);
    for trial in Trial::of(&site, &cases, guarded) {
        let made = trial.make("back").await;
        // dird's own token, which some routes need, is asked for again in its own rhythm.
        let answered = async {
            loop {
                let (status, body) = trial.send(&made, trial.user()).await;
                let unreachable = body.to_string().contains("unreachable");
                if status != 503 || !unreachable {
                    return (status, body);
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        let (status, body) = timeout(PATIENCE, answered).await.unwrap();
        let passes = status < 300 || trial.cases.reach == Reach::Elsewhere;
        assert!(passes, "{}: {status} {body}", trial.cases.route);
    }
}
