//! The database of a wazo-dird, read only (dird-platform.md §7). Everything is read as it stood when the reading began; what is
//! long comes in batches, so that memory does not grow with it. Rows are given as they are: what they mean is for
//! `crate::import_wazo` to say.

mod rows;

use std::collections::HashMap;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{ConnectOptions, Connection, Row};

use super::OpenError;
use super::postgres::address;
pub use rows::{
    OldContact, OldDisplay, OldFavorite, OldPhonebook, OldProfile, OldService, OldSource,
    OldTenant, OldUser,
};

/// Versions of the schema that are understood.
const VERSIONS: [&str; 2] = ["2adc8aff56ea", "5a67556fbbf1"];

const HAS_VERSION: &str = "SELECT to_regclass('alembic_version_dird') IS NOT NULL";
const VERSION: &str = "SELECT version_num FROM alembic_version_dird";
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
const COUNT: &str = "SELECT (SELECT COUNT(*) FROM dird_tenant) + (SELECT COUNT(*) FROM dird_user) \
     + (SELECT COUNT(*) FROM dird_phonebook) + (SELECT COUNT(*) FROM dird_contact) \
     + (SELECT COUNT(*) FROM dird_display) + (SELECT COUNT(*) FROM dird_source) \
     + (SELECT COUNT(*) FROM dird_profile) + (SELECT COUNT(*) FROM dird_favorite)";
const TENANTS: &str = "SELECT uuid, country FROM dird_tenant ORDER BY uuid";
const PHONEBOOKS: &str = "SELECT uuid::text, id::bigint, name, description, tenant_uuid \
     FROM dird_phonebook ORDER BY id";
const DISPLAYS: &str = "SELECT uuid, tenant_uuid, name FROM dird_display ORDER BY uuid";
// Columns have no place of their own: the reference shows them as they lie in the table.
const COLUMNS: &str = "SELECT display_uuid, field, title, type, \"default\", number_display \
     FROM dird_display_column ORDER BY display_uuid, ctid";
// JSON has the keys in the order of the map, in which templates are rendered.
const SOURCES: &str = "SELECT s.uuid, s.name, s.tenant_uuid, s.searched_columns, \
       s.first_matched_columns, hstore_to_json(s.format_columns)::text AS format_columns, \
       s.extra_fields::text AS extra, s.backend, s.phonebook_uuid::text AS phonebook, \
       b.name AS phonebook_name \
     FROM dird_source s LEFT JOIN dird_phonebook b ON b.uuid = s.phonebook_uuid \
     ORDER BY s.uuid";
const PROFILES: &str =
    "SELECT uuid, tenant_uuid, name, display_uuid FROM dird_profile ORDER BY uuid";
const SERVICES: &str = "SELECT p.uuid, p.profile_uuid, s.name, p.config::text AS config \
     FROM dird_profile_service p JOIN dird_service s ON s.uuid = p.service_uuid \
     ORDER BY p.profile_uuid, p.ctid";
const ASKED: &str = "SELECT profile_service_uuid, source_uuid FROM dird_profile_service_source \
     ORDER BY profile_service_uuid, ctid";
const USERS: &str = "DECLARE users NO SCROLL CURSOR FOR \
     SELECT user_uuid, tenant_uuid FROM dird_user ORDER BY user_uuid";
// The number of its first field is what is known of when a contact was made.
const CONTACTS: &str = "DECLARE contacts NO SCROLL CURSOR FOR \
     SELECT c.uuid, c.hash, c.user_uuid, c.phonebook_uuid::text AS phonebook, \
       COALESCE(b.tenant_uuid, u.tenant_uuid) AS tenant_uuid, \
       array_agg(f.name ORDER BY f.id) FILTER (WHERE f.id IS NOT NULL) AS names, \
       array_agg(f.value ORDER BY f.id) FILTER (WHERE f.id IS NOT NULL) AS fields \
     FROM dird_contact c \
       LEFT JOIN dird_phonebook b ON b.uuid = c.phonebook_uuid \
       LEFT JOIN dird_user u ON u.user_uuid = c.user_uuid \
       LEFT JOIN dird_contact_fields f ON f.contact_uuid = c.uuid \
     GROUP BY c.uuid, b.tenant_uuid, u.tenant_uuid \
     ORDER BY c.phonebook_uuid, c.user_uuid, MIN(f.id), c.uuid";
const FAVORITES: &str = "DECLARE favorites NO SCROLL CURSOR FOR \
     SELECT f.source_uuid, f.contact_id, f.user_uuid, u.tenant_uuid \
     FROM dird_favorite f JOIN dird_user u ON u.user_uuid = f.user_uuid \
     ORDER BY f.user_uuid, f.source_uuid, f.contact_id";

/// Why a database cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OldError {
    /// The address is none.
    #[error(transparent)]
    Address(#[from] OpenError),
    /// It does not answer, or not as expected.
    #[error("the database of wazo-dird: {0}")]
    Database(#[from] sqlx::Error),
    /// There is nothing of wazo-dird in it.
    #[error("there is no wazo-dird in this database: it has no table alembic_version_dird")]
    Nothing,
    /// A schema of another version.
    #[error(
        "wazo-dird's schema has the version {0}, which cannot be read; upgrade wazo-dird first"
    )]
    Version(String),
}

/// A long table, of which batches are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Long {
    Users,
    Contacts,
    Favorites,
}

