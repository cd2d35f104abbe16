//! `poste help`: the summary that -h gives, of the program or of one command. The pages say more.
//! It needs no home.
//! Specified in poste(1), help.

use crate::cli::ui::{Done, Ui};
use crate::cli::wrong;

pub fn run(names: &[String], ui: &Ui) -> Done {
    let mut tree = crate::cli::command();
    tree.build();
    let mut command = &mut tree;
    for name in names {
        command = command.find_subcommand_mut(name).ok_or_else(|| {
            wrong(format!("there is no command {}", names.join(" "))).hint("poste help")
        })?;
    }
    ui.text(&command.render_long_help().to_string())
}
