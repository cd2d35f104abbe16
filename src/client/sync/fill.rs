//! Cells of enclosures: they take what letters leave of the slots, never more, so that a sync looks
//! the same with and without them; without a pace they go in rounds of 128 a person. The oldest
//! enclosure first. Specified in poste-protocol(7), Enclosures and A sync from outside.

use super::pack::Packer;
use super::post::{Attempted, What};
use super::{Report, class, due};
use crate::client::desk::Desk;
use crate::client::dispatch;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::core::bucket::{Bucket, Class};
use crate::core::cell::{Chunk, Kind};
use crate::core::plan::slots::{Rank, Waiting};
use crate::store::contacts::Contact;

/// Adds the next cells of each enclosure to what was made, as long as there is room.
pub fn cells(env: &mut Env<'_>, desk: &mut Desk, packer: &mut Packer<'_>, report: &mut Report) {
    let own = class(desk);
    for at in 0..desk.outbox.len() {
        let item = &desk.outbox[at];
        let person = packer.people.iter().find(|person| person.contact.fingerprint == item.to);
        let Some(person) = person.filter(|_| item.is_waiting()) else { continue };
        let when = (packer.daily, packer.sleeps(&person.peer));
        let contact = person.contact.clone();
        let Some(class) = due::cells_class(item, &contact, own, when) else { continue };
        if let Err(error) = enclosure(env, desk, at, (&contact, class), packer) {
            report.soft(error);
        }
    }
}

/// Adds cells of one letter's enclosure, if it has one of which some are owed, wherever the addressee
/// listens and there is room.
fn enclosure(
    env: &mut Env<'_>,
    desk: &mut Desk,
    at: usize,
    (contact, class): (&Contact, Class),
    packer: &mut Packer<'_>,
) -> Result<(), Error> {
    let places = env.home.places().clone();
    let item = &desk.outbox[at];
    let wanted = item.enclosure.as_ref().filter(|enclosed| enclosed.wanted.is_some());
    // Without an offer none can go: the next want brings one.
    let offer = desk.transit.usable_offer(item.to, packer.now);
    let Some(enclosed) = wanted.filter(|_| offer.is_some()) else { return Ok(()) };
    let mut owed = item.owed(&places, enclosed)?;
    let turn = (owed.turn, false);
    let nodes = dispatch::nodes(env, &desk.transit, contact, turn, &packer.sender.avoided)?;
    if owed.cells.is_empty() || !packer.slots.has_room(item.to, class, &nodes) {
        return Ok(());
    }
    let cells = owed.cells.len();
    let waiting = Waiting { to: item.to, rank: Rank::Enclosure, class, cells, nodes: &nodes };
    let stops = packer.slots.place(&waiting);
    let indices = owed.next(stops.iter().map(|place| place.cells).sum());
    // Before they leave: whether they arrive or not, the next ones go elsewhere.
    owed.turn = owed.turn.wrapping_add(1);
    item.save_owed(&places, &owed)?;
    let mut rest = &indices[..];
    for place in stops {
        let (here, others) = rest.split_at(place.cells);
        rest = others;
        let data = item.parts(&places, here)?;
        let part = |(index, data): (&u16, Vec<u8>)| Chunk {
            kind: Kind::Enclosure,
            id: *enclosed.id.as_bytes(),
            index: *index,
            count: enclosed.cells,
            data,
        };
        let parts: Vec<Chunk> = here.iter().zip(data).map(part).collect();
        let bucket = Bucket::at(place.class, packer.now);
        let stop = (place.node, bucket);
        let made = dispatch::make_cells(env, &desk.lock, &desk.transit, contact, stop, &parts)?;
        let what = What::Cells(item.id, here.to_vec());
        packer.made.push(Attempted { to: item.to, what, made });
    }
    Ok(())
}
