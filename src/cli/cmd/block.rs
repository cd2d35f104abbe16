//! `poste block` and `poste unblock`: to the blocked it looks like absence. Nothing is asked, since
//! either can be taken back; letters that were queued cannot, so their number is said.
//! Specified in poste(1), block and unblock.

use crate::cli::Run;
use crate::cli::ui::Done;
use crate::client::people;
use crate::store::petname::Petname;

pub fn block(run: &mut Run<'_, '_>, name: &Petname) -> Done {
    match people::block(run.env, name)? {
        0 => {}
        1 => run.ui.note(&format!("1 letter to {name} will not be sent")),
        some => run.ui.note(&format!("{some} letters to {name} will not be sent")),
    }
    run.ui.note(&format!("{name} is blocked, and is not told"));
    Ok(())
}

pub fn unblock(run: &mut Run<'_, '_>, name: &Petname) -> Done {
    match people::unblock(run.env, name)? {
        true => run.ui.note(&format!("{name} learns by the next sync how to reach you again")),
        false => run.ui.note(&format!("{name} is not blocked")),
    }
    Ok(())
}
