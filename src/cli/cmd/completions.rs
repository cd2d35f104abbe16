//! `poste completions`: what a shell needs to complete commands and flags, made from the same tree
//! that parses them. It needs no home.
//! Specified in poste(1), completions.

use crate::cli::ui::{Done, Ui};
use clap_complete::Shell;

pub fn run(shell: Shell, ui: &Ui) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::cli::command(), "poste", &mut script);
    ui.text(&String::from_utf8_lossy(&script))
}
