//! Forging and verifying: a forged message is filed as a genuine one is, and no verifier, with or
//! without a home, says anything of one that it does not say of the other (poste-protocol(7),
//! Filed form).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::forge::{self, Forgery};
use poste::client::parties::Parties;
use poste::client::read::{self, Reader};
use poste::client::verify::{self, Answer, Makers, Verdict};
use poste::core::filed::Filed;
use poste::core::keys::Fingerprint;
use poste::core::time::{DAY, Day};
use poste::core::when::When;
use std::path::PathBuf;
use world::{Dice, Person, World, acquainted};

fn fingerprint(person: &Person<'_>) -> Fingerprint {
    person.card().card.fingerprint()
}

fn forge(
    owner: &Person<'_>,
    other: (&str, &Person<'_>),
    mine: bool,
    day: Day,
    text: &str,
) -> PathBuf {
    let (me, them) = (fingerprint(owner), fingerprint(other.1));
    let folder = other.0.parse().unwrap();
    let (from, to) = if mine { (me, them) } else { (them, me) };
    let when = Some(When::Day(day));
    let (to, group, mail) = (vec![to], None, text.as_bytes());
    let forgery = Forgery { from, to, group, when, folder: &folder, replace: None, mail };
    owner.with(|env| forge::forge(env, &forgery)).unwrap()
}

fn verdict(owner: &Person<'_>, message: &str) -> Verdict {
    owner
        .with(|env| {
            let parties = Parties::load(env)?;
            verify::verify(env, &parties, message.as_bytes())
        })
        .unwrap()
}

/// What is written before the values of the header, line by line.
fn shape(message: &str) -> Vec<String> {
    let header = message.split("\n\n").next().unwrap();
    header.lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn a_forged_message_is_filed_and_verifies_like_a_genuine_one() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let today = world.now().day();
    let path = forge(&bob, ("alice", &alice), false, today, "Subject: welcome\n\nforged\n");
    assert!(path.exists());
    let messages = bob.messages("alice");
    let genuine = messages.iter().find(|m| m.ends_with("\n\nwelcome\n")).unwrap();
    let forged = messages.iter().find(|m| m.ends_with("\n\nforged\n")).unwrap();
    assert_eq!(shape(genuine), shape(forged));
    assert_eq!(genuine.lines().next().unwrap().len(), forged.lines().next().unwrap().len());
    let (one, other) = (verdict(&bob, genuine), verdict(&bob, forged));
    assert_eq!((one.holds, one.makers), (Answer::Yes, Makers::Either));
    assert_eq!(one, other);
    // One's own messages too.
    forge(&bob, ("alice", &alice), true, today, "Subject: thanks\n\nmine\n");
    let messages = bob.messages("alice");
    let genuine = messages.iter().find(|m| m.ends_with("\n\nthanks\n")).unwrap();
    let forged = messages.iter().find(|m| m.ends_with("\n\nmine\n")).unwrap();
    assert_eq!(shape(genuine), shape(forged));
    assert_eq!(verdict(&bob, genuine), verdict(&bob, forged));
}

#[test]
fn a_changed_message_does_not_hold_and_strangers_are_unknown() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let genuine = bob.messages("alice").into_iter().find(|m| m.contains("welcome")).unwrap();
    let changed = genuine.replace("welcome", "farewell");
    assert_eq!(verdict(&bob, &changed).holds, Answer::No);
    let carol = Person::new(&world, "carol", 3, &[]);
    let to_carol =
        genuine.replace(&fingerprint(&alice).to_string(), &fingerprint(&carol).to_string());
    assert_eq!(verdict(&bob, &to_carol).holds, Answer::Unknown);
}

#[test]
fn anybody_forges_a_disclosed_day_from_two_cards_and_the_seed() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let today = world.now().day();
    let seed = alice.seed(today);
    let (from, to) = (alice.card().with_disclosed(&seed).unwrap(), bob.card());
    for day in [today, today.minus(400)] {
        let date = When::Day(day).moment(world.now(), &mut Dice(3));
        let text = b"Subject: from nobody\n\nnobody wrote this\n";
        let message = forge::by_cards(&from, &to, None, date, text, &mut Dice(4)).unwrap();
        let judged = verify::verify_by_cards(&from, &to, &message).unwrap();
        assert_eq!((judged.holds, judged.makers), (Answer::Yes, Makers::Anyone));
        // Before bob has heard of the disclosure it holds for him all the same.
        let text = String::from_utf8(message).unwrap();
        assert_eq!(
            verdict(&bob, &text).holds,
            if day == today { Answer::Yes } else { Answer::Unknown }
        );
    }
    let tomorrow = When::Day(today.plus(1)).moment(today.plus(3).start(), &mut Dice(3));
    let error = forge::by_cards(&from, &to, None, tomorrow, b"x\n", &mut Dice(4)).unwrap_err();
    assert!(error.what.contains("up to"), "{error}");
    let wrong = bob.seed(today);
    let error = forge::by_cards(
        &alice.card(),
        &to,
        Some((today, &wrong.seed)),
        world.now(),
        b"x",
        &mut Dice(5),
    );
    assert!(error.is_err(), "another's seed");
    let error = forge::by_cards(&alice.card(), &to, None, world.now(), b"x\n", &mut Dice(5));
    assert!(error.is_err(), "nothing is disclosed");
}

