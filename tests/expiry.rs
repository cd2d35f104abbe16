//! Letters that nobody acknowledges: given up after 30 days, by a good clock alone, and reported
//! once in the author's own inbox (poste-protocol(7), Acknowledgement).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::sync::Options;
use poste::core::attempt::{self, Author};
use poste::core::filed::Filed;
use poste::core::mail::render;
use poste::core::time::{DAY, HOUR, Time};
use poste::store::keyring::Transit;
use poste::store::outbox::{self, Expired, State};
use std::fs;
use world::{Person, RELAY, World, acquainted};

/// A sync a day, with a card that always lists the day; the mail of these syncs in the inbox.
fn days(world: &World, person: &Person<'_>, days: u64) -> usize {
    let mut reports = 0;
    for day in 0..days {
        if day % 7 == 0 {
            person.publish();
        }
        world.pass(DAY);
        reports += person.sync().letters.get("inbox").copied().unwrap_or_default();
    }
    reports
}

fn state(person: &Person<'_>) -> Option<State> {
    person.outbox().last().map(|row| row.state)
}

fn mails(person: &Person<'_>) -> usize {
    let files = fs::read_dir(person.places().outbox_dir()).unwrap().map(Result::unwrap);
    files.filter(|file| file.path().extension().unwrap() == "age").count()
}

#[test]
fn a_letter_nobody_acknowledges_is_reported_once_and_forgotten_in_the_end() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    alice.send("bob", "tea");
    alice.sync();
    assert_eq!(days(&world, &alice, 30), 0);
    assert_eq!(state(&alice), Some(State::Posted));
    assert_eq!(days(&world, &alice, 1), 1);
    assert_eq!(state(&alice), Some(State::Expired));
    let posted = alice.outbox().last().unwrap().posted;

    let reports = alice.messages("inbox");
    let [report] = &reports[..] else { panic!("{} reports", reports.len()) };
    let copy = alice.messages("bob").into_iter().find(|m| m.contains("Subject: tea")).unwrap();
    let id = copy.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap();
    for line in [
        "Subject: Undelivered: tea",
        &format!("In-Reply-To: {id}"),
        "Content-Type: multipart/report; report-type=delivery-status;",
        "Action: failed",
        "Status: 5.4.7",
        "Your letter to bob, written on",
        &format!("Nodes took it {posted} times, the last on"),
    ] {
        assert!(report.lines().any(|l| l == line), "{line}\n{report}");
    }
    let reading = render::read(report.as_bytes(), &|_| None);
    assert!(reading.text.contains("was not acknowledged within 30 days"), "{reading:?}");

    // It is kept, and nothing more is posted or reported, until it is forgotten.
    assert_eq!(days(&world, &alice, 29), 0);
    assert_eq!((alice.outbox().last().unwrap().posted, mails(&alice)), (posted, 1));
    assert_eq!(days(&world, &alice, 3), 0);
    assert_eq!((state(&alice), mails(&alice)), (None, 0));
    assert_eq!(alice.messages("inbox").len(), 1);
}

#[test]
fn the_report_is_authenticated_by_its_holder() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    alice.send("bob", "tea");
    alice.sync();
    days(&world, &alice, 31);
    let report = alice.messages("inbox").remove(0);
    let filed = Filed::read(report.as_bytes()).unwrap();
    let me = alice.card().card;
    assert_eq!((filed.head.from, filed.head.to[0]), (me.fingerprint(), me.fingerprint()));
    let chain = Transit::load(&alice.places()).unwrap().chain();
    let author = Author { sign: me.sign, chain: &chain };
    assert!(filed.holds(&attempt::mac_key(author, &me, filed.head.day).unwrap()));
    let wrong = attempt::mac_key(author, &me, filed.head.day.plus(1)).unwrap();
    assert!(!filed.holds(&wrong));
}

#[test]
fn a_late_acknowledgement_counts_and_a_clock_set_back_revives_nothing() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    alice.send("bob", "tea");
    alice.sync();
    days(&world, &alice, 31);
    let posted = alice.outbox().last().unwrap().posted;
    alice.skew.set(-20 * DAY as i64);
    alice.sync();
    assert_eq!(state(&alice), Some(State::Expired));
    assert_eq!(alice.outbox().last().unwrap().posted, posted);
    alice.skew.set(0);
    // Bob wakes up, and finds the last repetition in yesterday's daily bucket.
    bob.publish();
    bob.sync_with(&Options { daily: true, ..Options::default() });
    assert!(bob.bodies("alice").iter().any(|body| body == "tea"));
    alice.sync();
    assert_eq!(state(&alice), Some(State::Acknowledged));
    assert_eq!(mails(&alice), 0);
}

