//! Following dird's stream of changes, so that an edit shows at once and in its own tenant only (phoned.md §14). It is a help,
//! never a need: while dird refuses it or is away, results end with their time, and dird is asked again ever less often.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use kit::auth_client::BackOff;
use reqwest::Response;
use serde::Deserialize;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    cache::canonical,
    dird_client::{DirdClient, NotFollowed},
    outdated::Outdated,
    tally,
};

/// Longest silence: dird says several times as often that nothing has happened.
const SILENCE: Duration = Duration::from_secs(30);
/// A stream that lasted as long was no failure.
const SETTLED: Duration = Duration::from_secs(60);
/// Longest line of an event, in bytes.
const LONGEST_LINE: usize = 4096;

/// How an attempt to follow ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// dird does not tell us.
    Refused,
    /// No dird answers, or the stream broke after so long.
    Broken(Duration),
}

/// The rests between attempts: up to an hour while dird refuses, up to a minute while it is away.
#[derive(Debug)]
struct Rests {
    refused: BackOff,
    broken: BackOff,
}

impl Default for Rests {
    fn default() -> Self {
        Self {
            refused: BackOff::new(Duration::from_mins(1), Duration::from_hours(1)),
            broken: BackOff::new(Duration::from_secs(1), Duration::from_mins(1)),
        }
    }
}

impl Rests {
    fn after(&mut self, ended: Ended) -> Duration {
        match ended {
            Ended::Refused => self.refused.after_failure(),
            Ended::Broken(lasted) => {
                if lasted >= SETTLED {
                    self.refused.reset();
                    self.broken.reset();
                }
                self.broken.after_failure()
            }
        }
    }
}

/// Follows dird's changes until `stop`, and notes in `outdated` what they concern.
pub async fn follow(dird: Arc<DirdClient>, outdated: Arc<Outdated>, stop: CancellationToken) {
    let mut follower = Follower {
        dird,
        outdated,
        last: None,
    };
    let following = async {
        let mut rests = Rests::default();
        let mut before = None;
        loop {
            let ended = follower.attempt().await;
            if ended == Ended::Refused && before != Some(Ended::Refused) {
                tracing::info!(
                    "dird does not tell what changes; results serve as long as they may"
                );
            }
            before = Some(ended);
            sleep(rests.after(ended)).await;
        }
    };
    stop.run_until_cancelled(following).await;
}

struct Follower {
    dird: Arc<DirdClient>,
    outdated: Arc<Outdated>,
    /// The last event that was told, from which to go on.
    last: Option<String>,
}

impl Follower {
    async fn attempt(&mut self) -> Ended {
        let stream = match self.dird.changes(self.last.as_deref()).await {
            Ok(stream) => stream,
            Err(NotFollowed::Refused) => return Ended::Refused,
            Err(NotFollowed::Unreachable) => return Ended::Broken(Duration::ZERO),
        };
        let opened = Instant::now();
        self.outdated.set_followed(true);
        self.read(stream).await;
        self.outdated.set_followed(false);
        Ended::Broken(opened.elapsed())
    }

    /// Reads events until there are no more.
    async fn read(&mut self, mut stream: Response) {
        let mut lines = Lines::default();
        while let Ok(Ok(Some(chunk))) = timeout(SILENCE, stream.chunk()).await {
            for event in lines.take(&chunk) {
                self.told(event);
            }
            if lines.partial.len() > LONGEST_LINE {
                tracing::warn!("dird's stream of changes is not understood");
                return;
            }
        }
    }

    fn told(&mut self, event: Event) {
        if let Some(data) = &event.data {
            let place = serde_json::from_str(data).unwrap_or_default();
            tally::changed(apply(&self.outdated, &event.kind, &place));
        }
        self.last = event.id.or(self.last.take());
    }
}

/// Where something has changed.
#[derive(Debug, Default, Deserialize)]
struct Place {
    tenant_uuid: Option<String>,
    user_uuid: Option<String>,
}

/// Notes what an event concerns. One of a kind that we do not know concerns its tenant, or everything.
fn apply(outdated: &Outdated, kind: &str, place: &Place) -> &'static str {
    match (kind, &place.tenant_uuid, &place.user_uuid) {
        // Phones show no favourites.
        ("favorites", ..) => "favorites",
        ("contacts", _, Some(user)) => {
            outdated.user(&canonical(user));
            "contacts"
        }
        ("reload", ..) | (_, None, _) => {
            outdated.everything();
            "reload"
        }
        (kind, Some(tenant), _) => {
            outdated.tenant(&canonical(tenant));
            if kind == "contacts" {
                "contacts"
            } else {
                "configuration"
            }
        }
    }
}

