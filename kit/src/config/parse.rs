//! YAML text to [`Node`]s: YAML 1.1 booleans and octals as existing files have them, duplicate keys refused, every key
//! with its line. A message never quotes the text, which may hold passwords.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_saphyr::{Spanned, Tagged};

use super::error::ConfigError;
use super::exec::Programs;
use super::node::{Kind, Node, Origin};

const EXEC_TAG: &str = "!exec";

type Placed = Spanned<Tagged<Raw>>;

/// A value as the YAML reader hands it over.
enum Raw {
    Map(Vec<(Spanned<String>, Placed)>),
    List(Vec<Placed>),
    Scalar(Value),
}

/// Reads `text`, which stands at `origin`. Empty text is an empty map; a top that is no map is an error.
pub(super) fn parse(text: &str, origin: &Origin, programs: &Programs) -> Result<Node, ConfigError> {
    let top: Placed = read(text, origin)?;
    if top.value.1.is_none() && matches!(top.value.0, Raw::Scalar(Value::Null)) {
        return Ok(Node::empty(origin.clone()));
    }
    let line = origin.at_line(top.referenced.line());
    let node = Builder { origin, programs }.node(top.value, line.clone(), "")?;
    match node.kind {
        Kind::Map(_) => Ok(Node {
            origin: origin.clone(),
            ..node
        }),
        _ => Err(ConfigError::new(
            line,
            "",
            "the top of the file is not a map; should be `key: value` lines",
        )),
    }
}

/// Reads YAML into any type, which keeps the text of scalars that go into strings.
pub(super) fn read<T: for<'de> Deserialize<'de>>(
    text: &str,
    origin: &Origin,
) -> Result<T, ConfigError> {
    let options = serde_saphyr::options! {
        legacy_octal_numbers: true,
        strict_booleans: false,
        with_snippet: false,
        // Refused below instead: the library's refusal quotes the value.
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(0, |place| place.line());
        let problem = format!("is not valid YAML: {}", reason(&error));
        ConfigError::new(origin.at_line(line), "", &problem)
    })
}

/// The reader's message for people, without the place that it ends with: ours stands in front.
fn reason(error: &serde_saphyr::Error) -> String {
    let text = error
        .without_snippet()
        .render_with_formatter(&serde_saphyr::UserMessageFormatter);
    match text.rsplit_once(" at line ") {
        Some((reason, _)) => reason.to_owned(),
        None => text,
    }
}

struct Builder<'a> {
    origin: &'a Origin,
    programs: &'a Programs,
}

impl Builder<'_> {
    fn node(&self, raw: Tagged<Raw>, origin: Origin, key: &str) -> Result<Node, ConfigError> {
        let Tagged(raw, tag) = raw;
        match tag.as_deref() {
            Some(EXEC_TAG) => return self.output_of(raw, &origin, key),
            Some(tag) if tag.starts_with('!') && !["!", "!!"].contains(&tag) => {
                let problem = format!("unknown tag {tag}; remove it");
                return Err(ConfigError::new(origin, key, &problem));
            }
            _ => {}
        }
        let kind = match raw {
            Raw::Scalar(value) => Kind::Scalar(value),
            Raw::Map(entries) => Kind::Map(self.entries(entries, key)?),
            Raw::List(items) => Kind::List(self.items(items, key)?),
        };
        Ok(Node { origin, kind })
    }

    fn entries(
        &self,
        entries: Vec<(Spanned<String>, Placed)>,
        parent: &str,
    ) -> Result<Vec<(String, Node)>, ConfigError> {
        let mut nodes = Vec::with_capacity(entries.len());
        for (name, value) in entries {
            let line = self.origin.at_line(name.referenced.line());
            let key = super::node::join(parent, &name.value);
            nodes.push((name.value, self.node(value.value, line, &key)?));
        }
        Ok(nodes)
    }

    fn items(&self, items: Vec<Placed>, parent: &str) -> Result<Vec<Node>, ConfigError> {
        let mut nodes = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let line = self.origin.at_line(item.referenced.line());
            let key = super::node::join(parent, &index.to_string());
            nodes.push(self.node(item.value, line, &key)?);
        }
        Ok(nodes)
    }

    fn output_of(&self, raw: Raw, origin: &Origin, key: &str) -> Result<Node, ConfigError> {
        let fault = |problem: &str| ConfigError::new(origin.clone(), key, problem);
        let Some(command) = command(raw) else {
            return Err(fault(
                "!exec has no command; should be `!exec {command: \"program argument\"}`",
            ));
        };
        let output = self.programs.run(&command).map_err(|why| fault(&why))?;
        let output: Placed = read(&output, origin)
            .map_err(|error| fault(&format!("the output of !exec {}", error.problem())))?;
        // Lines of the output mean nothing to the reader, and it must not start programs of its own.
        let builder = Builder {
            origin,
            programs: &Programs::nested(),
        };
        let node = builder.node(output.value, origin.clone(), key)?;
        Ok(Node::uniform(node.to_value(), origin))
    }
}

fn command(raw: Raw) -> Option<String> {
    let Raw::Map(entries) = raw else {
        return None;
    };
    entries
        .into_iter()
        .find_map(|(key, value)| match value.value.0 {
            Raw::Scalar(Value::String(command)) if key.value == "command" => Some(command),
            _ => None,
        })
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Scalar(Value::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Raw, E> {
        let number = serde_json::Number::from_f64(value);
        number
            .map(|number| Raw::Scalar(number.into()))
            .ok_or_else(|| E::custom("a number is not finite; put it in quotes if it is text"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Scalar(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries: Vec<(Spanned<String>, Placed)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<Spanned<String>, Placed>()? {
            if entries.iter().any(|(known, _)| known.value == key.value) {
                return Err(A::Error::custom(format!("duplicate key {}", key.value)));
            }
            entries.push((key, value));
        }
        Ok(Raw::Map(entries))
    }
}
