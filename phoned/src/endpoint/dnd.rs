//! Do-not-disturb in both directions (phoned.md §12). A phone that is told by the server tells the server in turn; so a change that
//! a phone has made waits for its event, and until then no phone changes the same user again.

use std::{collections::BTreeSet, sync::Arc};

use tokio::time::Instant;

use super::{AmidError, Endpoints, confd::User, confd_error, keys, patiently};
use crate::{
    error::PhoneError,
    vendor::{manifest::Keys, registry::Vendor},
};

impl Endpoints {
    /// Switches do-not-disturb of `user` as a phone wants it, unless it is so already or a change waits for its event. Users of
    /// other tenants than `within` are unknown.
    pub async fn switch_dnd(
        &self,
        user: &str,
        enabled: bool,
        within: Option<&str>,
        by: Instant,
    ) -> Result<(), PhoneError> {
        let unknown = || PhoneError::UnknownUser(user.to_owned());
        let found = self.confd.user(user, by).await.map_err(confd_error)?;
        let found = found.ok_or_else(unknown)?;
        if within.is_some() && within != found.tenant_uuid.as_deref() {
            return Err(unknown());
        }
        if found.dnd() == enabled {
            return Ok(());
        }
        let mark = mark(found.uuid.as_deref().unwrap_or(user));
        if !self.waiting.entry_by_ref(&mark).or_insert(()).is_fresh() {
            return Ok(());
        }
        let switched = self.confd.set_dnd(user, enabled, by).await;
        if !matches!(switched, Ok(true)) {
            self.waiting.invalidate(&mark);
        }
        if switched.map_err(confd_error)? {
            Ok(())
        } else {
            Err(unknown())
        }
    }

    /// A change of `user`, by UUID, has come to its event: phones may change him again.
    pub fn confirm_dnd(&self, user: &str) {
        self.waiting.invalidate(&mark(user));
    }

    /// Has every phone of the user with this UUID or number show do-not-disturb, each once, if it is of one of `makes` and they can
    /// be told so. False: something could not be told.
    pub async fn show_dnd(&self, makes: &[Arc<Vendor>], user: &str, enabled: bool) -> bool {
        // Devices that confd says nothing about get the keys that any of the makes would.
        let usual = makes.iter().find_map(|make| make.manifest.keys.as_ref());
        let Some(usual) = usual else { return true };
        let found = patiently(|by| self.confd.user(user, by), |error| error.may_pass()).await;
        let Ok(Some(found)) = found else {
            tracing::warn!("the user of a do-not-disturb event cannot be read");
            return false;
        };
        // Only now is it known who was meant by a number.
        if let Some(uuid) = found
            .uuid
            .as_deref()
            .filter(|uuid| mark(uuid) != mark(user))
        {
            self.confirm_dnd(uuid);
        }
        self.tell(makes, usual, &found, enabled).await
    }

    async fn tell(&self, makes: &[Arc<Vendor>], usual: &Keys, user: &User, enabled: bool) -> bool {
        let mut all_told = true;
        let endpoints: BTreeSet<&str> = user.endpoints().collect();
        for endpoint in endpoints {
            let keys = match self.vendor(endpoint).await.as_deref() {
                None | Some("") => Some(usual),
                Some(vendor) => keys(makes, vendor),
            };
            let Some(keys) = keys else { continue };
            let key = if enabled { &keys.dnd_on } else { &keys.dnd_off };
            let press = |by| self.amid.press(endpoint, key, by);
            if let Err(error) = patiently(press, AmidError::may_pass).await {
                tracing::warn!(%error, "a phone was not told of do-not-disturb");
                all_told = false;
            }
        }
        all_told
    }

    /// The vendor of the device behind `endpoint`, as of late; `None` when it cannot be found out.
    async fn vendor(&self, endpoint: &str) -> Option<String> {
        if let Some(known) = self.vendors.get(endpoint) {
            return Some(known);
        }
        let by = Instant::now() + super::CALL;
        let line = self.confd.line(endpoint, by).await.ok()??;
        let vendor = self.confd.vendor(&line.device_id?, by).await.ok()??;
        self.vendors.insert(endpoint.to_owned(), vendor.clone());
        Some(vendor)
    }
}

/// How a user is called among those who wait: UUIDs are written in both cases.
fn mark(user: &str) -> String {
    user.to_ascii_lowercase()
}
