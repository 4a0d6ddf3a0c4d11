//! What a check against the allowlist costs, whatever its length: the search itself, without a request around it.

use std::fmt::Write;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use anyhow::{Context, Result};
use kit::prefixes::Prefixes;
use kit::subnet::parse_entry;

const SIZES: [u32; 3] = [10, 10_000, 100_000];
/// Checks that are timed together.
const CHECKS: u32 = 500_000;
/// Rounds, of which the fastest counts: the others were disturbed.
const ROUNDS: u32 = 5;
const FIRST: u32 = 0x0a00_0000;

/// The table, in Markdown.
pub(crate) fn table() -> Result<String> {
    let mut text = String::from("\n| Allowlist entries | ns per check |\n|--:|--:|\n");
    for size in SIZES {
        let prefixes = prefixes(size)?;
        let rounds = (0..ROUNDS).map(|_| nanoseconds(&prefixes, size));
        let fastest = rounds.fold(f64::INFINITY, f64::min);
        writeln!(text, "| {size} | {fastest:.0} |")?;
    }
    Ok(text)
}

/// Subnets side by side, every second with a narrower one in it.
fn prefixes(size: u32) -> Result<Prefixes> {
    let entry = |number: u32| {
        let address = Ipv4Addr::from_bits(FIRST + (number / 2) * 256);
        let length = if number.is_multiple_of(2) { 24 } else { 28 };
        let net = parse_entry(&format!("{address}/{length}")).context("no subnet")?;
        Ok((net, number))
    };
    let nets = (0..size).map(entry).collect::<Result<Vec<_>>>()?;
    Ok(Prefixes::new(nets))
}

fn nanoseconds(prefixes: &Prefixes, size: u32) -> f64 {
    let mut state = 1u32;
    let started = Instant::now();
    for _ in 0..CHECKS {
        // Addresses in no order, so that memory is not read ahead; half of them are in no entry.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let address = FIRST + (state >> 4) % (size * 256);
        black_box(prefixes.find(IpAddr::V4(Ipv4Addr::from_bits(address))));
    }
    started.elapsed().as_secs_f64() * 1e9 / f64::from(CHECKS)
}
