//! What a request sets of an entry (intercom-directory.md §4.2), and what is wrong with it, in the order in which it came.

use serde_json::{Map, Value};

use super::field::{ACCESS, ELSEWHERE, FIELDS, Field, Shape, named};
use super::path::{Segment, segments};
use super::rule::Rule;
use super::uuid::EntryUuid;
use super::values::Values;
use crate::config::Shown;

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::intercom) enum FaultKind {
    /// There is no such field.
    UnknownName,
    /// dird does not have it.
    Unavailable,
    /// Its value is of the wrong type, or not allowed.
    Value,
}

/// A field that cannot be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::intercom) struct Fault {
    /// Why.
    pub(in crate::intercom) kind: FaultKind,
    /// Its full path.
    pub(in crate::intercom) field: String,
}

/// How an element of a request is read.
#[derive(Debug, Clone, Copy)]
pub(in crate::intercom) struct Input {
    /// What may be set below `access`.
    pub(in crate::intercom) shown: Shown,
    /// Whether `uuid` is a field among others, as it is for `create`.
    pub(in crate::intercom) with_uuid: bool,
}

/// True for names that are no fields to set: they are read elsewhere, or ignored.
fn is_identity(name: &str) -> bool {
    matches!(name, "uuid" | "deleted" | "timestamp")
}

impl Input {
    /// `base` with what `element` sets, or everything that is wrong with the element.
    pub(in crate::intercom) fn apply(
        self,
        element: &Map<String, Value>,
        base: &Values,
    ) -> Result<Values, Vec<Fault>> {
        let mut setting = Setting { faults: Vec::new() };
        let mut whole = base.whole();
        let period = element
            .iter()
            .rposition(|(name, value)| sets_period(name, value));
        for (place, (name, value)) in element.iter().enumerate() {
            if is_identity(name) {
                let wrong = name == "uuid" && !EntryUuid::is_left_out(Some(value));
                if self.with_uuid && wrong && EntryUuid::of(Some(value)).is_err() {
                    setting.fault(FaultKind::Value, "uuid");
                }
            } else if self.lacks(name) {
                setting.fault(FaultKind::Unavailable, name);
            } else {
                setting.member(FIELDS, &mut whole, (name, value), "");
            }
            if period == Some(place) {
                setting.period(element, &whole);
            }
        }
        if setting.faults.is_empty() {
            Ok(Values::reduced(&whole))
        } else {
            Err(setting.faults)
        }
    }

    fn lacks(self, name: &str) -> bool {
        let first = name.split(['.', '[']).next().unwrap_or_default();
        ELSEWHERE.contains(&first) || (first == ACCESS && self.shown == Shown::Off)
    }
}

/// The members of `access` that say when an entry is valid.
const PERIOD: [&str; 2] = ["validFrom", "validTo"];

/// False if an end is set that does not come after the beginning.
fn is_period(whole: &Map<String, Value>) -> bool {
    let seconds = |name: &str| {
        let text = whole.get(ACCESS).and_then(|access| access.get(name));
        let seconds = text
            .and_then(Value::as_str)
            .and_then(|text| text.parse().ok());
        seconds.unwrap_or(0_u64)
    };
    let (from, to) = (seconds("validFrom"), seconds("validTo"));
    from == 0 || to == 0 || to > from
}

/// True for what sets a beginning or an end.
fn sets_period(name: &str, value: &Value) -> bool {
    let within = |member: &str| name == ACCESS && value.get(member).is_some();
    let all = name == ACCESS && value.is_null();
    let set = |member: &&str| within(member) || name == format!("{ACCESS}.{member}");
    all || PERIOD.iter().any(set)
}

/// True if the element sets that member of `access`.
fn names(element: &Map<String, Value>, member: &str) -> bool {
    let within = element.get(ACCESS).and_then(|access| access.get(member));
    within.is_some() || element.contains_key(&format!("{ACCESS}.{member}"))
}

struct Setting {
    faults: Vec<Fault>,
}

impl Setting {
    fn fault(&mut self, kind: FaultKind, field: &str) {
        self.faults.push(Fault {
            kind,
            field: field.to_owned(),
        });
    }

    /// Notes an end that does not come after the beginning, unless one of them is wrong by itself.
    fn period(&mut self, element: &Map<String, Value>, whole: &Map<String, Value>) {
        let [from, to] = PERIOD.map(|member| format!("{ACCESS}.{member}"));
        let wrong = |fault: &Fault| fault.field == from || fault.field == to;
        if is_period(whole) || self.faults.iter().any(wrong) {
            return;
        }
        let first = names(element, PERIOD[0]) && !names(element, PERIOD[1]);
        self.fault(FaultKind::Value, if first { &from } else { &to });
    }

