//! What a phone shows, drawn without a phone: the document that the real renderer makes is parsed as the phone would parse it
//! (`tree.rs`, `screen.rs`) and drawn as text (`draw.rs`) or as a picture (`picture.rs`). The `[preview]` table of a make's
//! manifest says which elements stand for what and how large the screens are; no make is named here.

mod draw;
mod picture;
mod screen;
mod tree;

use kit::fold::fold;
use serde::Deserialize;

pub use draw::draw;
pub use picture::{page, picture};
pub use screen::Screen;

use crate::{
    directory::{link::Place, page::sort, rows::Entry},
    vendor::{
        files::Files,
        manifest::{Form, PreviewRules, ScreenModel, Step},
        registry::{Registry, Vendor},
        render::{Charset, Page, RenderError, Wanted},
        traits::Traits,
    },
};

/// The file with the people that are found, in the template folder.
const PEOPLE: &str = "preview/people.toml";
const USER: &str = "5f0c8a52-1111-4222-8333-944445555666";

/// What is to be drawn.
#[derive(Debug, Clone, Copy, Default)]
pub struct Shown<'a> {
    /// The search text; `None` shows the first page of the make that has no results.
    pub term: Option<&'a str>,
    /// First row.
    pub offset: usize,
    /// Tag of the language.
    pub language: Option<&'a str>,
    /// The richer documents.
    pub rich: bool,
    /// The model of phone; the first one of the make if `None`.
    pub model: Option<&'a str>,
}

/// Why there is nothing to draw.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// No such make.
    #[error("there is no make {0:?}; there are {1}")]
    Make(String, String),
    /// No such model.
    #[error("{0} has no model {1:?}; it has {2}")]
    Model(String, String, String),
    /// The make does not say how its screens look.
    #[error("{0}/vendor.toml has no [preview]")]
    Unknown(String),
    /// The invented people cannot be read.
    #[error("{PEOPLE}: {0}")]
    People(String),
    /// A template.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A document that no phone could read.
    #[error("the document of {0} cannot be read: {1}")]
    Document(String, String),
}

#[derive(Deserialize)]
struct PeopleFile {
    people: Vec<[String; 3]>,
}

/// The people of a template folder as a search finds them, sorted.
pub fn people(files: &Files) -> Result<Vec<Entry>, PreviewError> {
    let text = files.get(PEOPLE).map_or("people = []", String::as_str);
    let file: PeopleFile =
        toml::from_str(text).map_err(|error| PreviewError::People(error.to_string()))?;
    let mut entries = Vec::new();
    for (person, [name, number, mobile]) in file.people.iter().enumerate() {
        for (number, suffix, title) in [(number, "", "number"), (mobile, " (mobile)", "mobile")] {
            if !number.is_empty() {
                entries.push(Entry {
                    plain: name.len(),
                    person,
                    title: title.into(),
                    ..Entry::alone(format!("{name}{suffix}"), number)
                });
            }
        }
    }
    sort(&mut entries, crate::directory::page::Collation::Unicode);
    Ok(entries)
}

/// The screen of a phone of the make `name`.
pub fn screen(
    registry: &Registry,
    people: &[Entry],
    name: &str,
    shown: Shown<'_>,
) -> Result<Screen, PreviewError> {
    let vendor = registry.vendors.iter().find(|vendor| vendor.name == name);
    let names = || registry.vendors.iter().map(|vendor| vendor.name.as_str());
    let vendor = vendor.ok_or_else(|| {
        PreviewError::Make(name.to_owned(), names().collect::<Vec<_>>().join(", "))
    })?;
    let rules = vendor.manifest.preview.as_ref();
    let rules = rules.ok_or_else(|| PreviewError::Unknown(name.to_owned()))?;
    let model = model(vendor, rules, shown.model)?;
    let document = document(registry, vendor, people, shown, model)?;
    let unreadable = |what| PreviewError::Document(name.to_owned(), what);
    let root = tree::parse(&document).map_err(unreadable)?;
    Ok(Screen::read(&root, rules, name, model))
}

fn model<'a>(
    vendor: &Vendor,
    rules: &'a PreviewRules,
    wanted: Option<&str>,
) -> Result<&'a ScreenModel, PreviewError> {
    let mut models = rules.models.iter();
    let found = match wanted {
        None => models.next(),
        Some(wanted) => models.find(|model| model.name == wanted),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = rules
            .models
            .iter()
            .map(|model| model.name.as_str())
            .collect();
        let wanted = wanted.unwrap_or("").to_owned();
        PreviewError::Model(vendor.name.clone(), wanted, names.join(", "))
    })
}

