//! Reading one value by its kind, as tolerantly as the reference does: numbers in texts, words for booleans.

use serde_json::{Map, Number, Value, json};

use super::{Kind, Length, Range, Schema, failure};

/// The value in its own type, or what is wrong with it.
pub(super) fn read(kind: Kind, value: &Value) -> Result<Value, Value> {
    match kind {
        Kind::Text(length) => text(value, length).map(Value::from),
        Kind::Texts(length) => texts(value, length),
        Kind::TextMap {
            key,
            value: longest,
        } => text_map(value, key, longest),
        Kind::Integer { min, max } => integer(value, min, max),
        Kind::Number(range) => number(value, range),
        Kind::Boolean => boolean(value)
            .map(Value::from)
            .ok_or_else(|| failure::not_a("boolean", "boolean")),
        Kind::Uuid => uuid(value),
        Kind::Url => url(value),
        Kind::Choice(choices) => choice(value, choices),
        Kind::Certificate => certificate(value),
        Kind::Object(schema) => schema.read(value).map(Value::Object).map_err(Value::Object),
        Kind::Objects { schema, min } => objects(value, schema, min),
    }
}

fn plain_text(value: &Value) -> Result<&str, Value> {
    let text = value
        .as_str()
        .ok_or_else(|| failure::not_a("string", "string"))?;
    if text.contains('\0') {
        Err(failure::nul())
    } else {
        Ok(text)
    }
}

fn text(value: &Value, length: Length) -> Result<&str, Value> {
    let text = plain_text(value)?;
    let count = text.chars().count();
    let fits = count >= length.min && length.max.is_none_or(|max| count <= max);
    if fits {
        Ok(text)
    } else {
        Err(failure::length(length))
    }
}

fn texts(value: &Value, length: Length) -> Result<Value, Value> {
    let items = value
        .as_array()
        .ok_or_else(|| failure::not_a("list", "list"))?;
    each(items, |item| match item {
        Value::Null => Err(failure::null()),
        item => text(item, length).map(Value::from),
    })
}

/// Reads every element; errors are keyed by position.
fn each(items: &[Value], read: impl Fn(&Value) -> Result<Value, Value>) -> Result<Value, Value> {
    let mut good = Vec::with_capacity(items.len());
    let mut errors = Map::new();
    for (position, item) in items.iter().enumerate() {
        match read(item) {
            Ok(value) => good.push(value),
            Err(error) => drop(errors.insert(position.to_string(), error)),
        }
    }
    if errors.is_empty() {
        Ok(Value::Array(good))
    } else {
        Err(Value::Object(errors))
    }
}

fn text_map(value: &Value, longest_key: usize, longest: usize) -> Result<Value, Value> {
    let members = value
        .as_object()
        .ok_or_else(|| failure::not_a("mapping type", "dict"))?;
    if members.iter().any(|(key, value)| {
        key.contains('\0') || value.as_str().is_some_and(|text| text.contains('\0'))
    }) {
        return Err(failure::nul());
    }
    if members.values().any(|value| !value.is_string()) {
        return Err(failure::not_a_text_map());
    }
    let fits = |(key, value): (&String, &Value)| {
        key.chars().count() <= longest_key
            && value
                .as_str()
                .is_some_and(|text| text.chars().count() <= longest)
    };
    if !members.iter().all(fits) {
        return Err(failure::text_map_length(longest_key, longest));
    }
    Ok(value.clone())
}

fn integer(value: &Value, min: i64, max: i64) -> Result<Value, Value> {
    let invalid = || failure::not_a("integer", "integer");
    let whole = match value {
        Value::Number(number) => truncated(number).ok_or_else(invalid)?,
        Value::String(text) => text.trim().parse::<i64>().map_err(|_| invalid())?,
        _ => return Err(invalid()),
    };
    if (min..=max).contains(&whole) {
        Ok(whole.into())
    } else {
        Err(failure::integer_range(min, max))
    }
}

/// A whole number, its fraction cut off; beyond 64 bits the nearest that fits.
fn truncated(number: &Number) -> Option<i64> {
    if let Some(whole) = number.as_i64() {
        return Some(whole);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the cast saturates, which is what is wanted"
    )]
    number.as_f64().map(|float| float.trunc() as i64)
}

fn number(value: &Value, range: Range) -> Result<Value, Value> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().replace('_', "").parse::<f64>().ok(),
        _ => None,
    };
    let number = number.ok_or_else(failure::not_a_number)?;
    if !number.is_finite() {
        return Err(failure::special_number());
    }
    let fits = match range {
        Range::NotNegative => number >= 0.0,
        Range::Positive => number > 0.0,
        Range::UpTo(max) => (0.0..=f64::from(max)).contains(&number),
    };
    if fits {
        Ok(json!(number))
    } else {
        Err(failure::range(range))
    }
}

