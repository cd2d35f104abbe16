//! Mail of many cells for tests: a film is attached, sent, and looked for where it should arrive.

use super::craft::holds;
use super::{Dice, Person, petname};
use poste::client::queue;
use poste::client::sync::Options;
use poste::core::keys::LetterId;
use poste::core::mail::compose::{Attached, Draft, compose};
use poste::core::mail::render;
use poste::store::enclosures::Coming;
use poste::store::outbox::{self, Item, State};

/// Without a pace.
pub const NOW: Options =
    Options { daily: false, now: true, trust_clock: false, dry_run: false, wait_lock: false };

/// Bytes that do not repeat.
pub fn file(length: usize) -> Vec<u8> {
    let mut out = vec![0; length];
    poste::core::random::Random::fill(&mut Dice(length as u64), &mut out);
    out
}

/// A mail with a file of so many bytes attached.
pub fn mail(person: &Person<'_>, subject: &str, length: usize) -> Vec<u8> {
    let bytes = file(length);
    let files = [Attached { name: "film.webm", bytes: &bytes }];
    let draft = Draft { subject, text: b"look\n", files: &files, ..Draft::default() };
    compose(&draft, &mut *person.dice.borrow_mut())
}

/// Queues a mail with a film of so many bytes.
pub fn send(person: &Person<'_>, to: &str, subject: &str, length: usize) -> LetterId {
    let mail = mail(person, subject, length);
    person.with(|env| queue::send(env, &[petname(to)], &mail, false)).unwrap()[0]
}

/// The state of a letter in the outbox.
pub fn item(person: &Person<'_>, id: LetterId) -> Item {
    let (items, bad) = outbox::load(&person.places()).unwrap();
    assert!(bad.is_empty());
    items.into_iter().find(|item| item.id == id).unwrap()
}

/// Where a letter is, in the outbox or beyond.
pub fn state(person: &Person<'_>, id: LetterId) -> State {
    // A day after it was acknowledged nothing is left of it.
    let row = person.outbox().into_iter().find(|row| row.id == id);
    row.map_or(State::Acknowledged, |row| row.state)
}

/// The enclosures on their way to somebody.
pub fn coming(person: &Person<'_>) -> Vec<Coming> {
    let (all, bad) = Coming::load_all(&person.places()).unwrap();
    assert!(bad.is_empty());
    all
}

/// The number of files that somebody has of enclosures on their way.
pub fn left(person: &Person<'_>) -> usize {
    let dir = person.places().state().join("enclosures");
    std::fs::read_dir(dir).map_or(0, |entries| entries.count())
}

/// That the file came as it was sent, once; gives the message.
pub fn came(bob: &Person<'_>, subject: &str, length: usize) -> String {
    let mut messages = bob.messages("alice");
    messages.retain(|message| message.contains(&format!("\nSubject: {subject}\n")));
    assert_eq!(messages.len(), 1, "{subject} came {} times", messages.len());
    let (_, bytes) = render::part(messages[0].as_bytes(), 2).unwrap();
    assert!(bytes == file(length), "the file came changed");
    messages.remove(0)
}

/// The same, in a message that holds.
pub fn arrived(bob: &Person<'_>, alice: &Person<'_>, subject: &str, length: usize) {
    assert!(holds(&came(bob, subject, length), alice, bob));
}
