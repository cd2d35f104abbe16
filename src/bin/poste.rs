//! The program `poste`: collects what it was started with, and runs the command line. Nothing
//! else in the program reads the environment.

use poste::cli::{self, Start};
use poste::client::system;
use poste::store::home::Given;
use std::env::{args_os, var, var_os};
use std::process::ExitCode;

fn main() -> ExitCode {
    let passphrase_fd = var("POSTE_PASSPHRASE_FD").ok();
    system::guard_memory(passphrase_fd.is_some());
    system::keep_own_files();
    let path = |name: &str| var_os(name).map(Into::into);
    let given = Given {
        poste_home: path("POSTE_HOME"),
        poste_config: path("POSTE_CONFIG"),
        xdg_config_home: path("XDG_CONFIG_HOME"),
        xdg_data_home: path("XDG_DATA_HOME"),
        xdg_state_home: path("XDG_STATE_HOME"),
        user_home: path("HOME"),
        ..Given::default()
    };
    let editor = ["VISUAL", "EDITOR"].into_iter().find_map(|name| var(name).ok());
    let editor = editor.filter(|command| !command.is_empty());
    let runtime_dir = path("XDG_RUNTIME_DIR");
    let hooks = var("POSTE_HOOK").unwrap_or_default();
    let args = args_os().collect();
    cli::run(Start { args, given, passphrase_fd, editor, runtime_dir, hooks }).into()
}
