//! `/profiles` (dird-api-config.md §2).

use http::StatusCode;
use indexmap::IndexMap;
use kit::problem::Problem;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::list::{ListRules, body_error, conflict, invalid_body};
use super::route::{Answer, no_content};
use super::{convention, displays, sources};
use crate::error::{ApiError, json_answer};
use crate::identity::Tenant;
use crate::lookup::REGIONS;
use crate::schema::{self, Absent, Field, Kind, Length, Range, Schema, Unknown};
use crate::store::StoreError;
use crate::store::model::{DisplayId, Profile, ProfileId, ProfileService, SourceId, random_id};

/// Name and display of a profile; its services are read by [`SERVICE`].
pub static SCHEMA: Schema = Schema::new(&[
    Field::required(
        "name",
        Kind::Text(Length::between(1, 512)),
        "name, unique in the tenant",
    ),
    Field::optional(
        "display",
        Kind::Object(&REFERENCE),
        "display of the results",
    ),
]);

static REFERENCE: Schema = Schema::new(&[Field::required(
    "uuid",
    Kind::Uuid,
    "identifier of the object",
)]);

/// One service of a profile.
pub static SERVICE: Schema = Schema {
    fields: &[
        Field::optional(
            "sources",
            Kind::Objects {
                schema: &REFERENCE,
                min: 0,
            },
            "sources, in order",
        )
        .or(|| json!([])),
        Field::optional("options", Kind::Object(&OPTIONS), "options of the service"),
    ],
    unknown: Unknown::Refuse,
    rule: None,
};

static OPTIONS: Schema = Schema {
    fields: &[
        Field {
            name: "timeout",
            kind: Kind::Number(Range::Positive),
            absent: Absent::Default(|| Value::Null),
            nullable: true,
            about: "seconds that sources are waited for",
        },
        Field::optional(
            "region",
            Kind::Choice(REGIONS),
            "country in whose ways numbers are written; the tenant's when left out",
        ),
        Field::optional(
            "t9",
            Kind::Boolean,
            "whether digits also find names by the letters of a keypad",
        ),
    ],
    unknown: Unknown::Refuse,
    rule: None,
};

/// What the list allows.
pub const RULES: ListRules = ListRules {
    order: &["name"],
    filters: &["uuid", "name"],
};

/// Lists profiles.
pub async fn list(call: Call) -> Answer {
    let page = RULES.read(&call.query)?;
    let tenants = call.listed_tenants(&page).await?;
    let listed = call.app.store.list_profiles(&tenants, &page).await?;
    Ok(json_answer(
        StatusCode::OK,
        &listed.map(|profile| shown(&profile)),
    ))
}

/// Adds a profile.
pub async fn create(mut call: Call) -> Answer {
    let tenant = call.caller.tenant();
    let profile = body(&mut call, ProfileId(random_id()), &tenant).await?;
    call.app
        .store
        .create_profile(&tenant, &profile)
        .await
        .map_err(refused)?;
    let mut created = shown(&profile);
    if profile.display.is_none() {
        created.remove("display");
    }
    Ok(json_answer(StatusCode::CREATED, &created))
}

/// Shows a profile.
pub async fn show(call: Call) -> Answer {
    let (profile, _) = find(&call).await?;
    Ok(convention::object(&call.headers, &shown(&profile)))
}

/// Replaces a profile; without `display` it has none then (O-10).
pub async fn update(mut call: Call) -> Answer {
    let uuid = ProfileId(call.path.get("profile_uuid").to_owned());
    let tenant = call.caller.tenant();
    let mut sent = body(&mut call, uuid, &tenant).await?;
    let (profile, tenant) = find(&call).await?;
    let known = convention::unchanged(&call.headers, &profile, &shown(&profile))?;
    sent.tenant = tenant.id().clone();
    call.app
        .store
        .update_profile(&tenant, &sent, known)
        .await
        .map_err(refused)?;
    Ok(no_content())
}

/// Removes a profile.
pub async fn delete(call: Call) -> Answer {
    let (profile, tenant) = find(&call).await?;
    let known = convention::unchanged(&call.headers, &profile, &shown(&profile))?;
    call.app
        .store
        .delete_profile(&tenant, &profile.uuid, known)
        .await?;
    Ok(no_content())
}

