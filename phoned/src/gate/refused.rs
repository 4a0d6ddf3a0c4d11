//! Whom the gate refused lately, for operators who ask why a phone gets 403 (phoned.md §16.3), and how often that is logged
//! (§16.5).

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use indexmap::IndexMap;
use ipnet::IpNet;
use kit::clock;

use super::signature::Flaw;

/// Addresses remembered; the one not seen for longest leaves.
const MOST: usize = 1000;
/// Seconds between two lines about one subnet.
const PAUSE: i64 = 60;
/// Subnets whose lines are counted.
const MOST_SUBNETS: usize = 1000;

/// Why somebody was refused, as metrics call it (phoned.md §16.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// In no entry.
    NotListed,
    /// In an entry that denies.
    Denied,
    /// In an entry for other makes.
    Vendor,
    /// A trusted proxy named nobody that can be read.
    BadForwarded,
}

impl Reason {
    /// The word in metrics and answers.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotListed => "not_listed",
            Self::Denied => "denied",
            Self::Vendor => "vendor",
            Self::BadForwarded => "bad_forwarded",
        }
    }
}

/// The refusals of one address.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// First time, in seconds since the epoch.
    pub first: i64,
    /// Last time.
    pub last: i64,
    /// How many.
    pub count: u64,
    /// Why the last one.
    pub reason: Reason,
    /// Make of the last route that was asked; `None` = a route of machines.
    pub vendor: Option<String>,
}

/// The refusals of late.
#[derive(Debug, Default)]
pub struct RefusedRing {
    addresses: Mutex<IndexMap<IpAddr, Refused>>,
    logged: Lines,
    links: Lines,
}

/// When subnets had their last line, and how often something was left out since.
#[derive(Debug, Default)]
struct Lines(Mutex<IndexMap<IpNet, (i64, u64)>>);

impl RefusedRing {
    /// Notes a refusal, and logs it unless its subnet had a line within the last minute.
    pub fn note(&self, address: IpAddr, reason: Reason, vendor: Option<&str>) {
        let now = clock::unix_now();
        self.remember(address, reason, vendor, now);
        if let Some(count) = self.logged.due(subnet(address), now) {
            let reason = reason.word();
            tracing::info!(%address, reason, count, "address refused");
        }
    }

    /// Logs a link without a good signature unless its subnet had a line about one within the last minute.
    pub fn log_link(&self, address: IpAddr, flaw: Flaw, refused: bool) {
        if let Some(count) = self.links.due(subnet(address), clock::unix_now()) {
            let flaw = flaw.word();
            tracing::warn!(%address, flaw, refused, count, "a link without a good signature");
        }
    }

    /// The last refused addresses, the latest first.
    pub fn latest(&self, most: usize) -> Vec<(IpAddr, Refused)> {
        let addresses = lock(&self.addresses);
        let latest = addresses.iter().rev().take(most);
        latest
            .map(|(address, refused)| (*address, refused.clone()))
            .collect()
    }

    fn remember(&self, address: IpAddr, reason: Reason, vendor: Option<&str>, now: i64) {
        let mut addresses = lock(&self.addresses);
        let mut refused = addresses.shift_remove(&address).unwrap_or(Refused {
            first: now,
            last: now,
            count: 0,
            reason,
            vendor: None,
        });
        refused.count += 1;
        (refused.last, refused.reason) = (now, reason);
        refused.vendor = vendor.map(str::to_owned);
        if addresses.len() >= MOST {
            addresses.shift_remove_index(0);
        }
        addresses.insert(address, refused);
    }
}

impl Lines {
    /// How often `subnet` would have had a line since its last one, if it is time for another.
    fn due(&self, subnet: IpNet, now: i64) -> Option<u64> {
        let mut logged = lock(&self.0);
        if let Some((last, waiting)) = logged.get_mut(&subnet) {
            *waiting += 1;
            if now - *last < PAUSE {
                return None;
            }
            *last = now;
            return Some(std::mem::take(waiting));
        }
        if logged.len() >= MOST_SUBNETS {
            logged.retain(|_, (last, _)| now - *last < PAUSE);
        }
        if logged.len() >= MOST_SUBNETS {
            return None;
        }
        logged.insert(subnet, (now, 0));
        Some(1)
    }
}

/// The subnet whose refusals share a line: /24, or /64 of IPv6.
fn subnet(address: IpAddr) -> IpNet {
    let length = if address.is_ipv4() { 24 } else { 64 };
    IpNet::new(address, length).map_or_else(|_| address.into(), |net| net.trunc())
}

/// A panic cannot leave these halfway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn an_address_is_remembered_once_with_its_count_and_last_reason() {
        let ring = RefusedRing::default();
        ring.remember(address(1), Reason::NotListed, Some("snom"), 10);
        ring.remember(address(2), Reason::Denied, None, 11);
        ring.remember(address(1), Reason::Vendor, Some("cisco"), 12);
        let latest = ring.latest(10);
        assert_eq!(latest.len(), 2);
        let expected = Refused {
            first: 10,
            last: 12,
            count: 2,
            reason: Reason::Vendor,
            vendor: Some("cisco".to_owned()),
        };
        assert_eq!(latest[0], (address(1), expected));
        assert_eq!(ring.latest(1).len(), 1);
    }

    #[test]
    fn a_scan_of_many_addresses_takes_no_more_room_than_a_thousand() {
        let ring = RefusedRing::default();
        for number in 0..20_000 {
            ring.note(address(number * 256), Reason::NotListed, None);
        }
        assert_eq!(ring.latest(usize::MAX).len(), MOST);
        assert_eq!(lock(&ring.logged.0).len(), MOST_SUBNETS);
    }

    #[test]
    fn a_subnet_is_logged_once_a_minute_with_what_was_left_out() {
        let lines = Lines::default();
        let net = subnet("192.0.2.9".parse().expect("an address"));
        assert_eq!(net, subnet("192.0.2.200".parse().expect("an address")));
        assert_eq!(lines.due(net, 100), Some(1));
        assert_eq!(lines.due(net, 159), None);
        assert_eq!(lines.due(net, 160), Some(2));
        assert_eq!(lines.due(net, 161), None);
    }
}
