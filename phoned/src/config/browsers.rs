//! `rest_api.cors`: what browsers are told (phoned.md §4, §17.2).

use serde::{Deserialize, Deserializer};

/// What browsers are told.
#[derive(Debug, Clone, Deserialize)]
pub struct Cors {
    /// Whether browsers get an answer they accept.
    pub enabled: bool,
    /// Whose pages may ask; `*` = anybody's.
    #[serde(deserialize_with = "words")]
    pub origins: Vec<String>,
    /// Methods that they may use.
    #[serde(deserialize_with = "words")]
    pub methods: Vec<String>,
    /// Request headers that browsers may send.
    #[serde(deserialize_with = "words")]
    pub allow_headers: Vec<String>,
    /// Seconds for which browsers remember the answer; `None` = as long as they like.
    pub max_age: Option<u32>,
    /// Also on the routes of phones.
    pub phone_routes: bool,
}

impl Cors {
    /// Whether everybody's pages may ask.
    pub fn is_open(&self) -> bool {
        self.origins.iter().any(|origin| origin == "*")
    }

    /// Whether pages from `origin` may ask.
    pub fn accepts(&self, origin: &[u8]) -> bool {
        let named = |own: &String| own.as_bytes().eq_ignore_ascii_case(origin);
        self.is_open() || self.origins.iter().any(named)
    }
}

/// Reads a list, or one text with commas, as older files have it.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Words::deserialize(deserializer)? {
        Words::List(list) => list,
        Words::Text(text) => text.split(',').map(|word| word.trim().to_owned()).collect(),
    })
}
