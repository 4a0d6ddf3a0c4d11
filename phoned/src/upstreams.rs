//! The dirds that a search may be sent to, in the order of the configuration, and which of them is believed to answer. Nothing is
//! sent to find that out: one that failed rests for a while, and the next search after that is the probe.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use kit::http_client::{ClientError, Upstream};
use reqwest::Client;

/// Rest after the first failure; each further one doubles it.
const FIRST_REST: Duration = Duration::from_secs(1);
/// Longest rest.
const LONGEST_REST: Duration = Duration::from_secs(30);

/// One dird.
pub struct Server {
    /// Its connections.
    pub http: Client,
    /// Its address up to the version.
    pub base: String,
    /// Failures in a row.
    failures: AtomicU32,
    /// Until when it rests, in milliseconds since `Upstreams::start`.
    rests_until: AtomicU64,
}

/// All of them; at least one.
pub struct Upstreams {
    servers: Vec<Server>,
    start: Instant,
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
                failures: AtomicU32::new(0),
                rests_until: AtomicU64::new(0),
            })
        };
        Ok(Self {
            servers: addresses
                .into_iter()
                .map(server)
                .collect::<Result<_, _>>()?,
            start: Instant::now(),
        })
    }

    /// Whom to ask, one after the other: those that do not rest; if all do, the one that rests least long, alone.
    pub fn candidates(&self) -> Vec<&Server> {
        let now = self.now();
        let rests = |server: &&Server| server.rests_until.load(Ordering::Relaxed) > now;
        let awake: Vec<&Server> = self
            .servers
            .iter()
            .filter(|server| !rests(server))
            .collect();
        if !awake.is_empty() {
            return awake;
        }
        let next = |server: &&Server| server.rests_until.load(Ordering::Relaxed);
        self.servers.iter().min_by_key(next).into_iter().collect()
    }

    /// Notes that `server` answered.
    pub fn answered(&self, server: &Server) {
        if server.failures.swap(0, Ordering::Relaxed) > 0 {
            server.rests_until.store(0, Ordering::Relaxed);
            tracing::info!(dird = %server.base, "dird answers again");
        }
    }

    /// Notes that `server` did not answer, or with a fault of its own, and lets it rest.
    pub fn failed(&self, server: &Server) {
        let failures = server.failures.fetch_add(1, Ordering::Relaxed);
        let rest = FIRST_REST
            .saturating_mul(1 << failures.min(5))
            .min(LONGEST_REST);
        let until = self.now().saturating_add(millis(rest));
        server.rests_until.store(until, Ordering::Relaxed);
        if failures == 0 {
            tracing::warn!(dird = %server.base, "dird does not answer");
        }
    }

    /// Address, and whether the last search that it got was answered.
    pub fn health(&self) -> Vec<(&str, bool)> {
        let healthy = |server: &Server| server.failures.load(Ordering::Relaxed) == 0;
        self.servers
            .iter()
            .map(|server| (server.base.as_str(), healthy(server)))
            .collect()
    }

    fn now(&self) -> u64 {
        millis(self.start.elapsed())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams(ports: &[u16]) -> Upstreams {
        let address = |port: &u16| -> Upstream {
            serde_json::from_value(serde_json::json!({"host": "127.0.0.1", "port": port}))
                .expect("an upstream")
        };
        let addresses: Vec<Upstream> = ports.iter().map(address).collect();
        Upstreams::new(&addresses, "test").expect("clients")
    }

    fn asked(upstreams: &Upstreams) -> Vec<&str> {
        upstreams
            .candidates()
            .into_iter()
            .map(|server| server.base.as_str())
            .collect()
    }

    #[test]
    fn one_that_failed_is_left_out_until_it_answers() {
        let upstreams = upstreams(&[1, 2]);
        let both = ["http://127.0.0.1:1/0.1", "http://127.0.0.1:2/0.1"];
        assert_eq!(asked(&upstreams), both);
        upstreams.failed(&upstreams.servers[0]);
        assert_eq!(asked(&upstreams), both[1..]);
        upstreams.answered(&upstreams.servers[0]);
        assert_eq!(asked(&upstreams), both);
    }

    #[test]
    fn with_all_of_them_down_only_the_next_to_wake_is_tried() {
        let upstreams = upstreams(&[1, 2]);
        upstreams.failed(&upstreams.servers[1]);
        upstreams.failed(&upstreams.servers[0]);
        upstreams.failed(&upstreams.servers[0]);
        assert_eq!(asked(&upstreams), ["http://127.0.0.1:2/0.1"]);
    }

    #[test]
    fn rests_grow_and_are_bounded() {
        let upstreams = upstreams(&[1]);
        let server = &upstreams.servers[0];
        for _ in 0..40 {
            upstreams.failed(server);
        }
        let rest = server.rests_until.load(Ordering::Relaxed) - upstreams.now();
        assert!(rest <= millis(LONGEST_REST), "{rest}");
    }
}
