//! The marvain command line.
fn main() {}
