//! The golden pages of every make: exact bytes (phoned-vendors.md §12). With `GOLDEN=write` the documents are written instead of
//! compared, to be read before they are committed.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use phoned::{
    directory::{link::Place, rows::Entry},
    vendor::{
        check::well_formed,
        manifest::{Form, Step},
        registry::{Choices, Registry, VendorSettings},
        render::{Caller, Charset, Page, Wanted},
        traits::Traits,
    },
};
use serde::Deserialize;

#[derive(Default, Deserialize)]
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
    /// Lines of name and number, and of people with several numbers: name, title, number, title, number …
    #[serde(default)]
    rows: Vec<Vec<String>>,
    #[serde(default)]
    text: String,
    /// The richer documents, and the families of models that the phone belongs to.
    #[serde(default)]
    rich: bool,
    #[serde(default)]
    models: Vec<String>,
    /// Parameters that come back.
    #[serde(default)]
    echo: BTreeMap<String, String>,
    /// The parameter with the number of a caller.
    #[serde(default)]
    parameter: String,
    /// Most bytes that the phone takes.
    #[serde(default)]
    bytes: Option<usize>,
    /// Settings of the make.
    #[serde(default)]
    settings: serde_json::Map<String, serde_json::Value>,
    /// Characters of a line on the phone's screen.
    #[serde(default)]
    columns: Option<usize>,
    #[serde(default)]
    latin1: bool,
}

fn registry(make: &str, case: &Case) -> Registry {
    let settings = VendorSettings {
        settings: case.settings.clone(),
        ..VendorSettings::default()
    };
    let choices = Choices {
        default_locale: "en".to_owned(),
        vendors: [(make.to_owned(), settings)].into(),
        ..Choices::default()
    };
    Registry::load(&choices).expect("the compiled-in templates")
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../templates")
}

/// The entries of a row: `[name, number]`, or `[name, title, number, title, number …]`.
fn entries((person, row): (usize, &Vec<String>)) -> Vec<Entry> {
    let (name, numbers) = row.split_first().expect("a name");
    let titled: Vec<(&str, &str)> = match numbers {
        [number] => vec![("", number.as_str())],
        _ => numbers
            .chunks_exact(2)
            .map(|pair| (pair[0].as_str(), pair[1].as_str()))
            .collect(),
    };
    let entry = |(index, (title, number)): (usize, (&str, &str))| Entry {
        name: if index == 0 {
            name.clone()
        } else {
            format!("{name} ({title})")
        },
        number: number.to_owned(),
        plain: name.len(),
        person,
        title: title.into(),
        parts: None,
    };
    titled.into_iter().enumerate().map(entry).collect()
}

fn render(registry: &Registry, make: &str, case: &Case) -> Vec<u8> {
    let vendor = registry
        .vendors
        .iter()
        .find(|vendor| vendor.name == make)
        .expect("a make");
    let traits = Traits {
        families: case.models.clone(),
        columns: case.columns,
        echo: case.echo.clone(),
    };
    let page = Page {
        vendor,
        place: Place {
            base: "http://pbx.example.net:9498",
            form: case.form.unwrap_or(Form::Old),
            vendor: make,
            profile: "default",
            user: "5f0c8a52-1111-4222-8333-944445555666",
            user_place: vendor.manifest.user,
            file: vendor.manifest.file.as_deref(),
            lang: None,
            signature: None,
        },
        locale: registry.catalogue.choose(case.locale.as_deref(), None),
        charset: if case.latin1 {
            Charset::Latin1
        } else {
            Charset::Utf8
        },
        rich: case.rich,
        traits: &traits,
        short: None,
    };
    document(registry, &page, case)
}

fn document(registry: &Registry, page: &Page<'_>, case: &Case) -> Vec<u8> {
    let entries: Vec<Entry> = case.rows.iter().enumerate().flat_map(entries).collect();
    let wanted = Wanted {
        term: &case.term,
        limit: case.limit,
        offset: case.offset,
        bytes: case.bytes,
    };
    let made = match case.step.as_str() {
        "menu" => registry.form(page, Step::Menu),
        "input" => registry.form(page, Step::Input),
        "lookup" => registry
            .results(page, wanted, &entries)
            .map(|listed| listed.body),
        "caller" => registry.caller(
            page,
            Caller {
                parameter: &case.parameter,
                found: entries.first(),
            },
        ),
        "download" => {
            let download = page.vendor.manifest.download.as_ref().expect("a download");
            registry
                .download(page, download, &entries)
                .map(|listed| listed.body)
        }
        "message" => registry.message(page, Step::Lookup, &case.text),
        other => panic!("no step {other}"),
    };
    made.expect("a document").to_vec()
}

/// The document as the phone decodes it.
fn text(case: &Case, document: Vec<u8>) -> String {
    if case.latin1 {
        document.into_iter().map(char::from).collect()
    } else {
        String::from_utf8(document).expect("UTF-8")
    }
}

#[test]
fn every_golden_page_is_as_it_was() {
    let makes = registry("", &Case::default());
    let mut compared = 0;
    for vendor in &makes.vendors {
        let golden = folder().join(&vendor.name).join("golden");
        for entry in fs::read_dir(&golden).expect("golden pages of every make") {
            let path = entry.expect("an entry").path();
            if path.extension().is_none_or(|extension| extension != "toml") {
                continue;
            }
            let case: Case =
                toml::from_str(&fs::read_to_string(&path).expect("text")).expect("a case");
            let own = (!case.settings.is_empty()).then(|| registry(&vendor.name, &case));
            let document = render(own.as_ref().unwrap_or(&makes), &vendor.name, &case);
            let document = text(&case, document);
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
        compared >= 2 * makes.vendors.len(),
        "only {compared} golden pages"
    );
}
