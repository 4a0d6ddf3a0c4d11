//! The REST interface: one file per resource with its handlers, wire types and errors. [`call`] is what a handler is given
//! once its caller is known; [`route`] is a line of the route table.

pub mod backends;
pub mod call;
pub mod config;
pub mod convention;
pub mod cors;
pub mod displays;
pub mod document;
pub mod enabled;
pub mod list;
pub mod lookup;
pub mod memory;
pub mod profile_sources;
pub mod profiles;
pub mod route;
pub mod sources;
pub mod status;
