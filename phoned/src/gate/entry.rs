//! An entry of `rest_api.authorized_subnets` as it is written: a subnet, or a map of a subnet and its settings (phoned.md §6.3).

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::vendor::registry::Documents;

/// A subnet and what is special about the phones in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entry {
    /// The subnet, in one of the notations of [`kit::subnet::parse_entry`].
    pub subnet: String,
    /// The rest; `None` when only the subnet was written.
    pub settings: Option<Box<Settings>>,
}

/// What an entry says beside its subnet.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Name for people, also in metrics.
    pub label: Option<String>,
    /// Whether these phones may ask.
    pub action: Action,
    /// Only users of this tenant exist for them.
    pub tenant: Option<String>,
    /// Only the routes of these makes are theirs; `None` = all.
    pub vendors: Option<Vec<String>>,
    /// How often they may ask.
    pub rate: Option<RateLimit>,
    /// Their language when they ask for none.
    pub locale: Option<String>,
    /// Which documents they get, whatever `vendors.<name>.documents` says.
    pub documents: Option<Documents>,
}

impl Settings {
    /// What an operator is shown of them, by the keys of the configuration; what is not set is left out.
    pub fn lines(&self) -> Vec<String> {
        let line = |key: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("  {key}: {value}"))
        };
        let vendors = self.vendors.as_ref().map(|makes| makes.join(", "));
        let rate = self.rate.map(|rate| {
            let RateLimit {
                per_phone,
                burst,
                subnet,
            } = rate;
            format!("per phone {per_phone}/s, burst {burst}; subnet {subnet}/s")
        });
        let documents = self.documents.map(|documents| match documents {
            Documents::Compat => "compat".to_owned(),
            Documents::Rich => "rich".to_owned(),
        });
        [
            line("label", &self.label),
            line("tenant_uuid", &self.tenant),
            line("vendors", &vendors),
            line("rate_limit", &rate),
            line("locale", &self.locale),
            line("documents", &documents),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// What becomes of the phones of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// They may ask.
    #[default]
    Allow,
    /// They may not, though a wider entry would let them.
    Deny,
}

/// Requests per second; 0 of a kind = no such limit.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// Of one address.
    #[serde(default, deserialize_with = "pace")]
    pub per_phone: f64,
    /// Requests of one address that may come at once.
    #[serde(default = "default_burst")]
    pub burst: u32,
    /// Of the whole entry.
    #[serde(default, deserialize_with = "pace")]
    pub subnet: f64,
}

/// The map form, word for word.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    subnet: String,
    label: Option<String>,
    #[serde(default)]
    action: Action,
    tenant_uuid: Option<String>,
    vendors: Option<Vec<String>>,
    rate_limit: Option<RateLimit>,
    locale: Option<String>,
    documents: Option<Documents>,
}

impl From<Written> for Entry {
    fn from(written: Written) -> Self {
        Self {
            subnet: written.subnet,
            settings: Some(Box::new(Settings {
                label: written.label,
                action: written.action,
                tenant: written.tenant_uuid,
                vendors: written.vendors,
                rate: written.rate_limit,
                locale: written.locale,
                documents: written.documents,
            })),
        }
    }
}

impl From<&str> for Entry {
    fn from(subnet: &str) -> Self {
        Self {
            subnet: subnet.to_owned(),
            settings: None,
        }
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a subnet, or a map with the key subnet")
    }

    fn visit_str<E: Error>(self, subnet: &str) -> Result<Entry, E> {
        Ok(subnet.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
        Written::deserialize(MapAccessDeserializer::new(map)).map(Entry::from)
    }
}

fn default_burst() -> u32 {
    20
}

/// Reads `2/s`, `30/m` or a number of requests per second.
fn pace<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Pace {
        PerSecond(f64),
        Text(String),
    }
    let pace = match Pace::deserialize(deserializer)? {
        Pace::PerSecond(count) => Some(count),
        Pace::Text(text) => per_second(&text),
    };
    let sound = |pace: &f64| pace.is_finite() && *pace >= 0.0;
    pace.filter(sound)
        .ok_or_else(|| Error::custom("a pace is written like 5/s or 30/m"))
}

fn per_second(text: &str) -> Option<f64> {
    let (count, unit) = text.split_once('/')?;
    let count: f64 = count.trim().parse().ok()?;
    match unit.trim() {
        "s" => Some(count),
        "m" => Some(count / 60.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(entry: Value) -> Result<Entry, String> {
        serde_json::from_value(entry).map_err(|error| error.to_string())
    }

    #[test]
    fn a_subnet_alone_and_a_map_are_both_entries() {
        assert_eq!(read(json!("10/8")), Ok("10/8".into()));
        let entry = read(json!({
            "subnet": "10.30.0.0/16", "label": "warehouse", "vendors": ["snom"], "tenant_uuid": null,
            "rate_limit": {"per_phone": "2/s", "burst": 10, "subnet": "30/m"}, "documents": "rich",
        }));
        let expected = Settings {
            label: Some("warehouse".to_owned()),
            vendors: Some(vec!["snom".to_owned()]),
            rate: Some(RateLimit {
                per_phone: 2.0,
                burst: 10,
                subnet: 0.5,
            }),
            documents: Some(Documents::Rich),
            ..Settings::default()
        };
        let entry = entry.expect("an entry");
        assert_eq!(entry.settings.as_deref(), Some(&expected));
    }

    #[test]
    fn what_an_entry_cannot_say_is_named() {
        for (entry, part) in [
            (json!({"label": "x"}), "subnet"),
            (json!({"subnet": "10/8", "colour": "red"}), "colour"),
            (json!({"subnet": "10/8", "action": "maybe"}), "maybe"),
            (
                json!({"subnet": "10/8", "rate_limit": {"per_phone": "fast"}}),
                "5/s",
            ),
            (
                json!({"subnet": "10/8", "rate_limit": {"per_phone": -1}}),
                "5/s",
            ),
            (json!(10), "a subnet"),
        ] {
            let problem = read(entry.clone()).expect_err("no entry");
            assert!(problem.contains(part), "{entry}: {problem}");
        }
    }
}
