//! A program follows the directory of door stations (intercom-directory.md §7.2) while four others write it: two through its
//! functions, one over REST, one by imports. dird is killed under them and started again, and its database is set back to a
//! copy of a while ago, once with nothing said about it and once as docs/operations.md wants it. In the end the follower's
//! copy is what is in the database.
//!
//! `SOAK_ROUNDS` sets how many sites are followed on each engine; one by default.

mod desk;
mod follower;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Error, Result, ensure};
use e2e::daemon::Daemon;
use e2e::database::Database;
use e2e::postgres::Cluster;
use e2e::site::{PATIENCE, Plan};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use desk::{Desk, Stage};
use follower::Follower;
use writer::{Trade, Writer};

/// Who writes.
const WRITERS: [Trade; 4] = [
    Trade::Functions,
    Trade::Functions,
    Trade::Rest,
    Trade::Imports,
];
/// Acknowledged changes of each writer before dird is killed.
const ENOUGH: usize = 6;
/// How often dird is killed before its database is set back, and after.
const KILLS: usize = 2;
/// Between two looks at what others do.
const PAUSE: Duration = Duration::from_millis(20);

/// How a database is set back.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// dird was stopped; that its database is another one it sees by itself.
    Noticed,
    /// dird was killed, and is told.
    Told,
}

