//! What of the memory is out of date because dird told of a change (phoned.md §14). Nothing is searched for and removed: each
//! result knows when it was asked for, and is no longer used once something changed where its user or tenant is. So a search
//! that was under way at the change is not remembered either.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

/// Users and tenants that are told apart; beyond that everything is out of date at once.
const MOST: usize = 10_000;

/// A point in the order of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// The latest change everywhere, of each tenant, of each user, and of users of one tenant only.
#[derive(Debug, Default)]
struct Marks {
    now: u64,
    everywhere: u64,
    tenants: HashMap<Box<str>, u64>,
    users: HashMap<Box<str>, u64>,
    within: HashMap<Box<str>, (Box<str>, u64)>,
}

impl Marks {
    fn next(&mut self) -> u64 {
        self.now += 1;
        if self.tenants.len() + self.users.len() + self.within.len() >= MOST {
            self.everything();
        }
        self.now
    }

    fn everything(&mut self) {
        self.everywhere = self.now;
        self.tenants.clear();
        self.users.clear();
        self.within.clear();
    }
}

/// The changes that were told of.
#[derive(Debug, Default)]
pub struct Outdated {
    marks: RwLock<Marks>,
    followed: AtomicBool,
}

impl Outdated {
    /// Now: to be taken before something is asked.
    pub fn moment(&self) -> Moment {
        Moment(self.read().now)
    }

    /// Anything may have changed.
    pub fn everything(&self) {
        let mut marks = self.write();
        marks.next();
        marks.everything();
    }

    /// Something has changed for everybody in `tenant`.
    pub fn tenant(&self, tenant: &str) {
        let mut marks = self.write();
        let now = marks.next();
        marks.tenants.insert(tenant.into(), now);
    }

    /// Something has changed for `user`.
    pub fn user(&self, user: &str) {
        let mut marks = self.write();
        let now = marks.next();
        marks.users.insert(user.into(), now);
    }

    /// Something has changed for `user`, if he is one of `tenant`.
    pub fn user_within(&self, user: &str, tenant: &str) {
        let mut marks = self.write();
        let now = marks.next();
        let before = marks.within.insert(user.into(), (tenant.into(), now));
        // Whoever is said to be of several tenants is not told apart any more.
        if before.is_some_and(|(before, _)| *before != *tenant) {
            marks.users.insert(user.into(), now);
        }
    }

    /// True if something has changed for `user` of `tenant` since `asked`.
    pub fn since(&self, asked: Moment, user: &str, tenant: &str) -> bool {
        let marks = self.read();
        let later = |mark: Option<&u64>| mark.is_some_and(|mark| *mark > asked.0);
        marks.everywhere > asked.0
            || later(marks.tenants.get(tenant))
            || later(marks.users.get(user))
            || (marks.within.get(user)).is_some_and(|(of, mark)| **of == *tenant && *mark > asked.0)
    }

    /// Notes whether changes are told of at present.
    pub fn set_followed(&self, followed: bool) {
        self.followed.store(followed, Ordering::Relaxed);
    }

    /// Whether changes are told of at present; else results end with their time only.
    pub fn followed(&self) -> bool {
        self.followed.load(Ordering::Relaxed)
    }

    /// Nothing that is done under the lock leaves it half done.
    fn read(&self) -> RwLockReadGuard<'_, Marks> {
        self.marks.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Marks> {
        self.marks.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_concerns_its_user_or_tenant_and_what_was_asked_before_it() {
        let outdated = Outdated::default();
        let before = outdated.moment();
        outdated.tenant("a");
        let between = outdated.moment();
        outdated.user("u");
        assert!(outdated.since(before, "x", "a") && !outdated.since(between, "x", "a"));
        assert!(outdated.since(between, "u", "b") && !outdated.since(outdated.moment(), "u", "b"));
        assert!(!outdated.since(before, "x", "b"));
        let later = outdated.moment();
        outdated.user_within("v", "a");
        assert!(outdated.since(later, "v", "a") && !outdated.since(later, "v", "b"));
        assert!(!outdated.since(later, "x", "a"));
        outdated.user_within("v", "b");
        assert!(outdated.since(later, "v", "a") && outdated.since(later, "v", "b"));
        outdated.everything();
        assert!(outdated.since(between, "x", "b"));
        assert!(!outdated.since(outdated.moment(), "u", "a"));
    }

    #[test]
    fn more_changes_than_are_told_apart_concern_everybody() {
        let outdated = Outdated::default();
        let before = outdated.moment();
        for number in 0..=MOST {
            outdated.user(&number.to_string());
        }
        assert!(outdated.since(before, "nobody", "nowhere"));
        let marks = outdated.read();
        assert!(marks.tenants.len() + marks.users.len() <= MOST);
        drop(marks);
        let after = outdated.moment();
        assert!(!outdated.since(after, "nobody", "nowhere"));
    }
}
