//! The examination of a template folder before it is used: every document of every make in every language, with difficult
//! data, must come out well-formed, in both encodings and within the make's limits.

use super::{
    check,
    manifest::{Form, Step},
    registry::{Registry, RegistryError, Vendor, document},
    render::{Charset, Page, RenderError, Wanted},
};
use crate::{
    directory::{link::Place, rows::Entry},
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

/// How many rows are tried.
const COUNTS: [usize; 4] = [0, 1, 3, 33];

/// Fills in every template; the error names the file and the line of the template, or of the document it made.
pub fn prove(registry: &Registry) -> Result<(), RegistryError> {
    for vendor in &registry.vendors {
        for locale in registry.catalogue.locales() {
            Case {
                registry,
                vendor,
                locale,
            }
            .prove()?;
        }
    }
    Ok(())
}

struct Case<'a> {
    registry: &'a Registry,
    vendor: &'a Vendor,
    locale: &'a Locale,
}

impl Case<'_> {
    fn prove(&self) -> Result<(), RegistryError> {
        let charsets = if self.vendor.manifest.latin1 {
            &[Charset::Utf8, Charset::Latin1][..]
        } else {
            &[Charset::Utf8]
        };
        for &charset in charsets {
            for &step in &self.vendor.manifest.steps {
                let page = self.page(charset);
                if step == Step::Lookup {
                    self.prove_results(&page)?;
                } else {
                    self.judge(&page, document(step), self.registry.form(&page, step))?;
                }
                let message = self
                    .registry
                    .message(&page, step, "a \"difficult\" <text> & more");
                self.judge(
                    &page,
                    self.vendor
                        .template("message")
                        .map_or("results", |_| "message"),
                    message,
                )?;
            }
        }
        Ok(())
    }

    fn prove_results(&self, page: &Page<'_>) -> Result<(), RegistryError> {
        for count in COUNTS {
            let entries = entries(count);
            for (limit, offset) in [
                (None, 0),
                (Some(1), 0),
                (Some(1), 1),
                (Some(2), 100),
                (Some(1000), 0),
            ] {
                let term = "a&b c#d+é<\">'";
                let wanted = Wanted {
                    term,
                    limit,
                    offset,
                };
                self.judge(
                    page,
                    "results",
                    self.registry.results(page, wanted, &entries),
                )?;
            }
        }
        Ok(())
    }

    fn page(&self, charset: Charset) -> Page<'_> {
        Page {
            vendor: self.vendor,
            place: Place {
                base: "http://menu.example:9498",
                form: Form::Old,
                vendor: &self.vendor.name,
                profile: "p&q <é>",
                user: "<\"'>&",
                user_place: self.vendor.manifest.user,
                lang: Some("fr"),
            },
            locale: self.locale,
            charset,
        }
    }

    fn judge(
        &self,
        page: &Page<'_>,
        document: &str,
        made: Result<bytes::Bytes, RenderError>,
    ) -> Result<(), RegistryError> {
        let made = made.map_err(|error| RegistryError::file(error.template, error.what))?;
        let text = match page.charset {
            Charset::Utf8 => String::from_utf8_lossy(&made).into_owned(),
            Charset::Latin1 => made.iter().copied().map(char::from).collect(),
        };
        if self.vendor.manifest.is_loose() {
            return Ok(());
        }
        check::well_formed(&text).map_err(|flaw| {
            let file = self.vendor.template(document).unwrap_or(document);
            let what = format!(
                "line {} of the document it makes is not well-formed: {}",
                flaw.line, flaw.what
            );
            RegistryError::file(file, what)
        })
    }
}

fn entries(count: usize) -> Vec<Entry> {
    let entry = |index: usize| Entry {
        name: NAMES[index % NAMES.len()].to_owned(),
        number: NUMBERS[index % NUMBERS.len()].to_owned(),
    };
    (0..count).map(entry).collect()
}
