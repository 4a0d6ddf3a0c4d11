//! What a phone sees of phoned, over real sockets, between stub services.

mod access;
mod bus;
mod changes;
mod commands;
mod configuration;
mod dnd;
mod endpoints;
mod gigaset;
mod golden;
mod links;
mod lookup;
mod makes;
mod memory;
mod operators;
mod outcome;
mod pages;
mod properties;
mod site;
mod start;
mod status;
mod stub;
mod survival;
mod telephony;
mod templates;
mod together;
mod tokens;
