//! `POST /directories/explain`: why a lookup or a reverse lookup answers what it answers. `lookup::explain` documents the answer.

use http::StatusCode;
use serde_json::{Map, Value};

use super::call::Call;
use super::list::body_error;
use super::profiles;
use super::route::Answer;
use crate::error::{ApiError, json_answer};
use crate::identity::UserId;
use crate::lookup::{Inquiry, LookupError, Wanted};
use crate::schema::{Field, Kind, Length, Schema, Unknown};

/// What is to be explained: a term or a number.
pub static SCHEMA: Schema = Schema {
    fields: &[
        Field::required(
            "profile",
            Kind::Text(Length::at_least(1)),
            "name of the profile",
        ),
        Field::optional(
            "term",
            Kind::Text(Length::ANY),
            "what a lookup searches; either this or `exten`",
        ),
        Field::optional(
            "exten",
            Kind::Text(Length::ANY),
            "the number of a reverse lookup; either this or `term`",
        ),
        Field::optional(
            "user_uuid",
            Kind::Text(Length::between(1, 36)),
            "for whom; the caller when left out",
        ),
        Field::optional(
            "expect",
            Kind::Text(Length::at_least(1)),
            "name of somebody who should be found",
        ),
    ],
    unknown: Unknown::Refuse,
    rule: Some(|sent| {
        let both = sent.contains_key("term") == sent.contains_key("exten");
        both.then_some("Either `term` or `exten` is required")
    }),
};

/// Explains.
pub async fn show(mut call: Call) -> Answer {
    let sent = SCHEMA.read_body(&call.json().await?).map_err(body_error)?;
    let asker = match text(&sent, "user_uuid") {
        None => call.asker(),
        Some(user) => call.asker_for(UserId::new(user)),
    };
    let inquiry = match text(&sent, "exten") {
        Some(number) => Inquiry::Number(number.to_owned()),
        None => Inquiry::Term(text(&sent, "term").unwrap_or_default().to_owned()),
    };
    let wanted = Wanted {
        profile: text(&sent, "profile").unwrap_or_default(),
        inquiry: &inquiry,
        expect: text(&sent, "expect"),
    };
    let tenant = call.caller.tenant();
    let explained = call.app.lookup.explain(&tenant, wanted, &asker).await;
    Ok(json_answer(StatusCode::OK, &explained.map_err(refused)?))
}

fn text<'a>(sent: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    sent.get(name).and_then(Value::as_str)
}

fn refused(error: LookupError) -> ApiError {
    match error {
        LookupError::UnknownProfile(name) | LookupError::NoFavorites(name) => {
            profiles::unknown(&name)
        }
        LookupError::Busy => ApiError::Busy,
        LookupError::Store(error) => ApiError::from(&*error),
    }
}
