//! The `hookfill` binary.
fn main() {}
