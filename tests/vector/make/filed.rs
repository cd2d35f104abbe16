//! Vectors of filed messages: as they lie in the tree, changed, and not in filed form.

use crate::vector::{ALICE, BOB, Dice, Person, Vector, mac_key, now, today};
use poste::core::encode::base64;
use poste::core::filed::{self, Head, OfGroup};
use poste::core::keys::{GroupId, LetterId};

pub fn all() -> Vec<Vector> {
    let (alice, bob, carol) = (&*ALICE, &*BOB, Person::new("carol"));
    let key = mac_key(alice, bob, today());
    let mail = b"Subject: lunch\nMIME-Version: 1.0\n\nat one\n";
    let head = Head {
        id: LetterId::generate(&mut Dice::new("filed")),
        day: today(),
        from: alice.public().fingerprint(),
        to: vec![bob.public().fingerprint()],
        date: now() + 59,
        group: None,
    };
    let made = |head: &Head, mail: &[u8]| filed::write(head, mail, &key).expect("a small header");
    let text = String::from_utf8(made(&head, mail)).expect("UTF-8");
    let vector = |name: &str, expect: &str, comment: &str, body: &[u8]| {
        Vector::new("filed", name, expect, comment).with_terms(alice, bob, today()).body(body)
    };
    let good = |name: &str, comment: &str, body: &[u8]| {
        vector(name, "good", comment, body).with("rewrite", "same")
    };
    let id = GroupId::generate(&mut Dice::new("group"));
    let group = OfGroup { id, version: 3, differs: false };
    let to = vec![head.to[0], carol.public().fingerprint()];
    let grouped = Head { group: Some(group), to, ..head.clone() };
    let differs = Some(OfGroup { differs: true, ..group });
    let many: Vec<_> = (1..=9_u8).map(|n| [n; 32].into()).collect();
    let differing = Head { group: differs, ..grouped.clone() };
    let large = Head { group: Some(group), to: many, ..head.clone() };
    let latin = b"Subject: caf\xe9\n\n\xe9\0\r\n";
    let mut all = vec![
        good("plain", "a message to one person, filed to the minute", text.as_bytes()),
        good("group", "all members but the author", &made(&grouped, mail)),
        good("group_differs", "the author had another text or list", &made(&differing, mail)),
        good("group_large", "more than eight stand in a line each", &made(&large, mail)),
        good("empty", "the empty line is there always", &made(&head, b"")),
        good("bytes", "the body is kept byte for byte", &made(&head, latin)),
    ];
    let unproven = filed::write_unproven(&head, mail, "late").expect("a small header");
    let mut add = |name: &str, expect: &str, comment: &str, body: &[u8]| {
        all.push(vector(name, expect, comment, body));
    };
    add("unproven", "Unproven", "a letter in quarantine has a reason for a MAC", &unproven);
    let (first, rest) = text.split_once('\n').expect("lines");
    let words: Vec<&str> = first.split(' ').collect();
    let (id, day, mac) = (words[2], words[3], words[4]);
    let line = |words: &[&str]| format!("{}\n{rest}", words.join(" "));
    let change = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1)
    };
    let other_id = LetterId::generate(&mut Dice::new("other")).to_string();
    for (name, comment, body) in [
        ("changed_id", "the id is under the MAC", line(&["X-Poste:", "1", &other_id, day, mac])),
        ("changed_from", "another author", change(&head.from.to_string(), &id.repeat(2))),
        ("changed_date", "another minute", change("14:00:00", "14:01:00")),
        ("changed_header", "a header of the mail", change("lunch", "lunge")),
        ("changed_body", "the body", change("at one", "at two")),
        ("added_line", "a byte at the end", format!("{text}\n")),
        ("cut", "a byte less", text[..text.len() - 1].to_owned()),
    ] {
        add(name, "Mac", comment, body.as_bytes());
    }
    // The day chooses the key and is not under the MAC itself.
    let tomorrow = today().plus(1).to_string();
    let moved = line(&["X-Poste:", "1", id, &tomorrow, mac]);
    let comment = "the day chooses the key";
    let moved = Vector::new("filed", "changed_day", "Mac", comment)
        .with_terms(alice, bob, today().plus(1))
        .body(moved);
    let mut add = |name: &str, comment: &str, body: String| {
        all.push(vector(name, "NotFiled", comment, body.as_bytes()));
    };
    add("version_2", "another version", line(&["X-Poste:", "2", id, day, mac]));
    add("id_upper", "hex is lower case", line(&["X-Poste:", "1", &id.to_uppercase(), day, mac]));
    add("id_short", "31 digits", line(&["X-Poste:", "1", &id[1..], day, mac]));
    add("no_such_day", "February ends", line(&["X-Poste:", "1", id, "2026-02-29", mac]));
    let padded = format!("{mac}=");
    add("mac_padded", "base64 is unpadded", line(&["X-Poste:", "1", id, day, &padded]));
    add("mac_short", "42 digits", line(&["X-Poste:", "1", id, day, &mac[1..]]));
    add("no_mac", "four words", line(&["X-Poste:", "1", id, day]));
    add("fifth_word", "a word too many", line(&["X-Poste:", "1", id, day, mac, "x"]));
    add("two_spaces", "one space between words", line(&["X-Poste:", "1", id, "", day, mac]));
    add("lower_name", "the name has one form", line(&["x-poste:", "1", id, day, mac]));
    add("no_first_line", "mail of another origin", rest.to_owned());
    // These have a MAC over what they are.
    let proven = |rest: String| {
        let mac = base64(&key.filed(&head.id, rest.as_bytes()));
        format!("X-Poste: 1 {id} {day} {mac}\n{rest}")
    };
    let change = |from: &str, to: &str| {
        assert!(rest.contains(from), "{from}");
        proven(rest.replacen(from, to, 1))
    };
    let without = |begins: &str| {
        let kept = rest.lines().filter(|line| !line.starts_with(begins));
        proven(kept.map(|line| format!("{line}\n")).collect())
    };
    add("no_from", "From comes first", without("From: "));
    add("no_to", "then To", without("To: "));
    add("no_date", "then Date", without("Date: "));
    let angle = format!("From: <{}@poste>", head.from);
    let from = format!("From: {}@poste", head.from);
    add("angle_brackets", "addresses stand alone", change(&from, &angle));
    add("other_domain", "people are at poste", change("@poste\nTo", "@post\nTo"));
    let name = head.from.to_string();
    add("from_upper", "hex is lower case", change(&name, &name.to_uppercase()));
    add("no_time", "not a date", change("14:00:00", "25:00:00"));
    add("empty_file", "nothing", String::new());
    all.push(moved);
    all
}
