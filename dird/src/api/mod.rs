//! The REST interface: one file per resource with its handlers, wire types and errors. [`call`] is what a handler is given
//! once its caller is known; [`route`] is a line of the route table.

pub mod call;
pub mod cors;
pub mod lookup;
pub mod route;
pub mod status;
