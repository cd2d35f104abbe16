//! Nodes from the lists of trackers: at least two, kept while they are good, told to correspondents
//! at once, and nothing believed of a list but where a node may be (poste-protocol(7), Tracker).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::nodes;
use poste::core::nodes::{Listed, write};
use poste::core::time::{DAY, HOUR};
use poste::store::chosen::Chosen;
use std::collections::BTreeSet;
use world::{Person, World};

const TRACKER: &str = "https://tracker.example";

fn node(number: u8, saturation: f64) -> Listed {
    let url = format!("https://relay{number}.example");
    Listed { url, key: [number; 32], saturation, age: 60 }
}

fn publish(world: &World, tracker: &str, list: &[Listed]) {
    let body = write(list).into_bytes();
    world.documents.lock().unwrap().insert(format!("{tracker}/v1/nodes"), body);
}

/// Somebody who names no node, but trackers.
fn follower<'w>(world: &'w World, name: &str, seed: u64, trackers: &[&str]) -> Person<'w> {
    let mut person = Person::new(world, name, seed, &[]);
    person.config.nodes.clear();
    person.config.trackers = trackers.iter().map(|url| url.parse().unwrap()).collect();
    person
}

fn own(person: &Person<'_>) -> BTreeSet<String> {
    person.with(|env| nodes::own(env)).into_iter().collect()
}

#[test]
fn two_nodes_are_chosen_and_kept_while_they_are_good() {
    let world = World::at("2026-11-22T14");
    let list: Vec<Listed> = (1..=6).map(|n| node(n, 0.2)).collect();
    publish(&world, TRACKER, &list);
    let alice = follower(&world, "alice", 1, &[TRACKER]);
    alice.sync();
    let chosen = own(&alice);
    assert_eq!(chosen.len(), 2, "{chosen:?}");
    alice.sync();
    let named: BTreeSet<String> = alice.card().card.nodes.into_iter().collect();
    assert_eq!(named.len(), 1, "the card that was signed before names its node still");
    for _ in 0..9 * 4 {
        world.pass(6 * HOUR);
        alice.sync();
        assert_eq!(own(&alice), chosen, "at {}", world.now().iso());
    }
    let named: BTreeSet<String> = alice.card().card.nodes.into_iter().collect();
    assert_eq!(named, chosen, "and the next one names those");
    let lists = world.asked.lock().unwrap().iter().filter(|url| url.contains("tracker")).count();
    assert!((9..=12).contains(&lists), "asked once a day: {lists}");
}

#[test]
fn a_full_node_is_left_and_correspondents_follow_at_once() {
    let world = World::at("2026-11-22T14");
    let mut list: Vec<Listed> = (1..=4).map(|n| node(n, 0.2)).collect();
    publish(&world, TRACKER, &list);
    let alice = follower(&world, "alice", 1, &[TRACKER]);
    let bob = Person::new(&world, "bob", 2, &[]);
    alice.sync();
    bob.add("alice", &alice);
    bob.send("alice", "hello");
    for person in [&bob, &alice] {
        person.sync();
    }
    alice.accept("bob");
    alice.add("bob", &bob);
    for _ in 0..4 {
        world.pass(HOUR);
        alice.sync();
        bob.sync();
    }
    let before = own(&alice);
    let given = alice.transit().newest_given(bob.card().card.fingerprint()).unwrap().nodes.clone();
    assert_eq!(given.into_iter().collect::<BTreeSet<_>>(), before);
    let full = before.first().unwrap().clone();
    list.iter_mut().find(|node| node.url == full).unwrap().saturation = 0.97;
    publish(&world, TRACKER, &list);
    let mut hours = 0;
    while own(&alice) == before {
        world.pass(HOUR);
        alice.sync();
        bob.sync();
        hours += 1;
        assert!(hours < 25, "within a day");
    }
    let after = own(&alice);
    assert!(!after.contains(&full) && after.len() == 2 && after.intersection(&before).count() == 1);
    // The same sync tells bob, and his next letter goes there.
    bob.sync();
    let told = bob.transit();
    let told = told.received.iter().find(|r| r.from == alice.card().card.fingerprint()).unwrap();
    assert_eq!(told.nodes.iter().cloned().collect::<BTreeSet<_>>(), after);
    world.relay(&full).lock().unwrap().down = true;
    bob.send("alice", "to the new node");
    bob.sync();
    alice.sync();
    assert!(alice.bodies("bob").contains(&"to the new node".to_owned()));
}

#[test]
fn a_node_that_is_silent_is_left_and_one_that_is_alone_is_kept() {
    let world = World::at("2026-11-22T14");
    publish(&world, TRACKER, &[node(1, 0.2), node(2, 0.2), node(3, 0.2)]);
    let alice = follower(&world, "alice", 1, &[TRACKER]);
    alice.sync();
    let silent = own(&alice).first().unwrap().clone();
    world.relay(&silent).lock().unwrap().down = true;
    for _ in 0..8 {
        world.pass(HOUR);
        alice.sync();
    }
    let after = own(&alice);
    assert!(!after.contains(&silent) && after.len() == 2, "{after:?}");
    // Nobody else is listed: better a full one than none.
    let full: Vec<Listed> = (1..=3).map(|n| node(n, 0.95)).collect();
    publish(&world, TRACKER, &full);
    world.pass(DAY);
    alice.sync();
    assert_eq!(own(&alice), after);
}

