//! Contacts held in memory (design.md §3): a [`Table`] keeps their fields, a [`SearchIndex`] finds them by text, an [`ExactIndex`]
//! by one value, a [`NumberIndex`] by a number. [`Lists`] holds what the store has of them as [`HeldList`]s, [`People`] what it knows of users. Who asks, and
//! what a source is, is not known here.

mod digits;
mod exact;
mod held;
mod lists;
#[cfg(test)]
mod names;
mod numbers;
mod people;
mod search;
#[cfg(test)]
mod search_tests;
mod segment;
mod table;
mod term;
mod trigram;

pub use digits::{digits, separated};
pub use exact::ExactIndex;
pub use held::{HeldList, Place};
pub use lists::{ListError, ListKey, Lists};
pub use numbers::NumberIndex;
pub use people::{Favorites, People};
pub use search::SearchIndex;
pub use segment::{Columns, ID};
pub use table::{Row, Table, TableBuilder, TooLarge};
