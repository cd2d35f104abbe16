//! Volunteers and identity hosts of ill will: what they can make a home do is bounded, and they
//! leave no trace in it (poste-protocol(7), Cover conversations and Security).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::core::bucket::CELL;
use poste::core::card::{self, Card, SignedCard};
use poste::core::keys::Fingerprint;
use poste::core::letter::{Control, Kind};
use poste::core::stamp::Stamp;
use poste::core::talk::{MOST_A_DAY, MOST_LETTERS};
use poste::core::time::{DAY, HOUR, MINUTE};
use poste::store::config::Target;
use poste::store::cover::{Cover, MOST_TAKEN, MOST_VOLUNTEERS};
use std::fs;
use world::{Person, World, acquainted};

const HOST: &str = "https://id.example";

/// Makes somebody take part.
fn willing(person: &mut Person<'_>) {
    let address = format!("{HOST}/id/");
    person.config.urls = vec![address.parse().unwrap()];
    person.config.publish = vec![Target::Put(address.parse().unwrap())];
    person.config.cover = true;
    person.publish();
    assert!(person.card().card.cover);
}

fn volunteer<'w>(world: &'w World, name: &str, seed: u64) -> Person<'w> {
    let mut person = Person::new(world, name, seed, &[]);
    willing(&mut person);
    person
}

fn state(person: &Person<'_>) -> Cover {
    Cover::load(&person.places()).unwrap()
}

/// A letter of a cover conversation as it should be.
fn letter(from: &Person<'_>, to: &Person<'_>, edit: impl FnOnce(&mut Control)) -> Vec<u8> {
    let (mine, theirs) = (from.card(), to.card().card.sign);
    from.letter(to, from.world.now().day(), "Subject: x\n\nnothing\n", |control| {
        control.kind = Kind::Cover;
        control.card = Some(mine.text().to_owned());
        control.stamp = Some(Stamp::find(&theirs, &mine.card.sign, &control.id, 8));
        edit(control);
    })
}

/// All that a home has, but for the conversations themselves.
fn files(person: &Person<'_>) -> Vec<String> {
    fn walk(dir: &std::path::Path, out: &mut Vec<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, out) } else { out.push(path.display().to_string()) }
        }
    }
    let mut out = Vec::new();
    walk(&person.dir.path().join("home"), &mut out);
    out.retain(|path| !path.ends_with("cover.toml"));
    out.sort();
    out
}

#[test]
fn one_good_letter_is_noted_and_leaves_nothing_else() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = (volunteer(&world, "alice", 1), volunteer(&world, "bob", 2));
    alice.sync();
    let before = files(&alice);
    let good = letter(&bob, &alice, |_| {});
    for _ in 0..3 {
        bob.post_as_stranger(&alice, &good);
        let report = alice.sync();
        assert!(report.letters.is_empty() && report.quarantined == 0, "{report:?}");
        let talk = state(&alice).talk;
        assert_eq!(talk.len(), 1, "once, however often it comes");
        assert_eq!((talk[0].begun, talk[0].left), (false, MOST_LETTERS));
        world.pass(5 * MINUTE);
    }
    assert_eq!(files(&alice), before);
    assert!(alice.list(None).is_empty() && alice.list(Some("requests")).is_empty());
    assert!(alice.warnings.borrow().is_empty());
    assert!(state(&bob).talk.is_empty());
}

