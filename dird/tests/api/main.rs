//! The administration interface as a client meets it: a running dird with its own authority, over real sockets.

#![allow(clippy::unwrap_used)]

mod conventions;
mod isolation;
mod objects;
mod reload;
mod routes;
mod site;
