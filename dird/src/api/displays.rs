//! `/displays` (dird-api-config.md §1).

use http::StatusCode;
use kit::problem::Problem;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::convention;
use super::list::{ListRules, body_error, invalid_body};
use super::route::{Answer, no_content};
use crate::error::{ApiError, json_answer};
use crate::identity::{Tenant, Tenants};
use crate::schema::{Field, Kind, Length, Schema, Unknown};
use crate::store::model::{Display, DisplayColumn, DisplayId};

/// Name and columns of a display.
pub static SCHEMA: Schema = Schema::new(&[
    Field::required(
        "name",
        Kind::Text(Length::between(1, 512)),
        "name for people",
    ),
    Field::required(
        "columns",
        Kind::Objects {
            schema: &COLUMN,
            min: 1,
        },
        "columns, in order",
    ),
]);

static COLUMN: Schema = Schema {
    fields: &[
        Field::optional("field", Kind::Text(Length::ANY), "contact field shown").or_null(),
        Field::optional("title", Kind::Text(Length::ANY), "heading").or_null(),
        Field::optional("type", Kind::Text(Length::ANY), "meaning for clients").or_null(),
        Field::optional(
            "default",
            Kind::Text(Length::ANY),
            "shown without the field",
        )
        .or_null(),
        Field::optional(
            "number_display",
            Kind::Text(Length::ANY),
            "owner beside a number",
        )
        .or_null(),
    ],
    unknown: Unknown::Drop,
    rule: Some(|column| column.is_empty().then_some("Empty columns are now allowed")),
};

/// What the list allows.
pub const RULES: ListRules = ListRules {
    order: &["name"],
    filters: &["uuid", "name"],
};

#[derive(Serialize)]
struct Shown {
    uuid: String,
    tenant_uuid: String,
    name: String,
    columns: Vec<DisplayColumn>,
}

impl From<Display> for Shown {
    fn from(display: Display) -> Self {
        Self {
            uuid: display.uuid.0,
            tenant_uuid: display.tenant.to_string(),
            name: display.name,
            columns: display.columns,
        }
    }
}

/// Lists displays.
pub async fn list(call: Call) -> Answer {
    let page = RULES.read(&call.query)?;
    let tenants = call.listed_tenants(&page).await?;
    let listed = call.app.store.list_displays(&tenants, &page).await?;
    Ok(json_answer(StatusCode::OK, &listed.map(Shown::from)))
}

/// Adds a display.
pub async fn create(mut call: Call) -> Answer {
    let (name, columns) = body(&mut call).await?;
    let created = call
        .app
        .store
        .create_display(&call.caller.tenant(), &name, &columns)
        .await?;
    Ok(json_answer(StatusCode::CREATED, &Shown::from(created)))
}

/// Shows a display.
pub async fn show(call: Call) -> Answer {
    let (display, _) = find(&call).await?;
    Ok(convention::object(&call.headers, &Shown::from(display)))
}

/// Replaces name and columns of a display.
pub async fn update(mut call: Call) -> Answer {
    let (name, columns) = body(&mut call).await?;
    let (display, tenant) = find(&call).await?;
    let known = convention::unchanged(&call.headers, &display, &Shown::from(display.clone()))?;
    let wanted = Display {
        name,
        columns,
        ..display.clone()
    };
    call.app
        .store
        .update_display(&tenant, &wanted, known)
        .await?;
    Ok(no_content())
}

/// Removes a display.
pub async fn delete(call: Call) -> Answer {
    let (display, tenant) = find(&call).await?;
    let known = convention::unchanged(&call.headers, &display, &Shown::from(display.clone()))?;
    call.app
        .store
        .delete_display(&tenant, &display.uuid, known)
        .await?;
    Ok(no_content())
}

async fn body(call: &mut Call) -> Result<(String, Vec<DisplayColumn>), ApiError> {
    let sent = call.json().await?;
    if sent.is_null() {
        return Err(invalid_body());
    }
    let read = SCHEMA.read_body(&sent).map_err(body_error)?;
    let text = |object: &Map<String, Value>, name: &str| {
        object.get(name).and_then(Value::as_str).map(str::to_owned)
    };
    let column = |column: &Map<String, Value>| DisplayColumn {
        field: text(column, "field"),
        title: text(column, "title"),
        r#type: text(column, "type"),
        default: text(column, "default"),
        number_display: text(column, "number_display"),
    };
    let columns = read.get("columns").and_then(Value::as_array);
    let columns = columns
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .map(column)
        .collect();
    Ok((text(&read, "name").unwrap_or_default(), columns))
}

/// The display of the path, in a tenant that the caller sees.
async fn find(call: &Call) -> Result<(Display, Tenant), ApiError> {
    let tenants: Tenants = call.visible_tenants().await?;
    let id = call.path.get("display_uuid");
    let found = call
        .app
        .store
        .display(&tenants, &DisplayId(id.to_owned()))
        .await?;
    let found = found.and_then(|display| Some((tenants.only(&display.tenant)?, display)));
    let (tenant, display) = found.ok_or_else(|| unknown(StatusCode::NOT_FOUND, id))?;
    Ok((display, tenant))
}

/// There is no such display; 404 for one that the path names, 400 for one that a body refers to.
pub fn unknown(status: StatusCode, id: &str) -> ApiError {
    let problem = Problem::new(
        status,
        "unknown-display",
        format!("No such display: \"{id}\""),
    );
    ApiError::from(problem.with_details(json!({"uuid": id})).about("displays"))
}
