//! The slots of a sync: which relays it visits, and what of all that waits gets a place there. With
//! a pace each relay visited has so many slots in each class, whatever waits; what finds none waits
//! on. What is left is cover, or whatever else takes only slots that would carry cover. The
//! choice is pure, so that it can be tested that it never asks for one slot more.
//! Specified in poste-protocol(7), A sync from outside.

use super::{Node, POST_CELLS};
use crate::core::bucket::Class;
use crate::core::keys::Fingerprint;
use crate::core::time::{DAY, HOUR, Time};
use std::collections::{BTreeMap, BTreeSet};

/// Slots that the one batch of a day has in the daily class for each that those of an hour have: who
/// is never awake when this home is has nothing else.
pub const DAILY: usize = 4;

/// The same of a home of the daily class, which has nothing else for anybody.
const DAILY_ALONE: usize = 12;

/// In which order slots are given; in each rank the oldest comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// A letter that no node has taken yet.
    Fresh,
    /// A control letter with acknowledgements or a want.
    Answer,
    /// A control letter with an offer or a card.
    Keys,
    /// A letter, or an acknowledgement, that a node took before.
    Retry,
    /// The same in the daily class, to somebody who listens by the hour too.
    Daily,
    /// The same once more, to another node.
    Again,
    /// Cells of an enclosure.
    Enclosure,
    /// In place of cover: a letter that is not due yet, or one of the daily class once more.
    Spare,
}

/// What waits to be posted, as far as its place is concerned.
#[derive(Clone, Debug)]
pub struct Waiting<'a> {
    /// To whom it goes.
    pub to: Fingerprint,
    /// What it is. All but cells of an enclosure goes whole or not at all.
    pub rank: Rank,
    /// In which class; at a directory the daily one.
    pub class: Class,
    /// How many cells it has.
    pub cells: usize,
    /// Where its addressee listens, the best first.
    pub nodes: &'a [Node],
}

/// What got a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// At which node.
    pub node: String,
    /// In which class.
    pub class: Class,
    /// How many cells.
    pub cells: usize,
}

/// The relays that a sync posts to in one class, and how many cells each gets, whatever waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The class.
    pub class: Class,
    /// Their addresses.
    pub relays: Vec<String>,
    /// Cells for each.
    pub cells: usize,
}

/// The slots of one round of a sync.
#[derive(Clone, Debug)]
pub struct Slots {
    /// What is free at each relay; without a pace there is no end to it.
    free: Option<BTreeMap<(String, Class), usize>>,
    /// Slots that a node had at first, by class.
    most: BTreeMap<Class, usize>,
    /// Cells that go to each person where nobody counts.
    sent: BTreeMap<Fingerprint, usize>,
    more: bool,
}

impl Slots {
    /// The slots of these visits.
    pub fn paced(visits: &[Visit]) -> Slots {
        let all = visits.iter().flat_map(|visit| {
            visit.relays.iter().map(|relay| ((relay.clone(), visit.class), visit.cells))
        });
        let most = visits.iter().map(|visit| (visit.class, visit.cells)).collect();
        Slots { free: Some(all.collect()), most, sent: BTreeMap::new(), more: false }
    }

    /// As many as there is need for, everywhere.
    pub fn unpaced() -> Slots {
        Slots { free: None, most: BTreeMap::new(), sent: BTreeMap::new(), more: false }
    }

    /// The slots of a class that nothing has taken, by relay; none where there is no end to them.
    pub fn free(&self, class: Class) -> BTreeMap<String, usize> {
        let all = self.free.iter().flatten().filter(|((_, known), _)| *known == class);
        all.map(|((node, _), room)| (node.clone(), *room)).collect()
    }

    /// The slots that a relay has in a class, before any is taken.
    pub fn most(&self, class: Class) -> usize {
        self.most.get(&class).copied().unwrap_or_default()
    }

    /// Whether anything at all could still go to a person, so that it is worth being looked at.
    pub fn has_room(&mut self, to: Fingerprint, class: Class, nodes: &[Node]) -> bool {
        let room = nodes.iter().any(|node| self.room(to, node, class) > 0);
        self.more |= !room && !nodes.is_empty() && self.free.is_none();
        room
    }

    /// Whether somebody is to get more than goes at once where there is no pace.
    pub fn left_some(&self) -> bool {
        self.more
    }

