//! The REST interface: one file per resource with its handlers, wire types and errors. [`call`] is what a handler is given
//! once its caller is known; [`route`] is a line of the route table.

pub mod backends;
mod bulk;
pub mod call;
pub mod changes;
pub mod config;
pub mod contact;
pub mod convention;
pub mod cors;
pub mod displays;
pub mod document;
pub mod enabled;
pub mod explain;
pub mod favorites;
mod lengthy;
pub mod list;
pub mod lookup;
pub mod memory;
pub mod personal;
pub mod personal_import;
pub mod phonebook_contacts;
pub mod phonebook_import;
pub mod phonebook_source_contacts;
pub mod phonebooks;
pub mod profile_sources;
pub mod profiles;
pub mod reverse;
pub mod route;
pub mod source_contacts;
pub mod sources;
pub mod status;
pub mod tenant_phonebooks;
