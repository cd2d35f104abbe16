//! `poste card`: what one gives a friend. Without a flag the identity link and the words of the
//! fingerprint; the link to be copied, the words to be read aloud.
//! Specified in poste(1), card.

use crate::cli::Run;
use crate::cli::ui::Done;
use crate::client::own;

pub fn run(run: &mut Run<'_, '_>, toml: bool, words: bool) -> Done {
    let signed = own::load(run.env)?;
    let spoken = signed.card.fingerprint().words();
    if toml {
        return run.ui.text(signed.text());
    }
    if !words {
        run.ui.line(&own::link(&signed.card))?;
    }
    run.ui.line(&spoken)
}
