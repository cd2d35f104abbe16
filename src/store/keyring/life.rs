//! The end of secrets: which prekeys and offers have been replaced by newer ones that are in use,
//! and when the old ones are erased. Pure; the caller knows that the clock is good, and without
//! that none of this is called: what is erased too early loses letters.
//! Specified in poste-protocol(7), Prekeys and offers.

use super::{OFFER_USED, Transit};
use crate::core::hybrid::HybridPublic;
use crate::core::keys::Fingerprint;
use crate::core::time::{DAY, Time};

/// A prekey's secret is erased this many seconds after a card with a newer one was seen in use.
const PREKEY_KEPT: u64 = 10 * DAY;
/// An offer's secrets are erased this many seconds after a newer one was seen.
const OFFER_KEPT: u64 = 3 * DAY;
/// They are erased this many seconds after they were made, whatever was seen.
const OFFER_ENDS: u64 = 60 * DAY;
/// An offer made by a clock that was further ahead than this many seconds is taken by nobody
/// before it could not be authentic any more.
const OFFER_AHEAD: u64 = 3 * DAY;

impl Transit {
    /// Notes at `now` that a card which names this prekey is in use: the older ones are replaced.
    /// Says whether anything changed.
    pub fn note_prekey(&mut self, public: &HybridPublic, now: Time) -> bool {
        let at = self.prekey.iter().position(|p| p.secret.public() == *public);
        at.is_some_and(|at| self.replace_before(at, now))
    }

    /// The same for a home whose card is nowhere to be fetched: a prekey is in use once everybody
    /// holds a card as new as the first that named it. `oldest` is the lowest `issued` that
    /// anybody holds, none if nobody holds any.
    pub fn note_cards(&mut self, oldest: Option<Time>, now: Time) -> bool {
        let Some(oldest) = oldest else { return false };
        let held = |issued: Option<Time>| issued.is_some_and(|issued| issued <= oldest);
        let at = self.prekey.iter().rposition(|p| held(p.issued));
        at.is_some_and(|at| self.replace_before(at, now))
    }

    /// Notes at `now` which offers have been replaced: those older than the one that their holder
    /// names, as long as it names it. Says whether anything changed.
    pub fn note_offers(&mut self, seen: &dyn Fn(Fingerprint) -> Time, now: Time) -> bool {
        let held: Vec<_> = self.given.iter().map(|g| (g.to, g.made)).collect();
        let mut changed = false;
        for given in &mut self.given {
            let named = seen(given.to);
            let newer = named > given.made && held.contains(&(given.to, named));
            // A time to come was noted by a clock that has been set back since.
            let since = given.replaced.filter(|at| *at <= now);
            let replaced = newer.then(|| since.unwrap_or(now));
            changed |= replaced != given.replaced;
            given.replaced = replaced;
        }
        changed
    }

    /// Erases at `now` what has been replaced long enough ago or is too old to be used, and
    /// unseen offers that a wrong clock made. Says whether anything was.
    pub fn erase(&mut self, seen: &dyn Fn(Fingerprint) -> Time, now: Time) -> bool {
        let count = |t: &Transit| t.prekey.len() + t.given.len() + t.received.len();
        let before = count(self);
        let over = |replaced: Option<Time>, kept| replaced.is_some_and(|at| now.since(at) >= kept);
        self.prekey.retain(|prekey| !over(prekey.replaced, PREKEY_KEPT));
        self.given.retain(|given| {
            let ahead = given.made > now + OFFER_AHEAD && seen(given.to) < given.made;
            !over(given.replaced, OFFER_KEPT) && now.since(given.made) < OFFER_ENDS && !ahead
        });
        self.received.retain(|received| now.since(received.made) <= OFFER_USED);
        count(self) != before
    }

