//! dird as a member of a platform: a real broker, an auth service of the tests' own.

#![allow(clippy::unwrap_used)]

mod consul;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../identity/fake_auth.rs"]
mod fake_auth;
mod favorites;
mod member;
mod monitor;
mod registry;
mod rubbish;
mod sessions;
mod status;
mod tenants;
mod users;
