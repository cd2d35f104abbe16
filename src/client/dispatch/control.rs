//! The control data of a letter: what the protocol asks for, and what rides along as far as there
//! is room. For measuring, the same is put together without a key being made.
//! Specified in poste-protocol(7), Prekeys and Letter.

use super::{Cargo, Matter, Sender};
use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::renew::{self, OfferDue};
use crate::core::attempt::{self, Optional};
use crate::core::bucket::Bucket;
use crate::core::keys::PairSecret;
use crate::core::letter::{Control, MOST_ACKS, Offer};
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::keyring::Transit;
use crate::store::peers::Peer;

/// Whether a letter goes as to somebody who knows nothing of us.
pub fn is_first(peer: &Peer, fallback: bool) -> bool {
    peer.card_seen == Time::default() || fallback
}

/// What the offers in a control are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Offers {
    /// New ones are made, and on disk.
    Made,
    /// What stands for them is as long as they are.
    Measured,
}

/// The offer that is due to a contact, if there is any.
fn offer(
    env: &mut Env<'_>,
    sender: &Sender,
    transit: &mut Transit,
    contact: &Contact,
    due: OfferDue,
    offers: Offers,
) -> Result<Option<Offer>, Error> {
    if (due, offers) != (OfferDue::New, Offers::Measured) {
        return renew::offer(env, transit, contact.fingerprint, due);
    }
    Ok(Some(Offer {
        made: env.now(),
        prekey: contact.card.card.prekey.clone(),
        secret: PairSecret::from_bytes([0; 32]),
        nodes: sender.nodes.clone(),
    }))
}

/// The control data, with what rides along.
pub(super) fn control(
    env: &mut Env<'_>,
    sender: &Sender,
    transit: &mut Transit,
    (contact, peer): (&Contact, &Peer),
    cargo: &Cargo,
    bucket: Bucket,
    offers: Offers,
) -> Result<Control, Error> {
    let now = env.now();
    let me = &sender.card.card;
    let first = is_first(peer, cargo.fallback);
    let held = transit.received.iter().find(|r| r.from == contact.fingerprint).map(|r| r.made);
    let mut control = Control {
        kind: cargo.kind,
        card_seen: contact.card.card.issued,
        offer_seen: held.unwrap_or_default(),
        enclosure: cargo.enclosure.clone(),
        ..Control::new(cargo.id, me.fingerprint(), cargo.date, bucket.day())
    };
    match &cargo.matter {
        Matter::Copy(group) => control.group = Some(group.clone()),
        Matter::Introduction(introduction) => control.introduction = Some(introduction.clone()),
        Matter::Nothing => {}
        Matter::Statement(statement) => control.statement = Some(statement.clone()),
    }
    let mut optional = Optional {
        acks: peer.owed(now).into_iter().take(MOST_ACKS).collect(),
        disclosed: sender.card.disclosed.clone(),
        ..Optional::default()
    };
    let is_control = !control.is_acknowledged();
    match is_control {
        true => control.want = cargo.want.clone(),
        false => optional.want = cargo.want.clone(),
    }
    let due =
        renew::offer_due((sender.renews, &sender.nodes), transit, contact.fingerprint, peer, now);
    let mut offer = |due| offer(env, sender, transit, contact, due, offers);
    let fits = |control: &Control| attempt::cells(control, &cargo.mail) <= cargo.most;
    if first {
        control.stamp = cargo.stamp.filter(|_| contact.card.card.stamp_bits > 0);
        control.offer = offer(due)?;
        control.card = Some(sender.card.text().to_owned());
        // Without the card a stranger's letter is dropped, so the offer makes room first.
        if !fits(&control) {
            control.offer = None;
        }
        if !fits(&control) {
            control.card = None;
        }
    } else if is_control && cargo.want.is_some() && peer.offer_seen == Time::default() {
        // Cells come under an offer, and they have none.
        control.offer = offer(due)?;
    } else if due != OfferDue::None && !cargo.with_card {
        let offer = offer(due)?;
        match is_control {
            true => control.offer = offer,
            false => optional.offer = offer,
        }
    }
    if cargo.with_card {
        control.card = Some(sender.card.text().to_owned());
    }
    Ok(attempt::load(control, &cargo.mail, optional).0)
}
