//! Another member of the platform: publishes events, and sees what a daemon publishes.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions,
    ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ExchangeKind};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::Broker;

/// The platform's exchange.
const EXCHANGE: &str = "wazo-headers";

/// How long a message may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A connection to one virtual host, with a queue that gets everything that is published.
#[derive(Debug)]
pub struct Peer {
    connection: Connection,
    channel: Channel,
    letters: Consumer,
}

/// A message as it arrived.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Its routing key.
    pub routing_key: String,
    /// Everything else that is said about it.
    pub properties: BasicProperties,
    /// Its body.
    pub body: Value,
}

impl Letter {
    /// Its headers as JSON.
    pub fn headers(&self) -> Value {
        let mut headers = json!({});
        let table = self.properties.headers().clone().unwrap_or_default();
        for (name, value) in table.inner() {
            headers[name.as_str()] = match value {
                AMQPValue::Boolean(value) => json!(value),
                AMQPValue::LongString(text) => json!(text.to_string()),
                AMQPValue::LongLongInt(number) => json!(number),
                AMQPValue::Void => Value::Null,
                other => json!(format!("{other:?}")),
            };
        }
        headers
    }
}

impl Peer {
    /// Joins the virtual host `vhost`.
    pub async fn join(broker: &Broker, vhost: &str) -> Result<Self> {
        let address = format!("amqp://guest:guest@127.0.0.1:{}/{vhost}", broker.port);
        let connection = Connection::connect(&address, ConnectionProperties::default()).await?;
        let channel = connection.create_channel().await?;
        let durable = ExchangeDeclareOptions {
            durable: true,
            ..ExchangeDeclareOptions::default()
        };
        let none = FieldTable::default;
        channel
            .exchange_declare(EXCHANGE.into(), ExchangeKind::Headers, durable, none())
            .await?;
        let own = QueueDeclareOptions {
            exclusive: true,
            auto_delete: true,
            ..QueueDeclareOptions::default()
        };
        let queue = channel.queue_declare("".into(), own, none()).await?;
        let (name, exchange) = (queue.name(), EXCHANGE.into());
        channel
            .queue_bind(
                name.clone(),
                exchange,
                "".into(),
                QueueBindOptions::default(),
                none(),
            )
            .await?;
        let letters = channel
            .basic_consume(
                name.clone(),
                "".into(),
                BasicConsumeOptions::default(),
                none(),
            )
            .await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        Ok(Self {
            connection,
            channel,
            letters,
        })
    }

    /// Publishes an event as the platform does; returns when the broker has it.
    pub async fn tell(&self, name: &str, data: &Value) -> Result<()> {
        let mut headers = FieldTable::default();
        headers.insert("name".into(), AMQPValue::LongString(name.into()));
        let body = json!({"name": name, "data": data}).to_string();
        self.send(EXCHANGE, "", headers, body.as_bytes()).await
    }

    /// Publishes any bytes; to the queue `key` itself if `exchange` is empty.
    pub async fn send(
        &self,
        exchange: &str,
        key: &str,
        headers: FieldTable,
        body: &[u8],
    ) -> Result<()> {
        let properties = BasicProperties::default().with_headers(headers);
        let confirmed = self
            .channel
            .basic_publish(
                exchange.into(),
                key.into(),
                BasicPublishOptions::default(),
                body,
                properties,
            )
            .await?
            .await?;
        ensure!(confirmed.is_ack(), "the broker refused a message");
        Ok(())
    }

    /// The next message called `name`; others are passed over.
    pub async fn letter(&mut self, name: &str) -> Result<Letter> {
        let found = timeout(PATIENCE, async {
            loop {
                let delivery = self.letters.next().await.context("the queue is gone")??;
                delivery.ack(BasicAckOptions::default()).await?;
                let body: Value = serde_json::from_slice(&delivery.data).unwrap_or_default();
                if body["name"] == name {
                    return Ok(Letter {
                        routing_key: delivery.routing_key.to_string(),
                        properties: delivery.properties.clone(),
                        body,
                    });
                }
            }
        });
        found.await.with_context(|| format!("no {name}"))?
    }

    /// Takes leave.
    pub async fn leave(self) -> Result<()> {
        Ok(self.connection.close(200, "OK".into()).await?)
    }
}
