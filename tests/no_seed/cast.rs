//! Who attacks, with what, and what is true: three people with all their keys, and forgeries of one
//! kind or another made with what the attacker has.

use crate::world::Dice;
use poste::core::auth::{MacKey, Terms};
use poste::core::bucket::{Class, Prefix};
use poste::core::card::{Card, Disclosed, Retired, SignedCard};
use poste::core::chain::Chain;
use poste::core::filed::{self, Filed, Head};
use poste::core::hybrid::HybridSecret;
use poste::core::keys::{DhPublic, DhSecret, LetterId, Seed, SignPublic, SignSecret};
use poste::core::letter::Control;
use poste::core::time::{DAY, Day, HOUR, Time};
use proptest::prelude::*;

/// Somebody's keys, all of them.
#[derive(Clone)]
pub struct Keys {
    pub sign: SignPublic,
    /// The series, newest first: the day it began, its chain and DH key.
    pub series: Vec<(Day, Chain, DhSecret)>,
}

/// The three people: alice whose messages are forged, bob who reads them, and carol, with whose
/// help it is done.
pub struct Cast {
    pub alice: Keys,
    pub bob: Keys,
    pub carol: Keys,
}

/// What the attacker takes for the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The newest public seed of alice's series, or of the one that she gave up.
    Public(usize),
    /// All of the series that she gave up.
    Stolen,
    /// Nothing: a key drawn at random.
    Drawn,
    /// Carol's day key in place of alice's.
    CarolWrites,
    /// The key of what alice writes to carol.
    ToCarol,
    /// The same, in the name of bob with carol's DH key.
    AsBob,
    /// The key of what bob writes to alice, once that is public.
    Backwards,
    /// A genuine message, which is then changed.
    Genuine,
}

#[derive(Clone, Debug)]
pub struct Attack {
    /// When it happens, in seconds after the series was given up.
    pub at: u64,
    /// The day it is dated, counted from then.
    pub day: i64,
    pub source: Source,
    pub changes: Vec<(u8, u16)>,
    pub seed: u64,
}

pub fn attack() -> impl Strategy<Value = Attack> {
    let day = prop_oneof![6 => -4..=2i64, 4 => -14..-4i64, 1 => -400..-14i64];
    let source = prop_oneof![
        4 => Just(Source::Public(0)),
        3 => Just(Source::Public(1)),
        2 => Just(Source::Stolen),
        1 => Just(Source::Drawn),
        1 => Just(Source::CarolWrites),
        1 => Just(Source::ToCarol),
        1 => Just(Source::AsBob),
        1 => Just(Source::Backwards),
        3 => Just(Source::Genuine),
    ];
    let changes = prop_oneof![
        2 => Just(Vec::new()),
        1 => proptest::collection::vec((0..8u8, any::<u16>()), 1..3)
    ];
    (0..14 * DAY, day, source, changes, any::<u64>()).prop_map(
        |(at, day, source, changes, seed)| {
            let changes = match (source, changes.is_empty()) {
                (Source::Genuine, true) => vec![(seed as u8 % 8, (seed >> 8) as u16)],
                _ => changes,
            };
            Attack { at, day, source, changes, seed }
        },
    )
}

/// The newest day whose seed is public at a moment.
pub fn public_at(now: Time) -> Day {
    Time::from_unix(now.unix() - 2 * HOUR).day().minus(2)
}

impl Keys {
    pub fn new(seed: u64, begun: &[Day]) -> (SignSecret, Keys) {
        let mut dice = Dice(seed);
        let sign = SignSecret::generate(&mut dice);
        let series = begun
            .iter()
            .map(|day| (*day, Chain::generate(*day, &mut dice), DhSecret::generate(&mut dice)));
        // As far as any test goes, from where the past is a few steps away.
        let near = |(day, chain, dh): (Day, Chain, DhSecret)| {
            (day, chain.until(begun[0].plus(100)).unwrap(), dh)
        };
        let series = series.map(near).collect();
        (sign.clone(), Keys { sign: sign.public(), series })
    }

    /// The card at a moment, with what is disclosed then.
    pub fn card(&self, sign: &SignSecret, now: Time) -> SignedCard {
        let (begun, chain, dh) = &self.series[0];
        let newest = public_at(now);
        let first = newest.minus(1).max(*begun);
        let is_out = newest >= *begun;
        let retired = self.series[1..].iter().filter(|_| is_out);
        let retired = retired.map(|(first, chain, dh)| Retired {
            series: first.start() + 9 * HOUR,
            dh: dh.public(),
            date: *begun,
            seed: chain.seed(*begun).unwrap(),
        });
        let mut dice = Dice(5);
        let card = Card {
            issued: now,
            expires: now + 90 * DAY,
            name: String::new(),
            sign: self.sign,
            series: begun.start() + 12 * HOUR,
            dh: dh.public(),
            first_day: first,
            days: chain.day_keys(first, 30).iter().map(DhSecret::public).collect(),
            prekey: HybridSecret::generate(&mut dice).public(),
            prekey_until: now.day().plus(14),
            urls: Vec::new(),
            nodes: Vec::new(),
            listen: Prefix::default(),
            class: Class::Hourly,
            stamp_bits: 0,
            cover: false,
            retired: retired.collect(),
            end: false,
        };
        let seed = chain.seed(newest).unwrap();
        let disclosed = is_out.then_some(Disclosed { date: newest, seed });
        card.sign(sign, disclosed.as_ref()).unwrap()
    }