#[test]
fn what_fails_a_check_is_as_if_it_had_never_come() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = (volunteer(&world, "alice", 1), volunteer(&world, "bob", 2));
    let carol = Person::new(&world, "carol", 3, &[]);
    let dave = Person::new(&world, "dave", 4, &["https://elsewhere.example"]);
    alice.sync();
    let (before, known) = (files(&alice), state(&alice));
    let mut forged = letter(&bob, &alice, |_| {});
    *forged.last_mut().unwrap() ^= 1;
    let card = |person: &Person<'_>, edit: fn(&mut Card)| person.sign(edit).text().to_owned();
    let lazy = card(&bob, |card| card.class = poste::core::bucket::Class::Daily);
    let dear = card(&bob, |card| card.stamp_bits = 25);
    let last = card(&bob, |card| card.end = true);
    let stale = card(&bob, |card| card.prekey_until = card.issued.day().minus(1));
    let far = card(&dave, |card| card.cover = true);
    let (now, bob_card) = (world.now(), bob.card());
    for (what, from, bad) in [
        ("a wrong mac", &bob, forged),
        ("no stamp", &bob, letter(&bob, &alice, |c| c.stamp = None)),
        ("no card", &bob, letter(&bob, &alice, |c| c.card = None)),
        ("old", &bob, letter(&bob, &alice, |c| c.date = now - DAY - 1)),
        ("from the future", &bob, letter(&bob, &alice, |c| c.date = now + 11 * MINUTE)),
        ("of the daily class", &bob, letter(&bob, &alice, |c| c.card = Some(lazy))),
        ("too much work", &bob, letter(&bob, &alice, |c| c.card = Some(dear))),
        ("a last card", &bob, letter(&bob, &alice, |c| c.card = Some(last))),
        ("an old prekey", &bob, letter(&bob, &alice, |c| c.card = Some(stale))),
        ("takes no part", &carol, letter(&carol, &alice, |_| {})),
        (
            "another's card",
            &carol,
            letter(&carol, &alice, |c| c.card = Some(bob_card.text().into())),
        ),
        ("listens elsewhere", &dave, letter(&dave, &alice, |c| c.card = Some(far))),
    ] {
        from.post_as_stranger(&alice, &bad);
        let report = alice.sync();
        assert!(report.letters.is_empty() && report.quarantined == 0, "{what}: {report:?}");
        assert_eq!(state(&alice).talk, known.talk, "{what}");
        assert_eq!(files(&alice), before, "{what}");
    }
    bob.post_as_stranger(&alice, &letter(&bob, &alice, |_| {}));
    alice.sync();
    assert_eq!(state(&alice).talk.len(), 1, "and a good one is noted");
}

#[test]
fn a_home_that_takes_no_part_and_a_contact_note_nothing() {
    let world = World::at("2026-11-22T14");
    let (mut alice, mut bob) = acquainted(&world);
    willing(&mut alice);
    willing(&mut bob);
    alice.sync();
    let peer = |person: &Person<'_>| format!("{:?}", person.peer(&bob).card_seen);
    let before = (files(&alice), peer(&alice));
    let theirs = letter(&bob, &alice, |control| control.card_seen = control.card_seen + 5);
    bob.post_through_offer(&alice, &theirs);
    bob.post_as_stranger(&alice, &theirs);
    alice.sync();
    assert!(state(&alice).talk.is_empty(), "a contact's have no effect");
    assert_eq!((files(&alice), peer(&alice)), before);

    let (carol, dave) = (Person::new(&world, "carol", 3, &[]), volunteer(&world, "dave", 4));
    carol.sync();
    let before = files(&carol);
    dave.post_as_stranger(&carol, &letter(&dave, &carol, |_| {}));
    let report = carol.sync();
    assert!(report.letters.is_empty() && report.quarantined == 0);
    assert_eq!(files(&carol), before);
    assert_eq!(state(&carol), Cover::default());
}

