//! The program `poste`.

fn main() {}