impl Long {
    fn open(self) -> &'static str {
        match self {
            Self::Users => USERS,
            Self::Contacts => CONTACTS,
            Self::Favorites => FAVORITES,
        }
    }

    fn next(self) -> &'static str {
        match self {
            Self::Users => "FETCH 1000 FROM users",
            Self::Contacts => "FETCH 1000 FROM contacts",
            Self::Favorites => "FETCH 1000 FROM favorites",
        }
    }
}

/// A database of wazo-dird, as it stood when it was opened.
pub struct OldDatabase {
    connection: PgConnection,
    open: Vec<Long>,
}

impl OldDatabase {
    /// Connects to the database at `uri` and looks whether it can be read.
    pub async fn open(uri: &str) -> Result<Self, OldError> {
        let mut connection = address::elsewhere(uri)?.connect().await?;
        sqlx::query(BEGIN).execute(&mut connection).await?;
        let there: bool = sqlx::query_scalar(HAS_VERSION)
            .fetch_one(&mut connection)
            .await?;
        if !there {
            return Err(OldError::Nothing);
        }
        let version = sqlx::query_scalar(VERSION);
        let version: Option<String> = version.fetch_optional(&mut connection).await?;
        let version = version.unwrap_or_default();
        if !VERSIONS.contains(&version.as_str()) {
            return Err(OldError::Version(version));
        }
        Ok(Self {
            connection,
            open: Vec::new(),
        })
    }

    /// How many rows there are to be read.
    pub async fn count(&mut self) -> Result<u64, OldError> {
        let count = sqlx::query_scalar::<_, i64>(COUNT);
        let count = count.fetch_one(&mut self.connection).await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Tenants.
    pub async fn tenants(&mut self) -> Result<Vec<OldTenant>, OldError> {
        let rows = self.all(TENANTS).await?;
        Ok(rows.iter().map(rows::tenant).collect::<Result<_, _>>()?)
    }

    /// Phonebooks.
    pub async fn phonebooks(&mut self) -> Result<Vec<OldPhonebook>, OldError> {
        let rows = self.all(PHONEBOOKS).await?;
        Ok(rows.iter().map(rows::phonebook).collect::<Result<_, _>>()?)
    }

    /// Displays with their columns.
    pub async fn displays(&mut self) -> Result<Vec<OldDisplay>, OldError> {
        let mut columns: HashMap<String, Vec<_>> = HashMap::new();
        for row in self.all(COLUMNS).await? {
            let of = columns.entry(row.try_get("display_uuid")?).or_default();
            of.push(rows::column(&row)?);
        }
        let mut displays = Vec::new();
        for row in self.all(DISPLAYS).await? {
            let mut display = rows::display(&row)?;
            display.columns = columns.remove(&display.uuid).unwrap_or_default();
            displays.push(display);
        }
        Ok(displays)
    }

    /// Sources of every backend.
    pub async fn sources(&mut self) -> Result<Vec<OldSource>, OldError> {
        let rows = self.all(SOURCES).await?;
        Ok(rows.iter().map(rows::source).collect::<Result<_, _>>()?)
    }

    /// Profiles with their services and the sources of these.
    pub async fn profiles(&mut self) -> Result<Vec<OldProfile>, OldError> {
        let mut asked: HashMap<String, Vec<String>> = HashMap::new();
        for row in self.all(ASKED).await? {
            let of = asked.entry(row.try_get("profile_service_uuid")?);
            of.or_default().push(row.try_get("source_uuid")?);
        }
        let mut services: HashMap<String, Vec<OldService>> = HashMap::new();
        for row in self.all(SERVICES).await? {
            let uuid: String = row.try_get("uuid")?;
            let mut service = rows::service(&row)?;
            service.sources = asked.remove(&uuid).unwrap_or_default();
            let of = services.entry(row.try_get("profile_uuid")?);
            of.or_default().push(service);
        }
        let mut profiles = Vec::new();
        for row in self.all(PROFILES).await? {
            let mut profile = rows::profile(&row)?;
            profile.services = services.remove(&profile.uuid).unwrap_or_default();
            profiles.push(profile);
        }
        Ok(profiles)
    }

    /// The next users; none at the end.
    pub async fn next_users(&mut self) -> Result<Vec<OldUser>, OldError> {
        let rows = self.next(Long::Users).await?;
        Ok(rows.iter().map(rows::user).collect::<Result<_, _>>()?)
    }

    /// The next contacts, those of one list together and in the order in which they were made; none at the end.
    pub async fn next_contacts(&mut self) -> Result<Vec<OldContact>, OldError> {
        let rows = self.next(Long::Contacts).await?;
        Ok(rows.iter().map(rows::contact).collect::<Result<_, _>>()?)
    }

    /// The next favourites; none at the end.
    pub async fn next_favorites(&mut self) -> Result<Vec<OldFavorite>, OldError> {
        let rows = self.next(Long::Favorites).await?;
        Ok(rows.iter().map(rows::favorite).collect::<Result<_, _>>()?)
    }

    /// Ends the reading.
    pub async fn close(self) -> Result<(), OldError> {
        Ok(self.connection.close().await?)
    }

    async fn all(&mut self, statement: &'static str) -> Result<Vec<PgRow>, OldError> {
        Ok(sqlx::query(statement)
            .fetch_all(&mut self.connection)
            .await?)
    }

    async fn next(&mut self, long: Long) -> Result<Vec<PgRow>, OldError> {
        if !self.open.contains(&long) {
            sqlx::query(long.open())
                .execute(&mut self.connection)
                .await?;
            self.open.push(long);
        }
        self.all(long.next()).await
    }
}
