//! The edge in front of desk phones (phoned.md §1): checks who asks, finds out for which user, asks dird, and answers with the
//! document that the make of phone can show.
//!
//! A request runs left to right: [`router`] → [`gate`] → [`directory`] → [`lookup`] → [`cache`] or [`dird_client`] →
//! [`vendor`]'s templates. What concerns the telephones themselves comes by [`control`] (programs), [`services`] (phones) and
//! [`events`] (the bus) and runs through [`endpoint`] to confd and amid. [`run`] starts all of it; tests start it the same way.

pub mod admin;
pub mod app;
pub mod cache;
pub mod changes;
pub mod config;
pub mod control;
pub mod cors;
pub mod dird_client;
pub mod directory;
pub mod document;
pub mod endpoint;
pub mod error;
pub mod events;
pub mod gate;
pub mod lang;
pub mod live;
pub mod lookup;
pub mod machine;
pub mod monitor;
pub mod outdated;
pub mod preview;
pub mod query;
pub mod respond;
pub mod router;
pub mod server;
pub mod services;
pub mod status;
pub mod surrogates;
pub mod tally;
pub mod token;
pub mod turn;
pub mod unauthorized;
pub mod upstreams;
pub mod vendor;
pub mod watch;

pub use server::{Ready, Running, StartError, prepare, prepare_from, run};
