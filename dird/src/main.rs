//! dird binary
fn main() {}
