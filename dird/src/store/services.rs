//! Profiles' services from the rows that engines read.

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::Stored;
use super::model::{ProfileService, SourceId};

/// Services of one profile by name.
pub(super) type Services = IndexMap<String, ProfileService>;

/// One service of one profile.
pub(super) struct ServiceRow {
    pub(super) profile: String,
    pub(super) service: String,
    pub(super) options: Option<Map<String, Value>>,
    pub(super) sources: Vec<String>,
}

/// Services by profile; the rows come in the order of services.
pub(super) fn assemble(
    rows: impl Iterator<Item = Stored<ServiceRow>>,
) -> Stored<IndexMap<String, Services>> {
    let mut by_profile: IndexMap<String, Services> = IndexMap::new();
    for row in rows {
        let row = row?;
        let services = by_profile.entry(row.profile).or_default();
        let service = services.entry(row.service).or_default();
        service.options = row.options;
        service
            .sources
            .extend(row.sources.into_iter().map(SourceId));
    }
    Ok(by_profile)
}
