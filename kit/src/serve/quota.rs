//! Keeps repeated events of one address from filling the log.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const PERIOD: Duration = Duration::from_mins(1);
/// Addresses remembered; beyond, events of further addresses are not logged until one is forgotten.
const MAX_ADDRESSES: usize = 1024;

/// Lets one event a minute and address through.
#[derive(Debug, Default)]
pub(crate) struct LogQuota {
    last: Mutex<HashMap<IpAddr, Instant>>,
}

impl LogQuota {
    /// Whether an event of this address may be logged now.
    pub(crate) fn allows(&self, peer: IpAddr) -> bool {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(logged) = last.get(&peer)
            && now.duration_since(*logged) < PERIOD
        {
            return false;
        }
        if last.len() >= MAX_ADDRESSES {
            last.retain(|_, logged| now.duration_since(*logged) < PERIOD);
        }
        if last.len() >= MAX_ADDRESSES {
            return false;
        }
        last.insert(peer, now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_event_a_minute_and_address() {
        let quota = LogQuota::default();
        let phone = IpAddr::from([192, 0, 2, 1]);
        assert!(quota.allows(phone));
        assert!(!quota.allows(phone));
        assert!(quota.allows(IpAddr::from([192, 0, 2, 2])));
        let long_ago = Instant::now().checked_sub(PERIOD).unwrap();
        quota.last.lock().unwrap().insert(phone, long_ago);
        assert!(quota.allows(phone));
    }

    #[tokio::test]
    async fn memory_is_bounded() {
        let quota = LogQuota::default();
        let allowed = (0..2000u32).filter(|n| quota.allows(IpAddr::from(n.to_be_bytes())));
        assert_eq!(allowed.count(), MAX_ADDRESSES);
    }
}
