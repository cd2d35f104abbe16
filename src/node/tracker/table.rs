//! What a tracker knows of nodes: what each has reported, and whether the tracker has found it where
//! it says. Pure: time comes in as a value, and what was found there too. Bounded: who has not been
//! found makes room for others, and of those found there are no more than a list holds.
//! Specified in poste-protocol(7), Tracker, and posted(8), REPORTS.

use crate::core::nodes::{Listed, MOST};
use crate::core::report::Report;
use crate::core::time::{MINUTE, Time};
use std::collections::{BTreeMap, HashMap};

/// Seconds after which a report, and that a node was found, count no more.
pub const FRESH: u64 = 10 * MINUTE;
/// Seconds between two looks at one host.
pub const AGAIN: u64 = MINUTE;
/// Nodes that have reported and were not found yet, at most.
pub const CANDIDATES: usize = 1024;
/// Bytes of an address at most, so that [`MOST`] nodes fit into a list.
pub const URL: usize = 128;

/// All nodes of a tracker.
#[derive(Debug, Default)]
pub struct Table {
    nodes: BTreeMap<(String, [u8; 32]), Node>,
    /// When a host was looked at last, and whether for a node that had been found before.
    looked: HashMap<String, (Time, bool)>,
}

#[derive(Clone, Debug)]
struct Node {
    saturation: f64,
    /// The time in the report, and when it came.
    time: Time,
    heard: Time,
    /// When the tracker found it there last.
    found: Option<Time>,
    /// Since when it is to be looked at, if it is.
    due: Option<Time>,
}

/// Why a good report is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Its time is more than ten minutes from the tracker's.
    #[error("the report is not of now")]
    Stale,
    /// Not newer than the last one of the same node.
    #[error("a newer report has come already")]
    Replayed,
}

impl Table {
    /// Takes a report; the node is to be looked at.
    pub fn take(&mut self, report: Report, now: Time) -> Result<(), NotTaken> {
        if now.since(report.time) > FRESH || report.time.since(now) > FRESH {
            return Err(NotTaken::Stale);
        }
        let name = (report.url, report.key);
        let known = self.nodes.get(&name);
        if known.is_some_and(|node| report.time <= node.time) {
            return Err(NotTaken::Replayed);
        }
        let found = known.and_then(|node| node.found);
        // Who waits keeps the place, however often the same is reported meanwhile.
        let due = known.and_then(|node| node.due).or(Some(now));
        if known.is_none() {
            self.keep_candidates(CANDIDATES - 1);
        }
        let (saturation, time) = (report.saturation, report.time);
        self.nodes.insert(name, Node { saturation, time, heard: now, found, due });
        Ok(())
    }

    /// Addresses that are to be looked at now, at most `most`: those found before come first, then
    /// who has waited longest; but two looks at a host one after the other are for those found
    /// before only if those would soon be listed no more. They are taken as being looked at.
    pub fn due(&mut self, most: usize, now: Time) -> Vec<String> {
        let mut due = Vec::new();
        for ((url, _), node) in &self.nodes {
            let Some(since) = node.due else { continue };
            let was_first = self.looked.get(host(url)).is_some_and(|(_, found)| *found);
            let is_first = node.found.is_some_and(|at| !was_first || now.since(at) >= FRESH / 2);
            due.push((!is_first, since, url.clone(), node.found.is_some()));
        }
        due.sort();
        let mut urls = Vec::new();
        for (_, _, url, found) in due {
            let rested = |(at, _): &(Time, bool)| now.since(*at) >= AGAIN || *at > now;
            if urls.len() < most && self.looked.get(host(&url)).is_none_or(rested) {
                self.looked.insert(host(&url).to_owned(), (now, found));
                urls.push(url);
            }
        }
        for ((url, _), node) in &mut self.nodes {
            node.due = node.due.filter(|_| !urls.contains(url));
        }
        urls
    }

