//! A message as AMQP has it: headers as typed values, the body as JSON with the same keys and `data` beside them
//! (dird-platform.md §5.1, §5.3).

use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation};
use serde_json::Value;

use super::Message;
use super::link::LinkError;

/// Sends one message; true if the broker took it.
pub(super) async fn send(
    channel: &Channel,
    exchange: &ShortString,
    message: &Message,
) -> Result<bool, LinkError> {
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_content_encoding("utf-8".into())
        .with_delivery_mode(2)
        .with_priority(0)
        .with_headers(headers(message)?);
    let confirmation = channel
        .basic_publish(
            exchange.clone(),
            short("the routing key", &message.routing_key)?,
            BasicPublishOptions::default(),
            body(message).to_string().as_bytes(),
            properties,
        )
        .await?
        .await?;
    Ok(!matches!(confirmation, Confirmation::Nack(_)))
}

fn headers(message: &Message) -> Result<FieldTable, LinkError> {
    let mut table = FieldTable::default();
    for (name, value) in &message.headers {
        let value = match value {
            Value::Null => AMQPValue::Void,
            Value::Bool(value) => AMQPValue::Boolean(*value),
            Value::String(text) => AMQPValue::LongString(text.as_str().into()),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => AMQPValue::LongLongInt(whole),
                None => AMQPValue::Double(number.as_f64().unwrap_or_default()),
            },
            nested => AMQPValue::LongString(nested.to_string().into()),
        };
        table.insert(short("the name of a header", name)?, value);
    }
    Ok(table)
}

/// The headers and, beside them, `data`.
fn body(message: &Message) -> Value {
    let mut body = message.headers.clone();
    body.insert("data".into(), message.data.clone());
    Value::Object(body)
}

/// `text` as one of AMQP's short strings; `what` it is, for the error.
pub(super) fn short(what: &'static str, text: &str) -> Result<ShortString, LinkError> {
    ShortString::try_new(text).map_err(|_| LinkError::TooLong(what))
}
