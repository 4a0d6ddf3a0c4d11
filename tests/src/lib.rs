//! The harness of the end-to-end tests, of the quick start and of the benchmark.
//!
//! A [`site`] starts the real `dird` and `phoned` as [`daemon`]s on free [`ports`]; a [`phone`] talks to
//! them over the [`wire`] as desk phones do, reads every document with the strict [`xml`] reader, a
//! [`simulator`] walks through the pages of any make, and [`screen`] draws what its owner would see. [`platform`] plays the services around
//! them, [`load`] measures. Nothing here links a daemon's code:
//! what is tested is what is shipped.

pub mod binaries;
pub mod broker;
pub mod companion;
pub mod daemon;
pub mod database;
pub mod load;
pub mod phone;
pub mod platform;
pub mod ports;
pub mod postgres;
pub mod proxy;
pub mod quiet;
pub mod random;
pub mod rest;
pub mod screen;
pub mod simulator;
pub mod site;
pub mod slapd;
pub mod wire;
pub mod xml;
