//! The dirds that a search may be sent to, in the order of the configuration, and which of them is believed to answer. Nothing is
//! sent to find that out: one that failed rests for a while, and one search after that is the probe, while the others go by it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use kit::http_client::{ClientError, Upstream};
use reqwest::Client;
use tokio::{sync::Notify, time::timeout};

/// Rest after the first failure; each failed probe doubles it.
const FIRST_REST: Duration = Duration::from_secs(1);
/// Longest rest.
const LONGEST_REST: Duration = Duration::from_secs(30);
/// How long a search waits for the outcome of a probe when there is nobody else to ask.
const PATIENCE: Duration = Duration::from_secs(1);

/// One dird.
pub struct Server {
    /// Its connections.
    pub http: Client,
    /// Its address up to the version.
    pub base: String,
    health: Mutex<Health>,
}

/// What is believed about a dird.
struct Health {
    /// Failures in a row: the first, and one for each failed probe.
    failures: u32,
    /// Until when it rests.
    rests_until: Instant,
    /// Whether a probe is under way.
    probed: bool,
    /// Changes of belief so far; an attempt that began before the last one says nothing new by failing.
    turn: u64,
}

/// All of them; at least one.
pub struct Upstreams {
    servers: Vec<Server>,
    judged: Notify,
}

/// Leave to ask one dird once. Dropped without an outcome it says nothing about the dird.
pub struct Attempt<'a> {
    /// Whom to ask.
    pub server: &'a Server,
    judged: &'a Notify,
    kind: Kind,
    turn: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The dird is believed to answer.
    Ordinary,
    /// The one search that finds out whether it does, after its rest.
    Probe,
    /// The same while it still rests, because there is nobody else to ask.
    Early,
}

/// The dirds for one search, one after the other.
pub struct Round<'a> {
    upstreams: &'a Upstreams,
    next: usize,
    asked: Vec<usize>,
    ended: bool,
}

impl Upstreams {
    /// The dirds at `addresses`; `agent` is our `User-Agent`.
    pub fn new<'a>(
        addresses: impl IntoIterator<Item = &'a Upstream>,
        agent: &str,
    ) -> Result<Self, ClientError> {
        let server = |address: &Upstream| -> Result<Server, ClientError> {
            Ok(Server {
                http: address.client(agent)?,
                base: address.base_url("0.1"),
                health: Mutex::new(Health {
                    failures: 0,
                    rests_until: Instant::now(),
                    probed: false,
                    turn: 0,
                }),
            })
        };
        Ok(Self {
            servers: addresses
                .into_iter()
                .map(server)
                .collect::<Result<_, _>>()?,
            judged: Notify::new(),
        })
    }

    /// Whom a search may ask.
    pub fn round(&self) -> Round<'_> {
        Round {
            upstreams: self,
            next: 0,
            asked: Vec::new(),
            ended: false,
        }
    }

    /// Those that do not rest; if all do, the one that rests least long, alone. For what is no search and no probe.
    pub fn awake(&self) -> Vec<&Server> {
        let now = Instant::now();
        let awake: Vec<&Server> = self
            .servers
            .iter()
            .filter(|server| server.health().rests_until <= now)
            .collect();
        if !awake.is_empty() {
            return awake;
        }
        let next = |server: &&Server| server.health().rests_until;
        self.servers.iter().min_by_key(next).into_iter().collect()
    }

    /// Address, and whether it is believed to answer.
    pub fn health(&self) -> Vec<(&str, bool)> {
        let healthy = |server: &Server| server.health().failures == 0;
        self.servers
            .iter()
            .map(|server| (server.base.as_str(), healthy(server)))
            .collect()
    }

    fn attempt<'a>(&'a self, server: &'a Server, kind: Kind, health: &mut Health) -> Attempt<'a> {
        health.probed |= kind != Kind::Ordinary;
        Attempt {
            server,
            judged: &self.judged,
            kind,
            turn: health.turn,
        }
    }

    /// Leave to ask a dird that answers, or to be the probe of one that has rested.
    fn claim<'a>(&'a self, server: &'a Server) -> Option<Attempt<'a>> {
        let mut health = server.health();
        if health.failures == 0 {
            return Some(self.attempt(server, Kind::Ordinary, &mut health));
        }
        let free = !health.probed && health.rests_until <= Instant::now();
        free.then(|| self.attempt(server, Kind::Probe, &mut health))
    }

    /// Leave to ask the one that rests least long, of those that this search has not `asked` and that nobody probes.
    fn claim_resting(&self, asked: &[usize]) -> Option<Attempt<'_>> {
        let others = self.servers.iter().enumerate();
        let others = others.filter(|(number, _)| !asked.contains(number));
        let free = others.filter(|(_, server)| !server.health().probed);
        let (_, server) = free.min_by_key(|(_, server)| server.health().rests_until)?;
        let mut health = server.health();
        // Another search may have come in between.
        (!health.probed).then(|| self.attempt(server, Kind::Early, &mut health))
    }
}

impl<'a> Round<'a> {
    /// The next one to ask; `None` when nobody is left. Those that rest are asked when all others have failed, and then only one
    /// of them. A search that finds every dird under probe waits a second at most for an outcome.
    pub async fn next(&mut self) -> Option<Attempt<'a>> {
        let mut judged = std::pin::pin!(self.upstreams.judged.notified());
        judged.as_mut().enable();
        if let Some(attempt) = self.believed() {
            return Some(attempt);
        }
        if std::mem::replace(&mut self.ended, true) {
            return None;
        }
        if let Some(attempt) = self.upstreams.claim_resting(&self.asked) {
            return Some(attempt);
        }
        if !self.asked.is_empty() || timeout(PATIENCE, judged).await.is_err() {
            return None;
        }
        self.next = 0;
        self.believed()
    }

    fn believed(&mut self) -> Option<Attempt<'a>> {
        while let Some(server) = self.upstreams.servers.get(self.next) {
            let number = self.next;
            self.next += 1;
            if let Some(attempt) = self.upstreams.claim(server) {
                self.asked.push(number);
                return Some(attempt);
            }
        }
        None
    }
}

