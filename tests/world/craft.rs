//! Letters and cards that no client of good will makes: written by hand with a person's own keys,
//! or with those that anybody has after disclosure, and put straight into a relay's bucket.

use super::{Person, RELAY};
use poste::client::own;
use poste::core::auth::{MacKey, Terms};
use poste::core::bucket::{Bucket, Class};
use poste::core::card::{Card, Disclosed, SignedCard};
use poste::core::cell::{self, Kind};
use poste::core::filed::Filed;
use poste::core::hybrid::HybridPublic;
use poste::core::keys::{LetterId, PairSecret};
use poste::core::letter::Control;
use poste::core::time::Day;
use poste::core::{parts, seal};
use poste::store::contacts::Contact;
use poste::store::keyring::Transit;
use poste::store::peers::Peer;

/// Whether a filed message holds under the key that its addressee computes.
pub fn holds(filed: &str, author: &Person<'_>, reader: &Person<'_>) -> bool {
    let message = Filed::read(filed.as_bytes()).unwrap();
    let (card, transit) = (author.card().card, reader.transit());
    let terms = Terms {
        author: card.sign,
        day_key: card.day_key(message.head.day).unwrap(),
        day: message.head.day,
        reader: reader.card().card.sign,
        reader_dh: transit.series.dh.public(),
    };
    let by_reader = MacKey::by_reader(&terms, &transit.series.dh).unwrap();
    let day_key = author.transit().chain().day_key(message.head.day).unwrap();
    let by_author = MacKey::by_day_key(&terms, &day_key).unwrap();
    assert_eq!(message.holds(&by_reader), message.holds(&by_author));
    message.holds(&by_reader)
}

impl Person<'_> {
    pub fn transit(&self) -> Transit {
        Transit::load(&self.places()).unwrap()
    }

    pub fn card(&self) -> SignedCard {
        self.with(|env| own::load(env)).unwrap()
    }

    pub fn peer(&self, other: &Person<'_>) -> Peer {
        Peer::load(&self.places(), other.card().card.fingerprint()).unwrap()
    }

    pub fn contact(&self, name: &str) -> Contact {
        Contact::load(&self.places(), &super::petname(name)).unwrap().unwrap()
    }

    /// What this person would disclose for a day.
    pub fn seed(&self, day: Day) -> Disclosed {
        Disclosed { date: day, seed: self.transit().chain().seed(day).unwrap() }
    }

    /// A card of this person's that says something else, signed.
    pub fn sign(&self, edit: impl FnOnce(&mut Card)) -> SignedCard {
        let mut card = self.card().card;
        edit(&mut card);
        let transit = self.transit();
        let locked = self.with(|env| env.unlock(&transit)).unwrap();
        card.sign(&locked.sign, None).unwrap()
    }

    /// A letter of this person's, authenticated for `day`: what a forger makes too, who has its
    /// seed.
    pub fn letter(
        &self,
        to: &Person<'_>,
        day: Day,
        mail: &str,
        edit: impl FnOnce(&mut Control),
    ) -> Vec<u8> {
        let (me, card) = (self.card().card, to.card().card);
        let id = LetterId::generate(&mut *self.dice.borrow_mut());
        let mut control = Control::new(id, me.fingerprint(), self.world.now().minute(), day);
        control.card_seen = card.issued;
        edit(&mut control);
        let day_key = self.transit().chain().day_key(day).unwrap();
        let terms = Terms {
            author: me.sign,
            day_key: day_key.public(),
            day,
            reader: card.sign,
            reader_dh: card.dh,
        };
        let key = MacKey::by_day_key(&terms, &day_key).unwrap();
        control.write(mail.as_bytes(), &key).unwrap().to_vec()
    }

    /// Posts a letter to somebody's public prekey, as a stranger does.
    pub fn post_as_stranger(&self, to: &Person<'_>, letter: &[u8]) {
        let card = to.card().card;
        self.post(to, letter, &card.prekey, None);
    }

    /// Posts a letter through the offer had from somebody, under numbers that are not used else.
    pub fn post_through_offer(&self, to: &Person<'_>, letter: &[u8]) {
        let transit = self.transit();
        let offer = transit.received.iter().find(|r| r.from == to.card().card.fingerprint());
        let offer = offer.expect("an offer");
        self.post(to, letter, &offer.prekey, Some(&offer.secret));
    }

    /// Posts cells of an enclosure through the offer had from somebody, as if they had been asked
    /// for, under numbers that are not used else.
    pub fn post_cells_through_offer(
        &self,
        to: &Person<'_>,
        id: [u8; 16],
        count: u16,
        indices: std::ops::Range<u16>,
    ) {
        let rng = &mut *self.dice.borrow_mut();
        let (card, transit) = (to.card().card, self.transit());
        let offer = transit.received.iter().find(|r| r.from == card.fingerprint());
        let secret = &offer.expect("an offer").secret;
        let bucket = Bucket::at(Class::Hourly, self.world.now());
        let relay = self.world.relay(RELAY);
        for (index, n) in indices.zip(200..) {
            let data = vec![index as u8; cell::CHUNK];
            let chunk = cell::Chunk { kind: Kind::Enclosure, id, index, count, data };
            let cell = cell::pair(secret, bucket, n, card.listen, &chunk, rng);
            relay.lock().unwrap().buckets.entry(bucket).or_default().push(cell);
        }
    }

    fn post(
        &self,
        to: &Person<'_>,
        letter: &[u8],
        prekey: &HybridPublic,
        pair: Option<&PairSecret>,
    ) {
        let rng = &mut *self.dice.borrow_mut();
        let sealed = seal::seal_for_cells(prekey, letter, rng);
        let card = to.card().card;
        let bucket = Bucket::at(Class::Hourly, self.world.now());
        let chunks = parts::split(&sealed, Kind::Letter, poste::core::random::bytes(rng)).unwrap();
        let relay = self.world.relay(RELAY);
        let mut relay = relay.lock().unwrap();
        for (chunk, n) in chunks.iter().zip(100..) {
            let cell = match pair {
                Some(secret) => cell::pair(secret, bucket, n, card.listen, chunk, rng),
                None => cell::stranger(&card.dh, bucket, card.listen, chunk, rng),
            };
            relay.buckets.entry(bucket).or_default().push(cell);
        }
    }
}
