//! Sources behind the network against peers over real sockets: servers of the tests' own, which may be slow, wrong or gone, and
//! a real directory server.

#![allow(clippy::unwrap_used)]

mod csv_ws;
mod elsewhere;
mod examples;
mod failing;
mod ldap;
mod origins;
mod peer;
mod platform;
mod rest;
mod sync;
mod sync_elsewhere;
mod world;
