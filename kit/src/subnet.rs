//! Which addresses may speak to a listener (phoned.md §6): the list is parsed whole before a port opens and then asked once per
//! connection or request. Membership is a binary search in merged ranges, so the cost does not grow with the list.
//!
//! This module answers yes or no. Entries that carry settings (phoned.md §6.3) need the longest prefix as well; they can be built on
//! [`parse_entry`], which keeps the prefix.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What every refusal of an entry ends with.
const NOTATIONS: &str = "write a subnet like 10.0.0.0/8, 10.0.0.0/255.0.0.0 or 2001:db8::/32, or one address like 10.0.0.5";

/// Prefix length of `::ffff:0:0/96`, where IPv6 keeps the IPv4 addresses.
const MAPPED_PREFIX: u8 = 96;

/// A set of IPv4 and IPv6 addresses. The default, like the empty list, contains nobody (phoned.md §6.2 point 5).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowlist {
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

/// An entry that is no subnet (phoned.md §6.2 point 1). Its text names the entry by number and says what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {index}: {}", self.problem())]
pub struct BadSubnet {
    /// Place in the list, counted from 0: the last part of the configuration key.
    pub index: usize,
    /// The entry as it was written.
    pub entry: String,
    /// Why it was refused.
    pub reason: Refusal,
}

/// Why an entry is no subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing was written.
    #[error("is empty")]
    Empty,
    /// Neither an IPv4 nor an IPv6 address.
    #[error("has no valid address")]
    Address,
    /// Longer than the address, or no number and no mask.
    #[error("has no valid prefix length or mask")]
    Prefix,
}

impl BadSubnet {
    /// What is wrong and what would be right, without the entry's number: for messages that name the key in front.
    pub fn problem(&self) -> String {
        format!("\"{}\" {}; {NOTATIONS}", self.entry, self.reason)
    }
}

