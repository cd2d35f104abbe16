//! Fifty people, and one mebibyte for all of them: what it costs to send, in cells, bytes and time,
//! and that it lies on the sender's disk once and never fifty times in memory.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/programs.rs"]
mod programs;
mod world;

use poste::client::queue;
use poste::core::bucket::CELL;
use poste::core::mail::render;
use poste::store::outbox::{self, State};
use programs::Home;
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use std::time::Instant;
use world::film::{self, NOW};
use world::{Person, World, petname};

const OTHERS: usize = 49;
const MIB: usize = 1 << 20;

/// Bytes on disk below a directory, what is one file under many names counted once.
fn bytes_in(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap();
    let files = entries.map(|entry| entry.unwrap().metadata().unwrap());
    let files: HashMap<u64, u64> = files.map(|meta| (meta.ino(), meta.len())).collect();
    files.values().sum()
}

/// A group of fifty, all of whom have joined. That they come to know one another is left out:
/// as far as the first knows they do.
fn team(world: &World) -> (Person<'_>, Vec<Person<'_>>) {
    let names: Vec<String> = (0..OTHERS).map(|n| format!("member-{n}")).collect();
    let alice = Person::new(world, "alice", 1, &[]);
    let others: Vec<Person<'_>> =
        names.iter().zip(2..).map(|(name, seed)| Person::new(world, name, seed, &[])).collect();
    for (name, other) in names.iter().zip(&others) {
        alice.add(name, other);
        other.add("alice", &alice);
    }
    alice.found("team", &names.iter().map(String::as_str).collect::<Vec<_>>());
    // A stamp is found before a sync, and the letter goes with it.
    alice.sync_with(&NOW);
    for other in &others {
        other.sync_with(&NOW);
        other.join("us");
        other.sync_with(&NOW);
    }
    let mut group = alice.stored("team");
    let all: std::collections::BTreeSet<_> = others.iter().map(Person::fingerprint).collect();
    for one in &all {
        group.introduced.insert(*one, all.clone());
    }
    group.save(&alice.places()).unwrap();
    alice.sync_with(&NOW);
    assert_eq!(alice.members("team").len(), OTHERS + 1);
    (alice, others)
}

#[test]
fn one_mebibyte_for_fifty_people() {
    let world = World::at("2026-11-22T10");
    let (alice, others) = team(&world);
    for other in &others {
        other.sync_with(&NOW);
    }
    alice.sync_with(&NOW);
    world.pass(3600);
    let outbox = alice.places().outbox_dir();
    let before = bytes_in(&outbox);
    let mail = film::mail(&alice, "film", MIB);
    let start = Instant::now();
    let ids = alice.with(|env| queue::send(env, &[petname("team")], &mail, false)).unwrap();
    let queued = start.elapsed();
    assert_eq!(ids.len(), OTHERS);
    let added = bytes_in(&outbox) - before;
    assert!(added < 2 * mail.len() as u64, "{added} bytes in the outbox");
    assert_eq!(alice.list(Some("team")).len(), 1, "one copy of one's own");
    let cells = usize::from(film::item(&alice, ids[0]).enclosure.unwrap().cells);

    let heads = alice.sync_with(&NOW).posted;
    for other in &others {
        let report = other.sync_with(&NOW);
        assert_eq!(report.errors, Vec::<String>::new());
    }
    let start = Instant::now();
    let posted = alice.sync_with(&NOW).posted;
    let took = start.elapsed();
    assert_eq!(posted, OTHERS * cells);
    println!(
        "a mail of {} bytes to {OTHERS} people: queued in {queued:?} with {added} bytes on disk; \
         {heads} cells of heads, {posted} cells ({} bytes) in {took:?}, {} for each member",
        mail.len(),
        posted * CELL,
        cells,
    );
    // Two of them fetch it; for the others it lies there as well.
    for other in &others[..2] {
        other.sync_with(&NOW);
        let messages = other.messages("us");
        assert_eq!(messages.len(), 1);
        let (_, bytes) = render::part(messages[0].as_bytes(), 2).unwrap();
        assert!(bytes == film::file(MIB), "it came changed");
        // They were never introduced, and know of nobody else who has joined.
        assert!(messages[0].contains(" differs\n"));
    }
    alice.sync_with(&NOW);
    let items = outbox::load(&alice.places()).unwrap().0;
    let done =
        items.iter().filter(|item| item.state() == State::Acknowledged && ids.contains(&item.id));
    assert_eq!(done.count(), 2);
    let left = bytes_in(&outbox);
    assert!(left > mail.len() as u64, "the others' enclosure stays");
    let memory = memory(&alice, &mail);
    println!("{memory} bytes of memory of the program");
    assert!(memory < 64 << 20, "{memory} bytes of memory");
}

/// The program queues the same mail once more with little memory: some copies of the mail and what
/// it needs anyway, but none for each member. Gives the bytes of memory that it took.
fn memory(alice: &Person<'_>, mail: &[u8]) -> u64 {
    let home = Home { dir: alice.dir.path().join("home") };
    let mut command = home.command(&["sendmail", "team"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let bytes = mail.to_vec();
    let feeder = std::thread::spawn(move || std::io::Write::write_all(&mut pipe, &bytes));
    let (status, memory) = programs::watch(&mut child);
    feeder.join().unwrap().unwrap();
    assert!(status.success());
    memory
}
