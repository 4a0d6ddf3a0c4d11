//! What clients ask a device before they touch its directory (intercom-directory.md §1).

use kit::clock;
use serde_json::{Value, json};

use super::Intercom;
use super::gate::Granted;

/// Digits of a serial number.
const SERIAL: usize = 10;

/// `/api/system/info`.
pub(super) fn info(granted: &Granted) -> Value {
    let directory = &granted.directory;
    let digits = directory.phonebook.0.chars();
    let serial: String = digits
        .filter(char::is_ascii_hexdigit)
        .take(SERIAL)
        .collect();
    json!({
        "variant": "dird",
        "serialNumber": serial,
        "macAddr": "00-00-00-00-00-00",
        "hwVersion": "0",
        "swVersion": env!("CARGO_PKG_VERSION"),
        "buildType": "release",
        "deviceName": directory.name,
    })
}

/// `/api/system/status`: seconds.
pub(super) fn status(intercom: &Intercom) -> Value {
    let up = intercom.started.elapsed().as_secs();
    json!({"systemTime": clock::unix_now(), "upTime": up})
}
