//! Nothing tells by its size how large a group is: a letter to it, a long one, and what is said of
//! it take as many cells in a group of two as in one of fifty, and a short letter takes one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::queue;
use poste::core::group::{self, Act};
use poste::core::keys::Fingerprint;
use world::circle::{pair_in_group, settle};
use world::film::NOW;
use world::{Person, RELAY, World, petname};

/// Cells that a sync without cover posts.
fn posted(person: &Person<'_>) -> usize {
    let relay = person.world.relay(RELAY);
    relay.lock().unwrap().posts.clear();
    let report = person.sync_with(&NOW);
    assert_eq!(report.errors, Vec::<String>::new());
    relay.lock().unwrap().posts.iter().map(|(_, cells)| cells).sum()
}

/// A reply with `length` bytes of text, as mutt writes it.
fn reply(length: usize) -> Vec<u8> {
    let id = "<0123456789abcdef0123456789abcdef@poste>";
    let header = format!(
        "Date: Sun, 22 Nov 2026 14:31:07 +0000\nFrom: Alice <alice@laptop.example>\n\
         To: family@poste\nSubject: Re: lunch on Friday\nMessage-ID: <awGHe2@laptop.example>\n\
         References: {id}\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\
         Content-Disposition: inline\nContent-Transfer-Encoding: 8bit\nIn-Reply-To: {id}\n\
         User-Agent: Mutt/2.2.13 (2024-03-09)\n\n"
    );
    [header.as_bytes(), &vec![b'x'; length]].concat()
}

/// Cells of a short letter, of a long one, of one that is just too long for a cell, of a
/// statement, and of one that invites the other anew.
fn cells(others: u8) -> [usize; 5] {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = pair_in_group(&world, others);
    let send = |length: usize| {
        alice.with(|env| queue::send(env, &[petname("family")], &reply(length), false)).unwrap();
        let cells = posted(&alice);
        settle(&[&bob, &alice]);
        cells
    };
    let letters = [send(1550), send(20_000), send(2600)];
    assert_eq!(bob.bodies("kin").len(), 3);
    let before = bob.stored("kin").register(&alice.fingerprint()).version;
    // Something of it changes, and bob alone is to hear.
    let mut group = alice.stored("family");
    let me = alice.fingerprint();
    let (now, longest) = (world.now(), "\u{1f33b}".repeat(64));
    let register = group::act(me, me, &group.said, Act::Rename(&longest), now).unwrap();
    group::take(&mut group.said, me, register, None);
    group.save(&alice.places()).unwrap();
    let statement = posted(&alice);
    bob.sync_with(&NOW);
    assert!(bob.stored("kin").register(&me).version > before, "it came");
    settle(&[&bob, &alice]);
    let short = group::act(me, me, &alice.stored("family").said, Act::Rename("x"), now).unwrap();
    let mut group = alice.stored("family");
    group::take(&mut group.said, me, short, None);
    group.save(&alice.places()).unwrap();
    let shorter = posted(&alice);
    [letters[0], letters[1], letters[2], statement, shorter]
}

#[test]
fn nothing_tells_by_its_size_how_large_a_group_is() {
    let small = cells(0);
    assert_eq!(small[0], 1, "1,550 bytes of text in a reply are one cell");
    assert_eq!(small[2], 2);
    for others in [8, 48] {
        assert_eq!(cells(others), small, "{} people", others + 2);
    }
}

#[test]
fn the_list_of_members_does_not_travel_with_a_mail() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = pair_in_group(&world, 48);
    alice.send("family", "hello");
    settle(&[&alice, &bob]);
    let came = bob.messages("kin").remove(0);
    let other = Fingerprint::from([7; 32]).to_string();
    // Bob has been told of them by a statement, and files whom he knows of.
    assert_eq!(came.matches(&other).count(), 0, "he does not know that they joined");
    assert!(came.contains(" differs\n"), "so the copies seem to differ");
    let own = alice.messages("family").remove(0);
    assert_eq!(own.matches(&other).count(), 1);
    assert!(own.lines().all(|line| line.len() < 998));
}
