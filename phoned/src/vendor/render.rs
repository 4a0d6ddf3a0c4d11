//! From data to the bytes of a document. Knows neither requests nor backends.

use bytes::Bytes;
use minijinja::{Value, value::Serde};

use super::{
    manifest::{ErrorLook, Step},
    registry::{self, Registry, Vendor, document},
    xml,
};
use crate::{
    directory::{
        link::{PageLink, Place},
        page::Cut,
        rows::Entry,
    },
    lang::Locale,
};

/// What a document is encoded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// The rule.
    Utf8,
    /// For phones that prefer it (phoned-vendors.md §3.6).
    Latin1,
}

/// A template that could not be filled in. The checks at start make this nearly impossible.
#[derive(Debug, thiserror::Error)]
#[error("{template}: {what}")]
pub struct RenderError {
    /// File inside the template folder.
    pub template: String,
    /// The engine's words with the line.
    pub what: String,
}

/// For whom and in which shape a document is made.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The make.
    pub vendor: &'a Vendor,
    /// What its addresses have in common.
    pub place: Place<'a>,
    /// The language.
    pub locale: &'a Locale,
    /// The encoding.
    pub charset: Charset,
}

/// A page of results as the phone asked for it.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The search text.
    pub term: &'a str,
    /// Rows; `None` or 0 = the make's own page size.
    pub limit: Option<usize>,
    /// First row.
    pub offset: usize,
}

impl Registry {
    /// The menu or input document.
    pub fn form(&self, page: &Page<'_>, step: Step) -> Result<Bytes, RenderError> {
        let nothing = Results::default();
        self.render(page, document(step), step, &nothing)
    }

    /// The results `wanted` out of all `entries`.
    pub fn results(
        &self,
        page: &Page<'_>,
        wanted: Wanted<'_>,
        entries: &[Entry],
    ) -> Result<Bytes, RenderError> {
        let rules = &page.vendor.manifest.page;
        let mut cut = rules.cut(entries.len(), wanted.limit, wanted.offset);
        loop {
            let results = Results::of(page, wanted, &cut, entries);
            let document = self.render(page, "results", Step::Lookup, &results)?;
            let excess = document.len().saturating_sub(rules.max_bytes);
            if rules.max_bytes == 0 || excess == 0 || cut.rows.len() <= 1 {
                return Ok(document);
            }
            shorten(&mut cut, excess, document.len());
        }
    }

    /// An error as the make shows it: `text` on the screen (phoned-vendors.md §1.6).
    pub fn message(&self, page: &Page<'_>, step: Step, text: &str) -> Result<Bytes, RenderError> {
        let results = Results {
            entries: &[Entry {
                name: text.to_owned(),
                number: String::new(),
            }],
            text,
            total: 1,
            ..Results::default()
        };
        match page.vendor.manifest.errors {
            ErrorLook::Message => self.render(page, "message", step, &results),
            ErrorLook::Row => self.render(page, "results", step, &results),
        }
    }

    fn render(
        &self,
        page: &Page<'_>,
        document: &str,
        step: Step,
        results: &Results<'_>,
    ) -> Result<Bytes, RenderError> {
        let name = page.vendor.template(document).unwrap_or(document);
        let failed = |error: minijinja::Error| RenderError {
            template: name.to_owned(),
            what: registry::render_error(&error),
        };
        let template = self.environment.get_template(name).map_err(failed)?;
        let text = template
            .render(context(page, step, results))
            .map_err(failed)?;
        Ok(match page.charset {
            Charset::Utf8 => text.into(),
            Charset::Latin1 => xml::latin1(&text).into(),
        })
    }
}

/// Cuts about as many rows from the page as `excess` of `length` bytes are, at least one, and moves the next page up to it.
fn shorten(cut: &mut Cut, excess: usize, length: usize) {
    let rows = cut.rows.len();
    let fewer = (rows * excess / length).clamp(1, rows - 1);
    cut.rows.end -= fewer;
    cut.next = Some(cut.rows.end);
    cut.limit = cut.limit.or(Some(rows - fewer));
}

/// The part of the context that only results have.
#[derive(Default)]
struct Results<'a> {
    entries: &'a [Entry],
    previous: Option<String>,
    next: Option<String>,
    term: &'a str,
    text: &'a str,
    total: usize,
    first: usize,
    last: usize,
}

impl<'a> Results<'a> {
    fn of(page: &Page<'_>, wanted: Wanted<'a>, cut: &Cut, entries: &'a [Entry]) -> Self {
        let link = |offset: Option<usize>| {
            let (offset, limit) = (offset?, cut.limit?);
            let links = page.vendor.manifest.page.links;
            let term = wanted.term;
            links.then(|| {
                page.place.page(PageLink {
                    term,
                    limit,
                    offset,
                })
            })
        };
        Self {
            entries: &entries[cut.rows.clone()],
            previous: link(cut.previous),
            next: link(cut.next),
            term: wanted.term,
            text: "",
            total: entries.len(),
            first: wanted.offset + 1,
            last: wanted.offset + cut.rows.len(),
        }
    }
}

/// The variables of templates; templates/README.md explains them to those who write templates.
fn context(page: &Page<'_>, step: Step, results: &Results<'_>) -> Value {
    let place = &page.place;
    let links = Value::from_pairs([
        ("here", Value::from(place.step(step))),
        ("input", Value::from(place.step(Step::Input))),
        ("lookup", Value::from(place.step(Step::Lookup))),
        ("lookup_action", Value::from(place.action(Step::Lookup))),
        ("previous", Value::from(results.previous.as_deref())),
        ("next", Value::from(results.next.as_deref())),
    ]);
    let encoding = match page.charset {
        Charset::Utf8 => "UTF-8",
        Charset::Latin1 => "ISO-8859-1",
    };
    Value::from_pairs([
        ("labels", page.locale.value()),
        ("settings", page.vendor.settings.clone()),
        ("links", links),
        ("encoding", Value::from(encoding)),
        ("step", Value::from(step.word())),
        ("user", Value::from(place.user)),
        ("lang", Value::from(place.lang.unwrap_or(""))),
        ("rows", Value::from(Serde(results.entries))),
        ("term", Value::from(results.term)),
        ("text", Value::from(results.text)),
        ("total", Value::from(results.total)),
        ("first", Value::from(results.first)),
        ("last", Value::from(results.last)),
    ])
}
