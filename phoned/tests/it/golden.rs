//! The golden pages of every make: exact bytes (phoned-vendors.md §12). With `GOLDEN=write` the documents are written instead of
//! compared, to be read before they are committed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use phoned::{
    directory::{link::Place, rows::Entry},
    vendor::{
        check::well_formed,
        manifest::{Form, Step},
        registry::{Choices, Registry},
        render::{Charset, Page, Wanted},
    },
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    step: String,
    #[serde(default)]
    form: Option<Form>,
    #[serde(default)]
    locale: Option<String>,
    #[serde(default)]
    term: String,
    #[serde(default)]
    limit: Option<usize>,
    #[serde(default)]
    offset: usize,
    #[serde(default)]
    rows: Vec<(String, String)>,
    #[serde(default)]
    text: String,
}

fn registry() -> Registry {
    let choices = Choices {
        default_locale: "en".to_owned(),
        ..Choices::default()
    };
    Registry::load(&choices).expect("the compiled-in templates")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates")
}

fn render(registry: &Registry, make: &str, case: &Case) -> String {
    let vendor = registry
        .vendors
        .iter()
        .find(|vendor| vendor.name == make)
        .expect("a make");
    let page = Page {
        vendor,
        place: Place {
            base: "http://pbx.example.net:9498",
            form: case.form.unwrap_or(Form::Old),
            vendor: make,
            profile: "default",
            user: "5f0c8a52-1111-4222-8333-944445555666",
            user_place: vendor.manifest.user,
            lang: None,
        },
        locale: registry.catalogue.choose(case.locale.as_deref(), None),
        charset: Charset::Utf8,
    };
    let entries: Vec<Entry> = case
        .rows
        .iter()
        .map(|(name, number)| Entry {
            name: name.clone(),
            number: number.clone(),
        })
        .collect();
    let wanted = Wanted {
        term: &case.term,
        limit: case.limit,
        offset: case.offset,
    };
    let document = match case.step.as_str() {
        "menu" => registry.form(&page, Step::Menu),
        "input" => registry.form(&page, Step::Input),
        "lookup" => registry.results(&page, wanted, &entries),
        _ => registry.message(&page, Step::Lookup, &case.text),
    };
    String::from_utf8(document.expect("a document").to_vec()).expect("UTF-8")
}

#[test]
fn every_golden_page_is_as_it_was() {
    let registry = registry();
    let mut compared = 0;
    for vendor in &registry.vendors {
        let golden = folder().join(&vendor.name).join("golden");
        for entry in fs::read_dir(&golden).expect("golden pages of every make") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let case: Case =
                toml::from_str(&fs::read_to_string(&path).expect("text")).expect("a case");
            let document = render(&registry, &vendor.name, &case);
            assert_eq!(well_formed(&document), Ok(()), "{}", path.display());
            let file = path.with_extension("txt");
            if std::env::var_os("GOLDEN").is_some() {
                fs::write(&file, format!("{document}\n")).expect("written");
            }
            let expected = fs::read_to_string(&file)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            assert_eq!(format!("{document}\n"), expected, "{}", path.display());
            compared += 1;
        }
    }
    assert!(
        compared >= 2 * registry.vendors.len(),
        "only {compared} golden pages"
    );
}
