//! The program `posted`: see posted(8).

use std::alloc::System;
use zeroizing_alloc::ZeroAlloc;

/// Overwrites what is freed. Cells pass through buffers of HTTP and of TLS that are not ours to
/// clear, and what is wiped from the store should be in none of them.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> std::process::ExitCode {
    poste::node::run::main(std::env::args_os()).into()
}
