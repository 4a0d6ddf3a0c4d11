//! Where other machines reach this one: the configured address, or the first IPv4 address of an interface.

use std::net::Ipv4Addr;

use nix::ifaddrs::getifaddrs;

use crate::config::ServiceDiscovery;

/// Has the address looked up.
const AUTO: &str = "auto";

/// The address to be registered.
pub(super) fn advertised(settings: &ServiceDiscovery) -> String {
    if settings.advertise_address != AUTO {
        return settings.advertise_address.clone();
    }
    choose(&interfaces(), &settings.advertise_address_interface).to_string()
}

/// Every interface with an IPv4 address, in the system's order.
fn interfaces() -> Vec<(String, Ipv4Addr)> {
    let all = getifaddrs().inspect_err(|error| tracing::warn!(%error, "cannot list interfaces"));
    let addressed = all.into_iter().flatten().filter_map(|interface| {
        let address = interface.address?.as_sockaddr_in()?.ip();
        Some((interface.interface_name, address))
    });
    addressed.collect()
}

/// The address of the interface `wanted`, else of an Ethernet interface, else the loopback address.
fn choose(interfaces: &[(String, Ipv4Addr)], wanted: &str) -> Ipv4Addr {
    let first = |fits: &dyn Fn(&str) -> bool| {
        let found = interfaces.iter().find(|(name, _)| fits(name));
        found.map(|&(_, address)| address)
    };
    first(&|name| name == wanted)
        .or_else(|| first(&|name| name.starts_with("eth") || name.starts_with("en")))
        .or_else(|| first(&|name| name == "lo"))
        .unwrap_or(Ipv4Addr::LOCALHOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configured_interface_comes_before_ethernet_before_loopback() {
        let address = |last: u8| Ipv4Addr::new(192, 0, 2, last);
        let all = [("lo", 1), ("wg0", 2), ("enp3s0", 3), ("eth1", 4)];
        let all = all.map(|(name, last)| (name.to_owned(), address(last)));
        assert_eq!(choose(&all, "wg0"), address(2));
        assert_eq!(choose(&all, "eth0"), address(3));
        assert_eq!(choose(&all[..2], "eth0"), address(1));
        assert_eq!(choose(&[], "eth0"), Ipv4Addr::LOCALHOST);
    }

    #[test]
    fn this_machine_has_a_loopback_interface() {
        let lo = interfaces().into_iter().find(|(name, _)| name == "lo");
        assert_eq!(lo.map(|(_, address)| address), Some(Ipv4Addr::LOCALHOST));
    }
}
