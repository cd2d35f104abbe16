//! Cards: what a reader refuses in them, what their owner does when they end or change
//! (poste-protocol(7), Card and Prekeys).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::error::Kind;
use poste::client::{own, people};
use poste::core::bucket::Class;
use poste::core::letter::Kind as LetterKind;
use poste::core::time::{DAY, HOUR};
use poste::store::keyring::Transit;
use poste::store::outbox::State;
use world::{Person, RELAY, World, acquainted, petname};

#[test]
fn a_card_issued_in_the_far_future_is_refused() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let known = alice.contact("bob").card.card.issued;
    for (ahead, taken) in [(DAY + 60, false), (DAY - 60, true)] {
        let issued = world.now() + ahead;
        let card = bob.sign(|card| (card.issued, card.expires) = (issued, issued + 90 * DAY));
        let letter = bob.letter(&alice, world.now().day(), "", |control| {
            control.kind = LetterKind::Control;
            control.card = Some(card.text().to_owned());
        });
        bob.post_through_offer(&alice, &letter);
        alice.sync();
        let now = alice.contact("bob").card.card.issued;
        assert_eq!(now, if taken { issued } else { known });
    }
    let carol = Person::new(&world, "carol", 3, &[]);
    let far = bob
        .sign(|card| (card.issued, card.expires) = (world.now() + 9 * DAY, world.now() + 99 * DAY));
    let file = carol.dir.path().join("card.toml");
    std::fs::write(&file, far.text()).unwrap();
    let add = |env: &mut poste::client::env::Env<'_>| {
        people::add(env, &petname("bob"), file.to_str().unwrap(), None, false)
    };
    assert_eq!(carol.with(add).unwrap_err().kind, Kind::Data);
}

#[test]
fn no_private_address_of_a_contact_is_reached() {
    let world = World::at("2026-11-22T14");
    let alice = Person::new(&world, "alice", 1, &[]);
    let carol = Person::new(&world, "carol", 3, &[]);
    let issued = world.now() + 1;
    let private = ["http://127.0.0.1:8025", "https://localhost", "https://10.0.0.1", "file:///etc"];
    let card = carol.sign(|card| {
        card.issued = issued;
        card.urls = private.iter().map(|url| format!("{url}/card.toml")).collect();
        card.nodes = private.iter().map(|url| url.to_string()).collect();
    });
    let file = alice.dir.path().join("card.toml");
    std::fs::write(&file, card.text()).unwrap();
    let asked = world.asked.lock().unwrap().len();
    let add = |env: &mut poste::client::env::Env<'_>| {
        people::add(env, &petname("carol"), file.to_str().unwrap(), None, false)
    };
    alice.with(add).unwrap();
    alice.send("carol", "to nowhere");
    let report = alice.sync();
    assert!(
        report.errors.iter().any(|e| e.contains("names no node that can be used")),
        "{report:?}"
    );
    assert_eq!(alice.outbox()[0].state, State::Queued);
    let asked = world.asked.lock().unwrap()[asked..].to_vec();
    assert!(asked.iter().all(|url| url == "https://host.example/alice.toml"), "{asked:?}");
    assert_eq!(world.relays.lock().unwrap().keys().collect::<Vec<_>>(), [RELAY]);
}

#[test]
fn letters_wait_while_the_card_does_not_list_today() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    world.pass(40 * DAY);
    alice.send("bob", "too late");
    let report = alice.sync();
    assert!(report.errors.iter().any(|e| e.contains("does not list today")), "{report:?}");
    assert_eq!(report.failure(), Some(Kind::Offline));
    assert!(report.posted > 0, "cover goes on");
    assert_eq!(alice.outbox().last().unwrap().state, State::Queued);
    alice.publish();
    bob.publish();
    assert!(alice.sync().errors.is_empty());
    assert_eq!(alice.outbox().last().unwrap().state, State::Posted);
}

#[test]
fn a_card_is_due_when_something_changed_or_it_grows_old() {
    let world = World::at("2026-11-22T14");
    let mut alice = Person::new(&world, "alice", 1, &[]);
    let due = |alice: &Person<'_>| {
        alice.with(|env| {
            let transit = Transit::load(env.home.places()).unwrap();
            own::is_due(env, &transit, own::find(env).unwrap().as_ref())
        })
    };
    assert!(!due(&alice));
    world.pass(7 * DAY);
    assert!(due(&alice));
    alice.publish();
    assert!(!due(&alice));
    let before = alice.config.clone();
    alice.config.nodes = vec!["file:///media/usb/poste".parse().unwrap()];
    assert!(due(&alice));
    alice.publish();
    assert_eq!(alice.card().card.class, Class::Daily, "directories have the daily class alone");
    assert!(!due(&alice));
    alice.config = before.clone();
    alice.config.nodes.push("file:///media/usb/poste".parse().unwrap());
    alice.publish();
    assert_eq!(alice.card().card.class, Class::Hourly);
    alice.config = before;
    alice.config.stamp_bits = 9;
    assert!(due(&alice));
    // A card signed by a clock that was far ahead does not list today.
    alice.publish();
    world.turn_back(6 * DAY + 7 * DAY);
    assert!(due(&alice));
}

#[test]
fn one_listens_where_the_cards_of_the_last_month_said() {
    let world = World::at("2026-11-22T14");
    let mut alice = Person::new(&world, "alice", 1, &[]);
    let bob = Person::new(&world, "bob", 2, &[]);
    bob.add("alice", &alice);
    alice.config.nodes = vec!["https://new.example".parse().unwrap()];
    world.pass(60);
    alice.publish();
    bob.send("alice", "to the old place");
    bob.sync();
    assert_eq!(alice.sync().letters.get("requests"), Some(&1));
    world.pass(32 * DAY);
    world.relay(RELAY).lock().unwrap().down = true;
    assert!(alice.sync().errors.iter().all(|error| !error.contains(RELAY)));
}

#[test]
fn a_changed_node_is_told_to_correspondents() {
    let world = World::at("2026-11-22T14");
    let (mut alice, bob) = acquainted(&world);
    alice.config.nodes = vec!["https://new.example".parse().unwrap()];
    world.pass(HOUR);
    alice.publish();
    alice.sync();
    bob.sync();
    assert_eq!(bob.contact("alice").card.card.nodes, ["https://new.example"]);
    let posts = || world.relay(RELAY).lock().unwrap().posts.len();
    let told = alice.peer(&bob).card_sent;
    assert_ne!(told.unix(), 0);
    bob.send("alice", "to the new place");
    world.pass(HOUR);
    bob.sync();
    let before = posts();
    assert_eq!(alice.sync().letters.get("bob"), Some(&1));
    assert!(posts() >= before);
    world.pass(DAY);
    alice.sync();
    assert_eq!(alice.peer(&bob).card_sent, told, "it was seen, and is not repeated");
}

#[test]
fn many_cards_of_one_person_do_not_make_the_file_too_long() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let mut contact = alice.contact("bob");
    for round in 0..400_u32 {
        let card = bob.sign(|card| {
            card.issued = card.issued + u64::from(round) + 1;
            card.days.rotate_left(round as usize % 30 + 1);
        });
        contact.take_card(card, world.now());
    }
    contact.save(&alice.places()).unwrap();
    assert!(alice.contact("bob").older.len() <= 64);
}
