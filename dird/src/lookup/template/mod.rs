//! The template language of `format_columns` (dird-api-semantics.md §3, dird-backends.md §1.3): Python's format strings, as far
//! as operators use them. A template is parsed once; one that cannot be parsed gives null for every contact.

mod parse;
mod render;

use std::sync::Arc;

use indexmap::IndexMap;

use crate::backends::Entry;

/// A parsed template.
#[derive(Debug, Clone, PartialEq)]
struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Literal(String),
    Field(Placeholder),
}

/// `{name[key][0]!s:>8}`.
#[derive(Debug, Clone, PartialEq)]
struct Placeholder {
    field: String,
    path: Vec<Step>,
    padding: Option<Padding>,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Index(usize),
    Key(String),
}

/// Alignment within a width, and cutting at a length.
#[derive(Debug, Clone, PartialEq)]
struct Padding {
    fill: char,
    align: Align,
    width: usize,
    cut: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Align {
    Left,
    Right,
    Centre,
}

/// The templates of one source, in the order in which they run.
#[derive(Debug, Clone, Default)]
pub struct Formatter {
    columns: Vec<(Arc<str>, Option<Template>)>,
}

impl Formatter {
    /// Parses templates. They run shorter names first, ties in byte order, whatever the order they were configured in.
    pub fn new(format_columns: &IndexMap<String, String>) -> Self {
        let mut named: Vec<(&String, &String)> = format_columns.iter().collect();
        named.sort_by(|(one, _), (other, _)| {
            (one.len(), one.as_bytes()).cmp(&(other.len(), other.as_bytes()))
        });
        let parsed =
            |(name, text): (&String, &String)| (Arc::from(name.as_str()), parse::parse(text));
        Self {
            columns: named.into_iter().map(parsed).collect(),
        }
    }

    /// The same templates and, after them, one for `name` if there is none.
    #[must_use]
    pub fn or(mut self, name: &str, text: &str) -> Self {
        if !self.columns.iter().any(|(known, _)| **known == *name) {
            self.columns.push((name.into(), parse::parse(text)));
        }
        self
    }

    /// The same templates without those that none of the `shown` fields needs.
    #[must_use]
    pub fn only_for<'a>(&self, shown: impl IntoIterator<Item = &'a str>) -> Self {
        let mut needed: Vec<&str> = shown.into_iter().collect();
        let mut kept = Vec::new();
        for column in self.columns.iter().rev() {
            if !needed.contains(&&*column.0) {
                continue;
            }
            let parts = column.1.iter().flat_map(|template| &template.parts);
            needed.extend(parts.filter_map(|part| match part {
                Part::Field(placeholder) => Some(placeholder.field.as_str()),
                Part::Literal(_) => None,
            }));
            kept.push(column.clone());
        }
        kept.reverse();
        Self { columns: kept }
    }

    /// Adds the columns to a contact; each template sees the results of those before it.
    pub fn apply(&self, entry: &mut Entry) {
        for (name, template) in &self.columns {
            let text = template
                .as_ref()
                .and_then(|template| render::render(template, entry));
            entry.set(Arc::clone(name), text);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::backends::{Field, Relations};

    fn formatted(fields: &Value, templates: &[(&str, &str)], column: &str) -> Option<String> {
        let templates = templates
            .iter()
            .map(|&(name, text)| (name.to_owned(), text.to_owned()))
            .collect();
        let mut entry = Entry::of_map(fields.as_object().unwrap().clone(), Relations::default());
        Formatter::new(&templates).apply(&mut entry);
        entry.get(column).and_then(Field::to_text)
    }

    fn rendered(template: &str) -> Option<String> {
        let fields = json!({
            "id": "1", "fn": "Zed", "num": "555", "none": null, "count": 7, "yes": true, "half": 1.5,
            "list": ["4002", "4003"], "map": {"key": ["a", "b"], "0": "zero"},
        });
        formatted(&fields, &[("out", template)], "out")
    }

    #[test]
    fn templates_render_as_the_reference_does() {
        for (template, expected) in [
            ("{fn} {ln}", Some("Zed")),
            ("{fn}  {num}", Some("Zed  555")),
            ("{num[0]}", Some("5")),
            ("{list[1]}", Some("4003")),
            ("{map[key][0]}", Some("a")),
            ("{count}", Some("7")),
            ("{yes}", Some("True")),
            ("{half}", Some("1.5")),
            ("{list}", Some("['4002', '4003']")),
            ("{num:>6}|", Some("555|")),
            ("|{num:>6}|", Some("|   555|")),
            ("|{num:*^7}|", Some("|**555**|")),
            ("|{fn:5}|", Some("|Zed  |")),
            ("{fn:.2}", Some("Ze")),
            ("|{fn!s:>4}|", Some("| Zed|")),
            ("{{lit}}", Some("{lit}")),
            ("   ", None),
            ("", None),
            ("{none}", None),
            ("{missing}", None),
            ("{missing[0][x]}", None),
            ("{list[9]}", None),
            ("{map[nope]}", None),
            ("x{list[9]}", None),
            ("{0}", None),
            ("{}", None),
            ("{num:d}", None),
            ("{num", None),
            ("num}", None),
            ("{fn.__class__}", None),
            ("{fn!r}", None),
        ] {
            assert_eq!(rendered(template).as_deref(), expected, "{template:?}");
        }
    }

    #[test]
    fn shorter_names_run_first_and_later_ones_see_them() {
        let fields = json!({"fn": "Zed"});
        let templates = [
            ("aa", "{fn}!"),
            ("b", "{aa}"),
            ("zzz", "{aa}"),
            ("fn", "<{fn}>"),
        ];
        let column = |name| formatted(&fields, &templates, name);
        assert_eq!(column("b"), None);
        assert_eq!(column("aa").as_deref(), Some("Zed!"));
        assert_eq!(column("zzz").as_deref(), Some("Zed!"));
        assert_eq!(column("fn").as_deref(), Some("<Zed>"));
    }

    #[test]
    fn an_implicit_template_runs_last_and_gives_way_to_a_configured_one() {
        let templates = |name: &str| IndexMap::from([(name.to_owned(), "{x}".to_owned())]);
        let rendered = |formatter: Formatter| {
            let fields = json!({"x": "raw"}).as_object().unwrap().clone();
            let mut entry = Entry::of_map(fields, Relations::default());
            formatter.apply(&mut entry);
            entry.get("reverse").and_then(Field::to_text)
        };
        let implicit =
            Formatter::new(&templates("a_longer_name")).or("reverse", "<{a_longer_name}>");
        assert_eq!(rendered(implicit).as_deref(), Some("<raw>"));
        let configured = Formatter::new(&templates("reverse")).or("reverse", "other");
        assert_eq!(rendered(configured).as_deref(), Some("raw"));
    }

    #[test]
    fn only_what_is_shown_is_formatted() {
        let templates: IndexMap<String, String> = [("a", "{x}"), ("bb", "{a}"), ("ccc", "{x}")]
            .iter()
            .map(|&(name, text)| (name.to_owned(), text.to_owned()))
            .collect();
        let kept = Formatter::new(&templates).only_for(["bb", "x"]);
        let names: Vec<&str> = kept.columns.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["a", "bb"]);
    }
}
