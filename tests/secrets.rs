//! What lies in a home: filed messages that each side can check and could have made, no secret
//! where none belongs, and a passphrase that only reading asks for (poste-protocol(7), Filed form;
//! poste-files(5)).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::error::Kind;
use poste::client::{init, read};
use poste::core::encode::{base64, hex};
use poste::core::time::HOUR;
use poste::store::outbox::State;
use std::fs;
use world::craft::holds;
use world::{Person, World, acquainted, petname};

#[test]
fn filed_messages_hold_for_both_sides_whatever_the_contact_is_called() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let texts = |person: &Person<'_>, folder: &str| {
        let mut all = person.messages(folder);
        all.sort();
        all
    };
    let (at_alice, at_bob) = (texts(&alice, "bob"), texts(&bob, "alice"));
    assert_eq!(at_alice.len(), 3);
    assert_eq!(at_alice, at_bob, "both sides file the same bytes");
    // Alice calls bob robert now.
    let places = alice.places();
    fs::rename(places.contacts_dir().join("bob.toml"), places.contacts_dir().join("robert.toml"))
        .unwrap();
    fs::rename(places.mail().join("bob"), places.mail().join("robert")).unwrap();
    assert_eq!(texts(&alice, "robert"), at_alice);
    for message in &at_alice {
        let from_bob = message.contains(&format!("From: {}", bob.card().card.fingerprint()));
        let (author, reader) = if from_bob { (&bob, &alice) } else { (&alice, &bob) };
        assert!(holds(message, author, reader), "{message}");
        let changed = message.replace("Subject: ", "Subject: x");
        assert!(!holds(&changed, author, reader));
    }
    alice.send("robert", "still");
    alice.sync();
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
}

#[test]
fn secrets_lie_where_they_belong_and_nowhere_else() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let carol = Person::new(&world, "carol", 3, &[]);
    carol.add("alice", &alice);
    carol.send("alice", "a stranger's words");
    carol.sync();
    alice.sync();
    world.pass(HOUR);
    alice.send("bob", "words on their way");
    let words: [&[u8]; 3] = [b"words on their way", b"stranger's words", b"welcome"];
    let transit = alice.transit();
    let secrets = transit.given.iter().map(|g| &g.secret);
    let secrets: Vec<_> = secrets.chain(transit.received.iter().map(|r| &r.secret)).collect();
    assert!(secrets.len() >= 2);
    let forms = |secret: &[u8; 32]| [secret.to_vec(), hex(secret).into(), base64(secret).into()];
    let has = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    let home = alice.dir.path().join("home");
    let mut seen = 0;
    for entry in walkdir::WalkDir::new(&home).into_iter().map(Result::unwrap) {
        if !entry.file_type().is_file() {
            continue;
        }
        seen += 1;
        let bytes = fs::read(entry.path()).unwrap();
        let path = entry.path().strip_prefix(&home).unwrap().display().to_string();
        assert!(words.iter().all(|word| !has(&bytes, word)), "{path} holds words in the open");
        let in_open = secrets.iter().flat_map(|s| forms(s.expose())).any(|form| has(&bytes, &form));
        let belongs = path == "share/keys/transit.toml";
        assert_eq!(in_open, belongs, "{path}");
    }
    assert!(seen > 10);
    for folder in ["bob", "requests"] {
        for message in alice.messages(folder) {
            let all = secrets.iter().flat_map(|secret| forms(secret.expose()));
            assert!(all.into_iter().all(|form| !has(message.as_bytes(), &form)));
        }
    }
    assert_eq!(bob.bodies("alice").len(), 3);
}

#[test]
fn a_passphrase_is_asked_for_by_reading_alone() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let keys = alice.transit();
    let locked = alice.with(|env| env.unlock(&keys)).unwrap();
    alice.with(|env| init::relock(env, &locked, Some("correct horse"))).unwrap();
    bob.send("alice", "guarded");
    bob.sync();
    let report = alice.sync();
    assert_eq!(report.errors, Vec::<String>::new());
    assert_eq!(report.letters.get("bob"), Some(&1));
    alice.send("bob", "written without it");
    alice.sync();
    assert_eq!(bob.sync().letters.get("alice"), Some(&1));
    bob.sync();
    assert!(bob.outbox().iter().all(|row| row.state == State::Acknowledged));
    assert_eq!(alice.list(Some("bob")).len(), 5, "listing needs no key");
    let refused = alice.with(|env| read::Reader::open(env).err()).unwrap();
    assert_eq!(refused.kind, Kind::Permission);
    let new_card = alice.with(|env| {
        env.config.name = "alicia".into();
        poste::client::publish::current(env).err()
    });
    assert_eq!(new_card.unwrap().kind, Kind::Permission);
    let words = alice.with(|env| poste::client::people::words(env, &petname("bob"), false));
    assert_eq!(words.unwrap().split(' ').count(), 12);
}
