//! From data to the bytes of a document. Knows neither requests nor backends.

use bytes::Bytes;
use minijinja::{Value, value::Serde};

use super::{
    lines::Lines,
    manifest::{Download, ErrorLook, Step},
    registry::{self, Registry, Vendor, document},
    traits::Traits,
    xml,
};
use crate::{
    directory::{
        link::{PageLink, Place},
        page::{Cut, PageRules},
        rows::Entry,
        short::ShortLinker,
    },
    lang::Locale,
};

/// Where cutting the name of a row begins that alone is too large for a document, in characters, and where it ends.
const LONGEST_NAME: usize = 2048;
const SHORTEST_NAME: usize = 8;

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
    /// Whether the richer documents are wanted (phoned-vendors.md §1.1).
    pub rich: bool,
    /// The phone that asks.
    pub traits: &'a Traits,
    /// Where page links are kept when the make's are short; `None` = links are written out.
    pub short: Option<ShortLinker<'a>>,
}

/// A page of results as the phone asked for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// The search text.
    pub term: &'a str,
    /// Rows; `None` or 0 = the make's own page size.
    pub limit: Option<usize>,
    /// First row.
    pub offset: usize,
    /// Most bytes that the phone says it takes.
    pub bytes: Option<usize>,
}

/// A result document, and what it had to leave out for good.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The document.
    pub body: Bytes,
    /// Why something is missing that no other page shows; the word of `phoned_truncated_total`.
    pub left_out: Option<&'static str>,
}

/// The answer to the search for a caller's name.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The parameter that held the number.
    pub parameter: &'a str,
    /// The person, if there is one.
    pub found: Option<&'a Entry>,
}

impl Page<'_> {
    /// Name of the template for `document`: in `rich` pages that of the richer one, if the make has it.
    pub fn template(&self, document: &str) -> Option<&str> {
        let rich = self
            .rich
            .then(|| self.vendor.template(&format!("rich-{document}")));
        rich.flatten().or_else(|| self.vendor.template(document))
    }

    /// Rows and bytes of its pages.
    pub fn rules(&self) -> PageRules {
        let rules = self
            .vendor
            .manifest
            .rules(self.rich, &self.traits.family_names());
        PageRules {
            links: rules.links && (self.short.is_some() || !self.needs_short_links()),
            ..rules
        }
    }

    /// Whether a line is a person rather than a number.
    fn people(&self) -> bool {
        let manifest = &self.vendor.manifest;
        manifest.people || (self.rich && manifest.rich.people)
    }

    fn needs_short_links(&self) -> bool {
        self.rich && self.vendor.manifest.rich.short_links.is_some()
    }

    fn link(&self, link: PageLink<'_>) -> String {
        match &self.short {
            Some(short) => short.shorten(&self.place, link),
            None => self.place.page(link),
        }
    }
}

impl Registry {
    /// The menu or input document.
    pub fn form(&self, page: &Page<'_>, step: Step) -> Result<Bytes, RenderError> {
        let nothing = Results::default();
        self.render(page, document(step), step, &nothing)
    }

    /// The results `wanted` out of all `entries`, shortened until the document is no larger than the phone takes.
    pub fn results(
        &self,
        page: &Page<'_>,
        wanted: Wanted<'_>,
        entries: &[Entry],
    ) -> Result<Listed, RenderError> {
        let rules = &page.rules().within(wanted.bytes);
        let lines = &Lines::of(entries, page.people());
        let sheet = Sheet {
            page,
            wanted,
            rules,
            lines,
        };
        let mut cut = rules.cut(lines.count(), wanted.limit, wanted.offset);
        let mut left_out = rules.leaves_out(&cut, wanted.limit).then_some("rows");
        let mut longest = page.traits.columns;
        loop {
            let (results, name_cut) = sheet.results(&cut, longest);
            let body = self.render(page, "results", Step::Lookup, &results)?;
            let excess = rules.excess(body.len());
            match longest {
                _ if excess == 0 => {
                    let cut_to_fit = name_cut && longest != page.traits.columns;
                    left_out = left_out.or(cut_to_fit.then_some("name"));
                    return Ok(Listed { body, left_out });
                }
                _ if cut.rows.len() > 1 => {
                    shorten(&mut cut, excess, body.len());
                    left_out = left_out.or((!rules.pages_on()).then_some("bytes"));
                }
                Some(few) if few <= SHORTEST_NAME => return Ok(Listed { body, left_out }),
                _ => longest = Some(longest.unwrap_or(LONGEST_NAME) / 2),
            }
        }
    }

    /// All people in one file (phoned-vendors.md §6.5).
    pub fn download(
        &self,
        page: &Page<'_>,
        download: &Download,
        entries: &[Entry],
    ) -> Result<Listed, RenderError> {
        let lines = Lines::downloaded(entries, download);
        let shown = lines.count().min(download.cap);
        let results = Results {
            rows: lines.value(0..shown, Some(download.name)).0,
            total: lines.count(),
            first: 1,
            last: shown,
            ..Results::default()
        };
        Ok(Listed {
            body: self.render(page, "download", download.step, &results)?,
            left_out: (shown < lines.count()).then_some("rows"),
        })
    }

