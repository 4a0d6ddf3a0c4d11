//! Every order in which two writers of a directory and one reader may take their steps gives the reader what was there at one
//! time (intercom-directory.md §7.5). The steps are taken by hand: a writer holds the directory, stamps, and commits or gives
//! up; the reader begins, then reads. The same run must find it if a writer counts before it holds the directory, or if the
//! reader reads at two times.

use std::collections::BTreeMap;
use std::time::Duration;

use dird::identity::Tenant;
use dird::store::model::{PhonebookId, random_id};
use dird::store::{
    EntryChange, EntryReading, EntryWriting, Store, StoreError, Stored, StoredEntry,
};
use e2e::random::Random;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::directories::{Published, entry, tombstone};
use crate::world::World;

on_both_engines!(
    every_order_of_steps_is_read_as_of_one_time,
    a_writer_that_counts_before_it_holds_the_directory_is_found_out,
    a_reader_that_reads_at_two_times_is_found_out,
);

/// Steps of one run: short in the usual tests; `SOAK_ROUNDS` makes it long.
fn steps() -> usize {
    let asked = std::env::var("SOAK_ROUNDS").ok();
    let rounds = asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(1);
    2000 * rounds
}

/// Longest that something may take which nothing hinders.
const PATIENCE: Duration = Duration::from_secs(30);

/// Entries that are written over and over.
const ENTRIES: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// Writers go by a counter that they read before they held the directory.
    NoLock,
    /// The reader begins at one time and reads at another.
    NoSnapshot,
}

/// A directory that is asked for.
type Holding = JoinHandle<Stored<Box<dyn EntryWriting>>>;

/// Where a writer is.
enum Writer {
    Idle,
    /// Waits for the directory, knowing the counter as it was before.
    Waiting(Holding, i64),
    Holding(Box<dyn EntryWriting>, i64),
    Stamped(Box<dyn EntryWriting>, Vec<StoredEntry>),
}

/// Where the reader is.
enum Reader {
    Idle,
    Begun(Box<dyn EntryReading>, BTreeMap<String, StoredEntry>),
}

struct Run {
    store: Store,
    scope: Tenant,
    phonebook: PhonebookId,
    fault: Fault,
    random: Random,
    uuids: Vec<String>,
    writers: [Writer; 2],
    reader: Reader,
    /// What is committed.
    model: BTreeMap<String, StoredEntry>,
    counter: i64,
    /// What the reader has, and up to when.
    copy: BTreeMap<String, StoredEntry>,
    cursor: i64,
}

impl Run {
    async fn begin(&self, after: i64) -> Box<dyn EntryReading> {
        let reading = self.store.read_entries(&self.scope, &self.phonebook, after);
        reading.await.unwrap()
    }

    /// Whether a writer that waits gets the directory, now that the other one has it or does not.
    async fn may_hold(&self, holding: &Holding) -> bool {
        let others = |writer: &Writer| match writer {
            Writer::Idle => false,
            Writer::Waiting(holding, _) => holding.is_finished(),
            Writer::Holding(..) | Writer::Stamped(..) => true,
        };
        let decided = async {
            while !holding.is_finished() {
                if self.writers.iter().any(others) {
                    return false;
                }
                sleep(Duration::from_millis(1)).await;
            }
            true
        };
        timeout(PATIENCE, decided).await.expect("nobody gets it")
    }

    /// One step of somebody who can take one.
    async fn step(&mut self) -> Result<(), String> {
        match self.random.below(3) {
            2 => self.read().await,
            which => self.write(which).await,
        }
    }

    async fn write(&mut self, which: usize) -> Result<(), String> {
        let writer = std::mem::replace(&mut self.writers[which], Writer::Idle);
        self.writers[which] = match writer {
            Writer::Idle => {
                let counter = self.begin(0).await.directory().timestamp;
                let (store, scope) = (self.store.clone(), self.scope.clone());
                let phonebook = self.phonebook.clone();
                let holding =
                    tokio::spawn(async move { store.write_entries(&scope, &phonebook).await });
                Writer::Waiting(holding, counter)
            }
            Writer::Waiting(holding, counter) if !self.may_hold(&holding).await => {
                Writer::Waiting(holding, counter)
            }
            Writer::Waiting(holding, counter) => {
                let held = holding.await.unwrap().unwrap();
                let counter = match self.fault {
                    Fault::NoLock => counter,
                    _ => held.directory().timestamp,
                };
                Writer::Holding(held, counter)
            }
            Writer::Holding(held, counter) => self.stamp(held, counter).await?,
            Writer::Stamped(held, written) => self.end(held, written).await?,
        };
        Ok(())
    }

