use super::*;
use crate::core::bucket::{Class, Prefix};
use crate::core::card::Retired;
use crate::core::chain::Chain;
use crate::core::hybrid::HybridSecret;
use crate::core::keys::{LetterId, SignSecret};
use crate::core::random::fixed::Fixed;

struct Person {
    card: Card,
    dh: DhSecret,
    chain: Chain,
}

fn today() -> Day {
    "2026-11-22".parse().unwrap()
}

fn person(seed: u64) -> Person {
    let mut rng = Fixed::new(seed);
    let sign = SignSecret::generate(&mut rng);
    let dh = DhSecret::generate(&mut rng);
    let chain = Chain::generate(today().minus(30), &mut rng);
    let card = Card {
        issued: today().start(),
        expires: today().plus(90).start(),
        name: String::new(),
        sign: sign.public(),
        series: today().minus(30).start() + 9 * 3600,
        dh: dh.public(),
        first_day: today().minus(2),
        days: chain.day_keys(today().minus(2), 20).iter().map(DhSecret::public).collect(),
        prekey: HybridSecret::generate(&mut rng).public(),
        prekey_until: today(),
        urls: Vec::new(),
        nodes: Vec::new(),
        listen: Prefix::default(),
        class: Class::Hourly,
        stamp_bits: 0,
        cover: false,
        retired: Vec::new(),
        end: false,
    };
    Person { card, dh, chain }
}

impl Person {
    fn public(&self) -> Party {
        Party::of_card(&self.card, None)
    }

    fn own(&self) -> Party {
        let (last, seed) = (self.chain.last(), self.chain.last_seed());
        self.public().and_secrets(self.card.series, &self.dh, last, seed)
    }

    fn disclosed(&self, day: Day) -> Party {
        let disclosed = Disclosed { date: day, seed: self.chain.seed(day).unwrap() };
        Party::of_card(&self.card, Some(&disclosed))
    }
}

fn macs(author: &Party, reader: &Party, day: Day) -> Vec<[u8; 32]> {
    let id = LetterId::generate(&mut Fixed::new(7));
    mac_keys(author, reader, day).iter().map(|key| key.filed(&id, b"text")).collect()
}

#[test]
fn author_reader_and_after_disclosure_anybody_get_one_key() {
    let (alice, bob) = (person(1), person(2));
    let day = today().minus(2);
    let by_author = macs(&alice.own(), &bob.public(), day);
    assert_eq!(by_author.len(), 1);
    assert_eq!(by_author, macs(&alice.public(), &bob.own(), day));
    assert_eq!(by_author, macs(&alice.disclosed(day), &bob.public(), day));
    assert!(macs(&alice.public(), &bob.public(), day).is_empty(), "nobody else, before");
    assert!(macs(&alice.disclosed(day), &bob.public(), day.plus(1)).is_empty());
    assert_ne!(by_author, macs(&bob.own(), &alice.public(), day), "the other direction");
}

#[test]
fn a_seed_gives_days_long_before_the_card_and_the_series() {
    let (alice, bob) = (person(1), person(2));
    let long_ago = today().minus(400);
    let anybody = macs(&alice.disclosed(today()), &bob.public(), long_ago);
    assert_eq!(anybody, macs(&alice.own(), &bob.public(), long_ago));
    assert_eq!(anybody.len(), 1);
}

#[test]
fn each_day_has_its_series_and_the_shared_day_has_both() {
    let (old, bob) = (person(1), person(2));
    let mut new = person(3);
    let renewed = today().start() + 12 * 3600;
    let before = macs(&old.own(), &bob.public(), today().minus(1));
    new.card = Card {
        sign: old.card.sign,
        series: renewed,
        retired: vec![Retired {
            series: old.card.series,
            dh: old.card.dh,
            date: today(),
            seed: old.chain.seed(today()).unwrap(),
        }],
        ..new.card
    };
    assert_eq!(macs(&new.public(), &bob.own(), today().minus(1)), before);
    assert_eq!(macs(&new.own(), &bob.public(), today()).len(), 2);
    assert_eq!(macs(&new.own(), &bob.public(), today().plus(1)).len(), 1);
    // As reader too: what bob wrote to the old series verifies with bob's seed alone.
    let to_old = macs(&bob.own(), &old.public(), today().minus(1));
    assert_eq!(macs(&bob.disclosed(today()), &new.public(), today().minus(1)), to_old);
    assert_eq!(new.public().known_days().map(|(_, last)| last), Some(today().plus(17)));
}

#[test]
fn a_former_series_is_taken_until_the_newer_one_was_learnt_of() {
    let (old, bob) = (person(1), person(2));
    let new = Card { series: today().start(), sign: old.card.sign, ..person(3).card };
    let public = Party::of_card(&new, None).and_former(old.card.series, old.card.dh, today());
    let learnt =
        Party::of_card(&new, None).and_former(old.card.series, old.card.dh, today().plus(2));
    let written = |to: &Party, day| macs(&bob.own(), to, day);
    let by_old = |day| written(&old.public(), day)[0];
    for later in 1..=2 {
        let day = today().plus(later);
        assert_eq!(written(&public, day).len(), 1);
        assert!(!written(&public, day).contains(&by_old(day)), "it is known to be over");
        assert_eq!(written(&learnt, day)[1], by_old(day), "the newest one first");
    }
    let day = today().plus(3);
    assert_eq!(written(&learnt, day), written(&Party::of_card(&new, None), day));
    assert_eq!(public.begun(), Some(today().minus(30)));
}
