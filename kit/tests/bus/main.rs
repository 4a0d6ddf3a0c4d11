//! The bus against a real broker: a private node, one virtual host a test.

#![allow(clippy::unwrap_used)]

mod outage;
mod rubbish;
mod traffic;
mod world;