    /// The name of a caller, or that it is unknown (phoned-vendors.md §8.4).
    pub fn caller(&self, page: &Page<'_>, caller: Caller<'_>) -> Result<Bytes, RenderError> {
        let entries = caller.found.map_or(&[][..], std::slice::from_ref);
        let results = Results {
            rows: Lines::of(entries, page.people())
                .value(0..entries.len(), page.traits.columns)
                .0,
            parameter: caller.parameter,
            total: entries.len(),
            first: 1,
            last: entries.len(),
            ..Results::default()
        };
        self.render(page, "caller", Step::Lookup, &results)
    }

    /// An error as the make shows it: `text` on the screen (phoned-vendors.md §1.6).
    pub fn message(&self, page: &Page<'_>, step: Step, text: &str) -> Result<Bytes, RenderError> {
        let entries = [Entry::alone(text, "")];
        let results = Results {
            rows: Lines::of(&entries, page.people()).value(0..1, None).0,
            text,
            total: 1,
            ..Results::default()
        };
        match page.vendor.manifest.errors {
            ErrorLook::Message => self.render(page, "message", step, &results),
            ErrorLook::Row | ErrorLook::Status => self.render(page, "results", step, &results),
        }
    }

    fn render(
        &self,
        page: &Page<'_>,
        document: &str,
        step: Step,
        results: &Results<'_>,
    ) -> Result<Bytes, RenderError> {
        let name = page.template(document).unwrap_or(document);
        let failed = |error: minijinja::Error| RenderError {
            template: name.to_owned(),
            what: registry::render_error(&error),
        };
        let template = self.environment.get_template(name).map_err(failed)?;
        let mut text = template
            .render(context(page, step, results))
            .map_err(failed)?;
        // A block that ends a template leaves the line end in front of it; documents end with their last tag.
        text.truncate(text.trim_end_matches('\n').len());
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
    rows: Value,
    previous: Option<String>,
    next: Option<String>,
    term: &'a str,
    text: &'a str,
    parameter: &'a str,
    total: usize,
    first: usize,
    last: usize,
    more: bool,
}

/// All that stays the same while a page is cut shorter.
struct Sheet<'a> {
    page: &'a Page<'a>,
    wanted: Wanted<'a>,
    rules: &'a PageRules,
    lines: &'a Lines<'a>,
}

impl<'a> Sheet<'a> {
    /// The page `cut`, names having at most `longest` characters; also whether a name was cut.
    fn results(&self, cut: &Cut, longest: Option<usize>) -> (Results<'a>, bool) {
        let Self {
            page,
            wanted,
            rules,
            lines,
        } = self;
        let link = |offset: Option<usize>| {
            let (offset, limit) = (offset?, cut.limit?);
            let term = wanted.term;
            let link = PageLink {
                term,
                limit,
                offset,
            };
            rules.links.then(|| page.link(link))
        };
        let (rows, name_cut) = lines.value(cut.rows.clone(), longest);
        let results = Results {
            rows,
            previous: link(cut.previous),
            next: link(cut.next),
            term: wanted.term,
            total: lines.count(),
            first: wanted.offset + 1,
            last: wanted.offset + cut.rows.len(),
            more: cut.next.is_some() && !rules.pages_on(),
            ..Results::default()
        };
        (results, name_cut)
    }
}

/// The variables of templates; templates/README.md explains them to those who write templates.
fn context(page: &Page<'_>, step: Step, results: &Results<'_>) -> Value {
    let place = &page.place;
    let links = Value::from_pairs([
        ("here", Value::from(place.step(step))),
        ("input", Value::from(place.step(Step::Input))),
        ("input_action", Value::from(place.action(Step::Input))),
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
        ("models", models(page)),
        ("echo", Value::from(Serde(&page.traits.echo))),
        ("encoding", Value::from(encoding)),
        ("step", Value::from(step.word())),
        ("user", Value::from(place.user)),
        ("lang", Value::from(place.lang.unwrap_or(""))),
        ("signature", Value::from(place.signature.unwrap_or(""))),
        ("rows", results.rows.clone()),
        ("term", Value::from(results.term)),
        ("text", Value::from(results.text)),
        ("parameter", Value::from(results.parameter)),
        ("total", Value::from(results.total)),
        ("first", Value::from(results.first)),
        ("last", Value::from(results.last)),
        ("more", Value::from(results.more)),
    ])
}

/// Which families of models the phone belongs to, by name.
fn models(page: &Page<'_>) -> Value {
    let models = page.vendor.manifest.models.iter();
    Value::from_pairs(models.map(|model| {
        let belongs = page.traits.families.contains(&model.name);
        (model.name.clone(), Value::from(belongs))
    }))
}
