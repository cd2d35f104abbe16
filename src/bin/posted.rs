//! The program `posted`: see posted(8).

fn main() -> std::process::ExitCode {
    poste::node::run::main(std::env::args_os()).into()
}
