//! Who may speak: the allowlist of `rest_api.authorized_subnets` (phoned.md §6). It is asked before anything of a request is
//! read but its path.

use std::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
};

use kit::subnet::{Allowlist, BadSubnet, canonical};

use crate::error::PhoneError;

/// The gate in front of the phone routes.
#[derive(Debug, Default)]
pub struct Gate {
    allowed: Allowlist,
    refused: AtomicU64,
}

impl Gate {
    /// A gate for `entries`; all of them are checked, the first bad one is the error.
    pub fn new(entries: &[String]) -> Result<Self, BadSubnet> {
        Ok(Self {
            allowed: Allowlist::parse(entries)?,
            refused: AtomicU64::new(0),
        })
    }

    /// Lets `address` pass or not.
    pub fn admit(&self, address: IpAddr) -> Result<(), PhoneError> {
        if self.allowed.allows(canonical(address)) {
            return Ok(());
        }
        let count = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        // A scan must not fill the log: the first, the second, the fourth … refusal is reported.
        if count.is_power_of_two() {
            tracing::info!(%address, count, "address refused");
        }
        Err(PhoneError::AddressRefused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(entries: &[&str], address: &str) -> bool {
        let entries: Vec<String> = entries.iter().map(|&entry| entry.to_owned()).collect();
        let gate = Gate::new(&entries).expect("good entries");
        gate.admit(address.parse().expect("an address")).is_ok()
    }

    #[test]
    fn only_listed_addresses_pass() {
        assert!(admits(&["127.0.0.1/24"], "127.0.0.77"));
        assert!(!admits(&["127.0.0.1/24"], "127.0.1.1"));
        assert!(admits(&["10.0.0.0/8"], "::ffff:10.0.0.5"));
        assert!(!admits(&["10.0.0.0/8"], "2001:db8::1"));
    }

    #[test]
    fn an_empty_list_is_nobody() {
        assert!(!admits(&[], "127.0.0.1"));
        assert!(!admits(&[], "::1"));
    }
}
