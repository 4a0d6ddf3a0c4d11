//! A new connection, with everything on it declared: the exchange, the queue, one binding an event (dird-platform.md §5.1).

use lapin::options::{
    BasicConsumeOptions, BasicQosOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Channel, Connection, ConnectionProperties, Consumer, ExchangeKind};

use super::link::{LinkError, Session};
use super::outgoing::short;
use super::{Queue, Settings};

/// Seconds without a sign of life from the broker before it counts as gone.
const HEARTBEAT: u16 = 10;
/// Messages under way to us; together they bound the memory that large ones take.
const PREFETCH: u16 = 16;

/// Connects and declares.
pub(super) async fn open(settings: &Settings, queue: &str) -> Result<Session, LinkError> {
    let properties = ConnectionProperties::default().with_connection_name(settings.client.into());
    let connection = Connection::connect_uri(address(settings), properties).await?;
    let channel = connection.create_channel().await?;
    let exchange = short("the name of the exchange", &settings.exchange_name)?;
    let kind = match settings.exchange_type.as_str() {
        "headers" => ExchangeKind::Headers,
        "topic" => ExchangeKind::Topic,
        "fanout" => ExchangeKind::Fanout,
        "direct" => ExchangeKind::Direct,
        other => ExchangeKind::Custom(other.to_owned()),
    };
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    channel
        .exchange_declare(exchange.clone(), kind, durable, FieldTable::default())
        .await?;
    let consumer = subscribe(&channel, settings, &exchange, queue).await?;
    let publishing = connection.create_channel().await?;
    publishing
        .confirm_select(ConfirmSelectOptions::default())
        .await?;
    Ok(Session {
        connection,
        consumer,
        publishing,
    })
}

/// Declares the queue with one binding per event, and consumes from it.
async fn subscribe(
    channel: &Channel,
    settings: &Settings,
    exchange: &ShortString,
    queue: &str,
) -> Result<Consumer, LinkError> {
    let options = QueueDeclareOptions {
        auto_delete: true,
        exclusive: settings.queue == Queue::Exclusive,
        ..QueueDeclareOptions::default()
    };
    let queue = channel
        .queue_declare(
            short("the name of the queue", queue)?,
            options,
            FieldTable::default(),
        )
        .await?;
    for event in settings.events {
        let mut wanted = FieldTable::default();
        wanted.insert("name".into(), AMQPValue::LongString((*event).into()));
        wanted.insert("x-match".into(), AMQPValue::LongString("all".into()));
        channel
            .queue_bind(
                queue.name().clone(),
                exchange.clone(),
                "".into(),
                QueueBindOptions::default(),
                wanted,
            )
            .await?;
    }
    channel
        .basic_qos(PREFETCH, BasicQosOptions::default())
        .await?;
    let consumer = channel
        .basic_consume(
            queue.name().clone(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    Ok(consumer)
}

fn address(settings: &Settings) -> AMQPUri {
    AMQPUri {
        scheme: AMQPScheme::AMQP,
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: settings.username.clone(),
                password: settings.password.expose().to_owned(),
            },
            host: settings.host.clone(),
            port: settings.port,
        },
        vhost: settings.vhost.clone(),
        query: AMQPQueryString {
            heartbeat: Some(HEARTBEAT),
            ..AMQPQueryString::default()
        },
    }
}
