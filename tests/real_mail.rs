//! Real mail through the real programs: hundreds of messages as the world writes them go through
//! sendmail, a relay, sync and show, and arrive with bodies and MIME parts as they were.

#![allow(clippy::unwrap_used)]

#[path = "common/corpora.rs"]
mod corpora;
#[path = "common/programs.rs"]
mod programs;

use poste::core::mail::{fields, mime};
use std::collections::BTreeMap;

/// What must arrive as it was: the body, and kind and bytes of every part.
type Essence = (Vec<u8>, Vec<(String, Vec<u8>)>);

#[test]
fn hundreds_of_real_messages_arrive_as_they_were() {
    // In memory, since every message is synced to disk several times.
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let node = programs::Node::start();
    let (alice, bob) = programs::acquainted(dir.path(), &node.url);
    let before = bob.ok(&["list", "alice"]).lines().count();

    let mut sent: BTreeMap<Essence, usize> = BTreeMap::new();
    let (mut accepted, mut refused) = (0, 0);
    for (name, bytes) in corpora::messages() {
        let output = alice.run(&["sendmail", "-i", "--", "bob@poste"], &bytes);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.stdout.is_empty(), "{name}: sendmail says nothing on standard output");
        if output.status.success() {
            *sent.entry(essence(&bytes)).or_default() += 1;
            accepted += 1;
        } else {
            assert_eq!(output.status.code(), Some(65), "{name}: {stderr}");
            assert!(stderr.starts_with("poste: error: "), "{name}: {stderr}");
            refused += 1;
        }
    }
    println!("{accepted} messages sent, {refused} refused with a reason");
    assert!(accepted >= 200 && refused * 20 <= accepted);

    alice.ok(&["sync", "--now"]);
    bob.ok(&["sync"]);
    let paths = bob.ok(&["list", "alice"]);
    let paths: Vec<&str> = paths.lines().collect();
    assert_eq!(paths.len() - before, accepted);
    let mut arrived: BTreeMap<Essence, usize> = BTreeMap::new();
    let mut greetings = 0;
    let read = bob.ok_with(&["show"], paths.join("\n").as_bytes());
    assert!(read.matches("\nFrom: alice\n").count() + 1 >= accepted, "all can be read as text");
    for path in paths {
        let output = bob.run(&["show", "--raw", path], b"");
        assert!(output.status.success());
        let essence = essence(&output.stdout);
        match sent.contains_key(&essence) {
            true => *arrived.entry(essence).or_default() += 1,
            false => greetings += 1,
        }
    }
    assert_eq!(greetings, before, "only the greetings are not from the corpus");
    assert!(arrived == sent, "bodies and parts arrived as they were");
}

fn essence(mail: &[u8]) -> Essence {
    let mail = fields::normalize(mail);
    let body = fields::split(&mail).unwrap().body.to_vec();
    let parts = mime::parts(&mail);
    let parts = parts.iter().map(|p| (p.kind.to_string(), p.bytes().into_owned())).collect();
    (body, parts)
}
