//! Cells of each kind, as the program makes them from what people write: letters by an offer and as
//! a stranger, with the control data that such letters carry, enclosures, loops, and cover.

use crate::cast::Keys;
use crate::texts;
use crate::world::Dice;
use poste::core::auth::{MacKey, Terms};
use poste::core::bucket::{Bucket, Class, Prefix};
use poste::core::card::Disclosed;
use poste::core::cell::{self, Cell, Chunk, Kind};
use poste::core::hybrid::HybridSecret;
use poste::core::keys::{DhSecret, LetterId, PairSecret, SignSecret};
use poste::core::letter::{Control, Offer};
use poste::core::random::{below, bytes};
use poste::core::stamp::Stamp;
use poste::core::time::{DAY, Day, HOUR, MINUTE, Time};
use poste::core::{parts, seal};
use rayon::prelude::*;

/// Letters of which the cells are made, and enclosures.
const LETTERS: u64 = 400;
const ENCLOSURES: u64 = 40;

/// A kind of cells that must not be told from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Pair,
    Stranger,
    Enclosure,
    Loop,
    Cover,
}

/// The sorts that are not cover.
pub const REAL: [Sort; 4] = [Sort::Pair, Sort::Stranger, Sort::Enclosure, Sort::Loop];

/// What cells are made of.
pub struct Post {
    pairs: Vec<Chunk>,
    strangers: Vec<Chunk>,
    enclosures: Vec<Chunk>,
}

fn today() -> Day {
    "2026-11-22".parse().unwrap()
}

impl Post {
    /// Everything that a few authors write on a day.
    pub fn new() -> Post {
        let authors: Vec<(SignSecret, Keys)> =
            (1..5).map(|seed| Keys::new(seed, &[today().minus(20)])).collect();
        let of = |number: u64| &authors[number as usize % authors.len()];
        let letters = |first: bool| -> Vec<Chunk> {
            let each = (0..LETTERS).into_par_iter();
            each.flat_map_iter(|number| letter(of(number), number, first)).collect()
        };
        let enclosures = (0..ENCLOSURES).into_par_iter().flat_map_iter(enclosure).collect();
        Post { pairs: letters(false), strangers: letters(true), enclosures }
    }

    /// The cell of a sort and number. Each goes to somebody else, whose digits are as many as
    /// anybody chooses; one part of a letter in several is as good as another.
    pub fn cell(&self, sort: Sort, number: usize) -> Cell {
        let rng = &mut Dice((number as u64) << 8 | sort as u64);
        let hour = today().start() + (number as u64 / 500 % 24) * HOUR;
        let class = if number.is_multiple_of(9) { Class::Daily } else { Class::Hourly };
        let bucket = Bucket::at(class, hour);
        let (secret, n) = (PairSecret::generate(rng), below(rng, 128) as u32);
        let length = below(rng, 4) as usize;
        let digits = Prefix::of(&bytes(rng), length);
        let any = |chunks: &[Chunk]| chunks[number % chunks.len()].clone();
        let pair =
            |chunk: Chunk, rng: &mut Dice| cell::pair(&secret, bucket, n, digits, &chunk, rng);
        match sort {
            Sort::Pair => pair(any(&self.pairs), rng),
            Sort::Enclosure => pair(any(&self.enclosures), rng),
            Sort::Loop => pair(Chunk::looping(rng), rng),
            Sort::Stranger => {
                let to = DhSecret::generate(rng).public();
                cell::stranger(&to, bucket, digits, &any(&self.strangers), rng)
            }
            Sort::Cover => cell::cover(rng),
        }
    }

    /// The first cells of each of these sorts in turn, with what is done to each.
    pub fn cells(&self, sorts: &[Sort], count: usize, plant: fn(usize, &mut Cell)) -> Vec<Cell> {
        let make = |number: usize| {
            let mut cell = self.cell(sorts[number % sorts.len()], number);
            plant(number, &mut cell);
            cell
        };
        (0..count).into_par_iter().map(make).collect()
    }
}

/// The parts of one letter: of a `first` one, with card, offer and stamp, or of a later one with
/// what rides along now and then.
fn letter((sign, author): &(SignSecret, Keys), number: u64, first: bool) -> Vec<Chunk> {
    let rng = &mut Dice(number << 1 | u64::from(first));
    let to = SignSecret::generate(rng).public();
    let now = today().start() + 9 * HOUR + number * MINUTE;
    let id = LetterId::generate(rng);
    let mut control = Control::new(id, author.sign.fingerprint(), now, today());
    if first {
        control.card = Some(author.card(sign, now).text().to_owned());
        control.stamp = Some(Stamp::find(&to, &author.sign, &id, 6));
    } else {
        control.card_seen = now.minute();
        control.offer_seen = Time::from_unix(now.unix() - DAY);
        control.acks = (0..below(rng, 4)).map(|_| LetterId::generate(rng)).collect();
        let seed = author.series[0].1.seed(today().minus(3)).unwrap();
        control.disclosed = Some(Disclosed { date: today().minus(3), seed });
    }
    if first || number.is_multiple_of(5) {
        let (prekey, secret) = (HybridSecret::generate(rng).public(), PairSecret::generate(rng));
        let nodes = vec!["https://relay.example".to_owned()];
        control.offer = Some(Offer { made: now, prekey, secret, nodes });
    }
    let key = author.in_force(today()).swap_remove(0);
    let terms = Terms {
        author: author.sign,
        day_key: key.public(),
        day: today(),
        reader: to,
        reader_dh: DhSecret::generate(rng).public(),
    };
    let mail = texts::mail(number, &[], false);
    let mail = if mail.len() > 40_000 { texts::mail(0, &[], false) } else { mail };
    let letter = control.write(&mail, &MacKey::by_day_key(&terms, &key).unwrap()).unwrap();
    let prekey = HybridSecret::generate(rng).public();
    let sealed = seal::seal_for_cells(&prekey, &letter, rng);
    parts::split(&sealed, Kind::Letter, bytes(rng)).unwrap()
}

/// The cells of one enclosure.
fn enclosure(number: u64) -> Vec<Chunk> {
    let rng = &mut Dice(number ^ 0xe0_0000);
    let mut mail = texts::mail(number * 10 + 8, &[], false);
    mail.resize(70_000 + below(rng, 50_000) as usize, b'=');
    let sealed = seal::seal(&HybridSecret::generate(rng).public(), &mail, rng);
    parts::split(&sealed, Kind::Enclosure, bytes(rng)).unwrap()
}