#[test]
fn only_a_good_clock_gives_up() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    alice.send("bob", "tea");
    // A clock that runs ahead is contradicted.
    alice.skew.set(40 * DAY as i64);
    alice.sync();
    assert_eq!(state(&alice), Some(State::Queued));
    alice.skew.set(0);
    // Nobody confirms the clock any more, for two months.
    world.relay(RELAY).lock().unwrap().silent = true;
    alice.sync();
    days(&world, &alice, 60);
    assert_eq!(state(&alice), Some(State::Posted));
    world.relay(RELAY).lock().unwrap().silent = false;
    assert_eq!(days(&world, &alice, 3), 0, "the thirty days begin when a good clock sees it");
    for _ in 0..4 {
        bob.publish();
        bob.sync();
        alice.sync();
        world.pass(HOUR);
    }
    assert!(bob.bodies("alice").iter().any(|body| body == "tea"));
}

#[test]
fn a_letter_written_by_a_clock_far_behind_is_not_given_up_unsent() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    alice.skew.set(-300 * DAY as i64);
    alice.send("bob", "tea");
    alice.skew.set(0);
    alice.sync();
    // It is the first in the list, being the oldest.
    assert_eq!(alice.outbox()[0].state, State::Posted);
    bob.sync();
    assert!(bob.bodies("alice").iter().any(|body| body == "tea"));
}

#[test]
fn a_crash_between_the_plan_and_the_report_leaves_one_report() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    alice.send("bob", "tea");
    alice.sync();
    days(&world, &alice, 31);
    // As if the record that the report was filed had not been written.
    let (mut items, _) = outbox::load(&alice.places()).unwrap();
    let item = items.last_mut().unwrap();
    item.expired.as_mut().unwrap().filed = false;
    item.save(&alice.places()).unwrap();
    alice.sync();
    assert_eq!(alice.messages("inbox").len(), 1);
    let (items, _) = outbox::load(&alice.places()).unwrap();
    assert!(items.last().unwrap().expired.as_ref().unwrap().filed);
}

#[test]
fn a_letter_whose_mail_is_lost_is_reported_as_well() {
    let world = World::at("2026-11-22T14");
    let (alice, _bob) = acquainted(&world);
    alice.send("bob", "tea");
    alice.sync();
    let id = alice.outbox().last().unwrap().id;
    fs::remove_file(alice.places().outbox_dir().join(format!("{id}.age"))).unwrap();
    assert_eq!(days(&world, &alice, 31), 1);
    assert!(alice.messages("inbox")[0].contains("Subject: Undelivered: a letter\n"));
}

#[test]
fn a_clock_far_ahead_that_was_trusted_gives_nothing_up_for_good() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    alice.send("bob", "tea");
    alice.sync();
    let trusting = Options { trust_clock: true, ..Options::default() };
    // After the last day of the series.
    alice.skew.set(5000 * DAY as i64);
    let said = alice.sync_with(&trusting);
    assert!(said.errors.iter().all(|error| !error.contains("day chain")), "{:?}", said.errors);
    assert!(
        said.errors.iter().any(|error| error.contains("poste card renew")),
        "{:?}",
        said.errors
    );
    assert_eq!(state(&alice), Some(State::Posted));
    alice.skew.set(0);
    // As if an earlier version had given it up then.
    let (mut items, _) = outbox::load(&alice.places()).unwrap();
    let item = items.last_mut().unwrap();
    let (at, report) = (Time::from_unix(2_208_988_800), "2208988800.5f0d6e1b9c2a4788.poste");
    item.expired = Some(Expired { at, report: report.to_owned(), filed: false });
    item.save(&alice.places()).unwrap();
    for reports in [1, 0] {
        let said = alice.sync_with(&trusting);
        assert!(said.errors.is_empty(), "{:?}", said.errors);
        assert_eq!(said.letters.get("inbox").copied().unwrap_or_default(), reports);
    }
    let (items, _) = outbox::load(&alice.places()).unwrap();
    let expired = items.last().unwrap().expired.clone().unwrap();
    assert!(expired.filed && expired.at <= world.now(), "it is forgotten in time: {expired:?}");
    bob.sync();
    assert!(bob.bodies("alice").iter().any(|body| body == "tea"));
}