async fn body(call: &mut Call, uuid: ProfileId, tenant: &Tenant) -> Result<Profile, ApiError> {
    let sent = call.json().await?;
    if sent.is_null() {
        return Err(invalid_body());
    }
    let mut errors = Map::new();
    let read = SCHEMA.read_body(&sent).unwrap_or_else(|wrong| {
        errors.extend(wrong);
        Map::new()
    });
    let services = if errors.contains_key("_schema") {
        Ok(IndexMap::new())
    } else {
        services(sent.get("services"))
    };
    let services = services.unwrap_or_else(|wrong| {
        errors.insert("services".into(), wrong);
        IndexMap::new()
    });
    if !errors.is_empty() {
        return Err(body_error(errors));
    }
    let display = read
        .get("display")
        .and_then(|display| display["uuid"].as_str());
    Ok(Profile {
        uuid,
        tenant: tenant.id().clone(),
        name: read
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        display: display.map(|uuid| DisplayId(uuid.to_owned())),
        services,
    })
}

/// Reads the services; only the first that is wrong is reported, without its name.
fn services(sent: Option<&Value>) -> Result<IndexMap<String, ProfileService>, Value> {
    let services = match sent {
        None => return Err(schema::required()),
        Some(Value::Null) => return Err(schema::null()),
        Some(Value::Object(services)) => services,
        Some(_) => return Err(Value::Object(schema::invalid_type())),
    };
    let service = |(name, sent): (&String, &Value)| {
        if name.contains('\0') {
            return Err(schema::nul());
        }
        let empty = Value::Object(Map::new());
        let read = SERVICE
            .read(if sent.is_null() { &empty } else { sent })
            .map_err(Value::Object)?;
        let uuid = |source: &Value| {
            source["uuid"]
                .as_str()
                .map(|uuid| SourceId(uuid.to_owned()))
        };
        let sources = read.get("sources").and_then(Value::as_array);
        Ok((
            name.clone(),
            ProfileService {
                sources: sources.into_iter().flatten().filter_map(uuid).collect(),
                options: Some(
                    read.get("options")
                        .and_then(Value::as_object)
                        .cloned()
                        .unwrap_or_default(),
                ),
            },
        ))
    };
    services.iter().map(service).collect()
}

/// A profile as answers have it.
fn shown(profile: &Profile) -> Map<String, Value> {
    let service = |(name, service): (&String, &ProfileService)| {
        let sources: Vec<Value> = service
            .sources
            .iter()
            .map(|id| json!({"uuid": id.0}))
            .collect();
        let mut shown = Map::from_iter([("sources".to_owned(), json!(sources))]);
        if let Some(options) = &service.options {
            shown.insert("options".into(), json!(options));
        }
        (name.clone(), Value::Object(shown))
    };
    let services: Map<String, Value> = profile.services.iter().map(service).collect();
    let display = profile
        .display
        .as_ref()
        .map(|display| json!({"uuid": display.0}));
    Map::from_iter([
        ("uuid".to_owned(), json!(profile.uuid.0)),
        ("tenant_uuid".to_owned(), json!(profile.tenant.as_str())),
        ("name".to_owned(), json!(profile.name)),
        ("display".to_owned(), json!(display)),
        ("services".to_owned(), Value::Object(services)),
    ])
}

/// The profile of the path, in a tenant that the caller sees.
async fn find(call: &Call) -> Result<(Profile, Tenant), ApiError> {
    let tenants = call.visible_tenants().await?;
    let id = call.path.get("profile_uuid");
    let found = call
        .app
        .store
        .profile(&tenants, &ProfileId(id.to_owned()))
        .await?;
    let found = found.and_then(|profile| Some((tenants.only(&profile.tenant)?, profile)));
    let (tenant, profile) = found.ok_or_else(|| unknown(id))?;
    Ok((profile, tenant))
}

/// There is no such profile, by identifier or by name.
pub fn unknown(id: &str) -> ApiError {
    let message = format!("No such profile: \"{id}\"");
    let problem = Problem::new(StatusCode::NOT_FOUND, "unknown-profile", message);
    ApiError::from(problem.with_details(json!({"uuid": id})).about("profiles"))
}

/// What the store finds wrong with a profile.
fn refused(error: StoreError) -> ApiError {
    match error {
        StoreError::NameTaken(name) => conflict(&name, "profiles"),
        StoreError::Missing {
            kind: "display",
            id,
        } => displays::unknown(StatusCode::BAD_REQUEST, &id),
        StoreError::Missing { kind: "source", id } => {
            sources::unknown(StatusCode::BAD_REQUEST, &id)
        }
        StoreError::Missing { id, .. } => unknown(&id),
        other => other.into(),
    }
}
