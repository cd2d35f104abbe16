//! What is said of groups by people of bad will, and by nobody: another creator's name, titles and
//! lists without end, invitations by the thousand, cards of strangers, letters of a group by those
//! who are not in it. None changes what others see, and none is filed where it does not belong.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::groups;
use poste::core::group::{self, Entry, Register, Title, founded};
use poste::core::keys::{Fingerprint, GroupId};
use poste::core::letter::{Control, Group, Introduction, Kind, Statement};
use poste::core::time::{DAY, HOUR};
use poste::store::groups::{Group as Stored, MOST_INVITED_EACH};
use std::collections::BTreeMap;
use world::circle::{pair_in_group, settle};
use world::film::NOW;
use world::{Person, World, petname};

/// A group of bob's own in which alice is asked, if the register says so.
fn statement(bob: &Person<'_>, nonce: u8, own: Register) -> Statement {
    let (creator, nonce) = (bob.fingerprint(), [nonce; 16]);
    Statement { group: group::id(&creator, &nonce), creator, nonce, seen: 0, own, heard: None }
}

fn inviting(who: Fingerprint) -> Register {
    let entries = BTreeMap::from([(who, Entry { length: 1, keeper: false })]);
    Register { entries, ..founded("trap", poste::core::time::Time::from_unix(9)).unwrap() }
}

/// Bob posts a control letter of his own making to alice, who syncs.
fn says(bob: &Person<'_>, alice: &Person<'_>, edit: impl FnOnce(&mut Control)) {
    let day = bob.world.now().day();
    let letter = bob.letter(alice, day, "", |control| {
        control.kind = Kind::Control;
        edit(control);
    });
    bob.post_through_offer(alice, &letter);
    let report = alice.sync_with(&NOW);
    assert_eq!(report.errors, Vec::<String>::new());
    // The next one is posted under the same numbers.
    bob.world.pass(HOUR);
}

fn stored(person: &Person<'_>) -> Vec<Stored> {
    Stored::load_all(&person.places()).unwrap().0
}

#[test]
fn who_governs_a_group_cannot_be_claimed() {
    let world = World::at("2026-11-22T10");
    let (alice, bob) = pair_in_group(&world, 0);
    let (me, him) = (alice.fingerprint(), bob.fingerprint());
    let real = alice.stored("family");
    let before = alice.group("family");
    // An invitation that is none: nobody is asked in by one who is not asked in.
    says(&bob, &alice, |control| {
        let none = founded("trap", world.now()).unwrap();
        control.statement = Some(Box::new(statement(&bob, 1, none)));
    });
    // By one who names another creator, whose word he brings.
    says(&bob, &alice, |control| {
        let nonce = [2; 16];
        let other = Fingerprint::from([9; 32]);
        control.statement = Some(Box::new(Statement {
            group: group::id(&other, &nonce),
            creator: other,
            nonce,
            seen: 0,
            own: inviting(me),
            heard: Some(inviting(me)),
        }));
    });
    assert_eq!(stored(&alice).len(), 1);
    // In the real one he names himself keeper, takes out the creator and gives a title.
    let mut own = bob.stored("kin").register(&him);
    own.version += 100;
    own.title = Some(Title { count: 99, text: "bob's".into() });
    own.entries.insert(me, Entry { length: 2, keeper: false });
    own.entries.insert(him, Entry { length: 1, keeper: true });
    says(&bob, &alice, |control| {
        control.statement = Some(Box::new(Statement {
            group: real.id,
            creator: real.creator,
            nonce: real.nonce,
            seen: 0,
            own,
            heard: Some(Register { version: u64::MAX >> 2, ..Register::default() }),
        }));
    });
    assert!(alice.stored("family").register(&him).entries.len() > 1, "it is kept,");
    let after = alice.group("family");
    assert_eq!(format!("{before:?}"), format!("{after:?}"), "and has no effect");
    // A group whose id does not follow from its creator is no letter at all.
    says(&bob, &alice, |control| {
        let statement = statement(&bob, 3, inviting(me));
        let group = GroupId::from([7; 16]);
        control.statement = Some(Box::new(Statement { group, ..statement }));
    });
    assert_eq!(stored(&alice).len(), 1);
}

#[test]
fn invitations_are_bounded_and_cost_nothing_until_they_are_answered() {
    let world = World::at("2026-11-22T10");
    let (alice, bob) = pair_in_group(&world, 0);
    let me = alice.fingerprint();
    let before = alice.outbox().len();
    let invite = |number: u8| {
        says(&bob, &alice, |control| {
            control.statement = Some(Box::new(statement(&bob, 10 + number, inviting(me))));
        });
    };
    let files = || stored(&alice).iter().filter(|group| group.name.is_none()).count();
    (0..MOST_INVITED_EACH as u8 + 2).for_each(invite);
    assert_eq!(files(), MOST_INVITED_EACH);
    assert!(alice.outbox().len() <= before, "nothing is said to anybody");
    // Those that were declined take nobody's place, and are forgotten in time.
    let waiting = |alice: &Person<'_>| alice.with(|env| groups::invitations(env)).unwrap();
    for row in waiting(&alice) {
        alice.leave(&row.name).unwrap();
    }
    invite(100);
    assert_eq!((waiting(&alice).len(), files()), (1, MOST_INVITED_EACH + 1));
    let errands = || alice.with(|env| groups::errands(env, &env.lock().unwrap()).unwrap());
    world.pass(31 * DAY);
    errands();
    assert_eq!((waiting(&alice).len(), files()), (1, 1));
    // That of somebody who is no contact any more goes with them.
    alice.with(|env| poste::client::people::remove(env, &petname("bob"), false)).unwrap();
    errands();
    assert_eq!(files(), 0);
    assert!(alice.group("family").people.len() == 2, "a group that one is in stays");
}

