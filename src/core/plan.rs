//! The plan of a sync: which buckets are fetched where, when a letter is due, and what is posted.
//! It is pure, so every property of what a sync looks like from outside is a test on it. Real
//! cells and cover are shuffled together; what is in a batch does not show in its order.
//! Specified in poste-protocol(7), What a sync looks like from outside.

pub mod slots;

use crate::core::bucket::{Bucket, Class};
use crate::core::cell::{self, Cell};
use crate::core::random::{Random, shuffle};
use crate::core::time::{DAY, HOUR, MINUTE, Time};

/// Cells in one POST at most: a walk over a secret's numbers bears the loss of one POST.
pub const POST_CELLS: usize = 128;
/// A letter is repeated each hour for this many seconds, then daily.
const HOURLY_FOR: u64 = 6 * HOUR;
/// An hourly repetition is due this long after the last attempt: a little less than an hour, so
/// that a sync every hour does not skip one.
const HOURLY_AFTER: u64 = 50 * MINUTE;
/// After this many seconds a letter is given up.
pub const GIVE_UP: u64 = 30 * DAY;

/// A node, as the plan sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its address.
    pub url: String,
    /// Whether it is a directory: the daily class only, read at any time.
    pub directory: bool,
}

/// One download.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Get {
    /// From where.
    pub node: String,
    /// Which bucket.
    pub bucket: Bucket,
}

/// One upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Where to.
    pub node: String,
    /// Into which bucket.
    pub bucket: Bucket,
    /// Cells, one after the other, at most 128.
    pub cells: Vec<Cell>,
}

/// What is fetched at `now`: of each node every bucket that it still holds and that was not
/// `fetched` when closed. A home of the daily class leaves out the hourly one; relays' daily
/// buckets wait for `daily`, the time of the daily exchange, and are fetched until they were.
pub fn downloads(
    now: Time,
    nodes: &[Node],
    class: Class,
    daily: bool,
    fetched: &dyn Fn(&str, Bucket) -> bool,
) -> Vec<Get> {
    let hour = Bucket::at(Class::Hourly, now);
    let day = Bucket::at(Class::Daily, now);
    let mut gets = Vec::new();
    for node in nodes {
        let mut add = |bucket: Bucket| {
            if !fetched(&node.url, bucket) {
                gets.push(Get { node: node.url.clone(), bucket });
            }
        };
        if node.directory {
            [day.previous().previous(), day.previous(), day].into_iter().for_each(add);
            continue;
        }
        if daily && day.previous().is_closed(now) {
            add(day.previous());
        }
        if class == Class::Hourly {
            [hour.previous(), hour].into_iter().for_each(add);
        }
    }
    gets
}

/// A past attempt at delivering a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Past {
    /// When it was posted.
    pub at: Time,
    /// In which class.
    pub class: Class,
}

/// In which class a letter not yet acknowledged is due at `now`, if it is. `to` is the class of
/// the addressee's card, or daily if the letter shall travel by nothing else. After `anew` it is as
/// if it was never attempted: it goes at once, and then hourly for some hours.
pub fn due(past: &[Past], anew: Time, to: Class, now: Time, daily_exchange: bool) -> Option<Class> {
    if daily_exchange {
        let today = |p: &&Past| p.class == Class::Daily && p.at.day() == now.day();
        let begun = past.iter().any(|p| p.at > anew);
        if past.iter().find(today).is_none() && (to == Class::Daily || begun) {
            return Some(Class::Daily);
        }
    }
    if to == Class::Daily {
        return None;
    }
    let Some(last) = past.iter().rfind(|p| p.class == Class::Hourly) else {
        return Some(Class::Hourly);
    };
    let begun = past.iter().find(|p| p.at > anew);
    let still = begun.is_none_or(|first| now.since(first.at) <= HOURLY_FOR);
    // An attempt in the future was made by a clock that has been set back since.
    let rested = last.at > now || now.since(last.at) >= HOURLY_AFTER;
    (still && rested).then_some(Class::Hourly)
}

/// Whether a letter of the hourly class may be repeated at `now` where else cover would go: when it
/// has rested for an eighth of the time since it first went, and for most of an hour.
pub fn spare(past: &[Past], now: Time) -> bool {
    let (Some(first), Some(last)) = (past.first(), past.last()) else { return false };
    last.at > now || now.since(last.at) >= HOURLY_AFTER.max(now.since(first.at) / 8)
}

