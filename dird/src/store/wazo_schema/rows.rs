//! Rows of wazo-dird's tables.

use indexmap::IndexMap;
use serde_json::Value;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::store::model::DisplayColumn;

/// `dird_tenant`.
#[derive(Debug, Clone)]
pub struct OldTenant {
    /// Identifier.
    pub uuid: String,
    /// Country, two letters.
    pub country: Option<String>,
}

/// `dird_user`.
#[derive(Debug, Clone)]
pub struct OldUser {
    /// Identifier.
    pub uuid: String,
    /// Tenant.
    pub tenant: Option<String>,
}

/// `dird_phonebook`.
#[derive(Debug, Clone)]
pub struct OldPhonebook {
    /// Identifier.
    pub uuid: String,
    /// Number of the deprecated routes.
    pub number: i64,
    /// Name.
    pub name: String,
    /// Description.
    pub description: Option<String>,
    /// Tenant.
    pub tenant: String,
}

/// `dird_display` and `dird_display_column`.
#[derive(Debug, Clone)]
pub struct OldDisplay {
    /// Identifier.
    pub uuid: String,
    /// Tenant.
    pub tenant: String,
    /// Name.
    pub name: String,
    /// Columns, in their order.
    pub columns: Vec<DisplayColumn>,
}

/// `dird_source`.
#[derive(Debug, Clone)]
pub struct OldSource {
    /// Identifier.
    pub uuid: String,
    /// Name that is shown: for sources over phonebooks, the phonebook's.
    pub name: String,
    /// Tenant.
    pub tenant: Option<String>,
    /// Backend.
    pub backend: String,
    /// Columns that are searched.
    pub searched: Vec<String>,
    /// Columns that reverse lookups compare.
    pub first_matched: Vec<String>,
    /// Templates, in their order.
    pub format_columns: IndexMap<String, String>,
    /// Keys of the backend.
    pub extra: Value,
    /// The phonebook behind it.
    pub phonebook: Option<String>,
}

/// `dird_profile`.
#[derive(Debug, Clone)]
pub struct OldProfile {
    /// Identifier.
    pub uuid: String,
    /// Tenant.
    pub tenant: String,
    /// Name.
    pub name: String,
    /// Display.
    pub display: Option<String>,
    /// Services, in their order.
    pub services: Vec<OldService>,
}

/// `dird_profile_service`.
#[derive(Debug, Clone)]
pub struct OldService {
    /// Name.
    pub name: String,
    /// What is configured beside the sources.
    pub config: Value,
    /// Identifiers of sources, in their order; one may be there twice.
    pub sources: Vec<String>,
}

/// `dird_contact` and `dird_contact_fields`.
#[derive(Debug, Clone)]
pub struct OldContact {
    /// Identifier.
    pub uuid: String,
    /// What makes it unique in its list.
    pub hash: String,
    /// The user who keeps it for himself.
    pub user: Option<String>,
    /// The phonebook that it is in.
    pub phonebook: Option<String>,
    /// Tenant of that user or phonebook.
    pub tenant: Option<String>,
    /// Names and values of all rows, in the order in which they were written.
    pub fields: Vec<(String, Option<String>)>,
}

/// `dird_favorite`.
#[derive(Debug, Clone)]
pub struct OldFavorite {
    /// The source.
    pub source: String,
    /// The contact there.
    pub contact: String,
    /// Whose favourite it is.
    pub user: String,
    /// Tenant of that user.
    pub tenant: Option<String>,
}

type Read<T> = Result<T, sqlx::Error>;

pub(super) fn tenant(row: &PgRow) -> Read<OldTenant> {
    Ok(OldTenant {
        uuid: row.try_get("uuid")?,
        country: row.try_get("country")?,
    })
}

pub(super) fn user(row: &PgRow) -> Read<OldUser> {
    Ok(OldUser {
        uuid: row.try_get("user_uuid")?,
        tenant: row.try_get("tenant_uuid")?,
    })
}

