//! How long answers are sent, and to whom.

use futures_util::StreamExt;
use serde_json::json;
use tokio::time::sleep;

use super::*;

/// So many elements of a text this long.
struct Many {
    left: usize,
    length: usize,
}

#[async_trait]
impl Entries for Many {
    async fn read_on(&mut self, text: &mut Text) -> Result<bool, Refusal> {
        if self.left == 0 {
            return Ok(false);
        }
        self.left -= 1;
        text.push(&json!({"name": "x".repeat(self.length), "timestamp": self.left}));
        Ok(true)
    }
}

fn answer(left: usize, length: usize) -> Answer<Many> {
    Answer {
        text: Text::new(Map::new()),
        entries: Many { left, length },
        place: None,
    }
}

/// What is taken of a body with a pause before each piece: bytes, and whether it ended well.
async fn taken(answered: Answered, pause: Duration) -> (usize, bool) {
    let mut pieces = answered.response.into_body().into_data_stream();
    let mut bytes = 0;
    loop {
        sleep(pause).await;
        match pieces.next().await {
            Some(Ok(piece)) => bytes += piece.len(),
            Some(Err(_)) => return (bytes, false),
            None => return (bytes, true),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_comes_whole_to_who_takes_it() {
    let places = Places::default();
    let short = answer(3, 10).send(&places).await.unwrap();
    assert_eq!(
        (short.users, short.first, short.last),
        (3, Some(0), Some(2))
    );
    let long = answer(30, PIECE).send(&places).await.unwrap();
    assert_eq!(places.places.available_permits(), AT_ONCE - 1);
    let (bytes, whole) = taken(long, Duration::from_millis(1)).await;
    assert!(whole && bytes > 30 * PIECE, "{bytes}");
    assert_eq!(places.places.available_permits(), AT_ONCE);
}

#[tokio::test(start_paused = true)]
async fn who_takes_an_answer_slowly_is_cut_off_and_sees_it() {
    let places = Places::default();
    let began = Instant::now();
    for pause in [PATIENCE / 2, PATIENCE * 3] {
        let long = answer(1000, PIECE).send(&places).await.unwrap();
        let (_, whole) = taken(long, pause).await;
        assert!(!whole, "{pause:?}");
        assert_eq!(places.places.available_permits(), AT_ONCE);
    }
    assert!(began.elapsed() < WHOLE * 5);
}

#[tokio::test(start_paused = true)]
async fn a_place_is_waited_for_before_anything_is_read() {
    let places = Places::default();
    assert!(places.take(FEW).await.unwrap().is_none());
    let held = places.take(FEW + 1).await.unwrap();
    let other = places.take(FEW + 1).await.unwrap();
    assert!(matches!(
        places.take(FEW + 1).await,
        Err(Refusal::Rejected(1))
    ));
    assert!(answer(30, PIECE).send(&places).await.is_err());
    let mut waiting = Box::pin(places.take(FEW + 1));
    assert!(futures_util::poll!(&mut waiting).is_pending());
    drop(held);
    assert!(waiting.await.unwrap().is_some());
    drop(other);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_has_its_place_needs_no_other() {
    let places = Places::default();
    let mut own = answer(30, PIECE);
    own.place = places.take(FEW + 1).await.unwrap();
    let _other = places.take(FEW + 1).await.unwrap();
    let long = own.send(&places).await.unwrap();
    assert!(taken(long, Duration::from_millis(1)).await.1);
}