impl Server {
    // A panic cannot leave it half changed: nothing in between can fail.
    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// Notes that the dird answered.
    pub fn answered(self) {
        let mut health = self.server.health();
        if health.failures > 0 {
            health.failures = 0;
            health.rests_until = Instant::now();
            health.turn += 1;
            tracing::info!(dird = %self.server.base, "dird answers again");
        }
    }

    /// Notes that it did not answer, or with a fault of its own, and lets it rest.
    pub fn failed(self) {
        let mut health = self.server.health();
        if health.turn != self.turn {
            return;
        }
        // An early probe says nothing about the end of the rest.
        health.failures += u32::from(self.kind != Kind::Early);
        health.rests_until = Instant::now() + rest(health.failures);
        health.turn += 1;
        if health.failures == 1 {
            tracing::warn!(dird = %self.server.base, "dird does not answer");
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.kind != Kind::Ordinary {
            self.server.health().probed = false;
            self.judged.notify_waiters();
        }
    }
}

fn rest(failures: u32) -> Duration {
    FIRST_REST
        .saturating_mul(1 << failures.saturating_sub(1).min(5))
        .min(LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [&str; 2] = ["http://127.0.0.1:1/0.1", "http://127.0.0.1:2/0.1"];

    fn upstreams(count: u16) -> Upstreams {
        let address = |port: u16| -> Upstream {
            serde_json::from_value(serde_json::json!({"host": "127.0.0.1", "port": port}))
                .expect("an upstream")
        };
        let addresses: Vec<Upstream> = (1..=count).map(address).collect();
        Upstreams::new(&addresses, "test").expect("clients")
    }

    /// What a round without answers asks, while nothing is noted.
    async fn asked(upstreams: &Upstreams) -> Vec<&str> {
        let (mut round, mut asked) = (upstreams.round(), Vec::new());
        while let Some(attempt) = round.next().await {
            asked.push(attempt.server.base.as_str());
        }
        asked
    }

    async fn first(upstreams: &Upstreams) -> Attempt<'_> {
        upstreams.round().next().await.expect("somebody to ask")
    }

    /// Ends the rest of the dird with this number.
    fn wake(upstreams: &Upstreams, number: usize) {
        upstreams.servers[number].health().rests_until = Instant::now();
    }

    #[tokio::test]
    async fn one_that_failed_comes_last_until_it_answers() {
        let upstreams = upstreams(2);
        assert_eq!(asked(&upstreams).await, BOTH);
        first(&upstreams).await.failed();
        assert_eq!(asked(&upstreams).await, [BOTH[1], BOTH[0]]);
        wake(&upstreams, 0);
        first(&upstreams).await.answered();
        assert_eq!(asked(&upstreams).await, BOTH);
    }

    #[tokio::test]
    async fn after_its_rest_one_search_probes_and_the_others_go_by() {
        let upstreams = upstreams(2);
        first(&upstreams).await.failed();
        wake(&upstreams, 0);
        let probe = first(&upstreams).await;
        assert_eq!(probe.server.base, BOTH[0]);
        for _ in 0..3 {
            assert_eq!(asked(&upstreams).await, BOTH[1..]);
        }
        probe.failed();
        wake(&upstreams, 0);
        // A probe that was given up leaves its place to the next.
        drop(first(&upstreams).await);
        assert_eq!(first(&upstreams).await.server.base, BOTH[0]);
    }

    #[tokio::test]
    async fn with_all_of_them_down_only_the_next_to_wake_is_tried() {
        let upstreams = upstreams(2);
        upstreams
            .claim(&upstreams.servers[1])
            .expect("leave")
            .failed();
        upstreams
            .claim(&upstreams.servers[0])
            .expect("leave")
            .failed();
        assert_eq!(asked(&upstreams).await, BOTH[1..]);
    }

    #[tokio::test]
    async fn who_finds_all_under_probe_gets_the_outcome() {
        let upstreams = upstreams(1);
        for answers in [false, true] {
            first(&upstreams).await.failed();
            let probe = first(&upstreams).await;
            let mut round = upstreams.round();
            let judge = async {
                tokio::task::yield_now().await;
                if answers {
                    probe.answered();
                } else {
                    probe.failed();
                }
            };
            let (attempt, ()) = tokio::join!(round.next(), judge);
            assert_eq!(attempt.is_some(), answers);
        }
    }

    #[tokio::test]
    async fn failures_that_belong_together_are_one() {
        let upstreams = upstreams(1);
        let server = &upstreams.servers[0];
        let together: Vec<_> = (0..20).map(|_| upstreams.claim(server)).collect();
        together.into_iter().flatten().for_each(Attempt::failed);
        assert_eq!(server.health().failures, 1);
        for _ in 0..20 {
            first(&upstreams).await.failed();
        }
        assert_eq!(server.health().failures, 1, "it was still resting");
        for failures in 2..40 {
            wake(&upstreams, 0);
            first(&upstreams).await.failed();
            assert_eq!(server.health().failures, failures);
        }
        let rest = server.health().rests_until - Instant::now();
        assert!(rest <= LONGEST_REST, "{rest:?}");
    }
}
