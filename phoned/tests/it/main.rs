//! What a phone sees of phoned, over real sockets, between stub services.

mod golden;
mod lookup;
mod pages;
mod site;
mod start;
mod stub;
