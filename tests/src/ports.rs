//! Ports for the servers of the tests, each handed out once.
//!
//! A port that the kernel picks (by binding to port 0) is gone again before its daemon starts: any connection to
//! anywhere may get it meanwhile. These lie below the ports that the kernel picks from, and are shared out among the
//! processes that test at the same time in blocks. Whoever listens on the first port of a block owns the rest of it, so
//! a block is free again with the end of its process, however that ends.

use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

/// Above the usual ports of installed services, below those that the kernel gives to connections.
const PORTS: Range<u16> = 12_000..32_000;

/// As many as a process takes at a time.
const BLOCK: u16 = 200;

/// What this process may hand out.
struct Block {
    /// Its first port, which says whose it is.
    _held: TcpListener,
    rest: Range<u16>,
}

static BLOCKS: Mutex<Vec<Block>> = Mutex::new(Vec::new());

fn listen(port: u16) -> Option<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()
}

/// A block that belongs to nobody.
fn take() -> Result<Block> {
    let mut firsts = PORTS.step_by(usize::from(BLOCK));
    let held = firsts.find_map(|first| Some((listen(first)?, first)));
    let (held, first) = held.context("every block of ports is taken")?;
    Ok(Block {
        _held: held,
        rest: first + 1..first + BLOCK,
    })
}

/// `N` different ports on loopback that nothing listens on, and that nobody else is given while this process lives.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    let mut blocks = BLOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut ports = [0; N];
    for chosen in &mut ports {
        *chosen = loop {
            let next = blocks.last_mut().and_then(|block| block.rest.next());
            match next {
                Some(port) if listen(port).is_some() => break port,
                Some(_) => {}
                None => blocks.push(take()?),
            }
        };
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_port_is_handed_out_once_and_only_if_nobody_listens_on_it() {
        let mut seen = HashSet::new();
        for _ in 0..BLOCK {
            let [one, two] = free().expect("ports");
            assert!(PORTS.contains(&one) && PORTS.contains(&two));
            assert!(seen.insert(one) && seen.insert(two), "{one} or {two} again");
        }
        let [before] = free().expect("a port");
        let busy: Vec<_> = (before + 1..before + 4).filter_map(listen).collect();
        assert!(!busy.is_empty());
        for listener in &busy {
            seen.insert(listener.local_addr().expect("an address").port());
        }
        let next: [u16; 8] = free().expect("ports");
        assert!(next.iter().all(|port| !seen.contains(port)), "{next:?}");
    }
}
