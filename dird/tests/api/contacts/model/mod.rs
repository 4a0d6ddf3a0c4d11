//! One phonebook and one personal list under several writers at once, beside a model of what they were answered: what was
//! acknowledged is there and nothing else, changes are numbered in order, and who follows the changes ends where the list is.
//!
//! `SOAK_ROUNDS` sets how many rounds are played; a few by default.

mod follower;
mod writer;

use std::collections::BTreeMap;

use dird::identity::{SystemAuthority, Tenant, TenantId, UserId};
use dird::store::model::ListId;
use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::Value;

use crate::fake_auth::USER;
use crate::site::Site;
use follower::Follower;
use writer::Writer;

/// Writers at once.
const WRITERS: usize = 4;

/// What each does in a round.
const STEPS: usize = 12;

on_both_engines!(
    what_was_acknowledged_is_there_and_nothing_else,
    who_follows_the_changes_ends_where_the_list_is,
);

/// Contacts by their identifier.
type Contacts = BTreeMap<String, Value>;

fn rounds() -> usize {
    let asked = std::env::var("SOAK_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(3)
}

/// A list under test.
struct Subject {
    /// Its path.
    path: String,
    tenant: Tenant,
    list: ListId,
}

impl Subject {
    /// A phonebook and alice's own contacts.
    async fn both(site: &Site) -> [Self; 2] {
        let tenant = SystemAuthority::new("tests").tenant(TenantId::new(&site.tenant).unwrap());
        let user = UserId::new(USER).unwrap();
        let personal = site.store.open_personal_list(&tenant, &user).await.unwrap();
        let book = site.phonebook("book").await;
        let list = ListId(book.trim_start_matches("/phonebooks/").to_owned());
        let subject = |path: String, list| Self {
            path,
            tenant: tenant.clone(),
            list,
        };
        [
            subject(format!("{book}/contacts"), list),
            subject("/personal".to_owned(), personal),
        ]
    }

    /// What the REST interface shows of it.
    async fn shown(&self, site: &Site) -> Contacts {
        let items = site.items(&self.path).await;
        let count = items.len();
        let shown: Contacts = items
            .into_iter()
            .map(|item| (super::text(&item, "id"), item))
            .collect();
        assert_eq!(shown.len(), count, "every contact is shown once");
        shown
    }

    /// Its contacts in the store, whose places and numbers must be in order.
    async fn stored(&self, site: &Site) -> follower::Copy {
        let contents = site.store.contents(&self.tenant, &self.list).await.unwrap();
        let positions = contents.contacts.iter().map(|placed| placed.position);
        assert!(positions.is_sorted_by(|one, other| one < other));
        follower::Copy::of(contents)
    }

    async fn clear(&self, site: &Site) {
        match self.path.as_str() {
            "/personal" => site.delete("/personal").await,
            _ => site
                .store
                .clear_contacts(&self.tenant, &self.list)
                .await
                .unwrap(),
        }
    }
}

async fn what_was_acknowledged_is_there_and_nothing_else(site: Site) {
    for subject in Subject::both(&site).await {
        let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
        let mut last = subject.stored(&site).await;
        for round in 0..rounds() {
            let at_work = writers.iter_mut();
            join_all(at_work.map(|writer| writer.play(&site, &subject.path, round, STEPS))).await;
            let mut model = Contacts::new();
            for writer in &writers {
                model.extend(writer.acknowledged.clone());
            }
            let about = format!("{} after round {round}", subject.path);
            assert_eq!(subject.shown(&site).await, model, "{about}");
            let stored = subject.stored(&site).await;
            assert_eq!(stored.contacts.len(), model.len(), "{about}");
            assert!(stored.standing.sequence > last.standing.sequence, "{about}");
            assert!(stored.standing.version > last.standing.version, "{about}");
            last = stored;
            if round % 3 == 1 {
                subject.clear(&site).await;
                for writer in &mut writers {
                    writer.acknowledged.clear();
                }
                assert_eq!(subject.shown(&site).await, Contacts::new(), "{about}");
            }
        }
    }
}

async fn who_follows_the_changes_ends_where_the_list_is(site: Site) {
    for subject in Subject::both(&site).await {
        let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
        let mut follower = Follower::new(subject.stored(&site).await);
        for round in 0..rounds() {
            let at_work = writers.iter_mut();
            let at_work = at_work.map(|writer| writer.disturb(&site, &subject.path, round, STEPS));
            // Cleared in the middle of the writing, so that nobody can say what is left.
            let clearing = async {
                for _ in 0..STEPS {
                    follower.look(&site, &subject).await;
                }
                subject.clear(&site).await;
                for _ in 0..STEPS {
                    follower.look(&site, &subject).await;
                }
            };
            join(join_all(at_work), clearing).await;
            let stored = subject.stored(&site).await;
            follower.assert_ends_at(&site, &subject, &stored).await;
            let mut shown = subject.shown(&site).await;
            shown.retain(|id, _| !stored.contacts.contains_key(id));
            assert!(shown.is_empty(), "shown but not stored: {shown:?}");
        }
    }
}

/// Status and body of a request of alice's with a body.
async fn send(site: &Site, method: Method, path: &str, body: &Value) -> (u16, Value) {
    site.send(method, path, body).await
}