    /// What was found at an address: the key that stands there, or `None` if nothing could be had.
    /// Whoever reports from there with another key is forgotten.
    pub fn found(&mut self, url: &str, key: Option<[u8; 32]>, now: Time) {
        let Some(key) = key else { return };
        self.nodes.retain(|(at, of), _| at != url || *of == key);
        let full = self.nodes.values().filter(|node| node.is_found(now)).count() >= MOST;
        if let Some(node) = self.nodes.get_mut(&(url.to_owned(), key))
            && (!full || node.is_found(now))
        {
            node.found = Some(now);
        }
    }

    /// The nodes to be listed.
    pub fn list(&self, now: Time) -> Vec<Listed> {
        let standing = self.nodes.iter().filter(|(_, n)| n.is_found(now) && n.is_fresh(now));
        let listed = |((url, key), node): (&(String, [u8; 32]), &Node)| Listed {
            url: url.clone(),
            key: *key,
            saturation: node.saturation,
            age: now.since(node.heard),
        };
        standing.map(listed).collect()
    }

    /// How many nodes are listed, and how many more are kept.
    pub fn count(&self, now: Time) -> (usize, usize) {
        let listed = self.nodes.values().filter(|n| n.is_found(now) && n.is_fresh(now)).count();
        (listed, self.nodes.len() - listed)
    }

    /// Forgets what counts no more. A report is remembered for as long as it could be replayed.
    pub fn forget(&mut self, now: Time) {
        self.nodes.retain(|_, node| now.since(node.heard.max(node.time)) <= FRESH);
        for node in self.nodes.values_mut() {
            node.found = node.found.filter(|at| now.since(*at) <= FRESH);
        }
        self.keep_candidates(CANDIDATES);
        // Longer than between two looks, so that those take turns.
        self.looked.retain(|_, (at, _)| now.since(*at) < FRESH && *at <= now);
    }

    /// If there are more candidates than `most`, those go that were looked at in vain, and then those
    /// whose last report is oldest.
    fn keep_candidates(&mut self, most: usize) {
        let candidates = self.nodes.iter().filter(|(_, node)| node.found.is_none());
        let surplus = candidates.clone().count().saturating_sub(most);
        if surplus > 0 {
            let mut oldest: Vec<_> = candidates
                .map(|(name, node)| (node.due.is_some(), node.heard, name.clone()))
                .collect();
            oldest.sort();
            for (_, _, name) in oldest.into_iter().take(surplus) {
                self.nodes.remove(&name);
            }
        }
    }
}

impl Node {
    fn is_found(&self, now: Time) -> bool {
        self.found.is_some_and(|at| now.since(at) <= FRESH)
    }

    fn is_fresh(&self, now: Time) -> bool {
        now.since(self.heard) <= FRESH
    }
}