pub(super) fn phonebook(row: &PgRow) -> Read<OldPhonebook> {
    Ok(OldPhonebook {
        uuid: row.try_get("uuid")?,
        number: row.try_get("id")?,
        name: row.try_get("name")?,
        description: row.try_get("description")?,
        tenant: row.try_get("tenant_uuid")?,
    })
}

pub(super) fn display(row: &PgRow) -> Read<OldDisplay> {
    Ok(OldDisplay {
        uuid: row.try_get("uuid")?,
        tenant: row.try_get("tenant_uuid")?,
        name: row.try_get("name")?,
        columns: Vec::new(),
    })
}

pub(super) fn column(row: &PgRow) -> Read<DisplayColumn> {
    Ok(DisplayColumn {
        field: row.try_get("field")?,
        title: row.try_get("title")?,
        r#type: row.try_get("type")?,
        default: row.try_get("default")?,
        number_display: row.try_get("number_display")?,
    })
}

pub(super) fn source(row: &PgRow) -> Read<OldSource> {
    let list = |column: &str| -> Read<Vec<String>> {
        let list: Option<Vec<Option<String>>> = row.try_get(column)?;
        Ok(list.unwrap_or_default().into_iter().flatten().collect())
    };
    let name: String = row.try_get("name")?;
    let phonebook_name: Option<String> = row.try_get("phonebook_name")?;
    let templates = json(row, "format_columns")?;
    let templates = templates.as_object().into_iter().flatten();
    let present = |(name, text): (&String, &Value)| Some((name.clone(), text.as_str()?.to_owned()));
    Ok(OldSource {
        uuid: row.try_get("uuid")?,
        name: phonebook_name.unwrap_or(name),
        tenant: row.try_get("tenant_uuid")?,
        backend: row.try_get("backend")?,
        searched: list("searched_columns")?,
        first_matched: list("first_matched_columns")?,
        format_columns: templates.filter_map(present).collect(),
        extra: json(row, "extra")?,
        phonebook: row.try_get("phonebook")?,
    })
}

pub(super) fn profile(row: &PgRow) -> Read<OldProfile> {
    Ok(OldProfile {
        uuid: row.try_get("uuid")?,
        tenant: row.try_get("tenant_uuid")?,
        name: row.try_get("name")?,
        display: row.try_get("display_uuid")?,
        services: Vec::new(),
    })
}

pub(super) fn service(row: &PgRow) -> Read<OldService> {
    Ok(OldService {
        name: row.try_get("name")?,
        config: json(row, "config")?,
        sources: Vec::new(),
    })
}

pub(super) fn contact(row: &PgRow) -> Read<OldContact> {
    let names: Option<Vec<String>> = row.try_get("names")?;
    let values: Option<Vec<Option<String>>> = row.try_get("fields")?;
    let fields = names.unwrap_or_default().into_iter();
    Ok(OldContact {
        uuid: row.try_get("uuid")?,
        hash: row.try_get("hash")?,
        user: row.try_get("user_uuid")?,
        phonebook: row.try_get("phonebook")?,
        tenant: row.try_get("tenant_uuid")?,
        fields: fields.zip(values.unwrap_or_default()).collect(),
    })
}

pub(super) fn favorite(row: &PgRow) -> Read<OldFavorite> {
    Ok(OldFavorite {
        source: row.try_get("source_uuid")?,
        contact: row.try_get("contact_id")?,
        user: row.try_get("user_uuid")?,
        tenant: row.try_get("tenant_uuid")?,
    })
}

/// The JSON in `column`, in the order in which it is written; null if there is none.
fn json(row: &PgRow, column: &str) -> Read<Value> {
    let text: Option<String> = row.try_get(column)?;
    let read = text.map(|text| serde_json::from_str(&text)).transpose();
    // The database lets nothing but JSON into such a column.
    let read = read.map_err(|error| sqlx::Error::Decode(Box::new(error)))?;
    Ok(read.unwrap_or_default())
}
