//! One attempt at delivering a letter: what is optional is left out if it would cost a cell, then
//! the letter is authenticated for the bucket's day, sealed, and cut. Each attempt is made anew,
//! and only the letter's id stays. Specified in poste-protocol(7), Letter and Cell.

use crate::core::auth::{MacKey, Terms};
use crate::core::card::{Card, Disclosed};
use crate::core::cell::{CHUNK, Chunk, Kind};
use crate::core::chain::Chain;
use crate::core::hybrid::HybridPublic;
use crate::core::keys::{LetterId, SignPublic};
use crate::core::letter::{BadLetter, Control, MOST_ACKS, Offer, Want};
use crate::core::parts::{self, TooManyParts};
use crate::core::random::{Random, bytes};
use crate::core::seal;
use crate::core::time::Day;

/// The author's side.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// `S_A`.
    pub sign: SignPublic,
    /// The chain of the series in force.
    pub chain: &'a Chain,
}

/// What rides along if it costs no cell, in order of importance.
#[derive(Clone, Debug, Default)]
pub struct Optional {
    /// Letters to be acknowledged.
    pub acks: Vec<LetterId>,
    /// Cells of an enclosure that are missing.
    pub want: Option<Want>,
    /// An offer not yet seen.
    pub offer: Option<Offer>,
    /// The newest disclosed seed.
    pub disclosed: Option<Disclosed>,
}

/// Why an attempt could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotAttempt {
    /// The series in force has no key for the day.
    #[error("the day chain has ended; begin a new series")]
    ChainEnded,
    /// The control data break a limit.
    #[error(transparent)]
    Letter(#[from] BadLetter),
    /// The addressee's DH key gives no shared secret.
    #[error("the addressee's key is not admissible")]
    Key,
    /// The letter takes more than 16 cells.
    #[error(transparent)]
    TooLong(#[from] TooManyParts),
}

/// The key that authenticates the author's letters of `day` to the owner of `card`.
pub fn mac_key(author: Author<'_>, card: &Card, day: Day) -> Result<MacKey, CannotAttempt> {
    let day_key = author.chain.day_key(day).ok_or(CannotAttempt::ChainEnded)?;
    let terms = Terms {
        author: author.sign,
        day_key: day_key.public(),
        day,
        reader: card.sign,
        reader_dh: card.dh,
    };
    MacKey::by_day_key(&terms, &day_key).map_err(|_| CannotAttempt::Key)
}

/// Adds to `control` what of `optional` costs no cell, and gives back what was left out.
pub fn load(mut control: Control, mail: &[u8], optional: Optional) -> (Control, Optional) {
    let mut left = Optional::default();
    let most = cells(&control, mail);
    let fits = |control: &Control| cells(control, mail) <= most;
    let room = MOST_ACKS.saturating_sub(control.acks.len());
    for (at, ack) in optional.acks.into_iter().enumerate() {
        control.acks.push(ack);
        if at >= room || !fits(&control) {
            left.acks.extend(control.acks.pop());
        }
    }
    if let Some(want) = optional.want {
        control.want = Some(want);
        if !fits(&control) {
            left.want = control.want.take();
        }
    }
    if let Some(offer) = optional.offer {
        control.offer = Some(offer);
        if !fits(&control) {
            left.offer = control.offer.take();
        }
    }
    if let Some(disclosed) = optional.disclosed {
        control.disclosed = Some(disclosed);
        if !fits(&control) {
            left.disclosed = control.disclosed.take();
        }
    }
    (control, left)
}

/// Room left for the random stanza that sealing adds, beyond its shortest: with this much, sealing
/// again up to 16 times finds one that is short enough.
const SLACK: usize = 64;

/// Cells that a letter takes.
pub fn cells(control: &Control, mail: &[u8]) -> usize {
    // The MAC does not change the length, so any key will do for measuring; a control over its
    // limits is reported when the letter is made.
    let control = control.length().unwrap_or(usize::MAX / 2);
    (seal::shortest(control + mail.len()) + SLACK).div_ceil(CHUNK)
}

/// The letter as an age file sealed to `to`.
pub fn sealed(
    control: &Control,
    mail: &[u8],
    key: &MacKey,
    to: &HybridPublic,
    rng: &mut dyn Random,
) -> Result<Vec<u8>, CannotAttempt> {
    let letter = control.write(mail, key)?;
    Ok(seal::seal_for_cells(to, &letter, rng))
}

/// The letter cut into the chunks of its cells, under a fresh id of this sealing.
pub fn chunks(sealed: &[u8], rng: &mut dyn Random) -> Result<Vec<Chunk>, CannotAttempt> {
    Ok(parts::split(sealed, Kind::Letter, bytes(rng))?)
}
