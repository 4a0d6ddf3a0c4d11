//! `/sources`, the sources of every backend, and `/backends/{backend}/sources` (dird-api-config.md §3, §4).

use http::StatusCode;
use kit::problem::Problem;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::convention;
use super::list::{ListRules, body_error, conflict};
use super::route::{Answer, no_content};
use crate::backends::{self, SourceKind};
use crate::error::{ApiError, json_answer};
use crate::identity::{Tenant, TenantId, Tenants};
use crate::schema::{Field, Kind, Length, Schema};
use crate::store::StoreError;
use crate::store::model::{PhonebookId, Source, SourceId, random_id};

/// What every source has but its name.
pub static COMMON: Schema = Schema::new(&[
    Field::optional(
        "searched_columns",
        Kind::Texts(Length::between(1, 128)),
        "columns that a search looks into",
    )
    .or(|| json!([])),
    Field::optional(
        "first_matched_columns",
        Kind::Texts(Length::between(1, 128)),
        "columns that a reverse lookup compares",
    )
    .or(|| json!([])),
    Field::optional(
        "format_columns",
        Kind::TextMap {
            key: 128,
            value: 2048,
        },
        "new columns and their templates",
    )
    .or(|| json!({})),
]);

/// The name of a source that has one of its own.
pub static NAME: Schema = Schema::new(&[Field::required(
    "name",
    Kind::Text(Length::between(1, 512)),
    "name, unique in the tenant",
)]);

static NO_NAME: Schema = Schema::new(&[]);

/// What the list over all backends allows.
pub const EVERY_BACKEND: ListRules = ListRules {
    order: &["name", "backend"],
    filters: &["uuid", "backend", "name"],
};

/// The four keys that lists over all backends show.
#[derive(Serialize)]
pub struct Summary {
    uuid: String,
    name: String,
    backend: String,
    tenant_uuid: String,
}

impl From<Source> for Summary {
    fn from(source: Source) -> Self {
        Self {
            uuid: source.uuid.0,
            name: source.name,
            backend: source.backend,
            tenant_uuid: source.tenant.to_string(),
        }
    }
}

/// Lists the sources of every backend.
pub async fn list_all(call: Call) -> Answer {
    let page = EVERY_BACKEND.read(&call.query)?;
    let tenants = call.listed_tenants(&page).await?;
    let listed = call.app.store.list_sources(&tenants, None, &page).await?;
    Ok(json_answer(StatusCode::OK, &listed.map(Summary::from)))
}

/// Lists the sources of one backend.
pub async fn list(call: Call) -> Answer {
    let kind = kind(&call)?;
    let page = rules(kind).read(&call.query)?;
    let tenants = call.listed_tenants(&page).await?;
    let listed = call
        .app
        .store
        .list_sources(&tenants, Some(kind.name()), &page)
        .await?;
    Ok(json_answer(
        StatusCode::OK,
        &listed.map(|source| shown(kind, &source)),
    ))
}

/// Adds a source; answers 200, as the reference does (O-36).
pub async fn create(mut call: Call) -> Answer {
    let kind = kind(&call)?;
    let tenant = call.caller.tenant();
    let source = body(&mut call, kind, SourceId(random_id()), tenant.id()).await?;
    let created = call.app.store.create_source(&tenant, &source).await;
    created.map_err(|error| refused(error, &tenant.alone()))?;
    let (created, _) = read(&call, kind, &tenant.alone(), &source.uuid).await?;
    Ok(json_answer(StatusCode::OK, &shown(kind, &created)))
}

/// Shows a source.
pub async fn show(call: Call) -> Answer {
    let kind = kind(&call)?;
    let (source, _) = find(&call, kind).await?;
    Ok(convention::object(&call.headers, &shown(kind, &source)))
}

/// Replaces a source: what is left out goes back to its default.
pub async fn update(mut call: Call) -> Answer {
    let kind = kind(&call)?;
    let uuid = SourceId(call.path.get("source_uuid").to_owned());
    let own = call.caller.tenant();
    let mut sent = body(&mut call, kind, uuid, own.id()).await?;
    let tenants = call.visible_tenants().await?;
    let (source, tenant) = read(&call, kind, &tenants, &sent.uuid).await?;
    let known = convention::unchanged(&call.headers, &source, &shown(kind, &source))?;
    sent.tenant = tenant.id().clone();
    let updated = call.app.store.update_source(&tenant, &sent, known);
    updated.await.map_err(|error| refused(error, &tenants))?;
    Ok(no_content())
}

/// Removes a source, also from profiles.
pub async fn delete(call: Call) -> Answer {
    let kind = kind(&call)?;
    let (source, tenant) = find(&call, kind).await?;
    let known = convention::unchanged(&call.headers, &source, &shown(kind, &source))?;
    call.app
        .store
        .delete_source(&tenant, kind.name(), &source.uuid, known)
        .await?;
    Ok(no_content())
}

/// The backend that the path spells out.
pub(super) fn kind(call: &Call) -> Result<&'static dyn SourceKind, ApiError> {
    let name = call.path.get("backend");
    backends::kind(name).ok_or_else(|| ApiError::Internal(format!("no backend {name}").into()))
}

