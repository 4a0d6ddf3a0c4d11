//! An allowlist ready to be asked: every entry checked, the longest prefix found by one binary search (phoned.md §6.2, §6.3).

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use ipnet::IpNet;
use kit::{
    clock,
    prefixes::Prefixes,
    subnet::{self, BadSubnet},
};

use super::entry::{Action, Entry, Settings};

/// Where an entry is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The item of `rest_api.authorized_subnets`, from 0.
    Item(usize),
    /// The line of `rest_api.authorized_subnets_file`, from 1.
    Line(usize),
}

impl Place {
    /// The dotted key of the entry in the list with the key `list`.
    pub fn within(self, list: &str) -> String {
        let (Self::Item(number) | Self::Line(number)) = self;
        format!("{list}.{number}")
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Item(index) => write!(formatter, "rest_api.authorized_subnets.{index}"),
            Self::Line(line) => write!(formatter, "rest_api.authorized_subnets_file:{line}"),
        }
    }
}

/// An entry that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadEntry {
    /// Where it is.
    pub place: Place,
    /// What is wrong, with the entry.
    pub problem: String,
}

/// How often an entry let somebody in, or kept somebody out.
#[derive(Debug, Default)]
pub struct Hits {
    count: AtomicU64,
    last: AtomicI64,
}

impl Hits {
    /// Counts one now.
    pub fn add(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.last.store(clock::unix_now(), Ordering::Relaxed);
    }

    /// The number, and the time of the last in seconds since the epoch; `None` when there was none since the start.
    pub fn read(&self) -> Option<(u64, i64)> {
        let count = self.count.load(Ordering::Relaxed);
        (count > 0).then(|| (count, self.last.load(Ordering::Relaxed)))
    }
}

/// One entry, checked.
#[derive(Debug)]
pub struct Rule {
    /// Its subnet without host bits.
    pub net: IpNet,
    /// Where it is written.
    pub place: Place,
    /// What is special about it.
    pub settings: Option<Box<Settings>>,
    /// How often it decided.
    pub hits: Arc<Hits>,
}

impl Rule {
    /// Whether its phones may ask.
    pub fn action(&self) -> Action {
        self.settings
            .as_ref()
            .map_or(Action::Allow, |settings| settings.action)
    }

    /// Its name in metrics.
    pub fn label(&self) -> &str {
        let settings = self.settings.as_ref();
        settings
            .and_then(|settings| settings.label.as_deref())
            .unwrap_or("-")
    }

    /// Whether the routes of `vendor` are for its phones.
    pub fn serves(&self, vendor: &str) -> bool {
        let vendors = self
            .settings
            .as_ref()
            .and_then(|settings| settings.vendors.as_ref());
        vendors.is_none_or(|vendors| vendors.iter().any(|name| name == vendor))
    }
}

/// An allowlist.
#[derive(Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    prefixes: Prefixes,
}

impl Rules {
    /// Checks `entries`; the first bad one is the error. Of equal subnets a denied one counts, else the first.
    pub fn new<'a>(
        entries: impl IntoIterator<Item = (Place, &'a Entry)>,
    ) -> Result<Self, BadEntry> {
        let mut rules = Vec::new();
        for (place, entry) in entries {
            let net = subnet::parse_entry(&entry.subnet).map_err(|reason| BadEntry {
                place,
                problem: BadSubnet {
                    index: rules.len(),
                    entry: entry.subnet.clone(),
                    reason,
                }
                .problem(),
            })?;
            rules.push(Rule {
                net,
                place,
                settings: entry.settings.clone(),
                hits: Arc::default(),
            });
        }
        let numbered = || rules.iter().zip(0u32..);
        let of = |action| {
            numbered()
                .filter(move |(rule, _)| rule.action() == action)
                .map(|(rule, number)| (rule.net, number))
        };
        let prefixes = Prefixes::new(of(Action::Deny).chain(of(Action::Allow)));
        Ok(Self { rules, prefixes })
    }

    /// The entry that decides about `address`.
    pub fn find(&self, address: IpAddr) -> Option<&Rule> {
        let number = self.prefixes.find(address)?;
        self.rules.get(usize::try_from(number).ok()?)
    }

    /// Whether `address` may ask, whatever the make.
    pub fn allows(&self, address: IpAddr) -> bool {
        self.find(address)
            .is_some_and(|rule| rule.action() == Action::Allow)
    }

    /// All entries, as they are written.
    pub fn all(&self) -> &[Rule] {
        &self.rules
    }

    /// The first of the makes that the entries name which is not among `makes`, with the place of its entry.
    pub fn unknown_make(&self, makes: &[String]) -> Option<(Place, &str)> {
        self.rules.iter().find_map(|rule| {
            let named = rule.settings.as_ref()?.vendors.as_ref()?;
            let unknown = named.iter().find(|name| !makes.contains(name))?;
            Some((rule.place, unknown.as_str()))
        })
    }