    /// Gives what waits its place, and takes the slots: one place, or none if it waits on; to cells
    /// of an enclosure at as many nodes as there is room at.
    pub fn place(&mut self, waiting: &Waiting<'_>) -> Vec<Place> {
        let mut places = Vec::new();
        let mut left = waiting.cells;
        let parts = waiting.rank == Rank::Enclosure;
        for node in waiting.nodes {
            let room = self.room(waiting.to, node, waiting.class);
            let cells = match (parts, self.is_counted(node)) {
                (true, _) => left.min(room),
                (false, true) if left > room => 0,
                // Where nobody counts the room is what an addressee bears to lose.
                (false, _) if room == 0 => 0,
                (false, _) => left,
            };
            if cells == 0 {
                continue;
            }
            places.push(self.take(waiting, node, cells));
            left -= cells;
            if left == 0 {
                break;
            }
        }
        self.more |= left > 0 && self.free.is_none() && !waiting.nodes.is_empty();
        places
    }

    fn room(&self, to: Fingerprint, node: &Node, class: Class) -> usize {
        match &self.free {
            Some(free) if !node.directory => {
                free.get(&(node.url.clone(), class)).copied().unwrap_or_default()
            }
            _ => POST_CELLS.saturating_sub(self.sent.get(&to).copied().unwrap_or_default()),
        }
    }

    fn take(&mut self, waiting: &Waiting<'_>, node: &Node, cells: usize) -> Place {
        let class = if node.directory { Class::Daily } else { waiting.class };
        match &mut self.free {
            Some(free) if !node.directory => {
                let room = free.entry((node.url.clone(), class)).or_default();
                *room = room.saturating_sub(cells);
            }
            _ => *self.sent.entry(waiting.to).or_default() += cells,
        }
        Place { node: node.url.clone(), class, cells }
    }

    fn is_counted(&self, node: &Node) -> bool {
        self.free.is_some() && !node.directory
    }
}

/// The visits of a sync at `now` that visits `most` relays by the hour and posts `pace` cells to each.
/// The daily exchange comes to [`DAILY`] times as many, so that a letter of the day does not wait for
/// days; to fewer it gives more, up to `DAILY` times as many. A home without the hourly class
/// gives each three times that.
pub fn visits(
    relays: &[String],
    classes: &[Class],
    now: Time,
    (most, pace): (usize, usize),
) -> Vec<Visit> {
    let visit = |class: &Class| match class {
        Class::Hourly => Visit { class: *class, relays: visited(relays, now, most), cells: pace },
        Class::Daily => {
            let relays = visited(relays, now, DAILY * most);
            let times = if classes.contains(&Class::Hourly) { DAILY } else { DAILY_ALONE };
            let cells = times * most * pace / relays.len().max(1);
            Visit { class: *class, relays, cells: cells.clamp(pace, times * pace) }
        }
    };
    classes.iter().map(visit).collect()
}

/// The visits that make up for relays that have `failed` in those `before`: for each the next one in
/// the ring of all `relays` that is not among the `fallen` of this sync, whether letters were to go
/// there or not.
pub fn instead(
    before: &[Visit],
    relays: &[String],
    failed: &BTreeSet<String>,
    fallen: &BTreeSet<String>,
) -> Vec<Visit> {
    let ring = |start: usize| relays.iter().cycle().skip(start).take(relays.len()).cloned();
    let next = |lost: &String| {
        let at = relays.iter().position(|relay| relay == lost)?;
        ring(at).find(|relay| !fallen.contains(relay))
    };
    let visit = |visit: &Visit| {
        let lost = visit.relays.iter().filter(|relay| failed.contains(*relay));
        let new: BTreeSet<String> = lost.filter_map(next).collect();
        Visit { relays: new.into_iter().collect(), ..visit.clone() }
    };
    before.iter().map(visit).collect()
}

