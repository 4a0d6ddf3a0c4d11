//! What memory did for phones is counted, once each time (phoned.md §16.4). The daemon is a process of its own here, so that the
//! counts can be exact.

use std::{collections::BTreeMap, net::SocketAddr, sync::atomic::Ordering};

use futures_util::future::{join, join_all};
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::{
    changes::PATIENCE,
    process::{POLL, Plan, Process},
    site::{look, request},
    stub::{STRANGER, USER},
};

type Counts = BTreeMap<String, u64>;

/// The counts of memory, by `cache result`, and of the phones that were let in.
async fn counts(monitor: SocketAddr) -> (Counts, u64) {
    let figures = request(monitor, "GET", "/metrics", "").await.body;
    let number = |text: &str| text.parse().expect("a number");
    let memory = |line: &str| {
        let line = line.strip_prefix("phoned_cache_total{cache=\"")?;
        let (labels, count) = line.split_once("\"} ")?;
        Some((labels.replace("\",result=\"", " "), number(count)))
    };
    let allowed = "phoned_access_total{decision=\"allow\",label=\"phones\"} ";
    let allowed = figures.lines().find_map(|line| line.strip_prefix(allowed));
    let counts = figures.lines().filter_map(memory).collect();
    (counts, allowed.map_or(0, number))
}

/// A process whose counts are looked at.
struct Counted {
    phoned: Process,
    monitor: SocketAddr,
}

impl Counted {
    /// One whose results serve for so many seconds.
    async fn start(life: u32) -> Self {
        let [port] = e2e::ports::free().expect("a free port");
        let plan = Plan::new(&json!({
            "metrics": {"port": port}, "cache": {"lookup_ttl": life, "empty_ttl": life},
            "rest_api": {"authorized_subnets": [{"subnet": "127.0.0.1", "label": "phones"}]},
        }));
        Self {
            phoned: plan.start(&[]).await,
            monitor: ([127, 0, 0, 1], port).into(),
        }
    }

    /// Each of `names` is raised by one by `asked`, and nothing else is.
    async fn raises(&self, names: &[&str], asked: impl Future<Output = ()>) {
        let mut expected = counts(self.monitor).await.0;
        asked.await;
        for name in names {
            *expected.entry((*name).to_owned()).or_default() += 1;
        }
        assert_eq!(counts(self.monitor).await.0, expected, "{names:?}");
    }

    async fn look(&self, parameters: &str) {
        let answer = self.phoned.send(&look("cisco", parameters), "").await;
        assert_eq!(answer.status, 200, "{parameters}: {answer:?}");
    }

    /// A search for what is not there: in the place of `there`.
    async fn ask(&self, there: &str, elsewhere: &str) {
        let target = look("cisco", "term=a").replace(there, elsewhere);
        assert_eq!(self.phoned.send(&target, "").await.status, 404);
    }

    async fn operate(&self, token: &str, status: u16) {
        let headers = format!("X-Auth-Token: {token}\r\n");
        let answer = self.phoned.send("/0.1/config", &headers).await;
        assert_eq!(answer.status, status, "{token}");
    }
}

#[tokio::test]
async fn what_memory_says_is_counted_by_what_it_is() {
    let counted = Counted::start(3600).await;
    let world = &counted.phoned.plan.stub.world;
    let look = |parameters| counted.look(parameters);
    let first = look("term=a");
    counted.raises(&["user miss", "lookup miss"], first).await;
    counted.raises(&["document hit"], look("term=a")).await;
    let page = look("term=a&limit=1");
    counted.raises(&["user hit", "lookup hit"], page).await;

    world.people.store(0, Ordering::SeqCst);
    let empty = look("term=b");
    counted.raises(&["user hit", "lookup miss"], empty).await;
    let page = look("term=b&limit=1");
    counted.raises(&["user hit", "lookup negative"], page).await;
    for known in [false, true] {
        let nowhere = counted.ask("/default/", "/nowhere/");
        let result = if known {
            "profile negative"
        } else {
            "lookup miss"
        };
        counted.raises(&["user hit", result], nowhere).await;
        let stranger = counted.ask(USER, STRANGER);
        let result = if known { "user negative" } else { "user miss" };
        counted.raises(&[result], stranger).await;
    }

    let operate = |token, status| counted.operate(token, status);
    counted
        .raises(&["token miss"], operate("operator", 200))
        .await;
    counted
        .raises(&["token hit"], operate("operator", 200))
        .await;
    for _ in 0..2 {
        counted.raises(&["token miss"], operate("weak", 401)).await;
    }
    counted.phoned.stop().await;
}

#[tokio::test]
async fn help_in_bad_times_is_counted() {
    let counted = Counted::start(0).await;
    let world = &counted.phoned.plan.stub.world;
    let look = |parameters| counted.look(parameters);
    let first = look("term=a");
    counted.raises(&["user miss", "lookup miss"], first).await;
    world.dird_fails.store(500, Ordering::SeqCst);
    for _ in 0..2 {
        let old = look("term=a");
        let raised = ["user hit", "lookup miss", "lookup stale"];
        counted.raises(&raised, old).await;
    }
    counted.phoned.stop().await;
}

#[tokio::test]
async fn searches_that_join_another_are_counted() {
    const CROWD: u64 = 20;
    let counted = Counted::start(3600).await;
    let world = &counted.phoned.plan.stub.world;
    world.hold.store(true, Ordering::SeqCst);
    // Each asks for another page, so that only the search is shared.
    let targets = (1..=CROWD).map(|limit| format!("term=a&limit={limit}"));
    let targets: Vec<String> = targets.collect();
    let crowd = join_all(targets.iter().map(|target| counted.look(target)));
    let release = async {
        while world.searched() == 0 || counts(counted.monitor).await.1 < CROWD {
            sleep(POLL).await;
        }
        world.hold.store(false, Ordering::SeqCst);
        world.release.notify_waiters();
    };
    timeout(PATIENCE, join(crowd, release))
        .await
        .expect("pages");
    let (counts, _) = counts(counted.monitor).await;
    let count = |name: &str| counts.get(name).copied().unwrap_or_default();
    assert_eq!(count("lookup miss"), 1, "{counts:?}");
    // One that was let in may still have been on its way to the others.
    let joined = count("lookup coalesced");
    assert!(joined > 0, "{counts:?}");
    assert_eq!(joined + count("lookup hit"), CROWD - 1, "{counts:?}");
    counted.phoned.stop().await;
}
