//! The directory server. Requests run one way: listener → identity → api → lookup → backends → index, with the store below
//! (design.md §1). Tests and `main` start it with [`run`].

pub mod api;
pub mod app;
pub mod backends;
pub mod cli;
pub mod config;
pub mod contacts;
pub mod error;
pub mod events;
pub mod followers;
pub mod graphql;
pub mod identity;
pub mod import_wazo;
pub mod index;
pub mod intercom;
pub mod lookup;
pub mod monitor;
mod registry;
pub mod router;
pub mod schema;
pub mod server;
pub mod slow_lane;
pub mod store;
mod sync;
pub mod tenant_defaults;

pub use server::{Running, StartError, run};
