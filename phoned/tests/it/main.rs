//! What a phone sees of phoned, over real sockets, between stub services.

mod access;
mod changes;
mod commands;
mod gigaset;
mod golden;
mod lookup;
mod makes;
mod operators;
mod pages;
mod properties;
mod site;
mod start;
mod stub;
mod survival;
mod templates;
