//! `GET /directories/changes`: server-sent events about what has changed, for programs that remember what dird answered
//! (phoned.md §14). An event says where something has changed, never what: `configuration` (of a tenant, or of its
//! `source_uuid`), `contacts` (of the phonebook `phonebook_uuid`, or those that `user_uuid` keeps for himself), `favorites` (of
//! `user_uuid`), and `reload`: anything may have changed. What files and remote directories hold is not told.

use std::collections::VecDeque;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use kit::problem::Problem;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::list::invalid_data;
use super::route::Answer;
use crate::error::ApiError;
use crate::followers::{Following, Told, Wanted};
use crate::schema;
use crate::store::{Change, Holder};

/// What a token needs; every event is under it, so it is checked again while the answer lasts.
pub const ACCESS: &str = "dird.directories.changes.read";

/// How long a client that lost the connection should wait, in milliseconds.
const RETRY: &str = "retry: 2000\n\n";

/// Tells what has changed since `Last-Event-ID`, then goes on telling unless `follow` is false.
pub async fn follow(call: Call) -> Answer {
    let (recurse, goes_on) = switches(&call)?;
    let after = call.headers.get("last-event-id");
    let wanted = Wanted {
        caller: call.caller.clone(),
        access: ACCESS,
        recurse,
        after: after.and_then(|value| value.to_str().ok()),
    };
    let app = &call.app;
    let admitted = app.followers.admit(&app.store, &app.authority, wanted);
    let mut following = admitted.map_err(|crowded| {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Problem::new(status, "too-many-followers", crowded.to_string())
    })?;
    let told = following.present().await.map_err(|refusal| {
        let (token, address) = (call.caller.token(), app.authority.address());
        ApiError::refusal(refusal, token, ACCESS.to_owned(), None, address)
    })?;
    let first = format!("{RETRY}{}", text(&told));
    Ok(events(if goes_on {
        Body::from_stream(chunks(first, following))
    } else {
        Body::from(first)
    }))
}

/// `recurse` and `follow`.
fn switches(call: &Call) -> Result<(bool, bool), ApiError> {
    let mut errors = Map::new();
    let mut read = |name: &str, absent: bool| match call.query.get(name) {
        None => absent,
        Some(word) => schema::word_as_boolean(word).unwrap_or_else(|| {
            errors.insert(name.to_owned(), schema::not_a("boolean", "boolean"));
            absent
        }),
    };
    let switches = (read("recurse", false), read("follow", true));
    if errors.is_empty() {
        return Ok(switches);
    }
    Err(invalid_data(Value::Object(errors)))
}

fn events(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // For proxies that would wait for more.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

type Chunk = Result<Bytes, std::convert::Infallible>;

/// The first chunk, then whatever the follower is told.
fn chunks(first: String, following: Following) -> impl stream::Stream<Item = Chunk> {
    let ready = VecDeque::from([first]);
    stream::unfold((ready, following), async |(mut ready, mut following)| {
        let chunk = match ready.pop_front() {
            Some(chunk) => chunk,
            None => text(&following.next().await?),
        };
        Some((Ok(Bytes::from(chunk)), (ready, following)))
    })
}

fn text(told: &[Told]) -> String {
    told.iter().map(event).collect()
}

/// An event on the wire. One without data is none, but its id is kept by whoever reads it.
fn event(told: &Told) -> String {
    let (mark, kind, data) = match told {
        Told::Nothing(mark) => return format!("id: {}\n\n", mark.text()),
        Told::Reload(mark) => (mark, "reload", json!({})),
        Told::Changed(mark, change) => {
            let (kind, data) = described(change);
            (mark, kind, data)
        }
    };
    format!("id: {}\nevent: {kind}\ndata: {data}\n\n", mark.text())
}

fn described(change: &Change) -> (&'static str, Value) {
    let mut data = json!({"tenant_uuid": change.tenant().as_str()});
    let kind = match change {
        Change::Configuration(_, source) => {
            if let Some(source) = source {
                data["source_uuid"] = source.0.as_str().into();
            }
            "configuration"
        }
        Change::Contacts(_, Holder::User(user)) => {
            data["user_uuid"] = user.as_str().into();
            "contacts"
        }
        Change::Contacts(_, Holder::Phonebook(phonebook)) => {
            data["phonebook_uuid"] = phonebook.0.as_str().into();
            "contacts"
        }
        Change::Favorites(_, user) => {
            data["user_uuid"] = user.as_str().into();
            "favorites"
        }
    };
    (kind, data)
}