/// The document as phoned would send it.
fn document(
    registry: &Registry,
    vendor: &Vendor,
    people: &[Entry],
    shown: Shown<'_>,
    model: &ScreenModel,
) -> Result<String, PreviewError> {
    let echo = vendor.manifest.echo.iter();
    let traits = Traits {
        families: model.families.clone(),
        columns: shown.rich.then_some(model.columns),
        echo: echo
            .map(|(name, echo)| (name.clone(), echo.default.clone()))
            .collect(),
    };
    let page = Page {
        vendor,
        place: Place {
            base: "http://pbx.example.net:9498",
            form: Form::Old,
            vendor: &vendor.name,
            profile: "default",
            user: USER,
            user_place: vendor.manifest.user,
            file: vendor.manifest.file.as_deref(),
            lang: None,
            signature: None,
        },
        locale: registry.catalogue.choose(shown.language, None),
        charset: Charset::Utf8,
        rich: shown.rich,
        traits: &traits,
        short: None,
    };
    let first = vendor.manifest.steps.first().copied();
    let body = match (shown.term, first) {
        (None, Some(step)) if step != Step::Lookup => registry.form(&page, step)?,
        (term, _) => {
            let term = term.unwrap_or("");
            let wanted = Wanted {
                term,
                offset: shown.offset,
                ..Wanted::default()
            };
            registry.results(&page, wanted, &found(people, term))?.body
        }
    };
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Those whose name contains the search text, case and accents aside, as dird would find them.
fn found(people: &[Entry], term: &str) -> Vec<Entry> {
    let term = fold(term);
    let matches = |entry: &&Entry| fold(entry.plain_name()).contains(&term);
    people.iter().filter(matches).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendor::{files, registry::Choices};

    fn registry() -> (Registry, Vec<Entry>) {
        let choices = Choices {
            default_locale: "en".to_owned(),
            ..Choices::default()
        };
        let files = files::read(None).expect("those compiled in");
        let people = people(&files).expect("people");
        (Registry::load(&choices).expect("templates"), people)
    }

    #[test]
    fn every_make_can_be_drawn_with_the_people_that_match() {
        let (registry, people) = registry();
        for vendor in &registry.vendors {
            for rich in [false, true] {
                let shown = Shown {
                    term: Some("smith"),
                    rich,
                    ..Shown::default()
                };
                let screen = screen(&registry, &people, &vendor.name, shown).expect("a screen");
                let drawn = draw(&screen).join("\n");
                assert!(drawn.contains("Ada Smith"), "{drawn}");
                assert!(!drawn.contains("Carlos"), "{drawn}");
                assert!(picture(&[screen]).contains("Ada Smith"));
            }
        }
    }

    #[test]
    fn a_narrow_screen_cuts_names_and_shows_its_soft_keys() {
        let (registry, people) = registry();
        let shown = Shown {
            term: Some("smith"),
            model: Some("7960"),
            rich: true,
            ..Shown::default()
        };
        let screen = screen(&registry, &people, "cisco", shown).expect("a screen");
        let drawn = draw(&screen);
        insta::assert_snapshot!(drawn.join("\n"));
    }

    #[test]
    fn the_picture_in_the_documentation_is_what_is_drawn() {
        let (registry, people) = registry();
        let shown = Shown {
            term: Some("smith"),
            ..Shown::default()
        };
        let draw =
            |vendor: &std::sync::Arc<Vendor>| screen(&registry, &people, &vendor.name, shown);
        let screens: Result<Vec<_>, _> = registry.vendors.iter().map(draw).collect();
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/phones.svg");
        let kept = std::fs::read_to_string(file).expect("the picture");
        assert!(
            kept == picture(&screens.expect("screens")),
            "docs/phones.svg is not what `phoned preview --term smith --html docs/phones.svg` writes"
        );
    }

    #[test]
    fn what_is_not_there_is_named_with_what_is() {
        let (registry, people) = registry();
        let error = |name: &str, model| {
            let shown = Shown {
                model,
                ..Shown::default()
            };
            screen(&registry, &people, name, shown)
                .expect_err("nothing")
                .to_string()
        };
        assert!(error("nokia", None).contains("cisco"));
        assert!(error("cisco", Some("9999")).contains("7960"));
    }
}
