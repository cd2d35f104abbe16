//! Groups from end to end in the small world: people are asked in, become known to one another,
//! write, leave and are removed; and what those say who may not.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::groups::Part;
use poste::client::people;
use poste::core::group::Standing;
use poste::core::time::DAY;
use poste::store::contacts::{Contact, Past};
use world::circle::{family, rounds, three};
use world::{Person, World, petname};

#[test]
fn people_are_asked_in_and_become_known_to_one_another() {
    let world = World::at("2026-11-22T10");
    let [alice, bob, carol] = three(&world);
    alice.found("family", &["bob", "carol"]);
    assert!(!bob.is_invited());
    rounds(&world, &[&alice, &bob, &carol], 2);
    let row = &bob.with(|env| people::list(env)).unwrap()[1];
    assert_eq!(row.state, "invitation");
    assert!(row.link.ends_with(" of alice"), "{}", row.link);
    assert_eq!(alice.group("family").people.len(), 3);
    assert_eq!(alice.members("family").len(), 1);
    // Nobody hears of an invitation that was not answered.
    let outbox = bob.outbox();
    assert!(outbox.iter().all(|row| row.kind == "mail"), "{outbox:?}");
    bob.join("kin");
    rounds(&world, &[&alice, &bob, &carol], 3);
    assert_eq!(alice.members("family"), [alice.fingerprint(), bob.fingerprint()].into());
    assert!(bob.with(|env| people::list(env)).unwrap().len() == 1, "no carol yet");
    carol.join("clan");
    rounds(&world, &[&alice, &bob, &carol], 5);
    for (person, group) in [(&alice, "family"), (&bob, "kin"), (&carol, "clan")] {
        assert_eq!(person.members(group).len(), 3, "{group}");
        let row = person.group(group);
        assert!(row.people.iter().all(|member| !member.hearsay), "{group}: {row:?}");
        assert_eq!(row.title, "family");
        assert!(person.outbox().iter().all(|r| r.kind == "mail"), "{:?}", person.outbox());
    }
    let contacts = bob.with(|env| people::list(env)).unwrap();
    let state = |name: &str| contacts.iter().find(|row| row.name == name).unwrap().state;
    assert_eq!((state("alice"), state("carol")), ("unconfirmed", "introduced"));
}

#[test]
fn a_letter_to_the_group_reaches_each_member_once_in_one_folder() {
    let world = World::at("2026-11-22T10");
    let people = family(&world);
    let [alice, bob, carol] = &people;
    bob.send("kin", "hello all");
    rounds(&world, &[bob, alice, carol], 3);
    assert_eq!(alice.bodies("family"), ["hello all"]);
    assert_eq!(carol.bodies("clan"), ["hello all"]);
    assert_eq!(bob.bodies("kin"), ["hello all"], "one's own copy, once");
    for (person, folder) in [(alice, "family"), (bob, "kin"), (carol, "clan")] {
        for other in ["bob", "alice", "carol"] {
            if other != ["alice", "bob", "carol"][usize::from(folder == "kin")] {
                let known = person.with(|env| people::list(env)).unwrap();
                if known.iter().any(|row| row.name == other) {
                    assert_eq!(person.bodies(other), [""; 0]);
                }
            }
        }
        let message = &person.messages(folder)[0];
        assert!(!message.contains("differs"), "{message}");
        let ids: Vec<&str> = message.lines().filter(|l| l.starts_with("Message-ID")).collect();
        let own = &bob.messages("kin")[0];
        assert!(own.contains(ids[0]), "threads are the same for all");
        person.with(|env| {
            let parties = poste::client::parties::Parties::load(env).unwrap();
            let filed = poste::core::filed::Filed::read(message.as_bytes()).unwrap();
            assert_eq!(filed.head.to.len(), 2);
            assert_eq!(parties.holds(&filed), Some(true), "{folder}");
        });
    }
    assert!(bob.outbox().iter().all(|row| row.state == poste::store::outbox::State::Acknowledged));
    // Of who is in a named group only the group's letter is read.
    let both = [petname("kin"), petname("alice"), petname("kin")];
    let ids = bob.with(|env| poste::client::queue::send(env, &both, b"x", false)).unwrap();
    assert_eq!(ids.len(), 2);
}

#[test]
fn who_is_removed_is_sent_nothing_from_then_on() {
    let world = World::at("2026-11-22T10");
    let people = family(&world);
    let [alice, bob, carol] = &people;
    alice.send("family", "the last that carol gets");
    rounds(&world, &[alice, bob, carol], 2);
    bob.send("kin", "queued before bob knows");
    alice.send("family", "taken back");
    let changed = alice.part("family", Part::Remove, &["carol"]).unwrap();
    assert_eq!(changed.dropped, 1);
    let dropped = poste::store::outbox::State::Dropped;
    assert_eq!(alice.outbox().iter().filter(|row| row.state == dropped).count(), 1);
    alice.sync();
    bob.sync();
    rounds(&world, &[alice, bob, carol], 4);
    assert_eq!(bob.members("kin").len(), 2);
    assert_eq!(carol.bodies("clan"), ["the last that carol gets"], "and she is told nothing");
    assert_eq!(carol.members("clan").len(), 3);
    let mut all = alice.bodies("family");
    all.sort();
    assert_eq!(all, ["queued before bob knows", "taken back", "the last that carol gets"]);
    // What she writes to the group comes as her own.
    carol.send("clan", "is anybody there?");
    rounds(&world, &[carol, alice, bob], 3);
    assert_eq!(alice.bodies("carol"), ["is anybody there?"]);
    assert_eq!(alice.bodies("family").len(), 3);
    alice.part("family", Part::Add, &["carol"]).unwrap();
    rounds(&world, &[alice, bob, carol], 3);
    assert_eq!(carol.group("clan").state, Standing::Invited);
}

