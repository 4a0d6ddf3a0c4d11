//! Contacts held in memory (design.md §3): a [`Table`] keeps their fields, a [`SearchIndex`] their folded text, an [`ExactIndex`]
//! finds them by one value. [`Lists`] holds what the store has of them, [`People`] what it knows of users. Who asks, and what a
//! source is, is not known here.

mod exact;
mod lists;
mod people;
mod search;
mod table;

pub use exact::ExactIndex;
pub use lists::{HeldList, ID, ListKey, Lists};
pub use people::{Favorites, People};
pub use search::SearchIndex;
pub use table::{Row, Table, TableBuilder, TooLarge};
