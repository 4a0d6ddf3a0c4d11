//! What a new tenant gets (dird-api-semantics.md §8): five sources, a display and the profile `default`, whether an event of the
//! platform or the command line made the tenant. A tenant that has the profile already is left alone.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::identity::Tenant;
use crate::store::model::{
    Display, DisplayColumn, Profile, ProfileId, ProfileService, Source, SourceId, random_id,
};
use crate::store::{Engine, Page, StoreError, Stored};

/// Name of the profile that phones and clients use when nobody chose another.
const PROFILE: &str = "default";

const CONFERENCE_KEY: &str = "/var/lib/wazo-auth-keys/wazo-dird-conference-backend-key.yml";
const WAZO_KEY: &str = "/var/lib/wazo-auth-keys/wazo-dird-wazo-backend-key.yml";

/// What was done for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The tenant has its sources, display and profile now.
    Created,
    /// The profile was there; nothing was changed.
    Present,
}

/// Gives the tenant called `name` its defaults. Sources and display of an attempt that was cut short are taken up; a source that
/// cannot be made is logged and left out.
pub async fn create(store: &dyn Engine, tenant: &Tenant, name: &str) -> Stored<Outcome> {
    if store.resolve_profile(tenant, PROFILE).await?.is_some() {
        return Ok(Outcome::Present);
    }
    let mut sources = Vec::new();
    for source in sources_of(tenant, name) {
        let label = source.name.clone();
        match create_or_find(store, tenant, source).await {
            Ok(id) => sources.push(id),
            Err(unavailable @ StoreError::Unavailable(_)) => return Err(unavailable),
            Err(error) => {
                tracing::error!(%error, source = label, tenant = %tenant.id(), "a default source is missing");
            }
        }
    }
    let display = display(store, tenant, &format!("auto_{name}")).await?;
    match store
        .create_profile(tenant, &profile(tenant, &display, &sources))
        .await
    {
        // Somebody else was faster.
        Err(StoreError::NameTaken(_)) => Ok(Outcome::Present),
        created => created.map(|()| Outcome::Created),
    }
}

async fn create_or_find(store: &dyn Engine, tenant: &Tenant, source: Source) -> Stored<SourceId> {
    match store.create_source(tenant, &source).await {
        Ok(()) => Ok(source.uuid),
        Err(StoreError::NameTaken(taken)) => {
            let page = Page {
                order: "name",
                ..Page::default()
            };
            let listed = store
                .list_sources(&tenant.alone(), Some(&source.backend), &page)
                .await?;
            let found = listed
                .items
                .into_iter()
                .find(|other| other.name == source.name);
            found
                .map(|other| other.uuid)
                .ok_or(StoreError::NameTaken(taken))
        }
        Err(error) => Err(error),
    }
}

async fn display(store: &dyn Engine, tenant: &Tenant, name: &str) -> Stored<Display> {
    let page = Page {
        order: "name",
        ..Page::default()
    };
    let listed = store.list_displays(&tenant.alone(), &page).await?;
    match listed
        .items
        .into_iter()
        .find(|display| display.name == name)
    {
        Some(display) => Ok(display),
        None => store.create_display(tenant, name, &columns()).await,
    }
}

fn profile(tenant: &Tenant, display: &Display, sources: &[SourceId]) -> Profile {
    let service = |name: &str, options: Option<Value>| {
        let options = options.and_then(|options| options.as_object().cloned());
        (
            name.to_owned(),
            ProfileService {
                sources: sources.to_vec(),
                options,
            },
        )
    };
    Profile {
        uuid: ProfileId(random_id()),
        tenant: tenant.id().clone(),
        name: PROFILE.into(),
        display: Some(display.uuid.clone()),
        services: [
            service("lookup", None),
            service("favorites", None),
            service("reverse", Some(json!({"timeout": 0.5}))),
        ]
        .into_iter()
        .collect(),
    }
}

