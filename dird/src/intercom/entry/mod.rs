//! What an entry is (intercom-directory.md §4): its fields, how they are chosen in answers, and how requests set them. Pure
//! functions over values; nothing here knows requests, accounts or the database.

mod choice;
mod field;
mod input;
mod path;
mod rule;
mod uuid;
mod values;

#[cfg(test)]
mod choice_tests;
#[cfg(test)]
mod input_tests;

pub(super) use choice::Choice;
pub(super) use input::{Fault, FaultKind, Input};
pub(super) use uuid::{EntryUuid, UuidError};
pub(super) use values::Values;
