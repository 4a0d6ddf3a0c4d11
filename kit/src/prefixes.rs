//! Which of many subnets an address lies in, the longest prefix winning (phoned.md §6.2 point 3). [`crate::subnet`] reads the
//! subnets; here they are cut into ranges that do not overlap, so that one binary search finds the answer.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::subnet::canonical;

/// Subnets with a number each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prefixes {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

/// Ranges that the first step of a search leaves to the second: some cache lines full.
const STRIDE: usize = 64;

/// Sorted ranges without overlap. The beginnings stand alone, so that a search touches little memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ranges<N> {
    /// Every [`STRIDE`]th of `firsts`: few enough to stay in the processor's nearest cache.
    tops: Vec<N>,
    firsts: Vec<N>,
    rest: Vec<(N, u32)>,
}

/// The numbers that addresses are.
trait Number: Ord + Copy {
    fn next(self) -> Option<Self>;
    fn previous(self) -> Option<Self>;
}

impl Number for u32 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }
}

impl Number for u128 {
    fn next(self) -> Option<Self> {
        self.checked_add(1)
    }
    fn previous(self) -> Option<Self> {
        self.checked_sub(1)
    }
}

impl Prefixes {
    /// The subnets of `nets`; of equal ones the first counts.
    pub fn new(nets: impl IntoIterator<Item = (IpNet, u32)>) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (net, number) in nets {
            match net {
                IpNet::V4(net) => {
                    v4.push((net.network().to_bits(), net.broadcast().to_bits(), number));
                }
                IpNet::V6(net) => {
                    v6.push((net.network().to_bits(), net.broadcast().to_bits(), number));
                }
            }
        }
        Self {
            v4: Ranges::cut(v4),
            v6: Ranges::cut(v6),
        }
    }

    /// The number of the narrowest subnet that `address` lies in. IPv4-mapped addresses count as IPv4.
    pub fn find(&self, address: IpAddr) -> Option<u32> {
        match canonical(address) {
            IpAddr::V4(address) => self.v4.find(address.to_bits()),
            IpAddr::V6(address) => self.v6.find(address.to_bits()),
        }
    }
}

impl<N: Number> Ranges<N> {
    /// Cuts nested ranges into pieces: of two subnets that share an address one always contains the other.
    fn cut(mut nets: Vec<(N, N, u32)>) -> Self {
        nets.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        let mut cut = Cut {
            done: Self {
                tops: Vec::new(),
                firsts: Vec::new(),
                rest: Vec::new(),
            },
            open: Vec::new(),
            from: None,
        };
        for net in nets {
            cut.enter(net);
        }
        while cut.leave() {}
        cut.done
    }

    fn add(&mut self, first: N, last: N, number: u32) {
        if self.firsts.len().is_multiple_of(STRIDE) {
            self.tops.push(first);
        }
        self.firsts.push(first);
        self.rest.push((last, number));
    }

    fn find(&self, address: N) -> Option<u32> {
        let before = |first: &N| *first <= address;
        let start = self.tops.partition_point(before).checked_sub(1)? * STRIDE;
        let end = self.firsts.len().min(start + STRIDE);
        let after = start + self.firsts.get(start..end)?.partition_point(before);
        let (last, number) = *self.rest.get(after.checked_sub(1)?)?;
        (address <= last).then_some(number)
    }
}

/// A walk over sorted ranges, from the first address to the last.
struct Cut<N> {
    done: Ranges<N>,
    /// The ranges around the present address, the narrowest last.
    open: Vec<(N, N, u32)>,
    /// Where the next piece begins; `None` behind the last address of all.
    from: Option<N>,
}

impl<N: Number> Cut<N> {
    fn enter(&mut self, net: (N, N, u32)) {
        while self.open.last().is_some_and(|open| open.1 < net.0) {
            self.leave();
        }
        if let Some(&(first, last, number)) = self.open.last() {
            if (first, last) == (net.0, net.1) {
                return;
            }
            if let Some(before) = net.0.previous() {
                self.piece(before, number);
            }
        }
        self.from = Some(net.0);
        self.open.push(net);
    }

    /// Ends the narrowest open range, if there is one.
    fn leave(&mut self) -> bool {
        let Some((_, last, number)) = self.open.pop() else {
            return false;
        };
        self.piece(last, number);
        self.from = last.next();
        true
    }

    fn piece(&mut self, last: N, number: u32) {
        if let Some(first) = self.from.filter(|first| *first <= last) {
            self.done.add(first, last, number);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use ipnet::{Ipv4Net, Ipv6Net};
    use proptest::prelude::*;

    use super::*;

    fn near() -> impl Strategy<Value = IpNet> {
        let v4 = (0u8..3, any::<u8>(), 6u8..=32).prop_map(|(c, d, length)| {
            IpNet::V4(Ipv4Net::new(Ipv4Addr::new(255, 255, 253 + c, d), length).unwrap())
        });
        let v6 = (0u16..3, any::<u16>(), 100u8..=128).prop_map(|(g, h, length)| {
            let address = Ipv6Addr::new(
                0xffff,
                0xffff,
                0xffff,
                0xffff,
                0xffff,
                0xffff,
                0xfffd + g,
                h,
            );
            IpNet::V6(Ipv6Net::new(address, length).unwrap())
        });
        prop_oneof![v4, v6]
    }

    proptest! {
        #[test]
        fn the_longest_prefix_wins_and_of_equal_ones_the_first(
            nets in prop::collection::vec(near(), 0..14),
            probe in near(),
        ) {
            let numbered = nets.iter().map(IpNet::trunc).zip(0u32..);
            let prefixes = Prefixes::new(numbered);
            for address in [probe.addr(), probe.network(), probe.broadcast()] {
                let holding = nets.iter().map(IpNet::trunc).zip(0u32..).filter(|(net, _)| net.contains(&address));
                let expected = holding.min_by_key(|(net, at)| (u8::MAX - net.prefix_len(), *at)).map(|(_, at)| at);
                prop_assert_eq!(prefixes.find(address), expected, "{} in {:?}", address, nets);
            }
        }
    }

    #[test]
    fn long_lists_are_searched_to_their_last_entry() {
        let net =
            |number: u32| IpNet::V4(Ipv4Net::new(Ipv4Addr::from_bits(number << 8), 25).unwrap());
        let prefixes = Prefixes::new((0..1000).map(|number| (net(number), number)));
        for number in 0..1000 {
            let inside = Ipv4Addr::from_bits((number << 8) + 127);
            let behind = Ipv4Addr::from_bits((number << 8) + 128);
            assert_eq!(prefixes.find(inside.into()), Some(number));
            assert_eq!(prefixes.find(behind.into()), None);
        }
    }

    #[test]
    fn a_mapped_address_is_its_ipv4_address() {
        let prefixes = Prefixes::new([("10.0.0.0/8".parse().unwrap(), 7)]);
        assert_eq!(prefixes.find("::ffff:10.1.2.3".parse().unwrap()), Some(7));
        assert_eq!(prefixes.find("11.0.0.0".parse().unwrap()), None);
    }
}
