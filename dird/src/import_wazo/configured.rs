//! Displays, sources and profiles.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{Import, ImportError, Table};
use crate::backends::kinds;
use crate::identity::{Tenant, TenantId};
use crate::store::StoreError;
use crate::store::model::{
    Display, DisplayId, PhonebookId, Profile, ProfileId, ProfileService, Source, SourceId,
};
use crate::store::wazo_schema::{OldProfile, OldService, OldSource};

/// The backend whose sources stand on phonebooks.
const PHONEBOOK: &str = "phonebook";

impl Import<'_> {
    /// Takes the displays; those that are there now, and whose they are.
    pub(super) async fn displays(&mut self) -> Result<HashMap<DisplayId, TenantId>, ImportError> {
        let mut there = HashMap::new();
        for old in self.old.displays().await? {
            let Some(tenant) = self.tenant(Some(&old.tenant)) else {
                self.refused(Table::Displays, &old.uuid, "its tenant was refused");
                continue;
            };
            let display = Display {
                uuid: DisplayId(old.uuid),
                tenant: tenant.id().clone(),
                name: old.name,
                columns: old.columns,
            };
            let new = self.target.display(&tenant, &display).await?;
            there.insert(display.uuid, display.tenant);
            self.taken(Table::Displays, new);
        }
        Ok(there)
    }

    pub(super) async fn sources(&mut self) -> Result<(), ImportError> {
        for old in self.old.sources().await? {
            let uuid = old.uuid.clone();
            match self.source_of(old) {
                Err(reason) => self.refused(Table::Sources, &uuid, reason),
                Ok((tenant, source)) => self.source(&tenant, source).await?,
            }
        }
        Ok(())
    }

    /// The source as it is kept here, or why it cannot be.
    fn source_of(&self, old: OldSource) -> Result<(Tenant, Source), String> {
        let tenant = self.tenant(old.tenant.as_deref());
        let tenant = tenant.ok_or("it has no tenant, or one that was refused")?;
        if !kinds().iter().any(|kind| kind.name() == old.backend) {
            return Err(format!("there is no backend {}", old.backend));
        }
        let phonebook = old
            .phonebook
            .filter(|_| old.backend == PHONEBOOK)
            .map(PhonebookId);
        if old.backend == PHONEBOOK {
            let of_tenant = |book: &PhonebookId| self.phonebooks.get(book) == Some(tenant.id());
            if !phonebook.as_ref().is_some_and(of_tenant) {
                return Err("it has no phonebook, or one that was refused".to_owned());
            }
        }
        let extra = match old.extra {
            Value::Object(extra) => extra,
            Value::Null => Map::new(),
            _ => return Err("its extra_fields are no object".to_owned()),
        };
        let source = Source {
            uuid: SourceId(old.uuid),
            tenant: tenant.id().clone(),
            backend: old.backend,
            name: old.name,
            searched_columns: old.searched,
            first_matched_columns: old.first_matched,
            format_columns: old.format_columns,
            phonebook,
            phonebook_description: None,
            extra,
        };
        Ok((tenant, source))
    }

    async fn source(&mut self, tenant: &Tenant, source: Source) -> Result<(), ImportError> {
        let new = match self.target.source(tenant, &source).await {
            Err(StoreError::NameTaken(name)) => {
                let reason = format!("the tenant has another source called {name}");
                self.refused(Table::Sources, &source.uuid.0, reason);
                return Ok(());
            }
            taken => taken?,
        };
        let named = (source.backend, source.name);
        self.sources
            .insert(source.uuid, (tenant.id().clone(), named));
        self.taken(Table::Sources, new);
        Ok(())
    }

    pub(super) async fn profiles(
        &mut self,
        displays: &HashMap<DisplayId, TenantId>,
    ) -> Result<(), ImportError> {
        for old in self.old.profiles().await? {
            let Some(tenant) = self.tenant(Some(&old.tenant)) else {
                self.refused(Table::Profiles, &old.uuid, "its tenant was refused");
                continue;
            };
            let profile = self.profile_of(&tenant, displays, old);
            self.profile(&tenant, &profile).await?;
        }
        Ok(())
    }

    async fn profile(&mut self, tenant: &Tenant, profile: &Profile) -> Result<(), ImportError> {
        match self.target.profile(tenant, profile).await {
            Err(StoreError::NameTaken(name)) => {
                let reason = format!("the tenant has another profile called {name}");
                self.refused(Table::Profiles, &profile.uuid.0, reason);
            }
            Err(error) => return Err(error.into()),
            Ok(new) => self.taken(Table::Profiles, new),
        }
        Ok(())
    }

    fn profile_of(
        &mut self,
        tenant: &Tenant,
        displays: &HashMap<DisplayId, TenantId>,
        old: OldProfile,
    ) -> Profile {
        let services = self.services_of(tenant, &old.uuid, old.services);
        let mut display = old.display.map(DisplayId);
        if let Some(lost) = display.take_if(|display| displays.get(&*display) != Some(tenant.id()))
        {
            let how = format!(
                "it has no display now, as {} is not there for its tenant",
                lost.0
            );
            self.report.repair(Table::Profiles, &old.uuid, how);
        }
        Profile {
            uuid: ProfileId(old.uuid),
            tenant: tenant.id().clone(),
            name: old.name,
            display,
            services,
        }
    }

    /// The services of a profile. One that is there several times is one: it asks the sources of each, and of options that several
    /// have the first counts.
    fn services_of(
        &mut self,
        tenant: &Tenant,
        profile: &str,
        old: Vec<OldService>,
    ) -> IndexMap<String, ProfileService> {
        let mut services: IndexMap<String, ProfileService> = IndexMap::new();
        for service in old {
            let name = service.name.clone();
            let read = self.service_of(tenant, profile, service);
            let Some(first) = services.get_mut(&name) else {
                services.insert(name, read);
                continue;
            };
            for source in read.sources {
                if !first.sources.contains(&source) {
                    first.sources.push(source);
                }
            }
            if let Some(more) = read.options {
                let options = first.options.get_or_insert_default();
                for (key, value) in more {
                    options.entry(key).or_insert(value);
                }
            }
            let row = format!("{profile} ({name})");
            let how = "it was there more than once, now it is one that asks the sources of each";
            self.report.repair(Table::Profiles, &row, how);
        }
        services
    }

    /// A service with the sources of its tenant that are there, each once, and its options. Old versions kept a timeout beside
    /// the options.
    fn service_of(&mut self, tenant: &Tenant, profile: &str, old: OldService) -> ProfileService {
        let row = format!("{profile} ({})", old.name);
        let mut sources: Vec<SourceId> = Vec::new();
        for source in old.sources.into_iter().map(SourceId) {
            let known = self.sources.get(&source);
            if known.is_none_or(|(of, _)| of != tenant.id()) {
                let how = format!("it no longer asks {source}, which is not there for its tenant");
                self.report.repair(Table::Profiles, &row, how);
            } else if !sources.contains(&source) {
                sources.push(source);
            }
        }
        let mut config = match old.config {
            Value::Object(config) => config,
            _ => Map::new(),
        };
        let mut options = match config.remove("options") {
            Some(Value::Object(options)) => Some(options),
            _ => None,
        };
        if let Some(timeout) = config.remove("timeout") {
            let options = options.get_or_insert_default();
            options.entry("timeout").or_insert(timeout);
        }
        for (key, _) in config {
            let how = format!("its setting {key} has no effect and was left out");
            self.report.repair(Table::Profiles, &row, how);
        }
        ProfileService { sources, options }
    }
}