/// An event as it came; without data it only says how far the stream has come.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    id: Option<String>,
    kind: String,
    data: Option<String>,
}

/// Makes events of chunks, which may end anywhere.
#[derive(Debug, Default)]
struct Lines {
    partial: Vec<u8>,
    event: Event,
}

impl Lines {
    fn take(&mut self, chunk: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        for byte in chunk {
            if *byte != b'\n' {
                self.partial.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.partial);
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches('\r');
            if line.is_empty() {
                events.push(std::mem::take(&mut self.event));
            } else {
                self.line(line);
            }
        }
        events
    }

    fn line(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
        match field {
            "id" => self.event.id = Some(value),
            "event" => self.event.kind = value,
            "data" => self.event.data = Some(value),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attempts in an hour that all end as `ended`.
    fn attempts(ended: Ended) -> usize {
        let mut rests = Rests::default();
        let mut passed = Duration::ZERO;
        std::iter::from_fn(|| {
            let now = passed;
            passed += rests.after(ended);
            (now < Duration::from_hours(1)).then_some(())
        })
        .count()
    }

    #[test]
    fn dird_is_asked_ever_less_often_while_it_refuses_or_is_away() {
        // At once, then after 1, 2, 4, 8 and 16 minutes and half an hour, each give or take a fifth.
        assert!((5..=8).contains(&attempts(Ended::Refused)));
        let away = attempts(Ended::Broken(Duration::ZERO));
        assert!((50..=90).contains(&away), "{away}");
    }

    #[test]
    fn a_stream_that_lasted_is_opened_again_at_once() {
        let mut rests = Rests::default();
        for _ in 0..10 {
            rests.after(Ended::Broken(Duration::ZERO));
            rests.after(Ended::Refused);
        }
        assert!(rests.after(Ended::Broken(SETTLED)) < Duration::from_secs(2));
        assert!(rests.after(Ended::Refused) < Duration::from_secs(80));
    }

    #[test]
    fn events_are_read_wherever_their_chunks_end() {
        let stream =
            "retry: 2000\n\nid: a:1\nevent: contacts\ndata: {\"x\": 1}\n\nid: a:2\n\n: c\r\n\r\n";
        let event = |id: Option<&str>, kind: &str, data: Option<&str>| Event {
            id: id.map(str::to_owned),
            kind: kind.to_owned(),
            data: data.map(str::to_owned),
        };
        let expected = [
            event(None, "", None),
            event(Some("a:1"), "contacts", Some("{\"x\": 1}")),
            event(Some("a:2"), "", None),
            event(None, "", None),
        ];
        for size in 1..stream.len() {
            let mut lines = Lines::default();
            let chunks = stream.as_bytes().chunks(size);
            let events: Vec<Event> = chunks.flat_map(|chunk| lines.take(chunk)).collect();
            assert_eq!(events, expected, "{size}");
        }
    }

    #[test]
    fn an_event_concerns_its_user_its_tenant_or_everything() {
        let concerned = |kind: &str, data: &str| {
            let outdated = Outdated::default();
            let before = outdated.moment();
            let counted = apply(&outdated, kind, &serde_json::from_str(data).expect("JSON"));
            let of = |user, tenant| outdated.since(before, user, tenant);
            (counted, of("u", "t"), of("x", "t"), of("x", "y"))
        };
        let (tenant, user) = (
            r#"{"tenant_uuid": "t"}"#,
            r#"{"tenant_uuid": "t", "user_uuid": "u"}"#,
        );
        for (kind, data, expected) in [
            ("contacts", user, ("contacts", true, false, false)),
            ("contacts", tenant, ("contacts", true, true, false)),
            (
                "configuration",
                tenant,
                ("configuration", true, true, false),
            ),
            ("favorites", user, ("favorites", false, false, false)),
            ("reload", "{}", ("reload", true, true, true)),
            ("new", tenant, ("configuration", true, true, false)),
            ("new", "{}", ("reload", true, true, true)),
        ] {
            assert_eq!(concerned(kind, data), expected, "{kind} {data}");
        }
    }
}