    fn replace_before(&mut self, at: usize, now: Time) -> bool {
        let mut changed = false;
        for prekey in &mut self.prekey[..at] {
            if prekey.replaced.is_none_or(|since| since > now) {
                prekey.replaced = Some(now);
                changed = true;
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::fixed::Fixed;
    use crate::store::keyring::Prekey;

    fn now() -> Time {
        Time::from_unix(1_795_356_000)
    }

    fn bob() -> Fingerprint {
        Fingerprint::from([1; 32])
    }

    fn nobody(_: Fingerprint) -> Time {
        Time::default()
    }

    #[test]
    fn a_prekey_goes_ten_days_after_a_newer_one_was_seen() {
        let mut rng = Fixed::new(1);
        let mut keys = Transit::generate(now(), &mut rng);
        keys.prekey.push(Prekey::generate(now() + 7 * DAY, &mut rng));
        let (old, new) = (keys.prekey[0].secret.public(), keys.prekey[1].secret.public());
        assert!(!keys.note_prekey(&old, now()), "the oldest replaces none");
        assert!(!keys.erase(&nobody, now() + 400 * DAY), "unseen, it stays");
        let seen = now() + 20 * DAY;
        assert!(keys.note_prekey(&new, seen));
        assert!(!keys.note_prekey(&new, seen + DAY), "the first time counts");
        assert!(!keys.erase(&nobody, seen + 10 * DAY - 1));
        assert!(keys.erase(&nobody, seen + 10 * DAY));
        assert_eq!(keys.prekey.len(), 1);
        assert_eq!(keys.prekey[0].secret.public(), new);
        assert!(!keys.erase(&nobody, seen + 400 * DAY), "the newest stays");
    }

    #[test]
    fn without_an_address_everybody_must_hold_a_newer_card() {
        let mut rng = Fixed::new(2);
        let mut keys = Transit::generate(now(), &mut rng);
        keys.prekey[0].issued = Some(now());
        keys.prekey.push(Prekey::generate(now() + 7 * DAY, &mut rng));
        keys.prekey[1].issued = Some(now() + 8 * DAY);
        let later = now() + 9 * DAY;
        assert!(!keys.note_cards(None, later), "nobody said anything");
        assert!(!keys.note_cards(Some(Time::default()), later), "somebody holds none");
        assert!(!keys.note_cards(Some(now() + 7 * DAY), later));
        assert!(keys.note_cards(Some(now() + 8 * DAY), later));
        assert_eq!(keys.prekey[0].replaced, Some(later));
        assert_eq!(keys.prekey[1].replaced, None);
    }

    #[test]
    fn an_offer_goes_three_days_after_a_newer_one_is_held() {
        let mut rng = Fixed::new(3);
        let mut keys = Transit::generate(now(), &mut rng);
        let old = keys.give(bob(), &[], now(), &mut rng).made;
        let new = keys.give(bob(), &[], now() + DAY, &mut rng).made;
        let later = now() + 2 * DAY;
        for unknown in [Time::default(), old, new + 1, now() + 400 * DAY] {
            assert!(!keys.note_offers(&|_| unknown, later), "{unknown:?}");
        }
        assert!(keys.note_offers(&|_| new, later));
        assert!(!keys.erase(&|_| new, later + 3 * DAY - 1));
        assert!(keys.note_offers(&|_| old, later + DAY), "they were restored");
        assert!(!keys.erase(&|_| old, later + 4 * DAY));
        assert!(keys.note_offers(&|_| new, later + 5 * DAY));
        assert!(keys.erase(&|_| new, later + 8 * DAY));
        assert_eq!(keys.given.iter().map(|g| g.made).collect::<Vec<_>>(), [new]);
        assert!(!keys.erase(&nobody, new + 60 * DAY - 1));
        assert!(keys.erase(&nobody, new + 60 * DAY));
    }

    #[test]
    fn what_a_wrong_clock_made_goes_unless_it_is_held() {
        let mut rng = Fixed::new(4);
        let mut keys = Transit::generate(now(), &mut rng);
        let made = keys.give(bob(), &[], now() + 300 * DAY, &mut rng).made;
        assert!(!keys.erase(&|_| made, now()));
        assert!(keys.erase(&nobody, now()));
    }

    #[test]
    fn an_offer_had_goes_when_it_may_not_be_used_any_more() {
        let mut rng = Fixed::new(5);
        let mut keys = Transit::generate(now(), &mut rng);
        let offer = keys.give(bob(), &[], now(), &mut rng).offer();
        keys.take(bob(), &offer, now());
        assert!(!keys.erase(&nobody, offer.made + 45 * DAY));
        assert!(keys.erase(&nobody, offer.made + 45 * DAY + 1));
        assert!(keys.received.is_empty());
    }
}
