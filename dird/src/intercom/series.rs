//! Series (intercom-directory.md §7.3): whenever a client that goes on with its cursor could miss a change, a new one begins.

use super::Intercom;
use super::gate::{Granted, SYSTEM};
use crate::identity::Tenant;
use crate::store::{Directories, Directory, NewSeries, StoreError};

/// The name of a new series: 1 to 2^63 - 1, in decimal digits.
fn name() -> Result<String, StoreError> {
    loop {
        let mut bytes = [0_u8; 8];
        let filled = getrandom::fill(&mut bytes);
        filled.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let number = u64::from_be_bytes(bytes) >> 1;
        if number > 0 {
            return Ok(number.to_string());
        }
    }
}

/// A series that begins in the store's database, with the counter at `at_least`.
pub async fn begin(store: &dyn Directories, at_least: i64) -> Result<NewSeries, StoreError> {
    Ok(NewSeries {
        series: name()?,
        instance: store.fingerprint(SYSTEM).await?,
        at_least,
    })
}

/// Forgets tombstones of the directory if there are too many. The call that made them has been done in any case.
pub(super) async fn purge(intercom: &Intercom, granted: &Granted) {
    let most = intercom.config.limits.tombstones;
    let purged = purge_one(
        intercom.store.as_ref(),
        &granted.tenant,
        &granted.directory,
        most,
    );
    if let Err(error) = purged.await {
        tracing::warn!(%error, "tombstones are kept for now");
    }
}

/// Forgets the older half of a directory's tombstones if there are more than `most`.
pub(super) async fn purge_one(
    store: &dyn Directories,
    tenant: &Tenant,
    directory: &Directory,
    most: i64,
) -> Result<(), StoreError> {
    let phonebook = &directory.phonebook;
    if store.entry_population(tenant, phonebook).await?.tombstones <= most {
        return Ok(());
    }
    let begun = begin(store, 0).await?;
    if store
        .purge_tombstones(tenant, phonebook, most, &begun)
        .await?
    {
        tracing::info!(%phonebook, "tombstones were forgotten; clients read anew");
    }
    Ok(())
}
