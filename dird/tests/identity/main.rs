//! Who is asking: the platform's auth service and the built-in authority, as clients and administrators meet them.

#![allow(clippy::unwrap_used)]

mod access;
mod builtin_http;
mod builtin_site;
mod command_line;
mod fake_auth;
mod intercom_commands;
mod own_token;
mod serving;
mod transfer;
mod wazo;