    /// Sets a member that is named, or reached by a path.
    fn member(
        &mut self,
        fields: &[Field],
        members: &mut Map<String, Value>,
        (name, value): (&str, &Value),
        prefix: &str,
    ) {
        let full = format!("{prefix}{name}");
        let steps = segments(name).unwrap_or_default();
        match self.find(fields, members, &steps, prefix) {
            Found::Value(shape, target) => self.set(&shape, target, value, &full),
            Found::Beyond(place) => self.fault(FaultKind::Value, &place),
            Found::Nothing => self.fault(FaultKind::UnknownName, &full),
        }
    }

    /// Where a path leads.
    fn find<'a>(
        &self,
        fields: &[Field],
        members: &'a mut Map<String, Value>,
        steps: &[Segment<'_>],
        prefix: &str,
    ) -> Found<'a> {
        let Some((step, rest)) = steps.split_first() else {
            return Found::Nothing;
        };
        let known = named(fields, step.name);
        let (Some((_, field)), Some(target)) = (known, members.get_mut(step.name)) else {
            return Found::Nothing;
        };
        let here = format!("{prefix}{}", step.name);
        let beyond = |count: usize| step.index.filter(|index| *index >= count);
        match (&field.shape, step.index) {
            (Shape::Texts(count, _) | Shape::Groups(count, _), _) if beyond(*count).is_some() => {
                let index = beyond(*count).unwrap_or_default();
                Found::Beyond(format!("{here}[{index}]"))
            }
            (Shape::Texts(_, rule), Some(index)) if rest.is_empty() => {
                Found::value(Shape::Text(*rule), target.get_mut(index))
            }
            (Shape::Groups(_, fields), Some(index)) if rest.is_empty() => {
                Found::value(Shape::Group(fields), target.get_mut(index))
            }
            (Shape::Groups(_, fields), Some(index)) => {
                let element = target.get_mut(index).and_then(Value::as_object_mut);
                let prefix = format!("{here}[{index}].");
                self.within(fields, element, rest, &prefix)
            }
            (Shape::Group(fields), None) if !rest.is_empty() => {
                self.within(fields, target.as_object_mut(), rest, &format!("{here}."))
            }
            (_, None) if rest.is_empty() => Found::Value(field.shape, target),
            _ => Found::Nothing,
        }
    }

    fn within<'a>(
        &self,
        fields: &[Field],
        members: Option<&'a mut Map<String, Value>>,
        rest: &[Segment<'_>],
        prefix: &str,
    ) -> Found<'a> {
        match members {
            Some(members) => self.find(fields, members, rest, prefix),
            None => Found::Nothing,
        }
    }

    fn set(&mut self, shape: &Shape, target: &mut Value, value: &Value, path: &str) {
        if value.is_null() {
            *target = shape.default();
            return;
        }
        match shape {
            Shape::Flag(_) => match flag(value) {
                Some(flag) => *target = flag.into(),
                None => self.fault(FaultKind::Value, path),
            },
            Shape::Text(rule) => match text(*rule, value) {
                Some(text) => *target = text.into(),
                None => self.fault(FaultKind::Value, path),
            },
            Shape::Group(fields) => self.set_members(fields, target, value, path),
            Shape::Texts(count, rule) => {
                self.set_elements(&Shape::Text(*rule), *count, target, (value, path));
            }
            Shape::Groups(count, fields) => {
                self.set_elements(&Shape::Group(fields), *count, target, (value, path));
            }
        }
    }

    fn set_members(&mut self, fields: &[Field], target: &mut Value, value: &Value, path: &str) {
        let (Value::Object(given), Value::Object(members)) = (value, target) else {
            self.fault(FaultKind::Value, path);
            return;
        };
        let prefix = format!("{path}.");
        for (name, value) in given {
            self.member(fields, members, (name, value), &prefix);
        }
    }

    fn set_elements(
        &mut self,
        shape: &Shape,
        count: usize,
        target: &mut Value,
        (value, path): (&Value, &str),
    ) {
        let (Value::Array(given), Value::Array(elements)) = (value, target) else {
            self.fault(FaultKind::Value, path);
            return;
        };
        for (place, (element, value)) in elements.iter_mut().zip(given).enumerate() {
            self.set(shape, element, value, &format!("{path}[{place}]"));
        }
        if given.len() > count {
            self.fault(FaultKind::Value, &format!("{path}[{count}]"));
        }
    }
}

/// Where a path leads.
enum Found<'a> {
    Value(Shape, &'a mut Value),
    /// To an element that the template does not have.
    Beyond(String),
    Nothing,
}

impl<'a> Found<'a> {
    fn value(shape: Shape, target: Option<&'a mut Value>) -> Self {
        target.map_or(Self::Nothing, |target| Self::Value(shape, target))
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text == "true" => Some(true),
        Value::String(text) if text == "false" => Some(false),
        Value::Number(number) => match number.as_u64()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        _ => None,
    }
}

/// A text, or a whole number as its decimal text.
fn text(rule: Rule, value: &Value) -> Option<String> {
    match value {
        Value::String(text) => rule.keep(text),
        Value::Number(number) if number.is_i64() || number.is_u64() => {
            rule.keep(&number.to_string())
        }
        _ => None,
    }
}
