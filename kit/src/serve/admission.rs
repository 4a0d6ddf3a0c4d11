//! How many connections may be open, in all and from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::proxied::Trusted;

/// Why a connection was closed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// As many as there may be in all are open.
    Server,
    /// As many as there may be from this address are open.
    Peer,
}

/// Connections that are open at once where nothing else is said.
const USUAL: usize = 4096;

/// Counts open connections, of one listener or of several together.
#[derive(Debug)]
pub struct Admission {
    total: Arc<Semaphore>,
    per_peer: usize,
    fronts: Option<Trusted>,
    open: Mutex<HashMap<IpAddr, usize>>,
}

/// A connection's place, given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    admission: Arc<Admission>,
    counted: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

impl Default for Admission {
    fn default() -> Self {
        Self::new(USUAL, 0, None)
    }
}

impl Admission {
    /// Room for `total` connections, and `per_peer` from one address (0: no such limit) that is neither loopback nor one of the
    /// `fronts`: proxies and balancers, which bring the connections of many clients. A connection whose PROXY header names
    /// somebody is one of theirs.
    pub fn new(total: usize, per_peer: usize, fronts: Option<Trusted>) -> Self {
        let total = total.min(Semaphore::MAX_PERMITS);
        Self {
            total: Arc::new(Semaphore::new(total)),
            per_peer,
            fronts,
            open: Mutex::new(HashMap::new()),
        }
    }

    /// Takes a place.
    pub(super) fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<Place, Full> {
        let permit = Arc::clone(&self.total).try_acquire_owned();
        let permit = permit.map_err(|_| Full::Server)?;
        let mut place = Place {
            admission: Arc::clone(self),
            counted: None,
            _permit: permit,
        };
        place.count(peer)?;
        Ok(place)
    }

    /// Loopback and the fronts are not: they bring everybody's connections.
    fn is_one_client(&self, peer: IpAddr) -> bool {
        let is_front = || self.fronts.as_ref().is_some_and(|fronts| (fronts.0)(peer));
        !peer.is_loopback() && !is_front()
    }

    fn count(&self, peer: IpAddr) -> Result<(), Full> {
        let mut open = self.open();
        let count = open.entry(peer).or_insert(0);
        if *count >= self.per_peer {
            return Err(Full::Peer);
        }
        *count += 1;
        Ok(())
    }

    // A panic cannot leave the counts wrong: each change is one step.
    fn open(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Counts the connection as one of `client`, and no longer as anybody else's; for whom a proxy names.
    pub(super) fn count(&mut self, client: IpAddr) -> Result<(), Full> {
        self.leave();
        if self.admission.per_peer > 0 && self.admission.is_one_client(client) {
            self.admission.count(client)?;
            self.counted = Some(client);
        }
        Ok(())
    }

    fn leave(&mut self) {
        let Some(peer) = self.counted.take() else {
            return;
        };
        let mut open = self.admission.open();
        if let Some(count) = open.get_mut(&peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&peer);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_per_address_and_given_back() {
        let admission = Arc::new(Admission::new(10, 2, None));
        let phone = IpAddr::from([192, 0, 2, 1]);
        let first = admission.admit(phone).unwrap();
        let _second = admission.admit(phone).unwrap();
        assert_eq!(admission.admit(phone).unwrap_err(), Full::Peer);
        assert!(admission.admit(IpAddr::from([192, 0, 2, 2])).is_ok());
        drop(first);
        assert!(admission.admit(phone).is_ok());
    }

    #[test]
    fn no_entry_stays_for_a_gone_address() {
        let admission = Arc::new(Admission::new(10, 2, None));
        drop(admission.admit(IpAddr::from([192, 0, 2, 1])).unwrap());
        assert!(admission.open().is_empty());
    }

    #[test]
    fn loopback_is_exempt_from_the_cap_per_address_but_not_from_the_total() {
        let admission = Arc::new(Admission::new(3, 1, None));
        let front = IpAddr::from([127, 0, 0, 1]);
        let places: Vec<_> = (0..3).map(|_| admission.admit(front).unwrap()).collect();
        assert_eq!(admission.admit(front).unwrap_err(), Full::Server);
        drop(places);
        assert!(admission.admit(front).is_ok());
    }

    #[test]
    fn fronts_are_exempt_too_and_whom_they_name_is_counted() {
        let balancer = IpAddr::from([192, 0, 2, 9]);
        let fronts = Trusted(Arc::new(move |peer| peer == balancer));
        let admission = Arc::new(Admission::new(4, 1, Some(fronts)));
        let mut places: Vec<_> = (0..4).map(|_| admission.admit(balancer).unwrap()).collect();
        assert_eq!(admission.admit(balancer).unwrap_err(), Full::Server);
        let phone = IpAddr::from([10, 0, 0, 1]);
        assert_eq!(places[0].count(phone), Ok(()));
        assert_eq!(places[1].count(phone), Err(Full::Peer));
        assert_eq!(places[2].count(IpAddr::from([10, 0, 0, 2])), Ok(()));
        drop(places);
        assert!(admission.open().is_empty());
    }
}
