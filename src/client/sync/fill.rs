//! Cells of enclosures: they take what letters leave of the pace in a batch, never more, so that a
//! sync looks the same with and without them; without a pace they go in rounds of 128 a person. The
//! oldest enclosure first. Specified in poste-protocol(7), Enclosures and A sync from outside.

use super::post::{Attempted, Round, What};
use super::{Report, class, cover, due};
use crate::client::desk::Desk;
use crate::client::dispatch;
use crate::client::env::Env;
use crate::client::error::Error;
use crate::core::bucket::{Bucket, Class};
use crate::core::cell::{Chunk, Kind};
use crate::core::plan::POST_CELLS;
use crate::store::contacts::Contact;

/// How many more cells may go to a person at a node in a bucket, beside those made already.
type Room<'a> = &'a dyn Fn(&Contact, &(String, bool), Bucket, &[Attempted]) -> usize;

/// Adds the next cells of each enclosure to what was `made`: without a pace as long as what goes to
/// a person is no more than a POST holds; else as many as the batches of this round have room for.
/// No batch is made for them, but at a directory, where nobody counts. Says whether more are owed
/// and may go in this sync.
pub fn cells(
    env: &mut Env<'_>,
    desk: &mut Desk,
    round: &Round,
    daily: bool,
    report: &mut Report,
    made: &mut Vec<Attempted>,
) -> bool {
    let cells = |out: &mut dyn Iterator<Item = &Attempted>| {
        out.map(|attempted| attempted.made.cells.len()).sum::<usize>()
    };
    let to_person = |contact: &Contact, _: &(String, bool), _: Bucket, out: &[Attempted]| {
        let to_them = &mut out.iter().filter(|made| made.to == contact.fingerprint);
        POST_CELLS.saturating_sub(cells(to_them))
    };
    let visited = cover::visited(env, desk, round, env.now());
    let in_batch = |_: &Contact, (node, directory): &(String, bool), bucket, out: &[Attempted]| {
        let there = &mut out.iter().filter(|o| o.made.node == *node && o.made.bucket == bucket);
        match cells(there) {
            0 if !directory && !visited.contains(node) => 0,
            cells => round.pace.saturating_sub(cells),
        }
    };
    let room: Room<'_> = if round.whole { &to_person } else { &in_batch };
    let own = class(desk);
    let mut more = false;
    for at in 0..desk.outbox.len() {
        let item = &desk.outbox[at];
        let contact = desk.contacts.iter().find(|contact| contact.fingerprint == item.to).cloned();
        let Some(contact) = contact.filter(|_| item.is_waiting()) else { continue };
        let Some(class) = due::cells_class(item, &contact, own, daily) else { continue };
        match enclosure(env, desk, at, (&contact, class), (round, room), made) {
            Ok(left) => more |= left,
            Err(error) => report.soft(error),
        }
    }
    more && round.whole
}

/// Adds cells of one letter's enclosure, if it has one of which some are owed, at the next of the
/// addressee's nodes that has room. Says whether more are owed.
fn enclosure(
    env: &mut Env<'_>,
    desk: &mut Desk,
    at: usize,
    (contact, class): (&Contact, Class),
    (round, room): (&Round, Room<'_>),
    out: &mut Vec<Attempted>,
) -> Result<bool, Error> {
    let places = env.home.places().clone();
    let item = &desk.outbox[at];
    let wanted = item.enclosure.as_ref().filter(|enclosed| enclosed.wanted.is_some());
    let Some(enclosed) = wanted else { return Ok(false) };
    let mut owed = item.owed(&places, enclosed)?;
    if owed.cells.is_empty() {
        return Ok(false);
    }
    let nodes = dispatch::nodes_for_cells(env, &desk.transit, contact, owed.turn, &round.avoided);
    let chosen = nodes.iter().find_map(|node| {
        let bucket = Bucket::at(if node.1 { Class::Daily } else { class }, env.now());
        let room = room(contact, node, bucket, out);
        (room > 0).then(|| (node.0.clone(), bucket, room))
    });
    let Some((node, bucket, room)) = chosen else { return Ok(!nodes.is_empty()) };
    let indices = owed.next(room);
    // Before they leave: whether they arrive or not, the next ones go elsewhere.
    owed.turn = owed.turn.wrapping_add(1);
    item.save_owed(&places, &owed)?;
    let data = item.parts(&places, &indices)?;
    let part = |(index, data): (&u16, Vec<u8>)| Chunk {
        kind: Kind::Enclosure,
        id: *enclosed.id.as_bytes(),
        index: *index,
        count: enclosed.cells,
        data,
    };
    let parts: Vec<Chunk> = indices.iter().zip(data).map(part).collect();
    let made =
        dispatch::make_cells(env, &desk.lock, &desk.transit, contact, (node, bucket), &parts)?;
    let left = owed.cells.len() > indices.len();
    out.push(Attempted { to: item.to, what: What::Cells(item.id, indices), made });
    Ok(left)
}
