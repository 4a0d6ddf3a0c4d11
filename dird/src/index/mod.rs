//! Contacts held in memory (design.md §3): a [`Table`] keeps their fields, a [`SearchIndex`] their folded text. Neither knows
//! where the contacts came from or who asks.

mod search;
mod table;

pub use search::SearchIndex;
pub use table::{Row, Table, TableBuilder, TooLarge};