#[test]
fn lists_are_hostile_until_checked() {
    let world = World::at("2026-11-22T14");
    let other = "https://other.example";
    let private = ["http://127.0.0.1:80", "file:///tmp/x", "https://10.0.0.1", "http://r.example"];
    let mut list: Vec<Listed> = vec![node(1, 0.0); 1500];
    list.iter_mut().zip(1000..).for_each(|(node, n)| node.url = format!("https://s{n}.example"));
    publish(&world, TRACKER, &list);
    let body = private.map(|url| write(&[Listed { url: url.to_owned(), ..node(2, 0.0) }]));
    let alice = follower(&world, "alice", 1, &[TRACKER, other]);
    for (bad, why) in [
        (b"garbage".to_vec(), "no list of nodes"),
        (b"poste = 2\n".to_vec(), "no list of nodes"),
        (vec![b'#'; 600 << 10], "longer than the 524288 bytes allowed"),
    ] {
        world.documents.lock().unwrap().insert(format!("{other}/v1/nodes"), bad);
        let report = alice.sync();
        assert!(report.errors.iter().any(|error| error.contains(why)), "{report:?}");
        world.pass(DAY);
    }
    assert_eq!(own(&alice).len(), 1, "one node under many addresses is one");
    for bad in body {
        world.documents.lock().unwrap().insert(format!("{other}/v1/nodes"), bad.into_bytes());
        world.pass(2 * HOUR);
        alice.sync();
        let chosen = own(&alice);
        assert_eq!(chosen.len(), 1, "{chosen:?}");
    }
    publish(&world, other, &[node(2, 0.5)]);
    world.pass(2 * HOUR);
    alice.sync();
    assert!(own(&alice).contains("https://relay2.example"), "{:?}", own(&alice));
}

#[test]
fn who_names_nodes_listens_there_and_without_trackers_there_alone() {
    let world = World::at("2026-11-22T14");
    publish(&world, TRACKER, &[node(1, 0.2), node(2, 0.2)]);
    let mut alice = Person::new(&world, "alice", 1, &["https://mine.example"]);
    alice.config.trackers = vec![TRACKER.parse().unwrap()];
    alice.sync();
    let chosen = own(&alice);
    assert!(chosen.len() == 2 && chosen.contains("https://mine.example"), "{chosen:?}");
    let rows = alice.with(nodes::list).unwrap().0;
    let states: Vec<_> = rows.iter().map(|row| row.state).collect();
    assert_eq!(states.iter().filter(|state| **state == "chosen").count(), 1);
    assert_eq!(states.iter().filter(|state| **state == "configured").count(), 1);
    assert_eq!(states.last(), Some(&"listed"));
    alice.config.trackers.clear();
    assert_eq!(own(&alice), BTreeSet::from(["https://mine.example".to_owned()]));
    alice.sync();
    assert_eq!(Chosen::load(&alice.places()).unwrap().node, []);
    let left = chosen.iter().find(|url| !url.contains("mine")).unwrap();
    world.relay(left).lock().unwrap().down = true;
    world.pass(HOUR);
    let report = alice.sync();
    assert!(
        report.errors.iter().any(|e| e.contains(left.as_str())),
        "letters may still come there"
    );
}

#[test]
fn nodes_to_post_to_are_kept_beside_until_they_fail() {
    let world = World::at("2026-11-22T14");
    let list: Vec<Listed> = (1..=6).map(|n| node(n, 0.2)).collect();
    publish(&world, TRACKER, &list);
    let alice = follower(&world, "alice", 1, &[TRACKER]);
    alice.sync();
    let beside = || -> Vec<String> {
        let chosen = Chosen::load(&alice.places()).unwrap();
        chosen.beside.into_iter().map(|choice| choice.url).collect()
    };
    let kept = beside();
    assert_eq!(kept.len(), 1, "with the two listened on these are three");
    assert!(own(&alice).is_disjoint(&kept.iter().cloned().collect()));
    let visited = |alice: &Person<'_>| -> BTreeSet<String> {
        world.trace.lock().unwrap().clear();
        alice.sync();
        let trace = world.trace.lock().unwrap();
        let posts = trace.iter().filter_map(|line| line.strip_prefix("POST "));
        posts.map(|line| line.split("/v1/").next().unwrap().to_owned()).collect()
    };
    for _ in 0..12 {
        let mut expected = own(&alice);
        expected.extend(kept.clone());
        assert_eq!(visited(&alice), expected);
        assert_eq!(beside(), kept);
        world.pass(12 * HOUR);
    }
    alice.sync();
    world.relay(&kept[0]).lock().unwrap().down = true;
    let mut hours = 0;
    while beside() == kept {
        world.pass(HOUR);
        alice.sync();
        hours += 1;
        assert!(hours < 40, "it has failed for so many hours");
    }
    assert!(hours > 6, "it may be back in an hour: {hours}");
    world.pass(DAY);
    alice.sync();
    assert!(beside().len() == 1 && beside() != kept, "another takes its place");
}
