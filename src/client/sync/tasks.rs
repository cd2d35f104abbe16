//! What is due to everybody, and in which order it gets its places: letters never sent, then what
//! answers, keys, repetitions, and last what may only go in place of cover; the oldest first.
//! Specified in poste-protocol(7), A sync from outside.

use super::pack::Packer;
use super::{class, due};
use crate::client::desk::Desk;
use crate::client::dispatch;
use crate::core::bucket::Class;
use crate::core::keys::LetterId;
use crate::core::letter::Want;
use crate::core::plan::slots::Rank;
use crate::core::time::Time;
use crate::store::contacts::Contact;
use crate::store::peers::Peer;

/// Somebody, and what is to go to them.
pub(super) struct Person {
    pub contact: Contact,
    /// As it will be if all is taken; on disk it changes only when it was.
    pub peer: Peer,
    /// Cells of enclosures to be asked for.
    pub wants: Vec<Want>,
    /// What is to be acknowledged by the daily class.
    pub acks: Vec<LetterId>,
}

/// Something due, in the order in which it gets a place.
pub(super) struct Task {
    pub rank: Rank,
    pub since: Time,
    pub who: usize,
    pub what: Due,
}

/// What a task is.
pub(super) enum Due {
    /// A letter of the outbox, by its place there.
    Letter { at: usize, class: Class, fallback: bool },
    /// To ask for cells.
    Want(Want),
    /// What may ride with a letter, and found none; or the card.
    Control { with_card: bool },
    /// Acknowledgements, by the daily class.
    Acks,
}

impl Packer<'_> {
    /// What is due to one person, letters first.
    pub fn tasks(&self, desk: &Desk, who: usize) -> Vec<Task> {
        let Person { contact, peer, wants, acks } = &self.people[who];
        let (now, own) = (self.now, class(desk));
        let mut tasks = Vec::new();
        let mut add = |rank, since, what| tasks.push(Task { rank, since, who, what });
        for (at, item) in desk.outbox.iter().enumerate() {
            if item.to != contact.fingerprint {
                continue;
            }
            let last = item.attempt.last().map(|attempt| attempt.at);
            let since = last.unwrap_or(item.date);
            let is_awake = due::is_awake(peer, now);
            let letter = |class, fallback| Due::Letter { at, class, fallback };
            if let Some(class) = due::due(item, (contact, peer.awake), own, self.daily, now) {
                let by_hour = due::travels(item, contact, own) == Class::Hourly;
                let ways = due::ways(item, contact, own, class, now, !self.round.whole);
                for (copy, fallback) in ways.iter().enumerate() {
                    let rank = match (last, copy) {
                        // Without a pace all go, and the first carries what may ride along.
                        _ if self.round.whole => Rank::Fresh,
                        (None, _) => Rank::Fresh,
                        (Some(_), 0) if by_hour && class == Class::Daily => match is_awake {
                            true => Rank::Again,
                            false => Rank::Daily,
                        },
                        (Some(_), 0) => Rank::Retry,
                        (Some(_), _) => Rank::Again,
                    };
                    let since = due::last(item, class).unwrap_or(item.date);
                    add(rank, since, letter(class, *fallback));
                }
                if !self.round.whole && class == Class::Daily && !(by_hour && is_awake) {
                    // Twice more at the nodes in turn, as the next chance may be days away.
                    (0..2).for_each(|_| add(Rank::Spare, since, letter(class, false)));
                }
            }
            if !self.round.whole && due::is_spare(item, contact, own, now) {
                // By the offer, as it takes fewer slots so.
                add(Rank::Spare, since, letter(Class::Hourly, false));
            }
        }
        // Before the daily exchange it is a mere chance that somebody who sleeps sees it.
        let rank = if self.sleeps(peer) && !self.daily { Rank::Spare } else { Rank::Answer };
        for want in wants {
            add(rank, peer.last_letter, Due::Want(want.clone()));
        }
        let (control, card) =
            dispatch::control_due(&self.sender, &desk.transit, contact, peer, now);
        let rank = if peer.acks.is_empty() { Rank::Keys } else { Rank::Answer };
        if control {
            add(rank, peer.last_letter, Due::Control { with_card: false });
        }
        if card {
            add(Rank::Keys, peer.last_letter, Due::Control { with_card: true });
        }
        if !acks.is_empty() {
            let last = peer.again.iter().map(|again| again.sent).min();
            let again = last.filter(|_| peer.acks.is_empty());
            let rank = if again.is_some() { Rank::Retry } else { Rank::Answer };
            add(rank, again.unwrap_or(peer.last_letter), Due::Acks);
            if !self.round.whole && !due::is_awake(peer, now) {
                add(Rank::Spare, peer.last_letter, Due::Acks);
            }
        }
        tasks
    }
}