const WAYS: [Way; 2] = [Way::Noticed, Way::Told];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_of_sqlite_ends_with_what_is_there() -> Result<()> {
    for round in 1..=rounds() {
        let plan = Plan::demo()?;
        let database = Database::Sqlite(plan.file("dird.db"));
        let story = Story::begin(plan, database, round).await?;
        story
            .run()
            .await
            .with_context(|| format!("round {round}"))?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_of_postgres_ends_with_what_is_there() -> Result<()> {
    for round in 1..=rounds() {
        let made = tokio::task::spawn_blocking(|| Cluster::shared().database());
        let database = Database::Postgres(made.await??);
        let story = Story::begin(Plan::demo()?, database, round).await?;
        story
            .run()
            .await
            .with_context(|| format!("round {round}"))?;
    }
    Ok(())
}

fn rounds() -> u64 {
    let asked = std::env::var("SOAK_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

/// A site whose directory is written and followed.
struct Story {
    plan: Plan,
    database: Database,
    dird: Daemon,
    desk: Desk,
    stage: Arc<Stage>,
    follower: JoinHandle<Result<Follower>>,
    writers: Vec<JoinHandle<Result<Writer>>>,
}

impl Story {
    async fn begin(mut plan: Plan, database: Database, round: u64) -> Result<Self> {
        plan.dird["db_uri"] = json!(database.uri());
        plan.dird["intercom"] = json!({
            "enabled": true, "transport": "any", "access": "full", "state_directory": plan.file("state"),
            "limits": {"requests": 1_000_000, "burst": 1_000_000},
        });
        let demo = plan.load().await?;
        let tenant = &demo.people.first().context("nobody")?.0;
        let key = [
            "key", "create", "door", "--acl", "dird.#", "--tenant", tenant,
        ];
        let key = plan.dird(&key).await?;
        ensure!(key.status == Some(0), "no key: {}", key.output);
        let published = plan.dird(&["intercom", "list"]).await?.output;
        let phonebook = published
            .lines()
            .next()
            .and_then(|line| line.split('\t').next());
        let phonebook = phonebook.context("no directory")?;
        let dird = plan.start_dird().await?;
        let port = plan.dird["rest_api"]["port"].as_u64().context("no port")?;
        let address = ([127, 0, 0, 1], u16::try_from(port)?).into();
        let desk = Desk::new(address, key.output.trim(), phonebook);
        let shared = desk
            .ask("create", &json!({"users": [{"name": "everybody's"}]}))
            .await?;
        let shared = shared["users"][0]["uuid"].as_str().context("no entry")?;
        let stage = Arc::new(Stage::new(WRITERS.len()));
        let follower = Follower::default().follow(desk.line(), Arc::clone(&stage));
        let writers = WRITERS.iter().enumerate().map(|(number, &trade)| {
            let writer = Writer::new((number, trade), shared, round);
            tokio::spawn(writer.write(desk.line(), Arc::clone(&stage)))
        });
        Ok(Self {
            follower: tokio::spawn(follower),
            writers: writers.collect(),
            plan,
            database,
            dird,
            desk,
            stage,
        })
    }

    async fn run(mut self) -> Result<()> {
        if let Err(error) = self.happens().await {
            return Err(self.why(error).await);
        }
        self.end(WAYS.len()).await
    }

    /// If a client gave up, that is why.
    async fn why(self, error: Error) -> Error {
        let counts = format!("{error:#}; changes {:?}", self.stage.counts());
        if self.follower.is_finished()
            && let Ok(Err(cause)) = self.follower.await
        {
            return cause.context(counts);
        }
        for writer in self.writers.into_iter().filter(JoinHandle::is_finished) {
            if let Ok(Err(cause)) = writer.await {
                return cause.context(counts);
            }
        }
        error.context(counts)
    }

    async fn happens(&mut self) -> Result<()> {
        for way in WAYS {
            self.kill_again_and_again().await?;
            let copy = self.plan.file(&format!("{way:?}.backup"));
            self.database.back_up(&copy).await?;
            self.kill_again_and_again().await?;
            let restored = self.restore(&copy, way).await;
            restored.with_context(|| format!("{way:?}"))?;
        }
        self.kill_again_and_again().await
    }

    /// Kills dird under its clients, who go on where they were.
    async fn kill_again_and_again(&mut self) -> Result<()> {
        let (series, mut last) = self.desk.standing().await?;
        // Until then dird cannot tell that it left the directory in this series.
        self.until(|story| story.marked().contains(&series)).await?;
        for _ in 0..KILLS {
            self.progress().await?;
            self.dird.signal(Signal::SIGKILL)?;
            self.dird.ended(PATIENCE).await?;
            self.dird = self.plan.start_dird().await?;
            let (now, counter) = self.desk.standing().await?;
            ensure!(now == series, "a kill ended the series");
            ensure!(counter > last, "the counter went from {last} to {counter}");
            last = counter;
        }
        self.progress().await
    }

    /// Sets the database back to `copy`. What was there last is gone then, and the follower is told to read anew.
    async fn restore(&mut self, copy: &std::path::Path, way: Way) -> Result<()> {
        let (series, _) = self.desk.standing().await?;
        let lost = json!({"users": [{"name": "lost"}]});
        let lost = self.desk.ask("create", &lost).await?["users"][0]["uuid"].clone();
        match way {
            Way::Noticed => self.dird.signal(Signal::SIGTERM)?,
            Way::Told => self.dird.signal(Signal::SIGKILL)?,
        }
        self.dird.ended(PATIENCE).await?;
        self.database.restore(copy).await?;
        // Whatever the writers know is not so any more.
        self.stage.forget();
        if let Way::Told = way {
            let told = self
                .plan
                .dird(&["intercom", "rotate-series", "--all"])
                .await?;
            ensure!(told.status == Some(0), "{}", told.output);
        }
        self.dird = self.plan.start_dird().await?;
        let (now, _) = self.desk.standing().await?;
        ensure!(now != series, "the series goes on");
        let gone = self
            .desk
            .ask("get", &json!({"users": [{ "uuid": lost }]}))
            .await?;
        let code = &gone["users"][0]["errors"][0]["code"];
        ensure!(code == "EDIR_UUID_DOES_NOT_EXIST", "not set back: {gone}");
        Ok(())
    }

    /// What dird keeps outside of its database about its directories.
    fn marked(&self) -> String {
        std::fs::read_to_string(self.plan.file("state/intercom.mark")).unwrap_or_default()
    }

    /// Waits until every writer has written a while, and the follower has followed.
    async fn progress(&self) -> Result<()> {
        let before = self.stage.counts();
        self.until(|story| {
            let now = story.stage.counts();
            now.iter()
                .zip(&before)
                .all(|(now, before)| *now >= before + ENOUGH)
        })
        .await
    }

    async fn until(&self, holds: impl Fn(&Self) -> bool) -> Result<()> {
        let waiting = async {
            while !holds(self) {
                let given_up = self.writers.iter().any(JoinHandle::is_finished);
                ensure!(
                    !given_up && !self.follower.is_finished(),
                    "somebody gave up"
                );
                sleep(PAUSE).await;
            }
            Ok(())
        };
        timeout(PATIENCE, waiting)
            .await
            .context("nothing goes on")?
    }

    async fn end(self, restores: usize) -> Result<()> {
        self.stage.end();
        let mut writers = Vec::new();
        for writer in self.writers {
            writers.push(writer.await??);
        }
        self.stage.nobody_writes();
        let follower = self.follower.await??;
        ensure!(
            follower.anew == restores,
            "read anew {} times",
            follower.anew
        );
        let all = self.desk.ask("query", &json!({"fields": []})).await?;
        ensure!(all["timestamp"] == follower.cursor, "not at the end");
        let live = all["users"].as_array().context("no users")?.iter();
        let live: Vec<&Value> = live.filter(|one| one["deleted"] == false).collect();
        let copy: Vec<&Value> = follower.by_timestamp();
        ensure!(copy == live, "copied {copy:#?}, there {live:#?}");
        let (shown, stored) = (follower.as_rows(), self.desk.stored(&self.database).await?);
        ensure!(shown == stored, "copied {shown:#?}, stored {stored:#?}");
        let (shown, listed) = (follower.as_contacts(), self.desk.listed().await?);
        ensure!(shown == listed, "copied {shown:#?}, listed {listed:#?}");
        for writer in writers {
            writer.finds_its_own_in(&follower.copy)?;
        }
        ensure!(self.dird.stop(PATIENCE).await?.success());
        Ok(())
    }
}
