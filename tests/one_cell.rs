//! The budget of one cell: a reply as mutt writes it, with 1,700 bytes of text and without acks or
//! seed, is one cell on the relay, and a little more text makes two.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod world;

use poste::client::queue;
use poste::client::sync::Options;
use poste::core::bucket::CELL;
use poste::store::outbox::State;
use world::{Person, RELAY, World, acquainted, petname};

/// Cells that a sync without cover posted.
fn posted(person: &Person<'_>) -> usize {
    let relay = person.world.relay(RELAY);
    relay.lock().unwrap().posts.clear();
    let report = person.sync_with(&Options { now: true, ..Options::default() });
    assert_eq!(report.errors, Vec::<String>::new());
    relay.lock().unwrap().posts.iter().map(|(_, cells)| cells).sum()
}

/// Both have said everything: no ack, no offer and no card is on its way any more.
fn settle(alice: &Person<'_>, bob: &Person<'_>) {
    for _ in 0..8 {
        if posted(alice) + posted(bob) == 0 {
            return;
        }
        alice.world.pass(60);
    }
    panic!("they never stop writing");
}

/// A field of the message in `folder` whose subject is `subject`.
fn field(person: &Person<'_>, folder: &str, subject: &str, name: &str) -> String {
    let messages = person.messages(folder);
    let message = messages.iter().find(|m| m.contains(&format!("\nSubject: {subject}\n"))).unwrap();
    let begins = format!("{name}: ");
    message.lines().find_map(|line| line.strip_prefix(&begins)).unwrap().to_owned()
}

/// A reply with `length` bytes of text, as mutt 2.2 writes it to its sendmail.
fn reply(to: &str, length: usize) -> Vec<u8> {
    let mut text = String::from("On Sun, Nov 22, 2026 at 02:20:00PM +0000, bob wrote:\n");
    while text.len() < length {
        text += "> Shall we meet at one, where we met the last time? The café is open.\n\nYes!\n";
    }
    let mut end = length;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = format!("{}{}", &text[..end], "x".repeat(length - end));
    let header = format!(
        "Date: Sun, 22 Nov 2026 14:31:07 +0000\nFrom: Alice <alice@laptop.example>\n\
         To: bob@poste\nSubject: Re: lunch on Friday\n\
         Message-ID: <awGHe2nKs1NpQx7B@laptop.example>\nReferences: {to}\n\
         MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Disposition: inline\n\
         Content-Transfer-Encoding: 8bit\nIn-Reply-To: {to}\nUser-Agent: Mutt/2.2.13 (2024-03-09)\n\n"
    );
    [header.as_bytes(), text.as_bytes()].concat()
}

#[test]
fn a_reply_as_mutt_writes_it_is_one_cell() {
    let world = World::at("2026-11-22T14");
    let (alice, bob) = acquainted(&world);
    bob.send("alice", "lunch on Friday");
    posted(&bob);
    posted(&alice);
    settle(&alice, &bob);
    let to = field(&alice, "bob", "lunch on Friday", "Message-ID");

    let mail = reply(&to, 1700);
    alice.with(|env| queue::send(env, &[petname("bob")], &mail, false)).unwrap();
    assert_eq!(posted(&alice), 1);
    posted(&bob);
    let text = mail.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
    let text = String::from_utf8(mail[text..].to_vec()).unwrap();
    let got = bob.messages("alice");
    assert!(got.iter().any(|m| m.split_once("\n\n").unwrap().1 == text), "byte for byte");
    assert_eq!(field(&bob, "alice", "Re: lunch on Friday", "In-Reply-To"), to);
    posted(&alice);
    assert!(alice.outbox().iter().all(|row| row.state == State::Acknowledged));

    settle(&alice, &bob);
    let long = reply(&to, 1700 + CELL / 2);
    alice.with(|env| queue::send(env, &[petname("bob")], &long, false)).unwrap();
    assert_eq!(posted(&alice), 2, "what does not fit goes into a second");
}
