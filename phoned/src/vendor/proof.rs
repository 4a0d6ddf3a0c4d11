//! The examination of a template folder before it is used: every document of every make in every language, plain and rich, with
//! difficult data, must come out well-formed, in both encodings and within the make's limits.

use std::{
    cell::LazyCell,
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
};

use bytes::Bytes;

use super::{
    check,
    manifest::{Form, Step},
    registry::{Documents, Registry, RegistryError, Vendor, document},
    render::{Caller, Charset, Page, RenderError, Wanted},
    trace,
    traits::Traits,
};
use crate::{
    directory::{
        link::Place,
        rows::Entry,
        short::{ShortLinker, ShortLinks},
    },
    lang::Locale,
};

/// Names that have broken documents before.
const NAMES: [&str; 8] = [
    "",
    "Zoë <b>&\"'</b>",
    "Bob\u{1}x ]]> &amp; &nope; {{ 7 * 7 }} {% x %}",
    "ليلى \u{202e}منصور",
    "Pizza 🍕 山田 太郎",
    "line\nbreak\ttab\u{85}\u{fffe}",
    "<!-- --><![CDATA[",
    "Overlongname Overlongname Overlongname Overlongname Overlongname",
];
const NUMBERS: [&str; 3] = ["5550101", "*#06#", "+1555"];

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What a start can wait for.
    Start,
    /// Everything, for `check-templates`.
    Whole,
}

impl Depth {
    /// How many rows are tried in the first language, and in the others: those differ in labels only.
    fn counts(self, first: bool) -> &'static [usize] {
        match (self, first) {
            (Self::Start, true) => &[0, 1, 33],
            (Self::Start, false) => &[0, 1],
            (Self::Whole, _) => &[0, 1, 16, 33, 500],
        }
    }

    /// Whether documents of that flavour are tried: at a start those that are going to be sent.
    fn tries(self, vendor: &Vendor, rich: bool) -> bool {
        self == Self::Whole || rich == (vendor.documents == Documents::Rich)
    }
}

/// Fills in every template; each error names the file and the line of the template, the first for each document of a make.
/// `marked` is asked for the same registry with marked templates (`trace.rs`) when there is something to trace.
pub fn prove(
    registry: &Registry,
    depth: Depth,
    marked: impl FnOnce() -> Option<Registry>,
) -> Vec<RegistryError> {
    let mut proof = Proof {
        marked: LazyCell::new(marked),
        flaws: BTreeMap::new(),
    };
    let short = ShortLinks::default();
    for vendor in &registry.vendors {
        let models = vendor.manifest.models.iter();
        let all: Vec<String> = models.map(|model| model.name.clone()).collect();
        let flavours = [(false, &[][..]), (true, &[]), (true, &all)];
        for (rich, families) in flavours {
            if !depth.tries(vendor, rich) {
                continue;
            }
            let case = Case {
                registry,
                vendor,
                traits: traits(vendor, families),
                short: &short,
                rich,
            };
            for (index, locale) in registry.catalogue.locales().iter().enumerate() {
                case.prove(locale, depth.counts(index == 0), &mut proof);
            }
        }
    }
    proof.flaws.into_values().collect()
}

fn traits(vendor: &Vendor, families: &[String]) -> Traits {
    let echo = vendor.manifest.echo.iter();
    Traits {
        families: families.to_vec(),
        columns: None,
        echo: echo
            .map(|(name, echo)| (name.clone(), echo.default.clone()))
            .collect(),
    }
}

/// What was found so far.
struct Proof<F> {
    marked: LazyCell<Option<Registry>, F>,
    flaws: BTreeMap<String, RegistryError>,
}

impl<F: FnOnce() -> Option<Registry>> Proof<F> {
    /// Reads the document that `make` makes of `page` strictly.
    fn judge(
        &mut self,
        page: &Page<'_>,
        registry: &Registry,
        document: &str,
        make: impl Fn(&Registry) -> Result<Bytes, RenderError>,
    ) {
        let file = page.template(document).unwrap_or(document).to_owned();
        if self.flaws.contains_key(&file) {
            return;
        }
        let made = match make(registry) {
            Ok(made) => made,
            Err(error) => {
                let error = RegistryError::file(error.template, error.what);
                self.flaws.insert(file, error);
                return;
            }
        };
        if page.vendor.manifest.is_loose() {
            return;
        }
        let Err(flaw) = check::well_formed(&text(page, &made)) else {
            return;
        };
        let marked = self.marked.as_ref().and_then(|marked| make(marked).ok());
        let line = marked.and_then(|made| trace::origin(&text(page, &made), flaw.line));
        let what = match line {
            Some(line) => format!(
                "line {line}: the document it makes is not well-formed: {}",
                flaw.what
            ),
            None => format!(
                "line {} of the document it makes is not well-formed: {}",
                flaw.line, flaw.what
            ),
        };
        self.flaws
            .insert(file.clone(), RegistryError::file(file, what));
    }
}

