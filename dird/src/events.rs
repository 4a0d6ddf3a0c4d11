//! What dird tells the platform over the bus (dird-platform.md §5.3). Telling never waits and never fails; `sync` is the other
//! direction.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use kit::bus::{Bus, Message};
use serde_json::{Map, Value, json};

/// The way out to the platform; clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Events {
    bus: Bus,
    platform: Option<String>,
}

/// What happened to a favorite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FavoriteChange {
    /// A user has marked a contact.
    Added,
    /// A user has unmarked a contact.
    Deleted,
}

/// Whose favorite it is and which contact, as routes know them.
#[derive(Debug, Clone, Copy)]
pub struct Favorite<'a> {
    /// Tenant of the request.
    pub tenant: &'a str,
    /// The user.
    pub user: &'a str,
    /// Name of the source.
    pub source: &'a str,
    /// Identifier of the contact in the source.
    pub contact: &'a str,
}

/// dird in the platform's registry of services.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Identifier of this instance.
    pub id: String,
    /// Where it is reached.
    pub address: String,
    /// And at which port.
    pub port: u16,
    /// Words that clients choose by.
    pub tags: Vec<String>,
}

/// Name of dird in the registry.
pub const SERVICE: &str = "wazo-dird";

impl Events {
    /// Tells over `bus`, as a member of the platform with this identity.
    pub fn new(bus: Bus, platform: Option<String>) -> Self {
        Self { bus, platform }
    }

    /// The bus behind it, for status and metrics.
    pub fn bus(&self) -> &Bus {
        &self.bus
    }

    /// Tells that a favorite was stored or removed; to be called after the database has it.
    pub fn publish_favorite(&self, change: FavoriteChange, favorite: &Favorite<'_>) {
        let (name, verb) = match change {
            FavoriteChange::Added => ("favorite_added", "created"),
            FavoriteChange::Deleted => ("favorite_deleted", "deleted"),
        };
        let user = favorite.user;
        let mut headers = self.headers(name);
        headers.insert("tenant_uuid".into(), favorite.tenant.into());
        headers.insert(format!("user_uuid:{user}"), true.into());
        headers.insert("required_access".into(), format!("event.{name}").into());
        let acl = format!("events.directory.{user}.favorite.{verb}");
        headers.insert("required_acl".into(), acl.into());
        self.bus.publish(Message {
            routing_key: format!("directory.{}.favorite.{verb}", one_word(user)),
            headers,
            data: json!({
                "xivo_uuid": self.platform, "user_uuid": user,
                "source": favorite.source, "source_entry_id": favorite.contact,
            }),
        });
    }

    /// Tells that this instance can be found in the registry.
    pub fn publish_registered(&self, registration: &Registration) {
        let data = json!({
            "service_name": SERVICE, "service_id": registration.id, "address": registration.address,
            "port": registration.port, "tags": registration.tags,
        });
        self.publish_service("service_registered", data);
    }

    /// Tells that this instance has left the registry.
    pub fn publish_deregistered(&self, registration: &Registration) {
        let data = json!({
            "service_name": SERVICE, "service_id": registration.id, "tags": registration.tags,
        });
        self.publish_service("service_deregistered", data);
    }

    fn publish_service(&self, name: &str, data: Value) {
        self.bus.publish(Message {
            routing_key: format!("service.registered.{SERVICE}"),
            headers: self.headers(name),
            data,
        });
    }

    /// What every event starts with.
    fn headers(&self, name: &str) -> Map<String, Value> {
        let mut headers = Map::new();
        headers.insert("name".into(), name.into());
        headers.insert("origin_uuid".into(), self.platform.clone().into());
        headers.insert("timestamp".into(), local_time().into());
        headers
    }
}

/// Local time without zone, to the microsecond.
fn local_time() -> String {
    let now = SignedDuration::try_from_secs_f64(kit::clock::unix_seconds())
        .and_then(Timestamp::from_duration)
        .unwrap_or(Timestamp::UNIX_EPOCH);
    now.to_zoned(TimeZone::system())
        .strftime("%Y-%m-%dT%H:%M:%S%.6f")
        .to_string()
}

/// `text` as one word of a routing key: the signs that part words or stand for others are spelled out.
fn one_word(text: &str) -> String {
    text.replace('.', "__DOT__")
        .replace('#', "__HASH__")
        .replace('*', "__STAR__")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_local_to_the_microsecond_and_has_no_zone() {
        let text = local_time();
        assert_eq!(text.len(), "2026-11-22T18:41:36.678403".len(), "{text}");
        assert!(text.parse::<jiff::civil::DateTime>().is_ok(), "{text}");
    }

    #[test]
    fn signs_with_a_meaning_in_routing_keys_are_spelled_out() {
        assert_eq!(one_word("a.b#c*d"), "a__DOT__b__HASH__c__STAR__d");
    }
}
