//! The directory server. Requests run one way: listener → identity → api → lookup → backends → index, with the store below
//! (design.md §1).

pub mod api;
pub mod app;
pub mod backends;
pub mod error;
pub mod identity;
pub mod index;
pub mod lookup;
pub mod router;
pub mod store;
