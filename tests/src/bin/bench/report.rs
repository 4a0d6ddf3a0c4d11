//! The tables, in Markdown.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use anyhow::Result;
use e2e::load::Measured;

use crate::world::World;

/// One measured row.
pub(crate) struct Line {
    /// What was asked.
    pub name: &'static str,
    /// Contacts in the phonebook.
    pub contacts: u32,
    /// Kept-alive connections.
    pub connections: usize,
    /// The daemon.
    pub measured: Measured,
    /// The bare server, same bytes, same connections.
    pub yardstick: Measured,
}

/// One daemon of one site.
struct Process {
    name: &'static str,
    contacts: u32,
    ready: Duration,
    idle_kib: u64,
    loaded_kib: u64,
}

/// Everything measured in a run.
pub(crate) struct Report {
    duration: Duration,
    lines: Vec<Line>,
    processes: Vec<Process>,
    imports: Vec<String>,
}

impl Report {
    /// An empty report of runs that last so long each.
    pub(crate) fn new(duration: Duration) -> Self {
        Self {
            duration,
            lines: Vec::new(),
            processes: Vec::new(),
            imports: Vec::new(),
        }
    }

    /// Adds rows.
    pub(crate) fn lines(&mut self, lines: Vec<Line>) {
        self.lines.extend(lines);
    }

    /// Notes start-up time and memory before any load.
    pub(crate) fn idle(&mut self, world: &World) {
        for (daemon, idle_kib) in [&world.site.dird, &world.site.phoned]
            .into_iter()
            .zip(world.idle_kib)
        {
            self.processes.push(Process {
                name: daemon.name,
                contacts: world.contacts,
                ready: daemon.ready_after,
                idle_kib,
                loaded_kib: 0,
            });
        }
    }

    /// Notes the files that were imported.
    pub(crate) fn imports(&mut self, world: &World) {
        for file in world.book().into_iter().flat_map(|book| &book.imported) {
            let count = f64::from(u32::try_from(file.contacts).unwrap_or(u32::MAX));
            let rate = count / file.took.as_secs_f64();
            let size = file.bytes / 1024;
            self.imports.push(format!(
                "| {} | {size} | {:.2} | {rate:.0} | {:.0} | {:.0} | {} | {:.1} |",
                file.contacts,
                file.took.as_secs_f64(),
                file.singly,
                rate / file.singly,
                file.growth_kib,
                quotient(file.growth_kib, size),
            ));
        }
    }

    /// Notes memory after the rows of a site.
    pub(crate) fn after_load(&mut self, world: &World) -> Result<()> {
        for daemon in [&world.site.dird, &world.site.phoned] {
            let loaded = daemon.resident_kib()?;
            let of_it = |process: &&mut Process| {
                process.name == daemon.name && process.contacts == world.contacts
            };
            if let Some(process) = self.processes.iter_mut().find(of_it) {
                process.loaded_kib = loaded;
            }
        }
        Ok(())
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        writeln!(
            f,
            "{cores} cores shared by daemons and load generator, {:?} per figure: the middle one of three rounds, daemon and bare server in turn.\n",
            self.duration
        )?;
        writeln!(
            f,
            "| Request | Contacts | Connections | Requests/s | p50 ms | p99 ms | Errors | Bare hyper/s | Ratio |"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|--:|--:|--:|--:|")?;
        for line in &self.lines {
            line.fmt(f)?;
        }
        writeln!(
            f,
            "\n| Imported | File KiB | Seconds | Contacts/s | One by one/s | Ratio | RSS growth KiB | × file |"
        )?;
        writeln!(f, "|--:|--:|--:|--:|--:|--:|--:|--:|")?;
        for import in &self.imports {
            writeln!(f, "{import}")?;
        }
        writeln!(
            f,
            "\n| Daemon | Contacts | Start to healthy ms | RSS idle MB | RSS after load MB |"
        )?;
        writeln!(f, "|---|--:|--:|--:|--:|")?;
        for process in &self.processes {
            process.fmt(f)?;
        }
        Ok(())
    }
}

fn quotient(one: u64, other: usize) -> f64 {
    let as_float = |number: u64| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    as_float(one) / as_float(other as u64)
}

impl Display for Line {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            contacts,
            connections,
            measured,
            yardstick,
        } = self;
        let ratio = measured.per_second / yardstick.per_second;
        write!(
            f,
            "| {name} | {contacts} | {connections} | {:.0} ",
            measured.per_second
        )?;
        write!(
            f,
            "| {} | {} ",
            milliseconds(measured.p50_us),
            milliseconds(measured.p99_us)
        )?;
        writeln!(
            f,
            "| {} | {:.0} | {ratio:.2} |",
            measured.errors + yardstick.errors,
            yardstick.per_second
        )
    }
}

impl Display for Process {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            contacts,
            ready,
            idle_kib,
            loaded_kib,
        } = self;
        let (idle, loaded) = (idle_kib / 1024, loaded_kib / 1024);
        writeln!(
            f,
            "| {name} | {contacts} | {} | {idle} | {loaded} |",
            ready.as_millis()
        )
    }
}

/// Microseconds as milliseconds.
pub(crate) fn milliseconds(micros: u64) -> String {
    format!("{}.{:02}", micros / 1000, micros % 1000 / 10)
}
