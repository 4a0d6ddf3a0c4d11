//! Labels of the phone pages and the choice of a language (phoned.md §10). The labels live in `lang/*.toml` of the template
//! folder; a language counts only if its file is there and complete.

use std::{cmp::Reverse, collections::BTreeMap};

use minijinja::Value;
use serde::Deserialize;

/// More ranges than any phone sends.
const MOST_RANGES: usize = 256;

/// The labels that every language file must have, and no other.
pub const LABELS: [&str; 21] = [
    "search_title",
    "directory_title",
    "prompt_colon",
    "prompt",
    "search",
    "new_search",
    "no_entries",
    "previous_page",
    "next_page",
    "previous_key",
    "next_key",
    "dial_key",
    "edit_key",
    "search_key",
    "exit_key",
    "too_many",
    "unknown_user",
    "unavailable",
    "busy",
    "term_too_short",
    "bad_request",
];

/// Labels that sit on soft keys, where phones show no more than eight characters.
const KEYS: [&str; 6] = [
    "previous_key",
    "next_key",
    "dial_key",
    "edit_key",
    "search_key",
    "exit_key",
];

/// Most characters of a soft key, and of any other label: texts of errors must fit the screen (phoned-vendors.md §1.6).
const KEY: usize = 8;
const TEXT: usize = 64;

/// Titles that replace the labels in every language (`branding.*`).
#[derive(PartialEq, Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branding {
    /// Title of search forms.
    pub search_title: Option<String>,
    /// Title of result lists and of the directory in menus.
    pub directory_title: Option<String>,
}

/// One language.
#[derive(Debug)]
pub struct Locale {
    /// Its tag as the file is named, `pt_BR` for instance.
    pub tag: String,
    labels: BTreeMap<String, String>,
    value: Value,
}

impl Locale {
    /// Reads the language file `tag`.toml; the error says what is wrong with it.
    pub fn read(tag: &str, text: &str, branding: &Branding) -> Result<Self, String> {
        let mut labels: BTreeMap<String, String> =
            toml::from_str(text).map_err(|error| error.to_string())?;
        check(&labels)?;
        for (label, title) in [
            ("search_title", &branding.search_title),
            ("directory_title", &branding.directory_title),
        ] {
            if let Some(title) = title {
                labels.insert(label.to_owned(), title.clone());
            }
        }
        Ok(Self {
            tag: tag.to_owned(),
            value: Value::from_pairs(
                labels
                    .iter()
                    .map(|(name, text)| (name.clone(), text.clone())),
            ),
            labels,
        })
    }

    /// The text of `label`.
    pub fn label(&self, label: &str) -> &str {
        self.labels.get(label).map_or("", String::as_str)
    }

    /// All labels as templates see them.
    pub fn value(&self) -> Value {
        self.value.clone()
    }
}

fn check(labels: &BTreeMap<String, String>) -> Result<(), String> {
    if let Some(missing) = LABELS.iter().find(|label| !labels.contains_key(**label)) {
        return Err(format!("the label {missing} is missing"));
    }
    if let Some(unknown) = labels
        .keys()
        .find(|label| !LABELS.contains(&label.as_str()))
    {
        return Err(format!("there is no label {unknown}"));
    }
    for (label, text) in labels {
        let most = if KEYS.contains(&label.as_str()) {
            KEY
        } else {
            TEXT
        };
        if text.chars().count() > most {
            return Err(format!("{label} is longer than {most} characters"));
        }
    }
    Ok(())
}

/// All languages.
#[derive(Debug)]
pub struct Catalogue {
    locales: Vec<Locale>,
    fallback: usize,
}

impl Catalogue {
    /// The languages, `fallback` being the one of phones that ask for none of them.
    pub fn new(locales: Vec<Locale>, fallback: &str) -> Result<Self, String> {
        let position = locales.iter().position(|locale| locale.tag == fallback);
        match position {
            Some(fallback) => Ok(Self { locales, fallback }),
            None => Err(format!(
                "i18n.default_locale: there is no language file {fallback}.toml"
            )),
        }
    }

    /// The language for a request: the `lang` parameter, else the header, else the default.
    pub fn choose(&self, parameter: Option<&str>, header: Option<&str>) -> &Locale {
        let wanted = parameter.and_then(|tag| self.find(tag));
        let wanted = wanted.or_else(|| {
            ranges(header.unwrap_or(""))
                .into_iter()
                .find_map(|tag| self.find(tag))
        });
        wanted.unwrap_or(&self.locales[self.fallback])
    }

    /// The language of a tag: exactly, else the language without its region, else the first region of that language.
    pub fn find(&self, tag: &str) -> Option<&Locale> {
        let same = |locale: &&Locale| {
            let wanted = tag.bytes().map(|byte| {
                if byte == b'-' {
                    b'_'
                } else {
                    byte.to_ascii_lowercase()
                }
            });
            locale
                .tag
                .bytes()
                .map(|byte| byte.to_ascii_lowercase())
                .eq(wanted)
        };
        let language = tag.split(['-', '_']).next().unwrap_or(tag);
        let bare = |locale: &&Locale| locale.tag.eq_ignore_ascii_case(language);
        let regional = |locale: &&Locale| {
            locale
                .tag
                .split_once('_')
                .is_some_and(|(base, _)| base.eq_ignore_ascii_case(language))
        };
        let locales = || self.locales.iter();
        locales()
            .find(same)
            .or_else(|| locales().find(bare))
            .or_else(|| locales().find(regional))
    }

