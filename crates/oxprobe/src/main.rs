//! The connectivity analyser.

fn main() {}