    /// Writes one or two entries.
    async fn stamp(
        &mut self,
        mut held: Box<dyn EntryWriting>,
        counter: i64,
    ) -> Result<Writer, String> {
        let first = self.random.below(ENTRIES);
        let count = 1 + self.random.below(2);
        let mut changes = Vec::new();
        for (number, timestamp) in (0..count).zip(counter + 1..) {
            let uuid = &self.uuids[(first + number) % ENTRIES];
            let before = held.entries(&[uuid]).await.unwrap().pop();
            let before = before.filter(|entry| !entry.deleted);
            changes.push(match before {
                Some(live) if self.random.below(2) == 0 => tombstone(live, timestamp),
                before => EntryChange {
                    before: before.and_then(|live| live.contact),
                    ..entry(uuid, &format!("name {timestamp}"), timestamp)
                },
            });
        }
        let last = changes[count - 1].entry.timestamp;
        let written = changes.iter().map(|change| change.entry.clone()).collect();
        match held.write(changes, last).await {
            Ok(()) => Ok(Writer::Stamped(held, written)),
            Err(StoreError::Conflict) => Err(format!("{last} was given out before")),
            Err(error) => panic!("{error}"),
        }
    }

    /// Commits, or gives up.
    async fn end(
        &mut self,
        held: Box<dyn EntryWriting>,
        written: Vec<StoredEntry>,
    ) -> Result<Writer, String> {
        if self.random.below(4) == 0 {
            drop(held);
            return Ok(Writer::Idle);
        }
        held.commit().await.unwrap();
        for entry in written {
            if entry.timestamp != self.counter + 1 {
                let (is, counter) = (entry.timestamp, self.counter);
                return Err(format!("{is} was given out after {counter}"));
            }
            self.counter += 1;
            self.model.insert(entry.uuid.clone(), entry);
        }
        Ok(Writer::Idle)
    }

    async fn read(&mut self) -> Result<(), String> {
        let reader = std::mem::replace(&mut self.reader, Reader::Idle);
        let Reader::Begun(mut reading, expected) = reader else {
            let reading = self.begin(self.cursor).await;
            let begun = reading.directory().timestamp;
            if begun != self.counter {
                return Err(format!("read as of {begun}, not {}", self.counter));
            }
            self.reader = Reader::Begun(reading, self.model.clone());
            return Ok(());
        };
        let until = reading.directory().timestamp;
        if self.fault == Fault::NoSnapshot {
            reading = self.begin(self.cursor).await;
        }
        let mut last = self.cursor;
        loop {
            let piece = reading.next().await.unwrap();
            if piece.is_empty() {
                break;
            }
            for entry in piece {
                if entry.timestamp <= last {
                    return Err(format!("{} after {last}", entry.timestamp));
                }
                last = entry.timestamp;
                self.copy.insert(entry.uuid.clone(), entry);
            }
        }
        self.cursor = until;
        if self.copy != expected {
            return Err(format!("as of {until}: {:?}, not {expected:?}", self.copy));
        }
        Ok(())
    }
}

/// Takes very many steps in an order that `seed` decides; what is wrong in what was read.
async fn run(world: World, fault: Fault, seed: u64) -> Result<(), String> {
    let Published {
        world,
        scope,
        phonebook,
        ..
    } = Published::new(world).await;
    let mut run = Run {
        store: world.store.clone(),
        scope,
        phonebook,
        fault,
        random: Random(seed),
        uuids: (0..ENTRIES).map(|_| random_id()).collect(),
        writers: [Writer::Idle, Writer::Idle],
        reader: Reader::Idle,
        model: BTreeMap::new(),
        counter: 0,
        copy: BTreeMap::new(),
        cursor: 0,
    };
    for number in 0..steps() {
        let taken = run.step().await;
        taken.map_err(|wrong| format!("seed {seed}, step {number}: {wrong}"))?;
    }
    Ok(())
}

async fn every_order_of_steps_is_read_as_of_one_time(world: World) {
    run(world, Fault::None, 20_261_126).await.unwrap();
}

async fn a_writer_that_counts_before_it_holds_the_directory_is_found_out(world: World) {
    let found = run(world, Fault::NoLock, 1).await.unwrap_err();
    assert!(found.contains("was given out"), "{found}");
}

async fn a_reader_that_reads_at_two_times_is_found_out(world: World) {
    let found = run(world, Fault::NoSnapshot, 1).await.unwrap_err();
    assert!(found.contains("as of"), "{found}");
}