async fn body(
    call: &mut Call,
    kind: &'static dyn SourceKind,
    uuid: SourceId,
    tenant: &TenantId,
) -> Result<Source, ApiError> {
    let sent = call.json().await?;
    let mut read = Map::new();
    let mut errors = Map::new();
    for schema in body_schemas(kind) {
        match schema.read_body(&sent) {
            Ok(members) => read.extend(members),
            Err(wrong) => errors.extend(wrong),
        }
    }
    if !errors.is_empty() {
        return Err(body_error(errors));
    }
    let phonebook = read.remove("phonebook_uuid");
    let text = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
    let mut list = |name: &str| -> Result<_, ApiError> {
        let value = read.remove(name).unwrap_or_default();
        serde_json::from_value(value).map_err(|error| ApiError::Internal(error.into()))
    };
    let (searched_columns, first_matched_columns) =
        (list("searched_columns")?, list("first_matched_columns")?);
    let format_columns = read.remove("format_columns").unwrap_or_default();
    Ok(Source {
        uuid,
        tenant: tenant.clone(),
        backend: kind.name().to_owned(),
        name: text(read.remove("name")).unwrap_or_default(),
        searched_columns,
        first_matched_columns,
        format_columns: serde_json::from_value(format_columns)
            .map_err(|error| ApiError::Internal(error.into()))?,
        phonebook: text(phonebook).map(PhonebookId),
        phonebook_description: None,
        extra: read,
    })
}

/// The schemas that a body of the backend is read with.
pub fn body_schemas(kind: &dyn SourceKind) -> Vec<&'static Schema> {
    let named = if borrows_its_name(kind) {
        &NO_NAME
    } else {
        &NAME
    };
    vec![named, &COMMON, kind.schema()]
}

/// What the list of the backend's sources allows.
pub fn rules(kind: &dyn SourceKind) -> ListRules {
    ListRules {
        order: kind.columns(),
        filters: &["uuid", "name"],
    }
}

/// A phonebook source is called as its phonebook is.
fn borrows_its_name(kind: &dyn SourceKind) -> bool {
    kind.schema().knows("phonebook_uuid")
}

/// A source as answers have it: what every source has, then the backend's own keys.
fn shown(kind: &dyn SourceKind, source: &Source) -> Map<String, Value> {
    let mut shown = Map::from_iter([
        ("uuid".to_owned(), json!(source.uuid.0)),
        ("tenant_uuid".to_owned(), json!(source.tenant.as_str())),
        ("name".to_owned(), json!(source.name)),
        (
            "searched_columns".to_owned(),
            json!(source.searched_columns),
        ),
        (
            "first_matched_columns".to_owned(),
            json!(source.first_matched_columns),
        ),
        ("format_columns".to_owned(), json!(source.format_columns)),
    ]);
    if let Some(phonebook) = &source.phonebook {
        shown.insert("phonebook_uuid".into(), json!(phonebook.0));
        shown.insert("phonebook_name".into(), json!(source.name));
        shown.insert(
            "phonebook_description".into(),
            json!(source.phonebook_description),
        );
    }
    shown.extend(kind.schema().shown(&source.extra));
    shown
}

/// The source of the path, in a tenant that the caller sees.
async fn find(call: &Call, kind: &dyn SourceKind) -> Result<(Source, Tenant), ApiError> {
    let tenants = call.visible_tenants().await?;
    let id = SourceId(call.path.get("source_uuid").to_owned());
    read(call, kind, &tenants, &id).await
}

/// The source of the path, in one of `tenants`.
pub(super) async fn find_among(
    call: &Call,
    kind: &dyn SourceKind,
    tenants: &Tenants,
) -> Result<Source, ApiError> {
    let id = SourceId(call.path.get("source_uuid").to_owned());
    Ok(read(call, kind, tenants, &id).await?.0)
}

async fn read(
    call: &Call,
    kind: &dyn SourceKind,
    tenants: &Tenants,
    id: &SourceId,
) -> Result<(Source, Tenant), ApiError> {
    let found = call.app.store.source(tenants, kind.name(), id).await?;
    let found = found.and_then(|source| Some((tenants.only(&source.tenant)?, source)));
    let (tenant, source) = found.ok_or_else(|| unknown(StatusCode::NOT_FOUND, &id.0))?;
    Ok((source, tenant))
}

/// There is no such source; 404 for one that the path names, 400 for one that a body refers to.
pub fn unknown(status: StatusCode, id: &str) -> ApiError {
    let problem = Problem::new(
        status,
        "unknown-source",
        format!("No such source: \"{id}\""),
    );
    ApiError::from(problem.with_details(json!({"uuid": id})).about("sources"))
}

/// What the store finds wrong with a source.
fn refused(error: StoreError, visible: &Tenants) -> ApiError {
    match error {
        StoreError::NameTaken(name) => conflict(&name, "sources"),
        StoreError::Missing {
            kind: "phonebook",
            id,
        } => unknown_phonebook(&id, visible, "/backends/phonebook/sources"),
        StoreError::Missing { id, .. } => unknown(StatusCode::NOT_FOUND, &id),
        other => other.into(),
    }
}

/// A phonebook source's phonebook is not in the tenants.
pub fn unknown_phonebook(id: &str, visible: &Tenants, resource: &'static str) -> ApiError {
    let tenants: Vec<&str> = visible.ids().map(TenantId::as_str).collect();
    let quoted: Vec<String> = tenants.iter().map(|tenant| format!("'{tenant}'")).collect();
    let message = format!(
        "Phonebook {{'uuid': '{id}'}} not found in tenants [{}]",
        quoted.join(", ")
    );
    let details = json!({"phonebook_key": {"uuid": id}, "visible_tenants": tenants});
    let problem = Problem::new(StatusCode::NOT_FOUND, "unknown-phonebook", message);
    ApiError::from(problem.with_details(details).about(resource))
}