    /// Goes on counting where `older` is, for entries of the same subnet.
    pub fn inherit(&mut self, older: &Self) {
        let hits: HashMap<IpNet, &Arc<Hits>> = older
            .rules
            .iter()
            .map(|rule| (rule.net, &rule.hits))
            .collect();
        for rule in &mut self.rules {
            if let Some(hits) = hits.get(&rule.net) {
                rule.hits = Arc::clone(hits);
            }
        }
    }

    /// The entry whose beginning `address` shares longest: the one that was probably meant.
    pub fn nearest(&self, address: IpAddr) -> Option<&Rule> {
        let same_kind = |rule: &&Rule| rule.net.addr().is_ipv4() == address.is_ipv4();
        self.rules.iter().filter(same_kind).max_by_key(|rule| {
            common_bits(rule.net.addr(), address).min(rule.net.prefix_len().into())
        })
    }
}

/// How many leading bits two addresses of one kind share.
fn common_bits(a: IpAddr, b: IpAddr) -> u32 {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => 0,
    }
}

/// The entries of an allowlist file: one subnet a line, blank lines and what follows a `#` ignored.
pub fn lines(text: &str) -> Vec<(Place, Entry)> {
    let entry = |(index, line): (usize, &str)| {
        let subnet = line.split('#').next().unwrap_or("").trim();
        (!subnet.is_empty()).then(|| (Place::Line(index + 1), Entry::from(subnet)))
    };
    text.lines().enumerate().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(entries: &[Entry]) -> Rules {
        let placed = entries.iter().enumerate();
        Rules::new(placed.map(|(index, entry)| (Place::Item(index), entry))).expect("good entries")
    }

    fn denied(subnet: &str) -> Entry {
        let settings = Settings {
            action: Action::Deny,
            ..Settings::default()
        };
        Entry {
            subnet: subnet.to_owned(),
            settings: Some(Box::new(settings)),
        }
    }

    fn allows(rules: &Rules, address: &str) -> bool {
        rules.allows(address.parse().expect("an address"))
    }

    #[test]
    fn only_listed_addresses_pass() {
        let list = rules(&["127.0.0.1/24".into(), "10.0.0.0/8".into()]);
        assert!(allows(&list, "127.0.0.77"));
        assert!(!allows(&list, "127.0.1.1"));
        assert!(allows(&list, "::ffff:10.0.0.5"));
        assert!(!allows(&list, "2001:db8::1"));
    }

    #[test]
    fn an_empty_list_is_nobody() {
        assert!(!allows(&rules(&[]), "127.0.0.1"));
        assert!(!allows(&rules(&[]), "::1"));
    }

    #[test]
    fn the_narrower_entry_decides_and_of_equal_ones_the_denied() {
        let list = rules(&[
            "10.0.0.0/8".into(),
            denied("10.1.0.0/16"),
            "10.1.2.0/24".into(),
            "10.9.0.0/16".into(),
            denied("10.9.0.0/16"),
        ]);
        for (address, expected) in [
            ("10.0.0.1", true),
            ("10.1.0.1", false),
            ("10.1.2.1", true),
            ("10.1.3.0", false),
            ("10.2.0.0", true),
            ("10.9.0.1", false),
        ] {
            assert_eq!(allows(&list, address), expected, "{address}");
        }
    }

    #[test]
    fn counts_go_on_in_a_newer_list() {
        let older = rules(&["10.0.0.0/8".into(), "11.0.0.0/8".into()]);
        older.all()[1].hits.add();
        let mut newer = rules(&["11.0.0.1/8".into(), "12.0.0.0/8".into()]);
        newer.inherit(&older);
        assert_eq!(newer.all()[0].hits.read().map(|(count, _)| count), Some(1));
        assert_eq!(newer.all()[1].hits.read(), None);
    }

    #[test]
    fn the_nearest_entry_shares_the_longest_beginning() {
        let list = rules(&[
            "192.168.0.0/16".into(),
            "10.20.0.0/16".into(),
            "2001:db8::/32".into(),
        ]);
        let nearest = |address: &str| {
            let rule = list.nearest(address.parse().expect("an address"));
            rule.map(|rule| rule.net.to_string())
        };
        assert_eq!(nearest("10.21.0.4").as_deref(), Some("10.20.0.0/16"));
        assert_eq!(nearest("2001:db9::1").as_deref(), Some("2001:db8::/32"));
    }

    #[test]
    fn a_file_has_one_subnet_a_line() {
        let entries = lines("# voice\n10.20.0.0/16\n\n  10.30.0.0/16  # warehouse\n");
        assert_eq!(
            entries,
            [
                (Place::Line(2), "10.20.0.0/16".into()),
                (Place::Line(4), "10.30.0.0/16".into())
            ]
        );
    }
}