/// The uploads of one class: every node in `visit` gets the cells meant for it, and cover up to
/// `pace`, in random order. Nodes that only letters name are visited too: with a pace these are
/// directories, since [`slots::Slots`] gives places at relays of `visit` alone, and never more than
/// `pace`. A node's cell in `loops` takes the place of a cell of cover, if there is one.
pub fn uploads(
    bucket: Bucket,
    letters: Vec<(String, Vec<Cell>)>,
    visit: &[String],
    pace: usize,
    loops: &[(String, Cell)],
    rng: &mut dyn Random,
) -> Vec<Post> {
    let mut batches: Vec<(String, Vec<Cell>)> =
        visit.iter().map(|node| (node.clone(), Vec::new())).collect();
    for (node, cells) in letters {
        match batches.iter_mut().find(|(url, _)| *url == node) {
            Some((_, batch)) => batch.extend(cells),
            None => batches.push((node, cells)),
        }
    }
    let mut posts = Vec::new();
    for (node, mut cells) in batches {
        let looping = loops.iter().filter(|(to, _)| *to == node).map(|(_, cell)| *cell);
        cells.extend(looping.take(pace.saturating_sub(cells.len())));
        while cells.len() < pace {
            cells.push(cell::cover(rng));
        }
        shuffle(rng, &mut cells);
        for part in cells.chunks(POST_CELLS) {
            posts.push(Post { node: node.clone(), bucket, cells: part.to_vec() });
        }
    }
    posts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::random::bytes;
    use crate::core::random::fixed::Fixed;

    fn at(text: &str, minutes: u64) -> Time {
        text.parse::<Bucket>().unwrap().start() + minutes * MINUTE
    }

    fn relay(url: &str) -> Node {
        Node { url: url.into(), directory: false }
    }

    fn names(gets: &[Get]) -> Vec<String> {
        gets.iter().map(|g| g.bucket.to_string()).collect()
    }

    #[test]
    fn what_a_node_still_holds_is_fetched() {
        let now = at("hourly/2026-11-22T14", 30);
        let gets = downloads(now, &[relay("a")], Class::Hourly, false, &|_, _| false);
        assert_eq!(names(&gets), ["hourly/2026-11-22T13", "hourly/2026-11-22T14"]);
        let done = |_: &str, b: Bucket| b.is_closed(now);
        let gets = downloads(now, &[relay("a")], Class::Hourly, true, &done);
        assert_eq!(names(&gets), ["hourly/2026-11-22T14"]);
        let gets = downloads(now, &[relay("a")], Class::Daily, true, &|_, _| false);
        assert_eq!(names(&gets), ["daily/2026-11-21"]);
        let early = at("hourly/2026-11-22T00", 4);
        let gets = downloads(early, &[relay("a")], Class::Daily, true, &|_, _| false);
        assert!(gets.is_empty(), "yesterday's bucket is open for five minutes more");
    }

    #[test]
    fn a_cell_posted_four_minutes_after_the_period_is_fetched() {
        let fetched_at = at("hourly/2026-11-22T15", 1);
        let bucket: Bucket = "hourly/2026-11-22T14".parse().unwrap();
        assert!(!bucket.is_closed(fetched_at), "so it does not count as fetched");
        let later = at("hourly/2026-11-22T15", 6);
        let gets = downloads(later, &[relay("a")], Class::Hourly, false, &|_, _| false);
        assert!(gets.iter().any(|g| g.bucket == bucket));
    }

    #[test]
    fn a_directory_is_read_whole_at_any_time() {
        let now = at("hourly/2026-11-22T14", 30);
        let stick = Node { url: "file:///media/usb/poste".into(), directory: true };
        let gets = downloads(now, &[stick], Class::Hourly, false, &|_, _| false);
        assert_eq!(names(&gets), ["daily/2026-11-20", "daily/2026-11-21", "daily/2026-11-22"]);
    }

    #[test]
    fn a_letter_is_due_at_once_hourly_for_six_hours_then_daily() {
        let start = at("hourly/2026-11-22T09", 0);
        let mut past = Vec::new();
        let mut hourly = 0;
        let mut daily = 0;
        for half_hours in 0..96 {
            let now = start + half_hours * 30 * MINUTE;
            let exchange = now.unix() % DAY == 12 * HOUR;
            if let Some(class) = due(&past, Time::default(), Class::Hourly, now, exchange) {
                past.push(Past { at: now, class });
                if class == Class::Hourly { hourly += 1 } else { daily += 1 }
            }
        }
        assert_eq!(
            (hourly, daily),
            (6, 2),
            "the daily one at noon takes the place of an hourly one"
        );
        assert_eq!(due(&[], Time::default(), Class::Daily, start, false), None);
        assert_eq!(due(&[], Time::default(), Class::Daily, start, true), Some(Class::Daily));
    }

    #[test]
    fn hourly_attempts_begin_anew_and_never_come_closer() {
        let start = at("hourly/2026-11-22T09", 0);
        let past = [Past { at: start, class: Class::Hourly }];
        let due = |anew, now| due(&past, anew, Class::Hourly, now, false);
        let later = start + 9 * HOUR;
        assert_eq!(due(Time::default(), later), None);
        assert_eq!(due(start + 8 * HOUR, later), Some(Class::Hourly));
        assert_eq!(due(start + 10 * MINUTE, start + 20 * MINUTE), None);
    }

    #[test]
    fn in_place_of_cover_a_letter_is_repeated_less_and_less() {
        let start = at("hourly/2026-11-22T09", 0);
        assert!(!spare(&[], start));
        let mut past = vec![Past { at: start, class: Class::Hourly }];
        let mut by_day = Vec::new();
        for hours in 1..=30 * 24 {
            let now = start + hours * HOUR;
            if spare(&past, now) {
                past.push(Past { at: now, class: Class::Hourly });
            }
            if hours.is_multiple_of(24) {
                by_day.push(past.len());
            }
        }
        assert_eq!(by_day[0], 15);
        assert!(by_day[29] < 50 && by_day[29] > by_day[20], "{by_day:?}");
    }

    #[test]
    fn batches_are_padded_and_their_order_says_nothing() {
        let bucket: Bucket = "hourly/2026-11-22T14".parse().unwrap();
        let real: Cell = bytes(&mut Fixed::new(9));
        let mut places = [0; 4];
        for seed in 0..400 {
            let letters = vec![("a".to_owned(), vec![real])];
            let visit = ["a".to_owned(), "b".to_owned()];
            let posts = uploads(bucket, letters, &visit, 4, &[], &mut Fixed::new(seed));
            assert_eq!(posts.iter().map(|p| p.cells.len()).collect::<Vec<_>>(), [4, 4]);
            places[posts[0].cells.iter().position(|c| *c == real).unwrap()] += 1;
        }
        assert!(places.iter().all(|n| (60..140).contains(n)), "{places:?}");
    }

    #[test]
    fn a_loop_cell_takes_the_place_of_cover_alone() {
        let bucket: Bucket = "hourly/2026-11-22T14".parse().unwrap();
        let looping: Cell = bytes(&mut Fixed::new(9));
        let loops = [("a".to_owned(), looping), ("c".to_owned(), looping)];
        let visit = ["a".to_owned(), "b".to_owned()];
        for (letters, pace, there) in [(0, 4, 1), (3, 4, 1), (4, 4, 0), (9, 4, 0), (0, 0, 0)] {
            let real = vec![("a".to_owned(), vec![[0; 4096]; letters])];
            let posts = uploads(bucket, real, &visit, pace, &loops, &mut Fixed::new(1));
            let cells: Vec<&Cell> = posts.iter().flat_map(|p| &p.cells).collect();
            assert_eq!(cells.len(), letters.max(pace) + pace, "as many as without");
            assert_eq!(cells.iter().filter(|cell| ***cell == looping).count(), there);
            assert!(posts.iter().all(|post| post.node != "c"));
        }
    }

    #[test]
    fn long_batches_are_cut_and_other_nodes_are_visited() {
        let bucket: Bucket = "hourly/2026-11-22T14".parse().unwrap();
        let letters = vec![("z".to_owned(), vec![[0; 4096]; 300])];
        let posts = uploads(bucket, letters, &[], 4, &[], &mut Fixed::new(1));
        assert_eq!(posts.iter().map(|p| p.cells.len()).collect::<Vec<_>>(), [128, 128, 44]);
    }
}
