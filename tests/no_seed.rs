//! No forgery without the seed is accepted, and every one with it is: attackers drawn at random, who
//! have the cards, all seeds that are public at the time, a stolen series that was given up, the
//! keys of other pairs, and genuine messages to change (poste-protocol(7), Day keys and
//! Authentication). What arrives is never authentic; what lies in a tree verifies if, and only if,
//! whoever made it had the seed of its day or of a later one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::arrive::{self, Outcome};
use poste::client::desk::Desk;
use poste::client::parties::Parties;
use poste::client::verify::{Answer, Makers, verify_by_cards};
use poste::core::auth::{MacKey, Terms};
use poste::core::bucket::{Class, Prefix};
use poste::core::card::{Card, Disclosed, Retired, SignedCard};
use poste::core::chain::Chain;
use poste::core::filed::{self, Filed, Head};
use poste::core::hybrid::HybridSecret;
use poste::core::judge::{Arrival, Author, Reader, Verdict, judge};
use poste::core::keys::{DhPublic, DhSecret, LetterId, Seed, SignPublic, SignSecret};
use poste::core::letter::{Control, Letter};
use poste::core::party::Party;
use poste::core::time::{DAY, Day, HOUR, Time};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::cell::RefCell;
use world::{Dice, World, acquainted};

/// Somebody's keys, all of them.
#[derive(Clone)]
struct Keys {
    sign: SignPublic,
    /// The series, newest first: the day it began, its chain and DH key.
    series: Vec<(Day, Chain, DhSecret)>,
}

/// The three people: alice whose messages are forged, bob who reads them, and carol, with whose
/// help it is done.
struct Cast {
    alice: Keys,
    bob: Keys,
    carol: Keys,
}

/// What the attacker takes for the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
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
struct Attack {
    /// When it happens, in seconds after the series was given up.
    at: u64,
    /// The day it is dated, counted from then.
    day: i64,
    source: Source,
    changes: Vec<(u8, u16)>,
    seed: u64,
}

