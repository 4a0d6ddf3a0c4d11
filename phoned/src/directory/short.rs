//! Addresses short enough for phones that take few characters (phoned-vendors.md §7.4): a random token stands for the page, bound
//! to the phone that was shown it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use moka::sync::Cache;

use super::link::{PageLink, Place};
use crate::vendor::manifest::Form;

/// How long a link leads somewhere.
const LIFE: Duration = Duration::from_mins(10);
/// Links that are kept at once.
const MOST: u64 = 20_000;
/// Bytes of a token: 11 characters.
const RANDOM: usize = 8;
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Where a short link leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The make that made it.
    pub vendor: String,
    /// Path and query of the page.
    pub address: String,
    /// The phone that may follow it.
    pub phone: IpAddr,
}

impl Target {
    /// Whether its address has that form.
    pub fn is_of(&self, form: Form) -> bool {
        self.address.starts_with("/0.1/directories/") == (form == Form::Old)
    }
}

/// The short links of the last minutes.
#[derive(Debug, Clone)]
pub struct ShortLinks(Cache<String, Arc<Target>>);

impl Default for ShortLinks {
    fn default() -> Self {
        Self(
            Cache::builder()
                .time_to_live(LIFE)
                .max_capacity(MOST)
                .build(),
        )
    }
}

impl ShortLinks {
    /// Where `token` leads for the phone at `address`.
    pub fn follow(&self, token: &str, phone: IpAddr) -> Option<Arc<Target>> {
        self.0.get(token).filter(|target| target.phone == phone)
    }

    /// Keeps `target`; `None` when the system has no randomness to give.
    fn keep(&self, target: Target) -> Option<String> {
        let mut random = [0; RANDOM];
        getrandom::fill(&mut random).ok()?;
        let token = written(u64::from_be_bytes(random));
        self.0.insert(token.clone(), Arc::new(target));
        Some(token)
    }
}

/// 64 bits in 11 characters.
fn written(mut bits: u64) -> String {
    let mut token = String::with_capacity(11);
    for _ in 0..11 {
        // Six bits are below 64.
        let digit = usize::try_from(bits & 63).unwrap_or(0);
        token.push(char::from(DIGITS[digit]));
        bits >>= 6;
    }
    token
}

/// Makes the short links of one answer.
#[derive(Debug, Clone, Copy)]
pub struct ShortLinker<'a> {
    /// Where they are kept.
    pub links: &'a ShortLinks,
    /// The phone that is answered.
    pub phone: IpAddr,
}

impl ShortLinker<'_> {
    /// The short address of a page; the long one if none can be made.
    pub fn shorten(&self, place: &Place<'_>, link: PageLink<'_>) -> String {
        let long = place.page(link);
        let target = Target {
            vendor: place.vendor.to_owned(),
            address: long.get(place.base.len()..).unwrap_or(&long).to_owned(),
            phone: self.phone,
        };
        match self.links.keep(target) {
            Some(token) => format!("{}/0.1/l/{token}", place.base),
            None => long,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendor::manifest::UserPlace;

    #[test]
    fn a_short_link_leads_its_own_phone_to_the_page() {
        let links = ShortLinks::default();
        let phone: IpAddr = "10.0.0.1".parse().expect("an address");
        let place = Place {
            base: "http://192.168.100.200:9498",
            form: Form::Old,
            vendor: "m",
            profile: "default",
            user: "5f0c8a52-1111-4222-8333-944445555666",
            user_place: UserPlace::Query,
            file: None,
            lang: None,
            signature: None,
        };
        let page = PageLink {
            term: "a&b",
            limit: 8,
            offset: 16,
        };
        let linker = ShortLinker {
            links: &links,
            phone,
        };
        let address = linker.shorten(&place, page);
        assert!(address.len() <= 128, "{address}");
        let token = address.rsplit('/').next().expect("a token");
        assert_eq!(token.len(), 11);
        let target = links.follow(token, phone).expect("a target");
        assert_eq!(
            format!("{}{}", place.base, target.address),
            place.page(page)
        );
        let other = "10.0.0.2".parse().expect("an address");
        assert_eq!(links.follow(token, other), None);
        assert_ne!(linker.shorten(&place, page), address);
    }
}