fn columns() -> Vec<DisplayColumn> {
    let column = |field: &str, title: &str, kind: &str| DisplayColumn {
        field: Some(field.into()),
        title: Some(title.into()),
        r#type: Some(kind.into()),
        ..DisplayColumn::default()
    };
    let number = |field: &str, title: &str, shown: &str| DisplayColumn {
        number_display: Some(shown.into()),
        ..column(field, title, "number")
    };
    vec![
        column("name", "Nom", "name"),
        column("firstname", "Prénom", "firstname"),
        column("lastname", "Nom de famille", "lastname"),
        number("phone", "Numéro", "{name}"),
        number("phone_mobile", "Mobile", "{name} (mobile)"),
        column("voicemail", "Boîte vocale", "voicemail"),
        column("favorite", "Favoris", "favorite"),
        column("email", "E-mail", "email"),
    ]
}

/// One of the five, in words.
struct Blank {
    backend: &'static str,
    searched: &'static str,
    first_matched: &'static str,
    format: &'static [(&'static str, &'static str)],
    extra: Value,
}

fn sources_of(tenant: &Tenant, name: &str) -> Vec<Source> {
    blanks()
        .into_iter()
        .map(|blank| Source {
            uuid: SourceId(random_id()),
            tenant: tenant.id().clone(),
            name: match blank.backend {
                "personal" => "personal".to_owned(),
                backend => format!("auto_{backend}_{name}"),
            },
            backend: blank.backend.into(),
            searched_columns: words(blank.searched),
            first_matched_columns: words(blank.first_matched),
            format_columns: templates(blank.format),
            phonebook: None,
            phonebook_description: None,
            extra: blank.extra.as_object().cloned().unwrap_or_else(Map::new),
        })
        .collect()
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn templates(pairs: &[(&str, &str)]) -> IndexMap<String, String> {
    let owned = |&(name, text): &(&str, &str)| (name.to_owned(), text.to_owned());
    pairs.iter().map(owned).collect()
}

fn auth(key_file: &str) -> Value {
    json!({
        "host": "localhost", "port": 9497, "prefix": null, "https": false,
        "key_file": key_file, "version": "0.1",
    })
}

fn confd() -> Value {
    json!({"host": "localhost", "port": 9486, "prefix": null, "https": false, "version": "1.1"})
}

fn blanks() -> [Blank; 5] {
    [
        Blank {
            backend: "conference",
            searched: "name extensions incalls",
            first_matched: "extensions incalls",
            format: &[("phone", "{extensions[0]}"), ("reverse", "{name}")],
            extra: json!({"auth": auth(CONFERENCE_KEY), "confd": confd()}),
        },
        Blank {
            backend: "personal",
            searched: "firstname lastname number mobile fax",
            first_matched: "number mobile",
            format: &[
                ("phone", "{number}"),
                ("name", "{firstname} {lastname}"),
                ("phone_mobile", "{mobile}"),
                ("reverse", "{firstname} {lastname}"),
            ],
            extra: json!({}),
        },
        Blank {
            backend: "wazo",
            searched: "firstname lastname full_name exten",
            first_matched: "exten mobile_phone_number",
            format: &[
                ("phone", "{exten}"),
                ("name", "{firstname} {lastname}"),
                ("reverse", "{firstname} {lastname}"),
            ],
            extra: json!({"auth": auth(WAZO_KEY), "confd": confd()}),
        },
        office365(),
        google(),
    ]
}

fn office365() -> Blank {
    Blank {
        backend: "office365",
        searched: "givenName surname businessPhones homePhones mobilePhone",
        first_matched: "businessPhones mobilePhone homePhones",
        format: &[
            ("name", "{givenName} {surname}"),
            ("phone_mobile", "{mobilePhone}"),
            ("reverse", "{givenName} {surname}"),
            ("phone", "{numbers_except_label[mobilePhone][0]}"),
        ],
        extra: json!({
            "auth": auth(WAZO_KEY),
            "endpoint": "https://graph.microsoft.com/v1.0/me/contacts",
        }),
    }
}

fn google() -> Blank {
    Blank {
        backend: "google",
        searched: "name numbers familyName givenName",
        first_matched: "numbers",
        format: &[
            ("phone_mobile", "{numbers_by_label[mobile]}"),
            ("reverse", "{name}"),
            ("phone", "{numbers_except_label[mobile][0]}"),
        ],
        extra: json!({"auth": auth(WAZO_KEY)}),
    }
}
