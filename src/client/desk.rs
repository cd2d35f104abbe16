//! The desk: the files of the home that a sync, or a letter by hand, reads and changes, held under
//! the state lock. It is loaded anew each time the lock is taken, since other commands change
//! files in between.

use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::people::{self, block};
use crate::client::{own, queue};
use crate::core::card::SignedCard;
use crate::core::keys::{Fingerprint, SignPublic};
use crate::store::contacts::Contact;
use crate::store::cover::Cover;
use crate::store::keyring::Transit;
use crate::store::lock::StateLock;
use crate::store::outbox::Item;
use crate::store::quarantine;
use crate::store::seen::Seen;

/// The files that letters touch.
pub struct Desk {
    /// The right to change them.
    pub lock: StateLock,
    /// `S` of one's own.
    pub me: SignPublic,
    /// One's newest card.
    pub card: SignedCard,
    /// Transit keys.
    pub transit: Transit,
    /// Everybody accepted, but for those who are blocked.
    pub contacts: Vec<Contact>,
    /// Those who are blocked: nothing is taken from them, and nothing goes to them.
    pub blocked: Vec<Fingerprint>,
    /// Letters on their way.
    pub outbox: Vec<Item>,
    /// Letters that came.
    pub seen: Seen,
    /// Unproven letters.
    pub quarantine: quarantine::List,
    /// Cover conversations, once one of their letters has come: most never need them.
    pub cover: Option<Cover>,
    /// Whether a contact is left out since its file cannot be read.
    pub incomplete: bool,
    /// What is wrong with contacts and letters that are left out, one by one: a damaged file stops
    /// nothing else.
    pub troubles: Vec<Error>,
}

impl Desk {
    /// Takes the state lock and loads everything, mending what a crash left half done.
    pub fn open(env: &mut Env<'_>) -> Result<Desk, Error> {
        let lock = env.lock()?;
        let places = env.home.places().clone();
        let card = own::load(env)?;
        let (contacts, bad) = people::mend(env, &lock)?;
        let (mut items, damaged) = queue::outbox(env, &lock, &contacts)?;
        let (contacts, blocked) = block::part(contacts);
        let mut transit = Transit::load(&places)?;
        block::finish(env, &lock, &blocked, &mut transit, &mut items)?;
        let incomplete = !bad.is_empty();
        let troubles = bad.into_iter().map(Error::from).chain(damaged).collect();
        Ok(Desk {
            me: card.card.sign,
            card,
            transit,
            contacts,
            blocked,
            outbox: items,
            seen: Seen::open(&places.seen_dir())?,
            quarantine: quarantine::List::load(&places)?,
            cover: None,
            incomplete,
            troubles,
            lock,
        })
    }
}
