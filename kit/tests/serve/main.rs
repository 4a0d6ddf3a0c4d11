//! What a client sees of `kit::serve`, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod drain;
mod framing;
mod harness;
mod limits;
mod tls;