/// The words for true and false that the reference knows (dird-api.md §4.1).
pub(super) fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(known) => Some(*known),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => Some(true),
            Some(0.0) => Some(false),
            _ => None,
        },
        Value::String(word) => word_as_boolean(word),
        _ => None,
    }
}

/// A word as true or false.
pub fn word_as_boolean(word: &str) -> Option<bool> {
    match word {
        "true" | "True" | "TRUE" | "t" | "T" | "yes" | "Yes" | "YES" | "y" | "Y" | "on" | "On"
        | "ON" | "1" => Some(true),
        "false" | "False" | "FALSE" | "f" | "F" | "no" | "No" | "NO" | "n" | "N" | "off"
        | "Off" | "OFF" | "0" => Some(false),
        _ => None,
    }
}

fn uuid(value: &Value) -> Result<Value, Value> {
    let invalid = || failure::not_a("UUID", "uuid");
    let text = value.as_str().ok_or_else(invalid)?;
    let uuid = uuid::Uuid::try_parse(text).map_err(|_| invalid())?;
    Ok(uuid.to_string().into())
}

fn choice(value: &Value, choices: &'static [&'static str]) -> Result<Value, Value> {
    let text = plain_text(value)?;
    if choices.contains(&text) {
        Ok(text.into())
    } else {
        Err(failure::choice(choices))
    }
}

/// True, false, or the text of anything else: the path of a CA file.
fn certificate(value: &Value) -> Result<Value, Value> {
    match value {
        Value::Bool(known) => Ok((*known).into()),
        Value::Number(number) if number.as_f64() == Some(1.0) => Ok(true.into()),
        Value::Number(number) if number.as_f64() == Some(0.0) => Ok(false.into()),
        Value::String(word) => match word.as_str() {
            "true" | "True" => Ok(true.into()),
            "false" | "False" => Ok(false.into()),
            _ => plain_text(value).map(Value::from),
        },
        other => Ok(other.to_string().into()),
    }
}

fn objects(value: &Value, schema: &'static Schema, min: usize) -> Result<Value, Value> {
    let items = value.as_array().ok_or_else(failure::not_objects)?;
    if items.len() < min {
        return Err(failure::length(Length::at_least(min)));
    }
    let empty = Value::Object(Map::new());
    let read = |item: &Value| {
        let item = if item.is_null() { &empty } else { item };
        schema.read(item).map(Value::Object).map_err(Value::Object)
    };
    each(items, read).map_err(members_before_rules)
}

/// Rules over whole objects are only reported where no member of any of them is wrong.
fn members_before_rules(errors: Value) -> Value {
    let Value::Object(mut errors) = errors else {
        return errors;
    };
    let is_rule = |error: &Value| error.get("_schema").is_some();
    if !errors.values().all(is_rule) {
        errors.retain(|_, error| !is_rule(error));
    }
    Value::Object(errors)
}

fn url(value: &Value) -> Result<Value, Value> {
    let text = value.as_str().ok_or_else(failure::not_a_url)?;
    if is_url(text) {
        Ok(text.into())
    } else {
        Err(failure::not_a_url())
    }
}

/// A scheme of the web and a host that is an address, `localhost` or a dotted name (dird-api-config.md §4.4).
fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    let scheme = scheme.to_ascii_lowercase();
    if !["http", "https", "ftp", "ftps"].contains(&scheme.as_str()) {
        return false;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let after = &rest[authority.len()..];
    is_host(host) && !after.contains(char::is_whitespace)
}

fn is_host(host: &str) -> bool {
    if let Some(bracketed) = host.strip_prefix('[') {
        let Some((address, port)) = bracketed.split_once(']') else {
            return false;
        };
        return address.parse::<std::net::Ipv6Addr>().is_ok() && is_port(port);
    }
    let (name, port) = host.find(':').map_or((host, ""), |at| host.split_at(at));
    if !is_port(port) {
        return false;
    }
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::Ipv4Addr>().is_ok()
        || is_dotted_name(name)
}

fn is_port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok())
}

fn is_dotted_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .chars()
                .all(|letter| letter.is_alphanumeric() || letter == '-' || letter == '_')
    };
    let top = name.rsplit('.').next().unwrap_or_default();
    name.contains('.')
        && name.split('.').all(is_label)
        && top.chars().count() >= 2
        && !top.chars().all(|letter| letter.is_ascii_digit())
}