    /// Every language, for checks.
    pub fn locales(&self) -> &[Locale] {
        &self.locales
    }
}

/// The tags of an Accept-Language header, the most wanted first; unwanted and unreadable ones are left out.
fn ranges(header: &str) -> Vec<&str> {
    let mut ranges: Vec<(&str, u16)> = header
        .split(',')
        .take(MOST_RANGES)
        .filter_map(range)
        .collect();
    ranges.sort_by_key(|(_, weight)| Reverse(*weight));
    ranges.into_iter().map(|(tag, _)| tag).collect()
}

fn range(piece: &str) -> Option<(&str, u16)> {
    let (tag, parameters) = piece.split_once(';').unwrap_or((piece, ""));
    let weight = weight(parameters)?;
    let tag = tag.trim();
    (weight > 0 && !tag.is_empty() && tag != "*").then_some((tag, weight))
}

/// Thousandths of `q`, 1000 when absent; `None` when unreadable.
pub fn weight(parameters: &str) -> Option<u16> {
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let Some(value) = value else {
        return Some(1000);
    };
    let value: f32 = value.parse().ok().filter(|value: &f32| value.is_finite())?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0 ..= 1000"
    )]
    Some((value.clamp(0.0, 1.0) * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn labels() -> String {
        let lines = LABELS.map(|label| format!("{label} = \"x\""));
        lines.join("\n") + "\n"
    }

    fn catalogue() -> Catalogue {
        let tags = ["en", "fr", "de", "es_ES", "pt_BR", "it"];
        let locale =
            |tag: &str| Locale::read(tag, &labels(), &Branding::default()).expect("a language");
        Catalogue::new(tags.map(locale).into(), "en").expect("a catalogue")
    }

    #[test]
    fn the_most_wanted_language_with_a_file_is_taken() {
        let catalogue = catalogue();
        for (header, expected) in [
            ("fr", "fr"),
            ("fr-CA", "fr"),
            ("fr_FR", "fr"),
            ("FR", "fr"),
            ("fr-Latn-FR", "fr"),
            ("es", "es_ES"),
            ("es-MX", "es_ES"),
            ("pt-PT", "pt_BR"),
            ("pt", "pt_BR"),
            ("it-CH", "it"),
            ("ru,fr", "fr"),
            ("fr;q=0", "en"),
            ("fr;q=0,de;q=0.5", "de"),
            ("de;q=0.5,fr;q=0.8", "fr"),
            ("fr,de", "fr"),
            ("en,fr", "en"),
            ("de;q=0.9,fr;q=7", "fr"),
            ("fr;q=abc,de;q=0.5", "de"),
            ("gibberish,fr-CA,*q=nothing", "fr"),
            ("  fr  ;  q = 0.9 ", "fr"),
            ("*", "en"),
            ("", "en"),
            (";;;===,,,", "en"),
            ("../../fr", "en"),
        ] {
            assert_eq!(
                catalogue.choose(None, Some(header)).tag,
                expected,
                "{header:?}"
            );
        }
        assert_eq!(catalogue.choose(None, None).tag, "en");
    }

    #[test]
    fn the_parameter_beats_the_header_if_there_is_such_a_language() {
        let catalogue = catalogue();
        assert_eq!(catalogue.choose(Some("de"), Some("fr")).tag, "de");
        assert_eq!(catalogue.choose(Some("xx"), Some("fr")).tag, "fr");
    }

    #[test]
    fn a_language_file_is_complete_and_fits_soft_keys() {
        let read =
            |text: &str| Locale::read("xx", text, &Branding::default()).expect_err("bad file");
        let text = labels();
        assert!(read(&text.replace("busy = \"x\"\n", "")).contains("busy"));
        assert!(read(&format!("{text}extra = \"x\"\n")).contains("extra"));
        assert!(
            read(&text.replace("dial_key = \"x\"", "dial_key = \"123456789\""))
                .contains("dial_key")
        );
        let long = format!("busy = \"{}\"", "x".repeat(65));
        assert!(read(&text.replace("busy = \"x\"", &long)).contains("busy"));
    }

    #[test]
    fn branding_replaces_the_titles() {
        let branding = Branding {
            search_title: Some("Find".to_owned()),
            directory_title: None,
        };
        let locale = Locale::read("en", &labels(), &branding).expect("a language");
        assert_eq!(
            (
                locale.label("search_title"),
                locale.label("directory_title")
            ),
            ("Find", "x")
        );
    }

    proptest! {
        #[test]
        fn no_header_is_too_strange(header in "[ -~]{0,60}") {
            let catalogue = catalogue();
            prop_assert!(!catalogue.choose(None, Some(&header)).tag.is_empty());
        }
    }
}
