//! What lies in a home: filed messages that each side can check and could have made, no secret
//! where none belongs, and a passphrase that only reading asks for (poste-protocol(7), Filed form;
//! poste-files(5)).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::error::Kind;
use poste::client::sync::Options;
use poste::client::{init, read};
use poste::core::encode::{base64, hex};
use poste::core::seal;
use poste::core::time::{DAY, HOUR};
use poste::store::outbox::State;
use std::collections::BTreeSet;
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

/// A day of letters: each writes, and hears the other.
fn day(world: &World, alice: &Person<'_>, bob: &Person<'_>) {
    let daily = Options { daily: true, ..Options::default() };
    alice.send("bob", "a day's words");
    bob.send("alice", "a day's words");
    for person in [alice, bob] {
        person.sync_with(&daily);
    }
    for person in [alice, bob, alice] {
        person.sync();
    }
    world.pass(DAY);
}

#[test]
fn erased_secrets_are_gone_from_every_file_and_open_nothing() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let keys = alice.transit();
    let (offer, prekey) = (&keys.given[0], &keys.prekey[0]);
    let mut rng = world::Dice(7);
    let letter = b"poste-letter/1 recorded on its way";
    let recorded = [&offer.prekey, &prekey.secret]
        .map(|secret| seal::seal_for_cells(&secret.public(), letter, &mut rng));
    let mut forms = vec![
        base64(offer.secret.expose()).into_bytes(),
        hex(offer.secret.expose()).into_bytes(),
        offer.secret.expose().to_vec(),
    ];
    for secret in [&offer.prekey, &prekey.secret] {
        forms.push(secret.to_text().as_bytes().to_vec());
        forms.push(secret.to_text().to_lowercase().into_bytes());
    }
    let home = alice.dir.path().join("home");
    let holders = || -> BTreeSet<String> {
        let files = walkdir::WalkDir::new(&home).into_iter().map(Result::unwrap);
        let files = files.filter(|entry| entry.file_type().is_file());
        let has = |bytes: &[u8], form: &[u8]| bytes.windows(form.len()).any(|w| w == form);
        let holds = |bytes: &[u8]| forms.iter().any(|form| has(bytes, form));
        let files = files.filter(|entry| holds(&fs::read(entry.path()).unwrap()));
        files.map(|entry| entry.path().strip_prefix(&home).unwrap().display().to_string()).collect()
    };
    let opens = || {
        let keys = alice.transit();
        let secrets = keys.prekey.iter().map(|p| &p.secret);
        let secrets: Vec<_> = secrets.chain(keys.given.iter().map(|g| &g.prekey)).collect();
        recorded.each_ref().map(|sealed| seal::open_any(&secrets, sealed, 1 << 16).is_ok())
    };
    assert_eq!(opens(), [true, true]);
    // What a crash while writing leaves.
    let left = home.join("share/keys/.new-1-1");
    fs::copy(home.join("share/keys/transit.toml"), &left).unwrap();
    assert_eq!(holders().len(), 2);
    for _ in 0..3 {
        day(&world, &alice, &bob);
        assert_eq!(holders().into_iter().collect::<Vec<_>>(), ["share/keys/transit.toml"]);
        assert_eq!(opens(), [true, true]);
    }
    day(&world, &alice, &bob);
    day(&world, &alice, &bob);
    assert_eq!(opens(), [false, true], "three days after a newer offer was seen");
    // The card is renewed on the seventh day and seen; ten days later the old prekey goes.
    for _ in 0..12 {
        day(&world, &alice, &bob);
        assert_eq!(opens(), [false, true]);
    }
    for _ in 0..3 {
        day(&world, &alice, &bob);
    }
    assert_eq!(opens(), [false, false]);
    assert_eq!(holders(), BTreeSet::new());
    let keys = alice.transit();
    assert!(keys.given.len() <= 5 && keys.received.len() == 1, "{}", keys.given.len());
    assert_eq!(bob.bodies("alice").iter().filter(|body| *body == "a day's words").count(), 40);
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
    let words = alice.with(|env| poste::client::people::words(env, &petname("bob")));
    assert_eq!(words.unwrap().words.split(' ').count(), 12);
}
