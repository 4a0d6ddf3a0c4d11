//! Somebody who keeps a copy of a list by its changes.

use std::collections::BTreeMap;

use dird::store::model::Contact;
use dird::store::{Contents, Followed, Placed, Standing};

use super::Subject;
use crate::site::Site;

/// Copies from which the list is followed anew.
const REMEMBERED: usize = 40;

/// A list as it stood at one time.
#[derive(Clone)]
pub(super) struct Copy {
    pub(super) standing: Standing,
    /// Contacts and their places, by identifier.
    pub(super) contacts: BTreeMap<String, (i64, Contact)>,
}

impl Copy {
    pub(super) fn of(contents: Contents) -> Self {
        let mut copy = Self {
            standing: contents.standing,
            contacts: BTreeMap::new(),
        };
        copy.take(contents.contacts);
        copy
    }

    fn take(&mut self, placed: Vec<Placed>) {
        for Placed { position, contact } in placed {
            let id = contact.uuid.0.clone();
            self.contacts.insert(id, (position, contact));
        }
    }

    /// Brings the copy to where the list is.
    async fn follow(&mut self, site: &Site, subject: &Subject) {
        let (tenant, list, from) = (&subject.tenant, &subject.list, self.standing.sequence);
        match site.store.follow(tenant, list, from).await.unwrap() {
            Followed::Changes {
                standing,
                written,
                removed,
            } => {
                assert!(standing.sequence >= from, "numbers never fall");
                for id in removed {
                    self.contacts.remove(&id.0);
                }
                self.take(written);
                self.standing = standing;
            }
            Followed::Reload => *self = subject.stored(site).await,
        }
    }
}

/// Follows a list and remembers where it has been.
pub(super) struct Follower {
    copy: Copy,
    earlier: Vec<Copy>,
    looks: usize,
}

impl Follower {
    pub(super) fn new(copy: Copy) -> Self {
        Self {
            earlier: vec![copy.clone()],
            copy,
            looks: 0,
        }
    }

    /// Takes what has changed.
    pub(super) async fn look(&mut self, site: &Site, subject: &Subject) {
        let before = self.copy.standing;
        self.copy.follow(site, subject).await;
        let now = self.copy.standing;
        assert!(now.sequence >= before.sequence && now.version >= before.version);
        self.looks += 1;
        if self.earlier.len() < REMEMBERED {
            self.earlier.push(self.copy.clone());
        } else {
            self.earlier[self.looks % REMEMBERED] = self.copy.clone();
        }
    }

    /// From wherever the list is followed, it ends at `stored`.
    pub(super) async fn assert_ends_at(&mut self, site: &Site, subject: &Subject, stored: &Copy) {
        self.look(site, subject).await;
        for earlier in &self.earlier {
            let from = earlier.standing.sequence;
            let mut copy = earlier.clone();
            copy.follow(site, subject).await;
            assert_eq!(
                copy.standing, stored.standing,
                "{} from {from}",
                subject.path
            );
            assert!(
                copy.contacts == stored.contacts,
                "{} from {from}",
                subject.path
            );
        }
    }
}
