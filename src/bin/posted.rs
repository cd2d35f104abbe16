//! The program `posted`.

fn main() {}
