//! Copies of answers, on a paused clock.

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::tests::{Script, asker, guard, search};
use super::*;

const KEEPING: f64 = 10.0;
const FORGIVING: f64 = 60.0;

fn keeping(personal: bool) -> (Arc<Guarded>, Arc<Script>, Outside) {
    let script = Arc::new(Script::default());
    let outside = Outside::new(CancellationToken::new());
    let cache = json!({"cache": {"ttl": KEEPING, "stale_if_error": FORGIVING}});
    let guarded = guard(&script, &cache, personal, &outside);
    (guarded, script, outside)
}

async fn pass(seconds: f64) {
    tokio::time::advance(Duration::from_secs_f64(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_given_again_for_its_time_and_no_longer() {
    let (guarded, script, _) = keeping(false);
    assert_eq!(search(&guarded, "x").await, Ok(1));
    pass(KEEPING - 0.1).await;
    assert_eq!(search(&guarded, "x").await, Ok(1));
    assert_eq!(script.asked(), 1);
    assert_eq!(search(&guarded, "y").await, Ok(1));
    assert_eq!(script.asked(), 2, "another term is another question");
    pass(0.2).await;
    assert_eq!(search(&guarded, "x").await, Ok(1));
    assert_eq!(script.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_stands_in_for_a_failure_and_its_age_is_told() {
    let (guarded, script, _) = keeping(false);
    search(&guarded, "x").await.unwrap();
    script.fails(Some(RemoteError::Refused));
    pass(30.0).await;
    assert_eq!(search(&guarded, "x").await, Ok(1));
    let health = guarded.health().unwrap();
    assert_eq!(health.stale, Some(Duration::from_secs(30)));
    assert_eq!(health.answered, Some(Duration::from_secs(30)));
    assert_eq!(health.error, Some(RemoteError::Refused.to_string()));
    assert!(search(&guarded, "y").await.is_err(), "there is no copy");
    pass(KEEPING + FORGIVING).await;
    assert!(search(&guarded, "x").await.is_err(), "it is too old");
    script.fails(None);
    pass(1.0).await;
    assert_eq!(search(&guarded, "x").await, Ok(1));
    let health = guarded.health().unwrap();
    assert_eq!((health.stale, health.error), (None, None));
    assert_eq!(health.stale_answers, 1);
}

#[tokio::test(start_paused = true)]
async fn an_old_answer_comes_at_once_while_the_remote_is_left_alone() {
    let (guarded, script, _) = keeping(false);
    search(&guarded, "x").await.unwrap();
    script.takes(Duration::from_secs(60));
    pass(KEEPING).await;
    for _ in 0..3 {
        assert_eq!(search(&guarded, "x").await, Ok(1));
    }
    let started = Instant::now();
    assert_eq!(search(&guarded, "x").await, Ok(1));
    assert_eq!(started.elapsed(), Duration::ZERO);
    assert_eq!(guarded.health().unwrap().standing, Standing::Resting);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_not_covered_up() {
    let (guarded, script, _) = keeping(false);
    search(&guarded, "x").await.unwrap();
    script.fails(Some(RemoteError::Status(403)));
    pass(KEEPING).await;
    assert!(search(&guarded, "x").await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_personal_answer_is_for_its_asker_alone() {
    for (personal, expected) in [(true, 2), (false, 1)] {
        let (guarded, script, _) = keeping(personal);
        guarded.search("x", &asker("one")).await.unwrap();
        guarded.search("x", &asker("other")).await.unwrap();
        guarded.search("x", &asker("one")).await.unwrap();
        assert_eq!(script.asked(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_opened_again_starts_without_copies() {
    let (guarded, script, outside) = keeping(false);
    search(&guarded, "x").await.unwrap();
    let cache = json!({"cache": {"ttl": KEEPING}});
    let again = guard(&script, &cache, false, &outside);
    search(&again, "x").await.unwrap();
    assert_eq!(script.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_bounded_in_bytes() {
    let (guarded, script, outside) = keeping(false);
    let term = "x".repeat(1 << 20);
    for number in 0..200 {
        search(&guarded, &format!("{number}{term}")).await.unwrap();
    }
    assert_eq!(script.asked(), 200);
    outside.copies().settle().await;
    let (count, bytes) = outside.kept();
    assert!(count > 10 && bytes > 20 << 20, "{count}, {bytes}");
    assert!(bytes <= 64 << 20, "{bytes}");
}