fn text(page: &Page<'_>, made: &Bytes) -> String {
    match page.charset {
        Charset::Utf8 => String::from_utf8_lossy(made).into_owned(),
        Charset::Latin1 => made.iter().copied().map(char::from).collect(),
    }
}

/// A make in one of its flavours.
struct Case<'a> {
    registry: &'a Registry,
    vendor: &'a Vendor,
    traits: Traits,
    short: &'a ShortLinks,
    rich: bool,
}

impl Case<'_> {
    fn prove<F: FnOnce() -> Option<Registry>>(
        &self,
        locale: &Locale,
        counts: &[usize],
        proof: &mut Proof<F>,
    ) {
        let charsets = if self.vendor.manifest.latin1 {
            &[Charset::Utf8, Charset::Latin1][..]
        } else {
            &[Charset::Utf8]
        };
        for &charset in charsets {
            let page = self.page(locale, charset);
            for &step in &self.vendor.manifest.steps {
                if step == Step::Lookup {
                    self.prove_results(&page, counts, proof);
                } else {
                    proof.judge(&page, self.registry, document(step), |registry| {
                        registry.form(&page, step)
                    });
                }
                let words = "a \"difficult\" <text> & more";
                let shown = page.template("message").map_or("results", |_| "message");
                proof.judge(&page, self.registry, shown, |registry| {
                    registry.message(&page, step, words)
                });
            }
            self.prove_others(&page, proof);
        }
    }

    fn prove_results<F: FnOnce() -> Option<Registry>>(
        &self,
        page: &Page<'_>,
        counts: &[usize],
        proof: &mut Proof<F>,
    ) {
        for &count in counts {
            let entries = entries(count);
            for (limit, offset) in [
                (None, 0),
                (Some(1), 0),
                (Some(1), 1),
                (Some(2), 100),
                (Some(1000), 0),
            ] {
                let wanted = Wanted {
                    term: "a&b c#d+é<\">'",
                    limit,
                    offset,
                    bytes: None,
                };
                let results = |registry: &Registry| {
                    let listed = registry.results(page, wanted, &entries)?;
                    fits(page, &entries, listed.body)
                };
                proof.judge(page, self.registry, "results", results);
            }
        }
    }

    /// The documents that not every make has.
    fn prove_others<F: FnOnce() -> Option<Registry>>(&self, page: &Page<'_>, proof: &mut Proof<F>) {
        let entries = entries(NAMES.len());
        if self.vendor.manifest.caller.is_some() {
            for found in entries.iter().map(Some).chain([None]) {
                let caller = Caller {
                    parameter: "a&b",
                    found,
                };
                proof.judge(page, self.registry, "caller", |registry| {
                    registry.caller(page, caller)
                });
            }
        }
        if let Some(download) = &self.vendor.manifest.download {
            for count in [0, entries.len()] {
                proof.judge(page, self.registry, "download", |registry| {
                    let listed = registry.download(page, download, &entries[..count]);
                    listed.map(|listed| listed.body)
                });
            }
        }
    }

    fn page<'a>(&'a self, locale: &'a Locale, charset: Charset) -> Page<'a> {
        let manifest = &self.vendor.manifest;
        let short = ShortLinker {
            links: self.short,
            phone: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let shortens = self.rich && manifest.rich.short_links.is_some();
        Page {
            vendor: self.vendor,
            place: Place {
                base: "http://menu.example:9498",
                form: Form::Old,
                vendor: &self.vendor.name,
                profile: "p&q <é>",
                user: "<\"'>&",
                user_place: manifest.user,
                file: manifest.file.as_deref(),
                lang: Some("fr"),
                signature: Some("<\"'>&"),
            },
            locale,
            charset,
            rich: self.rich,
            traits: &self.traits,
            short: shortens.then_some(short),
        }
    }
}

/// Refuses a result that is larger than the make's phones take.
fn fits(page: &Page<'_>, entries: &[Entry], body: Bytes) -> Result<Bytes, RenderError> {
    let excess = page.rules().excess(body.len());
    if excess == 0 {
        return Ok(body);
    }
    Err(RenderError {
        template: page.template("results").unwrap_or("results").to_owned(),
        what: format!(
            "a page of {} rows is {excess} bytes too large",
            entries.len()
        ),
    })
}

fn entries(count: usize) -> Vec<Entry> {
    let entry = |index: usize| Entry {
        person: index / 2,
        title: ["", "mobile <&\">"][index % 2].into(),
        ..Entry::alone(NAMES[index % NAMES.len()], NUMBERS[index % NUMBERS.len()])
    };
    (0..count).map(entry).collect()
}
