//! The template of dird (intercom-directory.md §4.1): every field in the order of answers.

use serde_json::{Map, Value};

use super::rule::Rule;

/// Name of the group that holds what opens doors.
pub(super) const ACCESS: &str = "access";

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// True or false; the default.
    Flag(bool),
    /// A text that follows a rule.
    Text(Rule),
    /// So many texts.
    Texts(usize, Rule),
    /// Named fields.
    Group(&'static [Field]),
    /// So many groups.
    Groups(usize, &'static [Field]),
}

/// A field of the template.
#[derive(Debug)]
pub(super) struct Field {
    /// Its name.
    pub(super) name: &'static str,
    /// What it holds.
    pub(super) shape: Shape,
    /// Whether it opens doors, so that it may be written and not read.
    pub(super) secret: bool,
}

const fn flag(name: &'static str, default: bool) -> Field {
    let shape = Shape::Flag(default);
    Field {
        name,
        shape,
        secret: false,
    }
}

const fn text(name: &'static str, rule: Rule) -> Field {
    let shape = Shape::Text(rule);
    Field {
        name,
        shape,
        secret: false,
    }
}

const fn group(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        secret: false,
    }
}

const fn secret(name: &'static str, shape: Shape) -> Field {
    Field {
        name,
        shape,
        secret: true,
    }
}

/// Fields that one device family has and dird does not.
pub(super) const ELSEWHERE: [&str; 2] = ["recordType", "highlighting"];

/// Every field but `uuid`, which comes first, and `timestamp`, which comes last.
pub(super) static FIELDS: &[Field] = &[
    flag("deleted", false),
    text("owner", Rule::Opaque),
    text("name", Rule::Name),
    text("photo", Rule::Picture),
    text("email", Rule::Email),
    text("treepath", Rule::Tree),
    text("virtNumber", Rule::Digits(1, 7)),
    text("deputy", Rule::Opaque),
    text("buttons", Rule::Opaque),
    group("callPos", Shape::Groups(3, DESTINATION)),
    group(ACCESS, Shape::Group(ACCESS_FIELDS)),
];

const DESTINATION: &[Field] = &[
    text("peer", Rule::Opaque),
    text("profiles", Rule::Opaque),
    flag("grouped", false),
    text("ipEye", Rule::Opaque),
];

const ACCESS_POINT: &[Field] = &[flag("enabled", true), text("profiles", Rule::Opaque)];

const ACCESS_FIELDS: &[Field] = &[
    text("validFrom", Rule::Seconds),
    text("validTo", Rule::Seconds),
    group("accessPoints", Shape::Groups(2, ACCESS_POINT)),
    flag("pairingExpired", false),
    secret("virtCard", Shape::Text(Rule::Card)),
    secret("card", Shape::Texts(2, Rule::Card)),
    secret("mobkey", Shape::Text(Rule::Opaque)),
    secret("fpt", Shape::Text(Rule::Fingerprints)),
    secret("pin", Shape::Text(Rule::Digits(2, 16))),
    flag("accessException", false),
    secret("code", Shape::Texts(4, Rule::Digits(2, 16))),
    text("licensePlates", Rule::Opaque),
    text("liftFloors", Rule::Opaque),
];

impl Shape {
    /// The whole value that nobody has set.
    pub(super) fn default(&self) -> Value {
        match self {
            Self::Flag(default) => Value::Bool(*default),
            Self::Text(rule) => rule.default().into(),
            Self::Texts(count, rule) => vec![rule.default(); *count].into(),
            Self::Group(fields) => defaults(fields),
            Self::Groups(count, fields) => vec![defaults(fields); *count].into(),
        }
    }
}

fn defaults(fields: &[Field]) -> Value {
    let fields = fields.iter();
    let defaults: Map<String, Value> = fields
        .map(|field| (field.name.to_owned(), field.shape.default()))
        .collect();
    Value::Object(defaults)
}

/// The field called `name`.
pub(super) fn named<'a>(fields: &'a [Field], name: &str) -> Option<(usize, &'a Field)> {
    let mut fields = fields.iter().enumerate();
    fields.find(|(_, field)| field.name == name)
}