#[test]
fn a_disclosed_day_is_everybodys() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let today = world.now().day();
    world.pass(2 * DAY + 12 * 3600);
    let genuine = bob.messages("alice").into_iter().find(|m| m.contains("welcome")).unwrap();
    assert_eq!(verdict(&bob, &genuine).makers, Makers::Either);
    let disclosing = alice.letter(&bob, world.now().day(), "", |control| {
        control.kind = poste::core::letter::Kind::Control;
        control.disclosed = Some(alice.seed(today));
    });
    alice.post_through_offer(&bob, &disclosing);
    bob.sync();
    let after = verdict(&bob, &genuine);
    assert_eq!((after.makers, after.holds), (Makers::Anyone, Answer::Yes));
    assert!(after.public_since.is_some_and(|since| since <= world.now()));
    assert!(after.lines().iter().any(|line| line.contains("Anyone who has the two public cards")));
    // And then any earlier day too.
    let path = forge(&bob, ("alice", &alice), false, today.minus(400), "Subject: old\n\nold\n");
    let old = bob.messages("alice").into_iter().find(|m| m.ends_with("\n\nold\n")).unwrap();
    assert_eq!(verdict(&bob, &old).holds, Answer::Yes);
    let modified = std::fs::metadata(&path).unwrap().modified().unwrap();
    let date = Filed::read(old.as_bytes()).unwrap().head.date;
    assert_eq!(modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(), date.unix());
    assert!(path.file_name().unwrap().to_str().unwrap().starts_with(&date.unix().to_string()));
}

#[test]
fn one_message_takes_the_place_of_another() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let count = bob.list(Some("alice")).len();
    let (me, them) = (fingerprint(&bob), fingerprint(&alice));
    let folder = "alice".parse().unwrap();
    let replaced = bob
        .with(|env| {
            let reader = Reader::open(env)?;
            let all = read::list(env, Some(&folder), false, None)?;
            let entry = all.iter().find(|entry| {
                let text = reader.read(env, entry).unwrap();
                String::from_utf8(text).unwrap().contains("welcome")
            });
            let entry = entry.unwrap();
            let old = reader.read(env, entry)?;
            let forgery = Forgery {
                from: them,
                to: vec![me],
                group: None,
                when: Some(When::Moment(entry.name.time())),
                folder: &folder,
                replace: Some((entry, &old)),
                mail: b"Subject: welcome\n\nfarewell\n",
            };
            forge::forge(env, &forgery).map(|path| (path, old))
        })
        .unwrap();
    let messages = bob.messages("alice");
    assert_eq!((messages.len(), bob.list(Some("alice")).len()), (count, count));
    let farewell = messages.iter().find(|m| m.ends_with("\n\nfarewell\n")).unwrap();
    assert!(!messages.iter().any(|m| m.ends_with("\n\nwelcome\n")));
    assert_eq!(verdict(&bob, farewell).holds, Answer::Yes);
    let id = |message: &[u8]| Filed::read(message).unwrap().head.id;
    assert_eq!(id(&replaced.1), id(farewell.as_bytes()), "its repetition is a duplicate");
}

#[test]
fn a_day_whose_key_is_not_known_or_has_not_come_is_refused() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    let (me, them) = (fingerprint(&bob), fingerprint(&alice));
    let folder = "alice".parse().unwrap();
    for (day, says) in [("2026-11-30", "has not come"), ("2025-11-30", "known are")] {
        let forgery = Forgery {
            from: them,
            to: vec![me],
            group: None,
            when: Some(day.parse().unwrap()),
            folder: &folder,
            replace: None,
            mail: b"x\n",
        };
        let error = bob.with(|env| forge::forge(env, &forgery)).unwrap_err();
        assert!(error.what.contains(says), "{error}");
    }
}