    /// The real keys of a day: those of the series in force, two on the day that two share.
    pub fn in_force(&self, day: Day) -> Vec<DhSecret> {
        let newest = self.series.iter().position(|(begun, ..)| *begun <= day);
        let newest = newest.unwrap_or(self.series.len() - 1);
        let shared = self.series[newest].0 == day && newest + 1 < self.series.len();
        let last = newest + usize::from(shared);
        self.series[newest..=last].iter().filter_map(|(_, chain, _)| chain.day_key(day)).collect()
    }

    pub fn dh(&self) -> &DhSecret {
        &self.series[0].2
    }
}

impl Cast {
    fn terms(&self, day_key: DhPublic, day: Day) -> Terms {
        let (author, reader) = (self.alice.sign, self.bob.sign);
        Terms { author, day_key, day, reader, reader_dh: self.bob.dh().public() }
    }

    /// The key that the attacker uses, and whether he has the seed of the day or of a later one.
    pub fn key(&self, attack: &Attack, now: Time, day: Day) -> (MacKey, bool) {
        let mut dice = Dice(attack.seed);
        let newest = public_at(now);
        let by_day_key = |secret: &DhSecret| {
            MacKey::by_day_key(&self.terms(secret.public(), day), secret).unwrap()
        };
        // From a seed of an earlier day none of a later one follows: its own is the best there is.
        let from = |chain: &Chain, last: Day| {
            let seed: Seed = chain.seed(day.min(last)).unwrap();
            by_day_key(&seed.day_key(day))
        };
        let real = self.alice.in_force(day).swap_remove(0);
        let (begun, chain, _) = &self.alice.series[0];
        let old = self.alice.series.get(1);
        let drawn = DhSecret::generate(&mut dice);
        match (attack.source, old) {
            (Source::Public(0), _) if newest >= *begun => {
                let in_force = old.is_none() || day >= *begun;
                (from(chain, newest), day <= newest && in_force)
            }
            (Source::Public(_), Some((_, chain, _))) if newest >= *begun => {
                (from(chain, *begun), day <= *begun)
            }
            (Source::Stolen, Some((_, chain, _))) => (from(chain, day), day <= *begun),
            (Source::CarolWrites, _) => (by_day_key(&self.carol.in_force(day)[0]), false),
            (Source::ToCarol | Source::AsBob, _) => {
                let carol = self.carol.dh();
                let mut terms =
                    Terms { reader_dh: carol.public(), ..self.terms(real.public(), day) };
                if attack.source == Source::ToCarol {
                    terms.reader = self.carol.sign;
                }
                (MacKey::by_reader(&terms, carol).unwrap(), false)
            }
            (Source::Backwards, _) => {
                let secret = self.bob.in_force(day.min(newest)).swap_remove(0);
                let terms = Terms {
                    author: self.bob.sign,
                    day_key: secret.public(),
                    day,
                    reader: self.alice.sign,
                    reader_dh: self.alice.dh().public(),
                };
                (MacKey::by_day_key(&terms, &secret).unwrap(), false)
            }
            // Whatever is changed, it does not become his.
            (Source::Genuine, _) => (by_day_key(&real), false),
            _ => (by_day_key(&drawn), false),
        }
    }

    /// The message as a letter and as a filed message; none that is a genuine one as it was.
    pub fn forged(&self, attack: &Attack, day: Day, key: &MacKey) -> [Option<Vec<u8>>; 2] {
        let mut dice = Dice(attack.seed);
        let (from, to) = (self.alice.sign.fingerprint(), self.bob.sign.fingerprint());
        let (id, date) = (LetterId::generate(&mut dice), day.start() + 10 * HOUR);
        let head = Head { id, day, from, to: vec![to], date, group: None };
        let mail =
            b"Message-ID: <0123456789abcdef0123456789abcdef@poste>\nSubject: x\n\nyes, I did\n";
        let filed = filed::write(&head, mail, key).unwrap();
        let letter = Control::new(id, from, date, day).write(mail, key).unwrap().to_vec();
        [letter, filed].map(|was| {
            let mut bytes = was.clone();
            attack.changes.iter().for_each(|change| apply(&mut bytes, *change, &head));
            (attack.source != Source::Genuine || bytes != was).then_some(bytes)
        })
    }

    /// Whether a filed message is what alice could have made for bob.
    pub fn is_genuine(&self, message: &[u8]) -> bool {
        let Ok(filed) = Filed::read(message) else { return false };
        let alice = self.alice.sign.fingerprint();
        let day = filed.head.day;
        let mut keys = self.alice.in_force(day).into_iter();
        filed.head.from == alice
            && keys.any(|secret| {
                let terms = self.terms(secret.public(), day);
                filed.holds(&MacKey::by_day_key(&terms, &secret).unwrap())
            })
    }
}

/// Changes something in a message, which may by chance be no change.
fn apply(bytes: &mut Vec<u8>, (what, at): (u8, u16), head: &Head) {
    let swap = |bytes: &mut Vec<u8>, one: &str, other: &str| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let text = text.replace(one, "\0").replace(other, one).replace('\0', other);
        *bytes = text.into_bytes();
    };
    let at = usize::from(at);
    match what {
        0 => {
            let at = at % bytes.len();
            bytes[at] ^= 1 << (at % 7);
        }
        1 => bytes.truncate(bytes.len() - 1 - at % 8),
        2 => bytes.extend_from_slice(b"and more\n"),
        3 => swap(bytes, &head.id.to_string(), &format!("{at:032x}")),
        4 => swap(bytes, &head.day.to_string(), &head.day.plus(1 + at as u32 % 5).to_string()),
        5 => swap(bytes, &head.from.to_string(), &head.to[0].to_string()),
        6 => swap(bytes, "yes", "no"),
        _ => swap(bytes, " 10:00:00", " 11:00:00"),
    }
}
