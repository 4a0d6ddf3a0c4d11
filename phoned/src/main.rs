//! phoned binary
fn main() {}
