//! `poste unlock` and `poste lock`: the opened keys with the kernel for some hours, and no longer.
//! Specified in poste(1), unlock.

use crate::cli::Run;
use crate::cli::ui::Done;
use crate::client::unlocked;

pub fn unlock(run: &mut Run<'_, '_>, seconds: u64) -> Done {
    match unlocked::unlock(run.env, seconds)? {
        Some(until) => {
            run.ui.note(&format!("unlocked until {}", until.iso()));
            run.ui.next("poste lock");
        }
        None => run.ui.note("there is no passphrase, so nothing was locked"),
    }
    Ok(())
}

pub fn lock(run: &mut Run<'_, '_>) -> Done {
    let was = unlocked::lock(run.env)?;
    run.ui.note(if was { "locked" } else { "it was locked" });
    Ok(())
}
