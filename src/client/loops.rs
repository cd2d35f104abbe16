//! Loop cells: once a day, at each relay that one listens on, a cell of cover is a cell to oneself.
//! A relay that says that it took it, and does not have it in the closed bucket, loses letters:
//! for a day they go elsewhere if they can. Nothing is concluded by a clock that is not good, from
//! a bucket never fetched, or about a directory, of which everybody may hold another copy.
//! Specified in poste-protocol(7), Keys of cells.

use crate::client::env::Env;
use crate::client::error::Error;
use crate::client::own;
use crate::core::bucket::{Bucket, CELL, Class, Prefix};
use crate::core::cell::{self, Cell, Chunk, Kind, PairTags};
use crate::core::clock::Clock;
use crate::core::plan::{Get, Node};
use crate::core::random::below;
use crate::core::time::{DAY, Time};
use crate::store::lock::StateLock;
use crate::store::loops::{Looping, Loops};

/// A loop cell that may go.
#[derive(Clone, Debug)]
pub struct Loop {
    /// To which node.
    pub node: String,
    /// Into which bucket.
    pub bucket: Bucket,
    /// The cell.
    pub cell: Cell,
    digits: Prefix,
    number: u32,
}

/// A loop cell for each relay of those one listens on that took none today.
pub fn due(env: &mut Env<'_>, listening: &[Node], class: Class) -> Result<Vec<Loop>, Error> {
    let now = env.now();
    let mut loops = Loops::load(env.home.places())?;
    let digits = own::load(env)?.card.listen;
    let bucket = Bucket::at(class, now);
    let mut due = Vec::new();
    for node in listening.iter().filter(|node| !node.directory) {
        if loops.sent.get(&node.url) == Some(&now.day()) {
            continue;
        }
        let number = below(env.rng, 1 << 32) as u32;
        let chunk = Chunk::looping(env.rng);
        let secret = loops.secret(env.rng).clone();
        let cell = cell::pair(&secret, bucket, number, digits, &chunk, env.rng);
        due.push(Loop { node: node.url.clone(), bucket, cell, digits, number });
    }
    // The secret is on disk before a cell made with it leaves.
    if !due.is_empty() {
        loops.save(env.home.places())?;
    }
    Ok(due)
}

/// Writes down those that are about to leave.
pub fn begin(env: &Env<'_>, _lock: &StateLock, going: &[Loop]) -> Result<(), Error> {
    if going.is_empty() {
        return Ok(());
    }
    let mut loops = Loops::load(env.home.places())?;
    loops.out.extend(going.iter().map(written));
    Ok(loops.save(env.home.places())?)
}

/// Records which of them their nodes took.
pub fn taken(
    env: &Env<'_>,
    _lock: &StateLock,
    gone: &[Loop],
    is_taken: &dyn Fn(&Cell) -> bool,
) -> Result<(), Error> {
    let gone: Vec<&Loop> = gone.iter().filter(|looping| is_taken(&looping.cell)).collect();
    if gone.is_empty() {
        return Ok(());
    }
    let mut loops = Loops::load(env.home.places())?;
    for looping in gone {
        loops.sent.insert(looping.node.clone(), env.now().day());
        let written = written(looping);
        loops.out.iter_mut().filter(|out| **out == written).for_each(|out| out.taken = true);
    }
    Ok(loops.save(env.home.places())?)
}

/// The cells that a node took for a bucket that is closed, and whether they are among those that
/// it gives for these digits.
pub fn looked_for(loops: &Loops, get: &Get, digits: Prefix, cells: &[u8]) -> Vec<(Looping, bool)> {
    let Some(secret) = loops.known_secret() else { return Vec::new() };
    let name = get.bucket.to_string();
    let asked = digits.to_string();
    let here = |out: &&Looping| {
        out.taken && out.node == get.node && out.bucket == name && out.digits.starts_with(&asked)
    };
    let tags = PairTags::new(secret, get.bucket);
    let is_there = |out: &Looping| {
        let tag = tags.tag(out.number);
        cells.as_chunks::<CELL>().0.iter().any(|cell| {
            let opened = || cell::open_pair(cell, secret, get.bucket, out.number);
            // All but the 12 clear bits; most cells need no more to be told apart.
            cell[2..16] == tag[2..]
                && matches!(opened(), Some(Ok(chunk)) if chunk.kind == Kind::Loop)
        })
    };
    loops.out.iter().filter(here).map(|out| (out.clone(), is_there(out))).collect()
}

/// Settles what was looked for. Gives the nodes that lost a cell.
pub fn conclude(
    env: &Env<'_>,
    _lock: &StateLock,
    found: &[(Looping, bool)],
    clock: Clock,
) -> Result<Vec<String>, Error> {
    let now = env.now();
    let mut loops = Loops::load(env.home.places())?;
    let before = loops.out.len() + loops.losing.len() + loops.sent.len();
    let mut lost = Vec::new();
    for (looping, is_there) in found {
        loops.out.retain(|out| out != looping);
        if !is_there && clock == Clock::Good {
            loops.losing.insert(looping.node.clone(), now + DAY);
            lost.push(looping.node.clone());
        }
    }
    loops.forget(now);
    if !found.is_empty() || before != loops.out.len() + loops.losing.len() + loops.sent.len() {
        loops.save(env.home.places())?;
    }
    Ok(lost)
}

/// Nodes that letters avoid at present, and until when.
pub fn losing(env: &Env<'_>) -> Result<Vec<(String, Time)>, Error> {
    let loops = Loops::load(env.home.places())?;
    Ok(loops.losing(env.now()).map(|(node, until)| (node.to_owned(), until)).collect())
}

fn written(looping: &Loop) -> Looping {
    Looping {
        node: looping.node.clone(),
        bucket: looping.bucket.to_string(),
        digits: looping.digits.to_string(),
        number: looping.number,
        taken: false,
    }
}