#[test]
fn who_governs_a_group_fills_no_home_with_people() {
    let world = World::at("2026-11-22T10");
    let (alice, bob) = pair_in_group(&world, 0);
    let people = [(77, "dave"), (78, "erin")];
    let [dave, erin] = people.map(|(seed, name)| Person::new(&world, name, seed, &[]));
    let group = alice.stored("family").id;
    let mut stored = alice.stored("family");
    let mut register = stored.register(&alice.fingerprint());
    register.version += 1;
    for person in [&dave, &erin] {
        register.entries.insert(person.fingerprint(), Entry { length: 1, keeper: false });
    }
    group::take(&mut stored.said, alice.fingerprint(), register, None);
    stored.save(&alice.places()).unwrap();
    settle(&[&alice, &bob]);
    let introduce = |person: &Person<'_>| {
        says(&alice, &bob, |control| {
            let card = person.card().text().to_owned();
            let it = Introduction { group, card, accepted: 1, left: 0 };
            control.introduction = Some(Box::new(it));
        });
    };
    introduce(&dave);
    let contacts = bob.places().contacts_dir();
    for number in 1..groups::MOST_INTRODUCED {
        let copy = contacts.join(format!("dave-{number}.toml"));
        std::fs::copy(contacts.join("dave.toml"), copy).unwrap();
    }
    introduce(&erin);
    let is_there = || contacts.join("erin.toml").exists();
    assert!(!is_there(), "and it is not acknowledged");
    std::fs::remove_file(contacts.join("dave-1.toml")).unwrap();
    introduce(&erin);
    assert!(is_there());
}

#[test]
fn cards_are_taken_from_those_who_govern_for_those_who_are_in() {
    let world = World::at("2026-11-22T10");
    let (alice, bob) = pair_in_group(&world, 0);
    let dave = Person::new(&world, "Alice", 77, &[]);
    let group = alice.stored("family").id;
    let card = dave.card().text().to_owned();
    let introduce = |by: &Person<'_>, to: &Person<'_>, card: &str| {
        says(by, to, |control| {
            let card = card.to_owned();
            let it = Introduction { group, card, accepted: 1, left: 0 };
            control.introduction = Some(Box::new(it));
        });
    };
    let count =
        |person: &Person<'_>| person.with(|env| poste::client::people::list(env)).unwrap().len();
    introduce(&bob, &alice, &card);
    assert_eq!(count(&alice), 1, "bob does not govern");
    introduce(&alice, &bob, &card);
    assert_eq!(count(&bob), 1, "dave is not in");
    introduce(&alice, &bob, "no card");
    assert_eq!(count(&bob), 1);
    // Now he is, as far as alice says.
    let mut stored = alice.stored("family");
    let him = dave.fingerprint();
    let mut register = stored.register(&alice.fingerprint());
    register.version += 1;
    register.entries.insert(him, Entry { length: 1, keeper: false });
    group::take(&mut stored.said, alice.fingerprint(), register, None);
    stored.save(&alice.places()).unwrap();
    settle(&[&alice, &bob]);
    introduce(&alice, &bob, &card);
    introduce(&alice, &bob, &card);
    let rows = bob.with(|env| poste::client::people::list(env)).unwrap();
    let found: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.state)).collect();
    // The name that the card suggests is taken already.
    assert_eq!(found, [("alice", "unconfirmed"), ("alice-2", "introduced")]);
}

#[test]
fn letters_of_a_group_by_those_who_are_not_in_it_lie_with_their_own() {
    let world = World::at("2026-11-22T10");
    let (alice, bob) = pair_in_group(&world, 0);
    let carol = Person::new(&world, "carol", 5, &[]);
    carol.add("alice", &alice);
    alice.add("carol", &carol);
    carol.send("alice", "hello");
    alice.send("carol", "hello");
    settle(&[&carol, &alice]);
    let id = alice.stored("family").id;
    let write = |from: &Person<'_>, group: GroupId, text: &str| {
        let day = world.now().day();
        let letter = from.letter(&alice, day, &format!("Subject: {text}\n\n{text}\n"), |control| {
            control.group = Some(Group { id: group, version: 1, hash: [0; 32] });
        });
        from.post_through_offer(&alice, &letter);
        alice.sync_with(&NOW);
        world.pass(HOUR);
    };
    write(&carol, GroupId::from([3; 16]), "of no group");
    assert!(alice.bodies("carol").contains(&"of no group".to_owned()));
    write(&carol, id, "too early");
    assert!(!alice.bodies("carol").contains(&"too early".to_owned()), "she may be invited yet");
    let old = world.now().day();
    let letter = carol.letter(&alice, old, "Subject: x\n\nlong ago\n", |control| {
        control.group = Some(Group { id, version: 1, hash: [0; 32] });
        control.date = poste::core::time::Time::from_unix(world.now().unix() - 3 * DAY);
    });
    carol.post_through_offer(&alice, &letter);
    alice.sync_with(&NOW);
    assert!(alice.bodies("carol").contains(&"long ago".to_owned()));
    assert_eq!(alice.bodies("family"), [""; 0]);
    world.pass(HOUR);
    write(&bob, id, "with another hash");
    assert_eq!(alice.bodies("family"), ["with another hash"]);
    assert!(alice.messages("family")[0].contains(" 1 differs\n"));
}
