//! What comes from another installation and keeps its identifiers. Nothing that is here already is changed.

use async_trait::async_trait;

use super::Stored;
use super::model::{Display, Phonebook};
use crate::identity::Tenant;

/// Rows of another installation; sources, profiles and contacts have identifiers of their callers anyway.
#[async_trait]
pub trait Arrivals: Send + Sync {
    /// Makes sure that the tenant is there, with this country if it is new; false if it was there.
    async fn take_tenant(&self, tenant: &Tenant, country: Option<&str>) -> Stored<bool>;
    /// Keeps the numbers of phonebooks up to `highest` for those that have them: others get higher ones from now on.
    async fn keep_numbers(&self, highest: i64) -> Stored<()>;
    /// Adds a phonebook; the number that it has then, another than its own if that is taken. None if it was there.
    async fn take_phonebook(&self, tenant: &Tenant, phonebook: &Phonebook) -> Stored<Option<i64>>;
    /// Adds a display; false if it was there.
    async fn take_display(&self, tenant: &Tenant, display: &Display) -> Stored<bool>;
}
