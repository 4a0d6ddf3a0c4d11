//! What must exist before a request can succeed, and how it comes to be.

use std::collections::BTreeMap;

use dird::identity::{SystemAuthority, TenantId};
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::expected::NOTHING;
use crate::fake_auth::USER;
use crate::site::Site;

/// What must exist in alice's tenant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Needs {
    /// Nothing.
    Nothing,
    /// A display called `{name}`: `{display_uuid}`.
    Display,
    /// A profile called `{name}`, which is `{profile}` too: `{profile_uuid}`. Its display is `{shown_uuid}`, and every service
    /// asks the source `{asked_uuid}`, called `{name}`.
    Profile,
    /// The same, with Zoe, who is `{contact}` of the source called `{directory}`, among alice's favourites.
    Favorite,
    /// The same as [`Needs::Profile`], with a personal source, and a contact of alice's own whose `fn` is `{name}`.
    PersonalView,
    /// A phonebook called `{name}`: `{phonebook}`, `{phonebook_uuid}`, and its number `{phonebook_id}`.
    Phonebook,
    /// The same, with a contact whose `firstname` is `{name}`: `{contact_uuid}`.
    Contact,
    /// A phonebook source as [`Needs::Source`] makes it, with a contact whose `firstname` is `{name}`: `{contact_uuid}`.
    SourceContact,
    /// A contact of alice's own whose `firstname` is `{name}`: `{contact_id}`.
    Personal,
    /// A source of this backend, made with this body: `{source_uuid}`. One of a phonebook stands on the phonebook `{phonebook}`.
    Source(&'static str, Value),
}

/// What was made for one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Made(BTreeMap<&'static str, String>);

impl Needs {
    /// Makes it, under a name that nothing else has.
    pub(crate) async fn make(&self, site: &Site, name: &str) -> Made {
        let mut made = Made::nothing(site, name);
        made.0.insert("tenant_name", site.tenant_name.to_owned());
        match self {
            Self::Nothing => {}
            Self::Display => {
                let uuid = create(site, "/displays", &display(name)).await;
                made.0.insert("display_uuid", uuid);
            }
            Self::Profile => profile(site, name, &mut made).await,
            Self::Favorite => {
                profile(site, name, &mut made).await;
                let path = made.fill("/directories/favorites/{directory}/{contact}");
                let (status, body) = site.send(Method::PUT, &path, &Value::Null).await;
                assert_eq!(status, 204, "{path}: {body}");
            }
            Self::PersonalView => {
                profile(site, name, &mut made).await;
                let source = json!({"name": format!("{name} own")});
                create(site, "/backends/personal/sources", &source).await;
                let fields = json!({"fn": name, "firstname": name});
                personal(site, &fields, &mut made).await;
            }
            Self::Phonebook => phonebook(site, name, &mut made).await,
            Self::Contact => {
                phonebook(site, name, &mut made).await;
                contact(site, name, &mut made).await;
            }
            Self::SourceContact => {
                phonebook(site, name, &mut made).await;
                contact(site, name, &mut made).await;
                let body = json!({"name": name, "phonebook_uuid": "{phonebook}"});
                let path = "/backends/phonebook/sources";
                let uuid = create(site, path, &made.fill_value(&body)).await;
                made.0.insert("source_uuid", uuid);
            }
            Self::Personal => personal(site, &json!({"firstname": name}), &mut made).await,
            Self::Source(backend, body) => {
                if *backend == "phonebook" {
                    phonebook(site, name, &mut made).await;
                }
                let path = format!("/backends/{backend}/sources");
                let uuid = create(site, &path, &made.fill_value(body)).await;
                made.0.insert("source_uuid", uuid);
            }
        }
        made
    }
}

impl Made {
    /// Nothing but the names that any request may use.
    pub(crate) fn nothing(site: &Site, name: &str) -> Self {
        Self(BTreeMap::from([
            ("name", name.to_owned()),
            ("tenant", site.tenant.clone()),
            ("user", USER.to_owned()),
            ("phonebook", NOTHING.to_owned()),
            ("tenant_name", NOTHING.to_owned()),
        ]))
    }

    /// The text with what was made in place of the names in braces.
    pub(crate) fn fill(&self, text: &str) -> String {
        let fill = |text: String, (name, value): (&&str, &String)| {
            text.replace(&format!("{{{name}}}"), value)
        };
        self.0.iter().fold(text.to_owned(), fill)
    }

    /// The value with what was made in all of its texts.
    pub(crate) fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.fill(text).into(),
            Value::Array(items) => items.iter().map(|item| self.fill_value(item)).collect(),
            Value::Object(members) => {
                let filled = members
                    .iter()
                    .map(|(name, member)| (name.clone(), self.fill_value(member)));
                Value::Object(filled.collect::<Map<String, Value>>())
            }
            other => other.clone(),
        }
    }
}

/// A display with one column.
fn display(name: &str) -> Value {
    json!({"name": name, "columns": [{"field": "fn", "title": "Name"}]})
}

async fn create(site: &Site, path: &str, body: &Value) -> String {
    let (status, created) = site.send(Method::POST, path, body).await;
    assert!(status < 300, "{path} {body}: {status} {created}");
    created["uuid"].as_str().unwrap().to_owned()
}

async fn profile(site: &Site, name: &str, made: &mut Made) {
    let file = site.folder.path().join("people.csv");
    std::fs::write(&file, "id,fn\n1,Zoe\n2,Adam\n").unwrap();
    let source = json!({"name": name, "file": file, "searched_columns": ["fn"],
        "first_matched_columns": ["fn"], "unique_column": "id"});
    let asked = create(site, "/backends/csv/sources", &source).await;
    let shown = create(site, "/displays", &display(name)).await;
    let service = json!({"sources": [{"uuid": asked}]});
    let body = json!({"name": name, "display": {"uuid": shown},
        "services": {"lookup": service, "reverse": service, "favorites": service}});
    let uuid = create(site, "/profiles", &body).await;
    made.0.extend([
        ("profile", name.to_owned()),
        ("profile_uuid", uuid),
        ("asked_uuid", asked),
        ("shown_uuid", shown),
        ("user_uuid", USER.to_owned()),
        ("directory", name.to_owned()),
        ("contact", "1".to_owned()),
    ]);
}

async fn phonebook(site: &Site, name: &str, made: &mut Made) {
    let tenant = SystemAuthority::new("tests").tenant(TenantId::new(&site.tenant).unwrap());
    let phonebook = site.store.create_phonebook(&tenant, name, None).await;
    let phonebook = phonebook.unwrap();
    made.0.extend([
        ("phonebook", phonebook.uuid.0.clone()),
        ("phonebook_uuid", phonebook.uuid.0),
        ("phonebook_id", phonebook.id.to_string()),
    ]);
}

/// A contact in the phonebook that was made.
async fn contact(site: &Site, name: &str, made: &mut Made) {
    let path = made.fill("/phonebooks/{phonebook}/contacts");
    let id = add(site, &path, &json!({"firstname": name})).await;
    made.0.insert("contact_uuid", id);
}

async fn personal(site: &Site, fields: &Value, made: &mut Made) {
    let id = add(site, "/personal", fields).await;
    made.0.insert("contact_id", id);
}

async fn add(site: &Site, path: &str, contact: &Value) -> String {
    let (status, created) = site.send(Method::POST, path, contact).await;
    assert_eq!(status, 201, "{path} {contact}: {created}");
    created["id"].as_str().unwrap().to_owned()
}