#[test]
fn a_flood_of_volunteers_costs_no_more_than_the_budget() {
    let world = World::at("2026-11-22T00");
    let mut alice = volunteer(&world, "alice", 1);
    alice.config.cover_budget = 20 * CELL as u64;
    let crowd: Vec<Person<'_>> = (0..24).map(|n| volunteer(&world, "mallory", 100 + n)).collect();
    let most = ((MOST_TAKEN + MOST_VOLUNTEERS + 8) * (card::LIMIT + 1024)) as u64;
    let mut answers = std::collections::BTreeMap::<Fingerprint, u32>::new();
    let mut days = Vec::new();
    for hour in 0..60 {
        world.pass(HOUR);
        for person in &crowd {
            person.post_as_stranger(&alice, &letter(person, &alice, |_| {}));
        }
        let before: Vec<(Fingerprint, u8)> =
            state(&alice).talk.iter().map(|talk| (talk.with, talk.left)).collect();
        world.trace.lock().unwrap().clear();
        alice.sync();
        let cover = state(&alice);
        for (with, left) in before {
            let now = cover.talk.iter().find(|talk| talk.with == with).map(|talk| talk.left);
            *answers.entry(with).or_default() += u32::from(left - now.unwrap_or(left));
        }
        let (letters, bytes) = cover.spent(world.now());
        assert!(letters <= MOST_A_DAY && bytes <= 20 * CELL as u64, "hour {hour}");
        assert!(cover.count(false) <= MOST_TAKEN);
        let file = alice.places().state().join("cover.toml");
        assert!(fs::metadata(file).unwrap().len() < most);
        days.push(bytes);
        let trace = world.trace.lock().unwrap().clone();
        let posts: Vec<&String> = trace.iter().filter(|l| l.starts_with("POST ")).collect();
        let cells = |post: &String| if post.contains("/daily/") { 16 } else { 4 };
        let is_usual = |post: &&String| post.ends_with(&format!(" {}", cells(post) * CELL));
        assert!(posts.iter().all(is_usual) && posts.len() <= 2, "{posts:?}");
    }
    assert!(*days.iter().max().unwrap() > 15 * CELL as u64, "they make it answer: {days:?}");
    assert!(answers.values().all(|count| *count <= u32::from(MOST_LETTERS)), "{answers:?}");
    assert!(alice.list(None).is_empty() && alice.outbox().is_empty());
}

#[test]
fn a_host_can_lead_nobody_anywhere() {
    let world = World::at("2026-11-22T00");
    let alice = volunteer(&world, "alice", 1);
    let bob = volunteer(&world, "bob", 2);
    let who = |n: u8| Fingerprint::from([n; 32]);
    let put = |path: String, body: Vec<u8>| {
        world.documents.lock().unwrap().insert(format!("{HOST}{path}"), body);
    };
    let day = || {
        for _ in 0..25 {
            world.pass(HOUR);
            alice.sync();
        }
        state(&alice).volunteers.len()
    };
    let (bob_card, mine) = (bob.card(), alice.card());
    let link = |fingerprint: Fingerprint| format!("http://127.0.0.1:1/x.toml#{fingerprint}\n");
    // Too long, no list, links of every sort.
    put("/v1/volunteers".into(), vec![b'a'; 17 << 10]);
    assert_eq!(day(), 0);
    put("/v1/volunteers".into(), b"<html>hello</html>".to_vec());
    assert_eq!(day(), 0);
    assert!(alice.warnings.borrow().iter().any(|said| said.contains("no list of volunteers")));
    let many: String = (0..150).map(|n| link(who(n))).collect();
    put("/v1/volunteers".into(), many.into_bytes());
    world.asked.lock().unwrap().clear();
    assert_eq!(day(), 0);
    let asked = world.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|url| url.starts_with(HOST)), "nowhere else: {asked:?}");
    let own = format!("{HOST}/id/{}.toml", mine.card.fingerprint());
    let cards = asked.iter().filter(|url| url.contains("/id/") && **url != own).count();
    assert!((4..=8).contains(&cards), "4 a day: {asked:?}");
    // Cards that are not what they are listed as, and one's own.
    let text = |card: &SignedCard| card.text().as_bytes().to_vec();
    for (n, card) in [
        (1, text(&bob_card)),
        (2, text(&bob.sign(|card| card.cover = false))),
        (3, b"no card".to_vec()),
    ] {
        put(format!("/id/{}.toml", who(n)), card);
    }
    let list: String = [1, 2, 3].map(|n| link(who(n))).concat() + &link(mine.card.fingerprint());
    put("/v1/volunteers".into(), list.into_bytes());
    assert_eq!(day(), 0);
    put("/v1/volunteers".into(), link(bob_card.card.fingerprint()).into_bytes());
    assert_eq!(day(), 1, "and one who is what he says is found");
}

#[test]
fn damaged_conversations_are_set_aside() {
    let world = World::at("2026-11-22T14");
    let alice = volunteer(&world, "alice", 1);
    alice.sync();
    let file = alice.places().state().join("cover.toml");
    fs::write(&file, "talk = 7\n").unwrap();
    alice.sync();
    assert!(file.with_extension("toml.damaged").exists());
    assert!(alice.warnings.borrow().iter().any(|said| said.contains("cover.toml")));
    assert_ne!(state(&alice), Cover::default(), "and begun anew");
}
