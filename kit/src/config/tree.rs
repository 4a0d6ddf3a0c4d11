//! A YAML tree in which every node knows where it was written.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Spanned, Tagged};

use super::Origin;

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) body: Body,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    Scalar(Value),
    List(Vec<Node>),
    Map(IndexMap<String, Node>),
    /// `!exec`, with what is below it.
    Exec(Box<Node>),
}

/// Parses a file. An empty one is an empty map.
pub(super) fn parse(text: &str, origin: &dyn Fn(u64) -> Origin) -> Result<Node, String> {
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        // A snippet prints neighbouring lines, and with them passwords.
        with_snippet: false,
    };
    let parsed: Raw = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| error.without_snippet().to_string())?;
    let node = parsed.located(origin);
    match node.body {
        Body::Map(_) | Body::Exec(_) => Ok(node),
        Body::Scalar(Value::Null) => Ok(Node {
            body: Body::Map(IndexMap::new()),
            ..node
        }),
        _ => Err("the file must hold keys and values".into()),
    }
}

/// A node as the parser gives it: with a line and a tag.
struct Raw {
    line: u64,
    exec: bool,
    shape: Shape,
}

enum Shape {
    Scalar(Value),
    List(Vec<Raw>),
    Map(IndexMap<String, Raw>),
}

impl Raw {
    fn located(self, origin: &dyn Fn(u64) -> Origin) -> Node {
        let body = match self.shape {
            Shape::Scalar(value) => Body::Scalar(value),
            Shape::List(items) => {
                Body::List(items.into_iter().map(|item| item.located(origin)).collect())
            }
            Shape::Map(members) => Body::Map(
                members
                    .into_iter()
                    .map(|(key, member)| (key, member.located(origin)))
                    .collect(),
            ),
        };
        let node = Node {
            origin: origin(self.line),
            body,
        };
        if !self.exec {
            return node;
        }
        Node {
            origin: node.origin.clone(),
            body: Body::Exec(Box::new(node)),
        }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned: Spanned<Tagged<Shape>> = Spanned::deserialize(deserializer)?;
        let line = spanned.referenced.line();
        let Tagged(shape, tag) = spanned.value;
        Ok(Self {
            line,
            exec: tag.as_deref() == Some("!exec"),
            shape,
        })
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Shape, E> {
        Ok(Shape::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Shape, E> {
        Ok(Shape::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Shape, E> {
        Ok(Shape::Scalar(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Shape, E> {
        Ok(Shape::Scalar(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Shape, E> {
        Ok(Shape::Scalar(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Shape, E> {
        Ok(Shape::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shape, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Shape::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Shape, A::Error> {
        let mut map = IndexMap::new();
        while let Some((key, member)) = members.next_entry()? {
            map.insert(key, member);
        }
        Ok(Shape::Map(map))
    }
}

impl Node {
    /// The tree of a value that was not parsed from a file.
    pub(super) fn of_value(value: &Value, origin: &Origin) -> Self {
        let child = |value: &Value| Self::of_value(value, origin);
        let body = match value {
            Value::Object(members) => Body::Map(
                members
                    .iter()
                    .map(|(key, value)| (key.clone(), child(value)))
                    .collect(),
            ),
            Value::Array(items) => Body::List(items.iter().map(child).collect()),
            scalar => Body::Scalar(scalar.clone()),
        };
        Self {
            origin: origin.clone(),
            body,
        }
    }

    /// The values alone.
    pub(super) fn to_value(&self) -> Value {
        match &self.body {
            Body::Scalar(value) => value.clone(),
            Body::List(items) => items.iter().map(Self::to_value).collect(),
            Body::Map(members) => {
                let member = |(key, node): (&String, &Self)| (key.clone(), node.to_value());
                Value::Object(members.iter().map(member).collect())
            }
            Body::Exec(below) => below.to_value(),
        }
    }

    /// Puts this tree over `lower`: maps merge at every depth, everything else hides what is below it.
    pub(super) fn over(self, lower: Self) -> Self {
        let (upper, mut members) = match (self.body, lower.body) {
            (Body::Map(upper), Body::Map(members)) => (upper, members),
            (body, _) => {
                return Self {
                    origin: self.origin,
                    body,
                };
            }
        };
        for (key, node) in upper {
            let merged = match members.swap_remove(&key) {
                Some(below) => node.over(below),
                None => node,
            };
            members.insert(key, merged);
        }
        Self {
            origin: lower.origin,
            body: Body::Map(members),
        }
    }

    /// The node at a dotted key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        key.split('.')
            .try_fold(self, |node, part| match &node.body {
                Body::Map(members) => members.get(part),
                Body::List(items) => items.get(part.parse::<usize>().ok()?),
                _ => None,
            })
    }

    /// Where the value at a dotted key was written, or the nearest value above it.
    pub(super) fn origin_of(&self, key: &str) -> &Origin {
        let mut key = key;
        loop {
            if let Some(node) = self.get(key) {
                return &node.origin;
            }
            match key.rsplit_once('.') {
                Some((above, _)) => key = above,
                None => return &self.origin,
            }
        }
    }
}
