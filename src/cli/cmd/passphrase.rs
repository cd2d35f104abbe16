//! `poste passphrase`: sets, changes or removes the passphrase of the signing key and the archive.
//! The keys themselves stay as they are, and so does all that was sealed to them.
//! Specified in poste(1), passphrase.

use crate::cli::Run;
use crate::cli::ui::Done;
use crate::client::{init, unlocked};

pub fn run(run: &mut Run<'_, '_>, remove: bool) -> Done {
    // The old one first: whoever does not know it is not asked for a new one.
    let locked = init::unlock(run.env)?;
    let new = match remove {
        true => None,
        false => Some(run.prompt.new_passphrase()?),
    };
    // Whoever was let in by the old one is let out.
    let _ = unlocked::lock(run.env);
    init::relock(run.env, &locked, new.as_ref().map(|p| p.as_str()))?;
    run.ui.note(if remove { "there is no passphrase now" } else { "the passphrase is set" });
    Ok(())
}
