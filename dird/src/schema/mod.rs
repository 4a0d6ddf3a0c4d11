//! What a JSON body may hold, as data: routes and backends describe their objects with it; validation, the API document and
//! the manuals are made from the description (dird-api.md §5).

mod failure;
mod value;

use serde_json::{Map, Value};

pub use failure::{choice, invalid_type, not_a, nul, null, range, required, unknown_field};
pub use value::word_as_boolean;

/// The members of an object.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Members, in the order in which answers show them.
    pub fields: &'static [Field],
    /// What is done with other members.
    pub unknown: Unknown,
    /// A rule over several members; it returns what is wrong.
    pub rule: Option<Rule>,
}

/// A rule over several members: what is wrong with them, if anything.
pub type Rule = fn(&Map<String, Value>) -> Option<&'static str>;

/// What is done with members that a schema does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// They are left out.
    Drop,
    /// They are an error.
    Refuse,
}

/// A member of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it may hold.
    pub kind: Kind,
    /// What happens when it is left out.
    pub absent: Absent,
    /// Whether null is a value of it.
    pub nullable: bool,
    /// What it is for.
    pub about: &'static str,
}

/// What happens when a member is left out.
#[derive(Debug, Clone, Copy)]
pub enum Absent {
    /// It is an error.
    Refused,
    /// It stays out.
    Kept,
    /// It gets this value.
    Default(fn() -> Value),
    /// It gets this value, which is checked like a sent one.
    CheckedDefault(fn() -> Value),
    /// It stays out, and answers show this value.
    Shown(fn() -> Value),
}

/// What a member may hold.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text of a length in characters.
    Text(Length),
    /// Several texts.
    Texts(Length),
    /// An object from text to text, keys and values up to so many characters.
    TextMap {
        /// Longest key.
        key: usize,
        /// Longest value.
        value: usize,
    },
    /// A whole number.
    Integer {
        /// Least.
        min: i64,
        /// Greatest.
        max: i64,
    },
    /// A number.
    Number(Range),
    /// True or false.
    Boolean,
    /// A UUID.
    Uuid,
    /// The address of a web resource.
    Url,
    /// One of some texts.
    Choice(&'static [&'static str]),
    /// Whether a certificate is verified, or by which file.
    Certificate,
    /// Another object.
    Object(&'static Schema),
    /// Several other objects.
    Objects {
        /// Each of them.
        schema: &'static Schema,
        /// How many at least.
        min: usize,
    },
}

/// How long a text may be, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// At least.
    pub min: usize,
    /// At most; none for no limit.
    pub max: Option<usize>,
}

impl Length {
    /// No limit either way.
    pub const ANY: Self = Self { min: 0, max: None };

    /// From `min` to `max` characters.
    pub const fn between(min: usize, max: usize) -> Self {
        Self {
            min,
            max: Some(max),
        }
    }

    /// At least `min` characters.
    pub const fn at_least(min: usize) -> Self {
        Self { min, max: None }
    }
}

/// Bounds of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Range {
    /// Zero or more.
    NotNegative,
    /// More than zero.
    Positive,
    /// From zero to this.
    UpTo(u32),
}

impl Field {
    /// A member that must be sent.
    pub const fn required(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            absent: Absent::Refused,
            nullable: false,
            about,
        }
    }

    /// A member that may be left out and then stays out.
    pub const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            absent: Absent::Kept,
            nullable: false,
            about,
        }
    }

    /// The same member with a default.
    #[must_use]
    pub const fn or(mut self, default: fn() -> Value) -> Self {
        self.absent = Absent::Default(default);
        self
    }

    /// The same member, which is shown with a value when it was left out.
    #[must_use]
    pub const fn shown_as(mut self, value: fn() -> Value) -> Self {
        self.absent = Absent::Shown(value);
        self
    }

    /// The same member, which may be null.
    #[must_use]
    pub const fn or_null(mut self) -> Self {
        self.nullable = true;
        self
    }
}

impl Schema {
    /// A schema that drops what it does not know.
    pub const fn new(fields: &'static [Field]) -> Self {
        Self {
            fields,
            unknown: Unknown::Drop,
            rule: None,
        }
    }

    /// Reads a body. The errors are the `details` of `invalid-data`. A falsy body counts as an empty object.
    pub fn read_body(&self, body: &Value) -> Result<Map<String, Value>, Map<String, Value>> {
        let falsy = match body {
            Value::Null | Value::Bool(false) => true,
            Value::Number(number) => number.as_f64() == Some(0.0),
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Bool(true) | Value::Object(_) => false,
        };
        if falsy {
            self.read(&Value::Object(Map::new()))
        } else {
            self.read(body)
        }
    }

    /// Reads an object: what is left is valid and has its defaults, in the order of the schema.
    pub fn read(&self, object: &Value) -> Result<Map<String, Value>, Map<String, Value>> {
        let Value::Object(members) = object else {
            return Err(invalid_type());
        };
        let mut read = Map::new();
        let mut errors = Map::new();
        for field in self.fields {
            match field.read(members.get(field.name)) {
                Ok(Some(value)) => drop(read.insert(field.name.into(), value)),
                Ok(None) => {}
                Err(error) => drop(errors.insert(field.name.into(), error)),
            }
        }
        if self.unknown == Unknown::Refuse {
            for name in members.keys().filter(|name| !self.knows(name)) {
                errors.insert(name.clone(), unknown_field());
            }
        }
        if errors.is_empty()
            && let Some(problem) = self.rule.and_then(|rule| rule(&read))
        {
            errors.insert("_schema".into(), serde_json::json!([problem]));
        }
        if errors.is_empty() {
            Ok(read)
        } else {
            Err(errors)
        }
    }

    /// What answers show of a stored object: the members of the schema that are stored, in its order.
    pub fn shown(&self, stored: &Map<String, Value>) -> Map<String, Value> {
        let member = |field: &Field| {
            let value = match (stored.get(field.name), field.kind, field.absent) {
                (Some(Value::Object(below)), Kind::Object(schema), _) => {
                    Value::Object(schema.shown(below))
                }
                (Some(value), _, _) => value.clone(),
                (None, _, Absent::Shown(value)) => value(),
                (None, _, _) => return None,
            };
            Some((field.name.to_owned(), value))
        };
        self.fields.iter().filter_map(member).collect()
    }

    /// True if the schema has a member called `name`.
    pub fn knows(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }
}

impl Field {
    fn read(&self, sent: Option<&Value>) -> Result<Option<Value>, Value> {
        match sent {
            Some(Value::Null) if self.nullable => Ok(Some(Value::Null)),
            Some(Value::Null) => Err(failure::null()),
            Some(value) => value::read(self.kind, value).map(Some),
            None => match self.absent {
                Absent::Refused => Err(failure::required()),
                Absent::Kept | Absent::Shown(_) => Ok(None),
                Absent::Default(default) => Ok(Some(default())),
                Absent::CheckedDefault(default) => value::read(self.kind, &default()).map(Some),
            },
        }
    }
}

#[cfg(test)]
mod tests;
