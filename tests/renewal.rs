//! The card's life without anybody's care: a sync signs and posts a new one while no passphrase
//! stands before the key, and says in time when one does.

#![allow(clippy::unwrap_used)]

mod world;

use poste::core::archive;
use poste::core::card::SignedCard;
use poste::core::time::DAY;
use poste::store::atomic;
use world::{Person, World};

fn posted(world: &World) -> SignedCard {
    let documents = world.documents.lock().unwrap();
    SignedCard::parse(&documents["https://host.example/alice.toml"]).unwrap()
}

#[test]
fn a_sync_renews_the_card_and_posts_it() {
    let world = World::at("2026-11-22T14");
    let alice = Person::new(&world, "alice", 1, &[]);
    let first = posted(&world);
    alice.sync();
    assert_eq!(posted(&world).text(), first.text(), "it is not due yet");
    world.pass(8 * DAY);
    let report = alice.sync();
    assert_eq!(report.errors, Vec::<String>::new());
    let second = posted(&world);
    assert!(second.card.issued > first.card.issued);
    assert_ne!(second.card.prekey, first.card.prekey);
    assert_eq!(second.card.last_day(), world.now().day().plus(35));
    second.check(first.card.fingerprint(), Some(&first), world.now()).unwrap();
}

#[test]
fn behind_a_passphrase_the_end_is_announced_once_a_day() {
    let world = World::at("2026-11-22T14");
    let alice = Person::new(&world, "alice", 1, &[]);
    let first = posted(&world);
    alice.with(|env| {
        // The keys under a passphrase that nobody can be asked for.
        let path = env.home.places().locked();
        atomic::write(&path, &archive::seal_passphrase("secret", b"", Some(1))).unwrap();
    });
    world.pass(24 * DAY);
    assert_eq!(alice.sync().warning, None);
    world.pass(2 * DAY);
    let warning = alice.sync().warning.expect("ten days before the end it is said");
    assert!(warning.contains("poste publish"), "{warning}");
    assert_eq!(alice.sync().warning, None, "once a day");
    assert_eq!(posted(&world).text(), first.text());
}
