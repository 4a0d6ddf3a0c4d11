//! Contacts that come and go in bulk (dird-api-contacts.md §1.4, §1.7, §4): files in many charsets become rows, rows become
//! contacts of a list, in one transaction; lists become files. Routes and the command line use the same functions. What HTTP
//! makes of a refusal is not known here.

mod charset;
mod export;
mod import;
mod loading;
mod sheet;
mod spool;
mod text;
pub mod vcard;

pub use charset::{Charset, UnknownCharset};
pub use export::csv_of;
pub use import::{
    BadRow, FailedRow, LONGEST_ID, PersonalRefused, Refused, Sink, checked_for_phonebook,
    import_into_phonebook, import_personal,
};
pub use loading::{FileForm, Loaded, load_into_phonebook};
pub use sheet::SheetError;
pub use spool::{Spool, SpoolError};