impl Allowlist {
    /// Reads a list of entries (phoned.md §6.1); see [`parse_entry`] for the notations. All entries are checked; the first bad one
    /// is the error.
    pub fn parse(entries: &[String]) -> Result<Self, BadSubnet> {
        let mut v4 = Vec::new();
        let mut v6 = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            let network = parse_entry(entry).map_err(|reason| BadSubnet {
                index,
                entry: entry.clone(),
                reason,
            })?;
            match network {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        Ok(Self {
            v4: merged(v4),
            v6: merged(v6),
        })
    }

    /// True when `address` lies in an entry. IPv4-mapped addresses count as IPv4; IPv4 entries say nothing about IPv6 and the
    /// other way round.
    pub fn allows(&self, address: IpAddr) -> bool {
        match canonical(address) {
            IpAddr::V4(address) => contains(&self.v4, address.to_bits()),
            IpAddr::V6(address) => contains(&self.v6, address.to_bits()),
        }
    }

    /// True when no address is allowed.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }
}

/// The address that lists and limits know a peer by: `::ffff:a.b.c.d`, as dual-stack sockets report IPv4 peers, becomes `a.b.c.d`.
pub fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// Reads one entry: a subnet with prefix length or dotted mask, a shortened IPv4 subnet (`10/8`), or a single address. Host bits are
/// dropped; IPv4-mapped IPv6 becomes IPv4 (phoned.md §6.2 points 1 and 2). An IPv6 entry shorter than /96 stays IPv6 and covers no
/// IPv4 peer.
pub fn parse_entry(entry: &str) -> Result<IpNet, Refusal> {
    if entry.is_empty() {
        return Err(Refusal::Empty);
    }
    let (address, prefix) = match entry.split_once('/') {
        None => (entry.parse().map_err(|_| Refusal::Address)?, None),
        Some((address, prefix)) => (leading_octets(address)?, Some(prefix)),
    };
    match address {
        IpAddr::V4(address) => v4_network(address, prefix).map(IpNet::V4),
        IpAddr::V6(address) => v6_network(address, prefix),
    }
}

/// An address, or the first octets of an IPv4 address, whose missing ones are zero.
fn leading_octets(text: &str) -> Result<IpAddr, Refusal> {
    let missing = 3usize.saturating_sub(text.matches('.').count());
    let padded = format!("{text}{}", ".0".repeat(missing));
    text.parse()
        .or_else(|_| padded.parse::<Ipv4Addr>().map(IpAddr::V4))
        .map_err(|_| Refusal::Address)
}

fn v4_network(address: Ipv4Addr, prefix: Option<&str>) -> Result<Ipv4Net, Refusal> {
    let net = match prefix {
        None => Ipv4Net::new(address, 32).ok(),
        Some(mask) if mask.contains('.') => mask
            .parse()
            .ok()
            .and_then(|mask| Ipv4Net::with_netmask(address, mask).ok()),
        Some(length) => prefix_length(length).and_then(|length| Ipv4Net::new(address, length).ok()),
    };
    net.map(|net| net.trunc()).ok_or(Refusal::Prefix)
}

fn v6_network(address: Ipv6Addr, prefix: Option<&str>) -> Result<IpNet, Refusal> {
    let length = match prefix {
        None => 128,
        Some(text) => prefix_length(text).ok_or(Refusal::Prefix)?,
    };
    let net = Ipv6Net::new(address, length).map_err(|_| Refusal::Prefix)?;
    match (
        net.network().to_ipv4_mapped(),
        length.checked_sub(MAPPED_PREFIX),
    ) {
        (Some(mapped), Some(length)) => Ipv4Net::new(mapped, length)
            .map(IpNet::V4)
            .map_err(|_| Refusal::Prefix),
        _ => Ok(IpNet::V6(net.trunc())),
    }
}

/// A prefix length in digits only; Rust's parser alone would also take `+8`.
fn prefix_length(text: &str) -> Option<u8> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Sorted ranges without overlap. Neighbours that merely touch stay apart: that costs a slot and spares overflow at the last address.
fn merged<N: Ord + Copy>(mut ranges: Vec<(N, N)>) -> Vec<(N, N)> {
    ranges.sort_unstable();
    let mut merged: Vec<(N, N)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(previous) if first <= previous.1 => previous.1 = previous.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged
}

fn contains<N: Ord + Copy>(ranges: &[(N, N)], address: N) -> bool {
    let after = ranges.partition_point(|&(first, _)| first <= address);
    after > 0 && address <= ranges[after - 1].1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(entries: &[&str]) -> Allowlist {
        let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
        Allowlist::parse(&entries).unwrap()
    }

    fn allows(entries: &[&str], address: &str) -> bool {
        list(entries).allows(address.parse().unwrap())
    }

    #[test]
    fn every_accepted_notation_covers_its_subnet_and_no_more() {
        for (entry, inside, outside) in [
            ("10.0.0.0/8", "10.255.255.255", "11.0.0.0"),
            ("10.0.0.5", "10.0.0.5", "10.0.0.6"),
            ("10.0.0.5/24", "10.0.0.255", "10.0.1.0"),
            ("10/8", "10.1.2.3", "9.255.255.255"),
            ("10.1/16", "10.1.9.9", "10.2.0.0"),
            ("10.0.0.0/255.255.255.0", "10.0.0.200", "10.0.1.0"),
            ("10.0.0.7/255.255.255.255", "10.0.0.7", "10.0.0.8"),
            ("0.0.0.0/0", "255.255.255.255", "2001:db8::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
            ("2001:db8::1/64", "2001:db8::ffff", "2001:db8:0:1::"),
            ("::ffff:10.0.0.0/104", "10.200.0.1", "11.0.0.1"),
            ("::ffff:10.0.0.9", "10.0.0.9", "10.0.0.8"),
        ] {
            assert!(allows(&[entry], inside), "{inside} in {entry}");
            assert!(!allows(&[entry], outside), "{outside} not in {entry}");
        }
    }

    #[test]
    fn a_bad_entry_is_named_with_its_place_and_the_right_form() {
        for (entry, reason) in [
            ("", Refusal::Empty),
            ("10.0.0.0/33", Refusal::Prefix),
            ("2001:db8::/129", Refusal::Prefix),
            ("10.0.0.0/", Refusal::Prefix),
            ("10.0.0.0/+8", Refusal::Prefix),
            ("10.0.0.0/255.0.255.0", Refusal::Prefix),
            ("10.0.0.0/eight", Refusal::Prefix),
            ("2001:db8::/255.255.0.0", Refusal::Prefix),
            ("10.0.0.1-10.0.0.9", Refusal::Address),
            ("office", Refusal::Address),
            ("10", Refusal::Address),
            ("10.0.0.0.0/8", Refusal::Address),
            ("10.0.0.256/8", Refusal::Address),
            ("/8", Refusal::Address),
            ("fe80::1%eth0", Refusal::Address),
            (" 10.0.0.0/8", Refusal::Address),
        ] {
            let entries = ["10.0.0.0/8".to_owned(), entry.to_owned()];
            let bad = Allowlist::parse(&entries).unwrap_err();
            assert_eq!((bad.index, bad.reason), (1, reason), "{entry:?}");
            let shown = bad.to_string();
            assert!(
                shown.starts_with(&format!("entry 1: \"{entry}\" ")),
                "{shown}"
            );
            assert!(shown.contains("write a subnet like 10.0.0.0/8"), "{shown}");
        }
    }

    #[test]
    fn an_empty_list_allows_nobody() {
        for address in ["127.0.0.1", "0.0.0.0", "::1"] {
            assert!(!allows(&[], address), "{address}");
        }
        assert!(list(&[]).is_empty());
        assert!(!list(&["::1"]).is_empty());
    }

    #[test]
    fn a_mapped_peer_is_an_ipv4_peer() {
        assert!(allows(&["10.0.0.0/8"], "::ffff:10.0.0.5"));
        assert!(!allows(&["::/0"], "::ffff:10.0.0.5"));
        assert!(!allows(&["0.0.0.0/0"], "2001:db8::1"));
        assert_eq!(
            canonical("::ffff:10.0.0.5".parse().unwrap()).to_string(),
            "10.0.0.5"
        );
        assert_eq!(canonical("::1".parse().unwrap()).to_string(), "::1");
    }

    #[test]
    fn overlapping_and_touching_entries_leave_no_hole() {
        let entries = ["10.0.0.0/9", "10.128.0.0/9", "10.4.0.0/16", "10.0.0.0/30"];
        for address in ["10.0.0.3", "10.127.255.255", "10.128.0.0", "10.255.255.255"] {
            assert!(allows(&entries, address), "{address}");
        }
        assert_eq!(list(&entries).v4.len(), 2);
        assert!(allows(
            &["255.255.255.255", "255.255.255.254"],
            "255.255.255.255"
        ));
    }

    /// Addresses from a small corner, so that random lists and random peers meet.
    fn near_v4() -> impl Strategy<Value = Ipv4Addr> {
        (0u8..4, 0u8..4, any::<u8>()).prop_map(|(b, c, d)| Ipv4Addr::new(10, b, c, d))
    }

    fn near_v6() -> impl Strategy<Value = Ipv6Addr> {
        (0u16..4, any::<u8>())
            .prop_map(|(g, h)| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, g, h.into()))
    }

    fn near_net() -> impl Strategy<Value = IpNet> {
        prop_oneof![
            (near_v4(), 8u8..=32).prop_map(|(a, p)| IpNet::V4(Ipv4Net::new(a, p).unwrap())),
            (near_v6(), 104u8..=128).prop_map(|(a, p)| IpNet::V6(Ipv6Net::new(a, p).unwrap())),
        ]
    }

    proptest! {
        #[test]
        fn ranges_answer_as_a_walk_over_the_list_would(
            nets in prop::collection::vec(near_net(), 0..12),
            v4 in near_v4(),
            v6 in near_v6(),
        ) {
            let entries: Vec<String> = nets.iter().map(ToString::to_string).collect();
            let allowlist = Allowlist::parse(&entries).unwrap();
            for address in [IpAddr::V4(v4), IpAddr::V6(v6)] {
                let expected = nets.iter().any(|net| net.contains(&address));
                prop_assert_eq!(allowlist.allows(address), expected, "{} in {:?}", address, entries);
            }
            let mapped = IpAddr::V6(v4.to_ipv6_mapped());
            prop_assert_eq!(allowlist.allows(mapped), allowlist.allows(IpAddr::V4(v4)));
        }

        #[test]
        fn mask_and_prefix_notation_mean_the_same(address in any::<Ipv4Addr>(), length in 0u8..=32) {
            let net = Ipv4Net::new(address, length).unwrap();
            let masked = parse_entry(&format!("{address}/{}", net.netmask()));
            prop_assert_eq!(masked, parse_entry(&format!("{address}/{length}")));
            prop_assert_eq!(masked, Ok(IpNet::V4(net.trunc())));
        }

        #[test]
        fn no_text_makes_the_parser_panic(entry in "[0-9a-f.:/%+-]{0,24}") {
            if let Ok(net) = parse_entry(&entry) {
                prop_assert_eq!(net, net.trunc());
            }
        }
    }
}