fn attack() -> impl Strategy<Value = Attack> {
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

fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// The newest day whose seed is public at a moment.
fn public_at(now: Time) -> Day {
    Time::from_unix(now.unix() - 2 * HOUR).day().minus(2)
}

impl Keys {
    fn new(seed: u64, begun: &[Day]) -> (SignSecret, Keys) {
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
    fn card(&self, sign: &SignSecret, now: Time) -> SignedCard {
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
    fn in_force(&self, day: Day) -> Vec<DhSecret> {
        let newest = self.series.iter().position(|(begun, ..)| *begun <= day);
        let newest = newest.unwrap_or(self.series.len() - 1);
        let shared = self.series[newest].0 == day && newest + 1 < self.series.len();
        let last = newest + usize::from(shared);
        self.series[newest..=last].iter().filter_map(|(_, chain, _)| chain.day_key(day)).collect()
    }

    fn dh(&self) -> &DhSecret {
        &self.series[0].2
    }
}

impl Cast {
    fn terms(&self, day_key: DhPublic, day: Day) -> Terms {
        let (author, reader) = (self.alice.sign, self.bob.sign);
        Terms { author, day_key, day, reader, reader_dh: self.bob.dh().public() }
    }

    /// The key that the attacker uses, and whether he has the seed of the day or of a later one.
    fn key(&self, attack: &Attack, now: Time, day: Day) -> (MacKey, bool) {
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
    fn forged(&self, attack: &Attack, day: Day, key: &MacKey) -> [Option<Vec<u8>>; 2] {
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
    fn is_genuine(&self, message: &[u8]) -> bool {
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

#[test]
fn only_who_has_the_seed_makes_what_verifies() {
    let renewed: Day = "2026-11-12".parse().unwrap();
    let (sign, alice) = Keys::new(1, &[renewed, renewed.minus(60)]);
    let (bobs, bob) = Keys::new(2, &[renewed.minus(50)]);
    let (_, carol) = Keys::new(3, &[renewed.minus(50)]);
    let cast = Cast { alice, bob, carol };
    let (accepted, refused) = (RefCell::new(0), RefCell::new(0));
    runner(2200)
        .run(&attack(), |attack| {
            let now = renewed.start() + 12 * HOUR + attack.at;
            let day = match attack.day {
                ago @ ..0 => now.day().minus(ago.unsigned_abs() as u32),
                later => now.day().plus(later as u32),
            };
            let (key, has_seed) = cast.key(&attack, now, day);
            let [letter, filed] = cast.forged(&attack, day, &key);
            let reader = Reader { sign: cast.bob.sign, dh: cast.bob.dh() };
            if let Some(Ok(letter)) = letter.as_deref().map(Letter::read) {
                let listed = cast.alice.series[0].1.day_key(letter.control.day);
                let day_key = listed.map(|secret| secret.public());
                // Whatever of the disclosures bob has heard.
                for held in [None, Some(public_at(now).minus(1)), Some(public_at(now))] {
                    let author = Author { sign: cast.alice.sign, day_key, held };
                    let arrival = Arrival { stored: now, clock_is_good: true };
                    let verdict = judge(&letter, &author, &reader, arrival);
                    prop_assert_ne!(verdict, Verdict::Authentic);
                }
            }
            let Some(filed) = filed else { return Ok(()) };
            let cards = (cast.alice.card(&sign, now), cast.bob.card(&bobs, now));
            let truth = cast.is_genuine(&filed);
            prop_assert!(!truth || has_seed, "made without the seed");
            if attack.changes.is_empty() {
                prop_assert_eq!(truth, has_seed);
            }
            let public = verify_by_cards(&cards.0, &cards.1, &filed);
            let public = public.map(|verdict| (verdict.holds, verdict.makers));
            if truth && public_seed(&attack) {
                prop_assert_eq!(public.unwrap(), (Answer::Yes, Makers::Anyone));
                *accepted.borrow_mut() += 1;
            } else if !truth {
                prop_assert!(!matches!(public, Ok((Answer::Yes, _))));
                *refused.borrow_mut() += 1;
            }
            let (begun, chain, dh) = &cast.bob.series[0];
            let party = Party::of_card(&cards.1.card, None);
            let own = party.and_secrets(begun.start() + 12 * HOUR, dh, chain);
            let known = Party::of_card(&cards.0.card, cards.0.disclosed.as_ref());
            let bob = Parties::of([known, own]);
            let holds = Filed::read(&filed).ok().and_then(|filed| bob.holds(&filed));
            prop_assert!(holds != Some(true) || truth, "bob is deceived");
            Ok(())
        })
        .unwrap();
    let (accepted, refused) = (accepted.into_inner(), refused.into_inner());
    assert!(accepted > 150 && refused > 1000, "{accepted} accepted, {refused} refused");
}

fn public_seed(attack: &Attack) -> bool {
    matches!(attack.source, Source::Public(_))
}

#[test]
fn nothing_that_arrives_so_is_filed() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let carol = world::Person::new(&world, "carol", 3, &[]);
    bob.add("carol", &carol);
    for _ in 0..4 {
        world.pass(DAY);
        [&alice, &bob].into_iter().for_each(|who| drop(who.sync()));
    }
    assert!(bob.contact("alice").held_day().is_some(), "something is disclosed");
    let keys = |person: &world::Person<'_>| {
        let (card, transit) = (person.card().card, person.transit());
        let chain = transit.chain().until(world.now().day().plus(10)).unwrap();
        Keys { sign: card.sign, series: vec![(card.series.day(), chain, transit.series.dh)] }
    };
    let cast = Cast { alice: keys(&alice), bob: keys(&bob), carol: keys(&carol) };
    let now = world.now();
    let before = bob.list(None).len();
    let tried = RefCell::new(0);
    runner(300)
        .run(&attack(), |attack| {
            let day = match attack.day {
                ago @ ..0 => now.day().minus(ago.unsigned_abs() as u32),
                later => now.day().plus(later as u32),
            };
            let (key, _) = cast.key(&attack, now, day);
            let [Some(letter), _] = cast.forged(&attack, day, &key) else { return Ok(()) };
            let arrival = Arrival { stored: now, clock_is_good: true };
            let outcome = bob.with(|env| {
                let mut desk = Desk::open(env).unwrap();
                arrive::take(env, &mut desk, &letter, arrival).unwrap()
            });
            let kept = matches!(
                outcome,
                Outcome::Dropped(_) | Outcome::Quarantined { .. } | Outcome::Waiting
            );
            prop_assert!(kept, "{outcome:?}");
            *tried.borrow_mut() += usize::from(matches!(outcome, Outcome::Quarantined { .. }));
            Ok(())
        })
        .unwrap();
    assert_eq!(bob.list(None).len(), before, "but for the quarantine");
    assert!(tried.into_inner() > 150);
    // And the measure itself: what alice does write arrives.
    let genuine = alice.letter(&bob, now.day(), "Subject: y\n\nyes\n", |_| {});
    let outcome = bob.with(|env| {
        let mut desk = Desk::open(env).unwrap();
        arrive::take(env, &mut desk, &genuine, Arrival { stored: now, clock_is_good: true })
    });
    assert!(matches!(outcome.unwrap(), Outcome::Filed { .. }));
}
