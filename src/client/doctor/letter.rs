//! A letter to oneself: authenticated, sealed, cut into the cells of a stranger, found, joined, opened
//! and judged with one's own keys, by the functions that every letter goes through. It says nothing,
//! is of the kind that is never filed, and what a sync would find of it, it drops as one's own.
//! Specified in poste-protocol(7), Letter, Cell and Receiving.

use super::Check;
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::core::attempt;
use crate::core::bucket::{Bucket, CELL, Class};
use crate::core::card::Card;
use crate::core::cell::{self, Cell};
use crate::core::hybrid::HybridSecret;
use crate::core::judge::{self, Arrival, Author, Reader, Verdict};
use crate::core::keys::LetterId;
use crate::core::letter::{self, Control, Letter};
use crate::core::parts::Joiner;
use crate::core::{scan, seal};
use crate::store::keyring::Transit;

/// Bytes of the letter at most.
const LIMIT: usize = 16 * CELL;

/// A letter to oneself, ready to be posted.
pub(super) struct Probe {
    id: LetterId,
    bucket: Bucket,
    /// Its cells.
    pub cells: Vec<Cell>,
}

impl Probe {
    /// Makes it for a bucket.
    pub fn make(
        env: &mut Env<'_>,
        card: &Card,
        transit: &Transit,
        bucket: Bucket,
    ) -> Result<Probe, Error> {
        let id = LetterId::generate(env.rng);
        let control = Control {
            kind: letter::Kind::Control,
            card_seen: card.issued,
            ..Control::new(id, card.fingerprint(), env.now().minute(), bucket.day())
        };
        let author = attempt::Author { sign: card.sign, chain: &transit.chain() };
        let key = attempt::mac_key(author, card, bucket.day())?;
        let sealed = attempt::sealed(&control, b"", &key, &card.prekey, env.rng)?;
        let chunks = attempt::chunks(&sealed, env.rng)?;
        let cell = |chunk| cell::stranger(&card.dh, bucket, card.listen, chunk, env.rng);
        Ok(Probe { id, bucket, cells: chunks.iter().map(cell).collect() })
    }

    /// Finds it among the cells of its bucket, opens and judges it. `None` if it is not there.
    pub fn find(
        &self,
        env: &mut Env<'_>,
        card: &Card,
        transit: &Transit,
        cells: &[u8],
    ) -> Option<Verdict> {
        let secrets: Vec<&HybridSecret> = transit.prekey.iter().map(|p| &p.secret).collect();
        let now = env.now();
        let found = scan::scan(cells, self.bucket, &[], &transit.series.dh);
        let mut joiner = Joiner::default();
        let joined = found.chunks.into_iter().filter_map(|(how, c)| joiner.add(how, c, env.rng));
        let plain =
            joined.filter_map(|joined| seal::open_any(&secrets, &joined.sealed, LIMIT).ok());
        let day = self.bucket.day();
        for (_, plain) in plain {
            let Ok(letter) = Letter::read(&plain) else { continue };
            if letter.control.id != self.id {
                continue;
            }
            let author = Author { sign: card.sign, day_key: card.day_key(day), held: None };
            let reader = Reader { sign: card.sign, dh: &transit.series.dh };
            // Whether the clock is good is another check's business.
            let arrival = Arrival { stored: now, clock_is_good: true };
            return Some(judge::judge(&letter, &author, &reader, arrival));
        }
        None
    }
}

/// What a verdict on one's own letter means; `how` it travelled.
pub(super) fn judged(verdict: Option<Verdict>, how: &str) -> Check {
    let data = |what: String| Error::new(Kind::Data, what);
    match verdict {
        Some(Verdict::Authentic) => Check::ok("letter", format!("to oneself, {how}: authentic")),
        Some(Verdict::Unlisted) => {
            let what = format!("to oneself, {how}: the card does not list its day");
            Check::fail("letter", data(what), "poste publish")
        }
        Some(Verdict::Unproven(why)) => {
            let what = format!("to oneself, {how}: unproven: {why}");
            Check::fail("letter", data(what), "poste publish")
        }
        None => {
            let what = format!("to oneself, {how}: it does not open");
            Check::fail(
                "letter",
                data(what),
                "restore keys/transit.toml and card.toml from one backup",
            )
        }
    }
}

/// A letter that does not leave this machine.
pub(super) fn by_oneself(env: &mut Env<'_>, card: &Card, transit: &Transit) -> Check {
    let bucket = Bucket::at(Class::Daily, env.now());
    match Probe::make(env, card, transit, bucket) {
        Ok(probe) => {
            let verdict = probe.find(env, card, transit, probe.cells.as_flattened());
            judged(verdict, "made and opened here")
        }
        Err(error) => Check::fail("letter", error, "poste publish"),
    }
}