/// Which of `relays` a sync visits at `now`, `most` at once: the next ones each hour, and at the
/// same hour of the next day as well, so that who is awake for an hour a day comes to all of them.
fn visited(relays: &[String], now: Time, most: usize) -> Vec<String> {
    let turn = now.unix() / DAY + now.unix() % DAY / HOUR;
    let start = turn.wrapping_mul(most as u64) % relays.len().max(1) as u64;
    let ring = relays.iter().cycle().skip(start as usize).take(relays.len());
    ring.take(most).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody() -> Fingerprint {
        Fingerprint::from([1; 32])
    }

    fn relay(url: &str) -> Node {
        Node { url: url.into(), directory: false }
    }

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|at| format!("{at:02}")).collect()
    }

    fn by_hour(relays: &[&str]) -> Slots {
        let relays = relays.iter().map(|url| url.to_string()).collect();
        Slots::paced(&[Visit { class: Class::Hourly, relays, cells: 4 }])
    }

    fn waiting(cells: usize, nodes: &[Node]) -> Waiting<'_> {
        let (rank, class) = (Rank::Fresh, Class::Hourly);
        Waiting { to: somebody(), rank, class, cells, nodes }
    }

    fn placed(places: &[Place]) -> Vec<(&str, usize)> {
        places.iter().map(|place| (place.node.as_str(), place.cells)).collect()
    }

    #[test]
    fn a_letter_goes_whole_to_the_first_node_that_has_room() {
        let nodes = [relay("z"), relay("a"), relay("b")];
        let mut slots = by_hour(&["a", "b"]);
        assert_eq!(placed(&slots.place(&waiting(3, &nodes))), [("a", 3)], "z is not visited");
        assert_eq!(placed(&slots.place(&waiting(2, &nodes))), [("b", 2)]);
        assert_eq!(placed(&slots.place(&waiting(3, &nodes))), [], "it is not split");
        assert_eq!(placed(&slots.place(&waiting(1, &nodes))), [("a", 1)]);
        let daily = Waiting { class: Class::Daily, ..waiting(1, &nodes) };
        assert_eq!(slots.place(&daily), [], "the class has no slots in this sync");
        assert!(slots.has_room(somebody(), Class::Hourly, &nodes));
        let cells = Waiting { rank: Rank::Enclosure, ..waiting(9, &nodes) };
        assert_eq!(placed(&slots.place(&cells)), [("b", 2)]);
        assert!(!slots.has_room(somebody(), Class::Hourly, &nodes) && !slots.left_some());
    }

    #[test]
    fn cells_of_an_enclosure_take_what_is_left_everywhere() {
        let nodes = [relay("a"), relay("b")];
        let mut slots = by_hour(&["a", "b"]);
        slots.place(&waiting(1, &nodes));
        let cells = Waiting { rank: Rank::Enclosure, ..waiting(6, &nodes) };
        assert_eq!(placed(&slots.place(&cells)), [("a", 3), ("b", 3)]);
    }

    #[test]
    fn where_nobody_counts_a_person_gets_what_may_be_lost() {
        let stick = [Node { url: "file:///stick".into(), directory: true }];
        let mut slots = by_hour(&[]);
        let place = slots.place(&waiting(9, &stick));
        assert_eq!((place[0].class, place[0].cells), (Class::Daily, 9));
        let cells = Waiting { rank: Rank::Enclosure, ..waiting(300, &stick) };
        assert_eq!(placed(&slots.place(&cells)), [("file:///stick", 119)]);
        assert_eq!(slots.place(&waiting(1, &stick)), []);
        assert!(!slots.left_some(), "with a pace nothing follows at once");

        let nodes = [relay("a")];
        let mut slots = Slots::unpaced();
        assert_eq!(placed(&slots.place(&waiting(120, &nodes))), [("a", 120)]);
        assert_eq!(placed(&slots.place(&waiting(16, &nodes))), [("a", 16)]);
        assert!(!slots.left_some());
        assert_eq!(placed(&slots.place(&waiting(1, &nodes))), []);
        assert!(slots.left_some());
    }

    #[test]
    fn the_daily_exchange_comes_to_all_of_twelve_relays() {
        let at = Time::from_unix(100 * DAY);
        for (count, most, visited, cells) in [
            (0, 3, 0, 16),
            (1, 3, 1, 16),
            (3, 3, 3, 16),
            (6, 3, 6, 8),
            (7, 3, 7, 6),
            (12, 3, 12, 4),
            (30, 3, 12, 4),
            (30, 8, 30, 4),
            (2, 1, 2, 8),
        ] {
            let both = [Class::Hourly, Class::Daily];
            let visits = visits(&names(count), &both, at, (most, 4));
            assert_eq!((visits[0].relays.len(), visits[0].cells), (most.min(count), 4));
            assert_eq!(
                (visits[1].relays.len(), visits[1].cells),
                (visited, cells),
                "{count} {most}"
            );
            assert!(visited * cells <= DAILY * most * 4);
            let alone = super::visits(&names(count), &[Class::Daily], at, (most, 4));
            assert_eq!(alone[0].relays, visits[1].relays);
            assert!(alone[0].cells >= 3 * cells, "{count} {most}");
        }
    }

    #[test]
    fn whoever_is_awake_for_one_hour_a_day_visits_every_relay() {
        for (count, most) in [(1, 3), (3, 3), (4, 3), (6, 3), (24, 1), (25, 3), (73, 8)] {
            let relays = names(count);
            let days = count.div_ceil(most);
            for hour in [0, 7, 23] {
                let mut seen = Vec::new();
                for day in 100..100 + days as u64 {
                    let at = Time::from_unix(day * DAY + hour * HOUR + 700);
                    let visit = visited(&relays, at, most);
                    assert_eq!(visit.len(), most.min(count));
                    assert_eq!(visit, visited(&relays, at + 30 * 60, most), "twice the same");
                    seen.extend(visit);
                }
                seen.sort();
                seen.dedup();
                assert_eq!(seen.len(), count, "{count} relays, {most} at once");
            }
        }
        assert_eq!(visited(&[], Time::default(), 3), [""; 0]);
    }
}
