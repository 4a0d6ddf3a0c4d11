//! What a new tenant gets (dird-api-semantics.md §8): five sources, a display and the profile `default`, whether an event of the
//! platform or the command line made the tenant. A tenant that has the profile already is left alone.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use crate::identity::Tenant;
use crate::store::model::{
    Defaults, Display, DisplayColumn, DisplayId, Profile, ProfileId, ProfileService, Source,
    SourceId, random_id,
};
use crate::store::{Engine, Stored};

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

/// Gives the tenant called `name` its defaults, all of them at once or none. What it has by name already is taken as it is.
pub async fn create(store: &dyn Engine, tenant: &Tenant, name: &str) -> Stored<Outcome> {
    let sources = sources_of(tenant, name);
    let ids: Vec<SourceId> = sources.iter().map(|source| source.uuid.clone()).collect();
    let display = Display {
        uuid: DisplayId(random_id()),
        tenant: tenant.id().clone(),
        name: format!("auto_{name}"),
        columns: columns(),
    };
    let defaults = Defaults {
        profile: profile(tenant, &display, &ids),
        sources,
        display,
    };
    let created = store.create_defaults(tenant, defaults).await?;
    Ok(if created {
        Outcome::Created
    } else {
        Outcome::Present
    })
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