#[test]
fn who_leaves_is_out_for_all_and_whoever_declines_is_never_in() {
    let world = World::at("2026-11-22T10");
    let [alice, bob, carol] = three(&world);
    alice.found("family", &["bob", "carol"]);
    rounds(&world, &[&alice, &bob, &carol], 2);
    bob.join("kin");
    let invitation = carol.with(|env| poste::client::groups::invitations(env)).unwrap();
    carol.leave(&invitation[0].name).unwrap();
    assert!(!carol.is_invited());
    rounds(&world, &[&alice, &bob, &carol], 3);
    let of = |person: &Person<'_>, group: &str, who: &Person<'_>| {
        let people = person.group(group).people;
        people.iter().find(|m| m.fingerprint == who.fingerprint()).map(|m| m.state)
    };
    assert_eq!(of(&alice, "family", &carol), Some("left"));
    bob.leave("kin").unwrap();
    rounds(&world, &[&alice, &bob, &carol], 3);
    assert_eq!(of(&alice, "family", &bob), Some("left"));
    let nobody = alice.with(|env| {
        poste::client::queue::send(env, &[petname("family")], b"x\n", false).unwrap_err()
    });
    assert!(nobody.what.contains("nobody else is in family"), "{}", nobody.what);
    let error = bob
        .with(|env| poste::client::queue::send(env, &[petname("kin")], b"x\n", false).unwrap_err());
    assert!(error.what.contains("not in kin any more"), "{}", error.what);
}

#[test]
fn keepers_ask_in_and_names_do_not_clash() {
    let world = World::at("2026-11-22T10");
    let people = family(&world);
    let [alice, bob, carol] = &people;
    let dave = Person::new(&world, "dave", 9, &[]);
    bob.add("dave", &dave);
    dave.add("bob", bob);
    assert!(bob.part("kin", Part::Add, &["dave"]).is_err(), "no keeper");
    alice.part("family", Part::Keep, &["bob"]).unwrap();
    rounds(&world, &[alice, bob, carol, &dave], 2);
    bob.part("kin", Part::Add, &["dave"]).unwrap();
    rounds(&world, &[alice, bob, carol, &dave], 3);
    dave.join("folks");
    rounds(&world, &[alice, bob, carol, &dave], 6);
    for (person, group) in [(alice, "family"), (bob, "kin"), (carol, "clan"), (&dave, "folks")] {
        assert_eq!(person.members(group).len(), 4, "{group}: {:?}", person.group(group));
        let hearsay = person.group(group).people.into_iter().filter(|m| m.hearsay).count();
        assert_eq!(hearsay, 0, "{group}");
    }
    dave.send("folks", "glad to be here");
    rounds(&world, &[&dave, alice, bob, carol], 3);
    assert_eq!(carol.bodies("clan"), ["glad to be here"]);
    let clash =
        alice.with(|env| people::rename(env, &petname("bob"), &petname("family")).unwrap_err());
    assert!(clash.what.contains("there is a group family"), "{}", clash.what);
    let clash = alice.with(|env| {
        poste::client::groups::found(env, &petname("bob"), &[]).map(|_| ()).unwrap_err()
    });
    assert!(clash.what.contains("there is a contact bob"), "{}", clash.what);
}

#[test]
fn somebody_removed_comes_back_by_an_introduction_with_what_was_known() {
    let world = World::at("2026-11-22T10");
    let [alice, bob, carol] = three(&world);
    bob.add("carol", &carol);
    bob.with(|env| people::confirm(env, &petname("carol"), None)).unwrap();
    bob.with(|env| people::remove(env, &petname("carol"), true)).unwrap();
    let who = carol.fingerprint();
    let past = || Past::load(&bob.places(), who).unwrap();
    let known = past().unwrap().contact;
    world.pass(3 * DAY);
    alice.found("family", &["bob", "carol"]);
    rounds(&world, &[&alice, &bob, &carol], 2);
    bob.join("kin");
    carol.join("clan");
    rounds(&world, &[&alice, &bob, &carol], 5);
    assert!(past().is_none(), "nobody is a contact and former at once");
    // The folder of the name they had has stayed.
    let name = petname("carol-2");
    let contact = Contact::load(&bob.places(), &name).unwrap().unwrap();
    assert_eq!((contact.fingerprint, contact.introduced), (who, Some(alice.fingerprint())));
    assert!(!contact.confirmed && contact.compared.is_none());
    let day = known.card.card.issued.day();
    assert_eq!(contact.day_key(day), known.day_key(day), "what was known of the keys");
}
