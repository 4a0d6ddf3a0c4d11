//! `POST /phonebooks/{phonebook_uuid}/contacts/import` (dird-api-contacts.md §4): all rows of a CSV file, or none.

use http::StatusCode;
use kit::problem::Problem;
use serde_json::{Value, json};

use super::bulk::{self, ImportAnswer};
use super::call::Call;
use super::phonebook_contacts::place;
use super::route::Answer;
use crate::contacts::{
    Charset, Refused, SheetError, Spool, UnknownCharset, checked_for_phonebook,
    import_into_phonebook,
};
use crate::error::ApiError;

/// Imports a file. The file itself is judged before the phonebook is looked for.
pub async fn import(mut call: Call) -> Answer {
    let (file, charset) = bulk::file(&mut call, |error| unknown_charset(&error)).await?;
    let size = Size::of(&file);
    let file = checked_for_phonebook(file, charset).await;
    let file = file.map_err(|error| refused(error, &size, charset))?;
    let place = place(&call).await?;
    let mut answer = ImportAnswer::new();
    let (store, file) = (&call.app.store, (file, charset));
    let imported =
        import_into_phonebook(store, &place.tenant, &place.list, file, &mut answer).await;
    imported.map_err(|error| match error {
        Refused::Store(error) => place.refused(error),
        other => refused(other, &size, charset),
    })?;
    answer.finish(StatusCode::CREATED, &json!([])).await
}

/// What the file measures, told of an empty one.
struct Size {
    bytes: u64,
    line_feeds: u64,
}

impl Size {
    fn of(file: &Spool) -> Self {
        Self {
            bytes: file.bytes(),
            line_feeds: file.line_feeds(),
        }
    }
}

fn unknown_charset(error: &UnknownCharset) -> ApiError {
    bad_encoding(&error.to_string(), &error.0)
}

fn bad_encoding(error: &str, charset: &str) -> ApiError {
    let message = format!("bad input encoding: {error}");
    let details = json!({"error": error, "charset": charset});
    problem("phonebook-contact-import-bad-encoding", &message, details)
}

fn refused(error: Refused, size: &Size, charset: Charset) -> ApiError {
    match error {
        Refused::Sheet(SheetError::Encoding(error)) => bad_encoding(&error, charset.name()),
        Refused::Sheet(SheetError::Format(error)) => {
            let message = format!("invalid contact import file: {error}");
            let details = json!({"error": error});
            problem("phonebook-contact-import-invalid-file", &message, details)
        }
        Refused::RepeatedColumns(columns) => {
            let message = format!("duplicate columns: {}", python_list(&columns));
            let details = json!({"duplicates": columns});
            problem(
                "phonebook-contact-import-duplicate-columns",
                &message,
                details,
            )
        }
        Refused::Empty => {
            let details = json!({"line_count": size.line_feeds + 1, "byte_count": size.bytes});
            let message = "empty contact import file";
            problem("phonebook-contact-import-empty-file", message, details)
        }
        Refused::BadRows(rows) => {
            let (message, details) = ("failed to create contacts", json!({"errors": rows}));
            problem("phonebook-contact-import-bad-contacts", message, details)
        }
        Refused::Store(error) => error.into(),
        Refused::Io(error) | Refused::Sheet(SheetError::Io(error)) => {
            ApiError::Internal(error.into())
        }
    }
}

fn problem(id: &'static str, message: &str, details: Value) -> ApiError {
    let problem = Problem::new(StatusCode::BAD_REQUEST, id, message);
    ApiError::from(problem.with_details(details).about("contacts"))
}

/// Texts as the reference's language lists them.
pub fn python_list(texts: &[String]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| format!("'{text}'")).collect();
    format!("[{}]", quoted.join(", "))
}
