//! Which fields an answer has (intercom-directory.md §4.3), and the entry as it is answered.

use serde_json::{Map, Value};

use super::field::{ACCESS, FIELDS, Field, Shape, named};
use super::path::{Segment, segments};
use super::values::Values;
use crate::config::Shown;

/// What is chosen of a field.
#[derive(Debug, Clone)]
enum Part {
    /// Nothing.
    None,
    /// All of it.
    All,
    /// Of a group, the members; of an array of groups, the members of each.
    Members(Vec<Part>),
    Elements(Vec<Part>),
}

/// What is chosen of an entry.
#[derive(Debug, Clone)]
pub(in crate::intercom) struct Choice {
    /// None: whatever differs from the default.
    parts: Option<Vec<Part>>,
    shown: Shown,
}

impl Choice {
    /// Whatever differs from the default.
    pub(in crate::intercom) fn differing(shown: Shown) -> Self {
        Self { parts: None, shown }
    }

    /// Every field.
    pub(in crate::intercom) fn everything(shown: Shown) -> Self {
        Self {
            parts: Some(vec![Part::All; FIELDS.len()]),
            shown,
        }
    }

    /// What the paths name; no paths are all fields. A path to nowhere chooses nothing.
    pub(in crate::intercom) fn of_paths<'a>(
        paths: impl ExactSizeIterator<Item = &'a str>,
        shown: Shown,
    ) -> Self {
        if paths.len() == 0 {
            return Self::everything(shown);
        }
        let mut parts = vec![Part::None; FIELDS.len()];
        for segments in paths.filter_map(segments) {
            choose(FIELDS, &mut parts, &segments);
        }
        Self {
            parts: Some(parts),
            shown,
        }
    }

    /// The fields of an answer, without `uuid` and `timestamp`.
    pub(in crate::intercom) fn fields(&self, values: &Values) -> Map<String, Value> {
        let mut answered = Map::new();
        for (place, field) in FIELDS.iter().enumerate() {
            if field.name == ACCESS && self.shown == Shown::Off {
                continue;
            }
            let value = values.0.get(field.name);
            let part = self.parts.as_ref().map(|parts| &parts[place]);
            if let Some(value) = self.shape(&field.shape, part, value) {
                answered.insert(field.name.to_owned(), value);
            }
        }
        answered
    }

    fn members(
        &self,
        fields: &[Field],
        parts: Option<&[Part]>,
        kept: Option<&Value>,
    ) -> Map<String, Value> {
        let mut answered = Map::new();
        for (place, field) in fields.iter().enumerate() {
            let hidden = field.secret && self.shown != Shown::Full;
            let kept = kept
                .and_then(|kept| kept.get(field.name))
                .filter(|_| !hidden);
            let part = parts.map(|parts| &parts[place]);
            if let Some(value) = self.shape(&field.shape, part, kept) {
                answered.insert(field.name.to_owned(), value);
            }
        }
        answered
    }

    /// A value as it is answered. Without a choice, what is kept.
    fn shape(&self, shape: &Shape, part: Option<&Part>, kept: Option<&Value>) -> Option<Value> {
        match (shape, part) {
            (_, Some(Part::None)) => None,
            (Shape::Group(fields), None) => {
                let answered = self.members(fields, None, Some(kept?));
                (!answered.is_empty()).then(|| answered.into())
            }
            (Shape::Groups(count, fields), None) => {
                let elements = kept?.as_array()?;
                let element = |place| self.members(fields, None, elements.get(place)).into();
                Some(Value::Array((0..*count).map(element).collect()))
            }
            (Shape::Group(fields), Some(part)) => {
                let parts = members_of(part, fields);
                Some(self.members(fields, Some(&parts), kept).into())
            }
            (Shape::Groups(count, fields), Some(part)) => {
                let element = |place: usize| -> Value {
                    let kept = kept.and_then(|kept| kept.get(place));
                    let parts = match part {
                        Part::Elements(elements) => members_of(&elements[place], fields),
                        other => members_of(other, fields),
                    };
                    self.members(fields, Some(&parts), kept).into()
                };
                Some((0..*count).map(element).collect())
            }
            (_, None) => kept.cloned(),
            (_, Some(_)) => Some(kept.cloned().unwrap_or_else(|| shape.default())),
        }
    }
}

fn members_of(part: &Part, fields: &[Field]) -> Vec<Part> {
    match part {
        Part::Members(parts) => parts.clone(),
        Part::All => vec![Part::All; fields.len()],
        Part::None | Part::Elements(_) => vec![Part::None; fields.len()],
    }
}

/// Adds what the path names to `parts`.
fn choose(fields: &[Field], parts: &mut [Part], path: &[Segment<'_>]) {
    let Some((segment, rest)) = path.split_first() else {
        return;
    };
    let Some((place, field)) = named(fields, segment.name) else {
        return;
    };
    let part = &mut parts[place];
    match (&field.shape, segment.index) {
        // A hole in an array of texts cannot be told: the whole of it is answered.
        (Shape::Texts(count, _), index)
            if rest.is_empty() && index.is_none_or(|index| index < *count) =>
        {
            *part = Part::All;
        }
        (Shape::Group(fields), None) => choose_within(fields, part, rest),
        (Shape::Groups(count, fields), index) => {
            if index.is_some_and(|index| index >= *count) || !leads_somewhere(fields, rest) {
                return;
            }
            let mut elements = elements_of(part, *count);
            for (place, element) in elements.iter_mut().enumerate() {
                if index.is_none_or(|index| index == place) {
                    choose_within(fields, element, rest);
                }
            }
            *part = Part::Elements(elements);
        }
        (Shape::Flag(_) | Shape::Text(_), None) if rest.is_empty() => *part = Part::All,
        _ => {}
    }
}

fn elements_of(part: &Part, count: usize) -> Vec<Part> {
    match part {
        Part::Elements(elements) => elements.clone(),
        other => vec![other.clone(); count],
    }
}

/// Adds what the rest of a path names within a group; no rest names all of it.
fn choose_within(fields: &[Field], part: &mut Part, rest: &[Segment<'_>]) {
    if rest.is_empty() {
        *part = Part::All;
    }
    if matches!(part, Part::All) || !leads_somewhere(fields, rest) {
        return;
    }
    let mut members = members_of(part, fields);
    choose(fields, &mut members, rest);
    *part = Part::Members(members);
}

fn leads_somewhere(fields: &[Field], rest: &[Segment<'_>]) -> bool {
    let Some((segment, below)) = rest.split_first() else {
        return true;
    };
    match named(fields, segment.name).map(|(_, field)| &field.shape) {
        None => false,
        Some(Shape::Flag(_) | Shape::Text(_)) => segment.index.is_none() && below.is_empty(),
        Some(Shape::Texts(count, _)) => {
            segment.index.is_none_or(|index| index < *count) && below.is_empty()
        }
        Some(Shape::Group(fields)) => segment.index.is_none() && leads_somewhere(fields, below),
        Some(Shape::Groups(count, fields)) => {
            segment.index.is_none_or(|index| index < *count) && leads_somewhere(fields, below)
        }
    }
}