/// Host and port of an address.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::from_unix(1_795_356_000 + seconds)
    }

    fn report(name: &str, key: u8, time: Time) -> Report {
        let url = format!("https://{name}.example");
        Report { url, key: [key; 32], saturation: 0.5, time }
    }

    /// A node that reported and was found.
    fn listed(table: &mut Table, name: &str, key: u8, now: Time) {
        table.take(report(name, key, now), now).unwrap();
        for url in table.due(9, now) {
            table.found(&url, Some([key; 32]), now);
        }
    }

    fn names(table: &Table, now: Time) -> Vec<String> {
        table.list(now).into_iter().map(|node| node.url).collect()
    }

    #[test]
    fn reports_that_are_stale_or_not_newer_are_refused() {
        let mut table = Table::default();
        let now = at(FRESH);
        let mut take = |time, now| table.take(report("a", 1, time), now);
        assert_eq!(take(now - FRESH - 1, now), Err(NotTaken::Stale));
        assert_eq!(take(now + FRESH + 1, now), Err(NotTaken::Stale));
        assert_eq!(take(now, now), Ok(()));
        assert_eq!(take(now, now), Err(NotTaken::Replayed));
        assert_eq!(take(now - 1, now), Err(NotTaken::Replayed));
        assert_eq!(take(now + FRESH, now), Ok(()));
        // It is remembered until it is stale, though it stands ten minutes ahead.
        let last = now + 2 * FRESH;
        table.forget(last);
        assert_eq!(table.take(report("a", 1, now + FRESH), last), Err(NotTaken::Replayed));
        table.forget(last + 1);
        assert_eq!(table.take(report("a", 1, now + FRESH), last + 1), Err(NotTaken::Stale));
        assert!(table.nodes.is_empty());
    }

    #[test]
    fn a_node_is_listed_when_found_and_until_it_falls_silent() {
        let mut table = Table::default();
        table.take(report("a", 1, at(0)), at(0)).unwrap();
        assert!(table.list(at(0)).is_empty());
        assert_eq!(table.due(9, at(0)), ["https://a.example"]);
        table.found("https://a.example", None, at(1));
        assert!(table.list(at(1)).is_empty());
        table.take(report("a", 1, at(60)), at(60)).unwrap();
        assert_eq!(table.due(9, at(60)).len(), 1);
        table.found("https://a.example", Some([1; 32]), at(61));
        let list = table.list(at(100));
        assert_eq!((list.len(), list[0].age, list[0].key), (1, 40, [1; 32]));
        assert_eq!(table.list(at(60 + FRESH)).len(), 1);
        assert!(table.list(at(61 + FRESH)).is_empty(), "the report is too old");
        // It goes on reporting and cannot be found any more.
        table.take(report("a", 1, at(60 + FRESH)), at(60 + FRESH)).unwrap();
        table.found("https://a.example", None, at(60 + FRESH));
        assert_eq!(table.list(at(61 + FRESH)).len(), 1);
        assert!(table.list(at(62 + FRESH)).is_empty());
    }

    #[test]
    fn who_lies_about_the_key_is_forgotten_and_takes_nobodys_place() {
        let mut table = Table::default();
        listed(&mut table, "a", 1, at(0));
        table.take(report("a", 2, at(60)), at(60)).unwrap();
        assert_eq!(names(&table, at(60)), ["https://a.example"], "the liar displaces nobody");
        assert_eq!(table.due(9, at(60)).len(), 1);
        table.found("https://a.example", Some([1; 32]), at(60));
        let list = table.list(at(60));
        assert_eq!((list.len(), list[0].key, table.nodes.len()), (1, [1; 32], 1));
        // The node has a new key: the old one is listed no more.
        table.take(report("a", 3, at(120)), at(120)).unwrap();
        table.found("https://a.example", Some([3; 32]), at(121));
        assert_eq!(table.list(at(121)).iter().map(|n| n.key).collect::<Vec<_>>(), [[3; 32]]);
    }

    #[test]
    fn a_host_is_looked_at_once_a_minute_and_known_nodes_first() {
        let mut table = Table::default();
        listed(&mut table, "a", 1, at(0));
        for path in ["/x", "/y"] {
            let report = report("a", 9, at(1));
            let report = Report { url: report.url + path, ..report };
            table.take(report, at(1)).unwrap();
        }
        table.take(report("new", 3, at(2)), at(2)).unwrap();
        table.take(report("a", 1, at(3)), at(3)).unwrap();
        assert_eq!(table.due(9, at(59)), ["https://new.example"]);
        assert_eq!(table.due(9, at(60)), ["https://a.example"], "known, and one a host");
        assert_eq!(table.due(9, at(119)), Vec::<String>::new());
        assert_eq!(table.due(9, at(120)), ["https://a.example/x"]);
        assert_eq!(table.due(9, at(180)), ["https://a.example/y"]);
        assert_eq!(table.due(9, at(999)), Vec::<String>::new());
        for name in ["p", "q", "r"] {
            table.take(report(name, 1, at(999)), at(999)).unwrap();
        }
        assert_eq!((table.due(2, at(999)).len(), table.due(2, at(999)).len()), (2, 1));
    }

    #[test]
    fn candidates_make_room_for_each_other_and_for_no_node_that_was_found() {
        let mut table = Table::default();
        listed(&mut table, "found", 1, at(0));
        for number in 0..3 * CANDIDATES {
            table
                .take(report(&format!("n{number}"), 2, at(1)), at(1 + number as u64 / 50))
                .unwrap();
        }
        assert_eq!(table.nodes.len(), CANDIDATES + 1);
        assert_eq!(names(&table, at(99)), ["https://found.example"]);
        table.due(3 * CANDIDATES, at(100));
        table.forget(at(100 + FRESH + AGAIN));
        assert!(table.nodes.is_empty() && table.looked.is_empty());
    }

    /// Who was looked at in each minute of an hour, in which `report` is asked for reports every ten
    /// seconds.
    fn looks(mut report: impl FnMut(&mut Table, u64)) -> Vec<String> {
        let (mut table, mut looks) = (Table::default(), Vec::new());
        for second in (0..3600).step_by(10) {
            report(&mut table, second);
            table.forget(at(second));
            for url in table.due(9, at(second)) {
                // There is one node, and nothing else below its host.
                let key = (url == "https://a.example").then_some([1; 32]);
                table.found(&url, key, at(second));
                looks.push(url);
            }
        }
        looks
    }

    fn below(path: &str, key: u8, second: u64) -> Report {
        let report = report("a", key, at(second));
        Report { url: report.url + path, ..report }
    }

    #[test]
    fn who_waits_is_kept_out_neither_by_others_of_the_host_nor_by_reporting_again() {
        let others: Vec<String> = (0..8).map(|n| format!("/x{n}")).collect();
        let looks = looks(|table, second| {
            // Before the node, and again each time just before it does.
            for other in others.iter().filter(|_| second == 0 || second % 300 == 290) {
                table.take(below(other, 9, second), at(second)).unwrap();
            }
            if second >= 300 && second.is_multiple_of(300) {
                table.take(below("", 1, second), at(second)).unwrap();
            }
        });
        let is_it = |url: &String| url == "https://a.example";
        let first = looks.iter().position(is_it).expect("it is looked at");
        assert!(first <= 5 + others.len(), "in the minute {first}");
        // Once found, it is looked at after each of its reports.
        let rest = &looks[first..];
        assert!(rest.iter().filter(|url| is_it(url)).count() >= rest.len() / 5);
    }

    #[test]
    fn who_was_found_and_reports_all_the_time_keeps_nobody_out() {
        let looks = looks(|table, second| {
            table.take(below("", 1, second), at(second)).unwrap();
            if second >= 300 && second.is_multiple_of(300) {
                table.take(below("/new", 2, second), at(second)).unwrap();
            }
        });
        let new = looks.iter().filter(|url| url.ends_with("/new")).count();
        assert_eq!((looks.len(), new), (60, 11), "at each report of the new one");
    }

    #[test]
    fn who_was_looked_at_in_vain_makes_room_first() {
        let mut table = Table::default();
        table.take(report("vain", 1, at(10)), at(10)).unwrap();
        assert_eq!(table.due(9, at(10)).len(), 1);
        table.found("https://vain.example", None, at(10));
        for number in 0..CANDIDATES {
            table.take(report(&format!("n{number}"), 2, at(1)), at(1)).unwrap();
        }
        assert_eq!(table.nodes.len(), CANDIDATES);
        assert!(table.nodes.keys().all(|(url, _)| url != "https://vain.example"));
    }

    #[test]
    fn no_more_are_listed_than_a_list_holds() {
        let mut table = Table::default();
        for number in 0..MOST + 5 {
            let url = format!("https://n{number:0width$}.example", width = URL - 17);
            assert_eq!(url.len(), URL);
            let report = Report { url: url.clone(), saturation: 0.01, ..report("", 1, at(0)) };
            table.take(report, at(0)).unwrap();
            table.found(&url, Some([1; 32]), at(1));
        }
        let list = table.list(at(599));
        assert_eq!(list.len(), MOST);
        let text = crate::core::nodes::write(&list);
        assert_eq!(crate::core::nodes::read(text.as_bytes()), Ok(list), "{} bytes", text.len());
    }
}
